//! Fields as the API takes them: docs/api.md explains each.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::HandoffError;
use crate::json::Json;
use crate::random;
use crate::times::{Expiry, Span, Time};
use crate::words::Priority;

/// The least retention: the client's own keys keep no task for longer than it is kept anyway.
const OWN_KEY_TTL: &str = "1h";

/// The fields of a body, in the order of their names, and what is sent beside it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    named: BTreeMap<String, Json>,
    pub(crate) wait: Option<Duration>,
    pub(crate) traceparent: Option<String>,
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.named.serialize(serializer)
    }
}

impl Fields {
    /// Sets a field to what always has a JSON.
    fn set(&mut self, name: &str, value: impl Serialize) {
        if let Ok(json) = Json::of(&value) {
            self.put(name, json);
        }
    }

    pub(crate) fn put(&mut self, name: &str, json: Json) {
        self.named.insert(name.to_owned(), json);
    }

    /// Whether a field is given. `null` means that it is not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.named
            .get(name)
            .is_some_and(|json| json.text() != "null")
    }

    /// The fields with a key of the client's own, unless the caller gave one.
    pub(crate) fn keyed(mut self) -> Self {
        if !self.has("idempotency_key") {
            if !self.has("idempotency_ttl") {
                self.set("idempotency_ttl", OWN_KEY_TTL);
            }
            self.set("idempotency_key", random::key());
        }
        self
    }

    pub(crate) fn body(&self) -> Result<Vec<u8>, HandoffError> {
        Ok(Json::of(self)?.text().as_bytes().to_vec())
    }
}

/// A type that a setter takes, as it is sent.
trait Sent {
    type As: Serialize;

    fn sent(self) -> Self::As;
}

macro_rules! sent {
    ($($type:ty => $sent:ty: $how:expr;)+) => {
        $(impl Sent for $type {
            type As = $sent;

            fn sent(self) -> $sent {
                let how: fn($type) -> $sent = $how;
                how(self)
            }
        })+
    };
}

sent! {
    String => String: |text| text;
    u32 => u32: |number| number;
    f64 => f64: |number| number;
    Span => String: |span| span.0;
    Time => String: |time| time.0;
    Expiry => String: |expiry| expiry.0;
    Priority => Priority: |priority| priority;
    Retry => Fields: |retry| retry.fields;
}

/// Makes types whose fields are set one by one.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, Serialize)]
            #[serde(transparent)]
            pub struct $name {
                pub(crate) fields: Fields,
            }

            impl $name {
                /// The fields of a JSON object, as the API takes them.
                ///
                /// # Errors
                /// It is no object.
                pub fn from_json(json: &Json) -> Result<Self, HandoffError> {
                    let named = serde_json::from_str(json.text());
                    let what = |error| HandoffError::invalid(format!("no JSON object: {error}"));
                    let fields = Fields { named: named.map_err(what)?, ..Fields::default() };
                    Ok(Self { fields })
                }

                $(
                    $(#[$field_doc])*
                    #[must_use]
                    pub fn $field(mut self, value: impl Into<$type>) -> Self {
                        self.fields.set(stringify!($field), value.into().sent());
                        self
                    }
                )*

                /// A field by its name, such as one of a later version.
                #[must_use]
                pub fn field(mut self, name: &str, value: Json) -> Self {
                    self.fields.put(name, value);
                    self
                }
            }
        )+
    };
}

fields! {
    /// When failed attempts are tried again.
    Retry {
        /// How many attempts there may be, at most 50.
        attempts: u32,
        /// The first pause at most.
        initial: Span,
        /// How much longer each further pause is.
        factor: f64,
        /// The longest pause.
        max: Span,
    }

    /// The options of `enqueue_with`.
    EnqueueOptions {
        /// The queue, `default` without it.
        queue: String,
        /// Tasks with the same key share limits.
        key: String,
        /// Which waiting tasks are taken first.
        priority: Priority,
        /// Not before this duration is over.
        delay: Span,
        /// Not before this time.
        eta: Time,
        /// It does not begin after.
        expires: Expiry,
        /// How long one attempt may take.
        timeout: Span,
        /// An attempt that is silent for this long counts as lost.
        heartbeat_timeout: Span,
        /// When failed attempts are tried again.
        retry: Retry,
        /// How long the final task stays readable.
        retention: Span,
        /// A URL that receives its end.
        webhook: String,
        /// Repeated requests with this key get the same task. Without one the client sends its own.
        idempotency_key: String,
        /// For how long they do.
        idempotency_ttl: Span,
    }

    /// A task of a batch.
    BatchItem {}

    /// A task of a workflow.
    Step {
        /// How long one attempt may take.
        timeout: Span,
        /// An attempt that is silent for this long counts as lost.
        heartbeat_timeout: Span,
        /// When failed attempts are tried again.
        retry: Retry,
        /// The name under which its arguments get the result of what came before.
        into: String,
    }

    /// One task for each item, which is its arguments.
    Each {
        /// How long one attempt may take.
        timeout: Span,
        /// An attempt that is silent for this long counts as lost.
        heartbeat_timeout: Span,
        /// When failed attempts are tried again.
        retry: Retry,
    }

    /// The fields of a workflow as a whole.
    WorkflowOptions {
        /// The queue, `default` without it.
        queue: String,
        /// When a task of a group does not succeed: `fail` ends the workflow at once, `wait` when
        /// all have ended.
        on_failure: String,
        /// Which waiting tasks are taken first.
        priority: Priority,
        /// Not before this duration is over.
        delay: Span,
        /// Not before this time.
        eta: Time,
        /// It does not begin after.
        expires: Expiry,
        /// How long it stays readable.
        retention: Span,
        /// A URL that receives its end.
        webhook: String,
        /// Repeated requests with this key get the same workflow.
        idempotency_key: String,
        /// For how long they do.
        idempotency_ttl: Span,
    }

    /// The fields of a schedule. It is also read from the JSON of a schedule that was got.
    ScheduleFields {
        /// When it is due: minute, hour, day of the month, month, day of the week.
        cron: String,
        /// The time zone of `cron`.
        timezone: String,
        /// An interval, in place of `cron`.
        every: Span,
        /// `queue` or `skip`, while the task before still runs.
        overlap: String,
        /// `skip`, `latest` or `all`.
        missed: String,
        /// The queue of its tasks.
        queue: String,
        /// Tasks with the same key share limits.
        key: String,
        /// Which waiting tasks are taken first.
        priority: Priority,
        /// A task does not begin so long after it was enqueued.
        expires: Span,
        /// How long one attempt may take.
        timeout: Span,
        /// An attempt that is silent for this long counts as lost.
        heartbeat_timeout: Span,
        /// When failed attempts are tried again.
        retry: Retry,
        /// How long a final task stays readable.
        retention: Span,
        /// A URL that receives a task's end.
        webhook: String,
    }
}

/// Makes what is sent beside the body.
macro_rules! held {
    ($($name:ident)+) => {
        $(impl $name {
            /// Without any field.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            /// Waits for the end in the same request, at most 60 s: the object is final if it came
            /// in time.
            #[must_use]
            pub fn wait(mut self, wait: Duration) -> Self {
                self.fields.wait = Some(wait);
                self
            }

            /// The W3C trace that it belongs to.
            #[must_use]
            pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
                self.fields.traceparent = Some(traceparent.into());
                self
            }
        })+
    };
}

held! { EnqueueOptions WorkflowOptions }

/// Makes what a kind of task is a field of.
macro_rules! kinds {
    ($($name:ident)+) => {
        $(impl $name {
            /// Of this kind, without arguments.
            #[must_use]
            pub fn new(task: &str) -> Self {
                let mut new = Self::default();
                new.fields.set("task", task);
                new
            }

            /// The arguments.
            ///
            /// # Errors
            /// They have no JSON.
            pub fn args(mut self, args: impl Serialize) -> Result<Self, HandoffError> {
                self.fields.put("args", Json::of(&args)?);
                Ok(self)
            }
        })+
    };
}

kinds! { BatchItem Step ScheduleFields }

impl BatchItem {
    /// With options as of a single task.
    #[must_use]
    pub fn with(mut self, options: EnqueueOptions) -> Self {
        self.fields.named.extend(options.fields.named);
        self
    }

    /// With these options where it has none of its own.
    #[must_use]
    pub fn or(mut self, options: EnqueueOptions) -> Self {
        for (name, json) in options.fields.named {
            self.fields.named.entry(name).or_insert(json);
        }
        self
    }
}

impl Step {
    /// Its arguments get nothing of what came before.
    #[must_use]
    pub fn into_nothing(mut self) -> Self {
        self.fields.put("into", Json::null());
        self
    }
}

impl Each {
    /// A task of this kind for each item.
    ///
    /// # Errors
    /// An item has no JSON.
    pub fn new(task: &str, items: impl Serialize) -> Result<Self, HandoffError> {
        let mut new = Self::default();
        new.fields.set("task", task);
        new.fields.put("each", Json::of(&items)?);
        Ok(new)
    }
}

impl Retry {
    /// Without any field.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
