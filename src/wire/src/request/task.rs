//! Tasks as callers describe them.

use super::kinds::Kinds;
use super::lease::lease;
use super::webhook::webhook;
use crate::{Duration, FieldError, JsonObject, List, Object, Time, When, Word, from_json};
use handoff_queue::{
    ATTEMPTS_MAX, BATCH_MAX, DELAY_MAX_MS, IdempotencyKey, Json,
    KEY_MAX_BYTES as SHARED_KEY_MAX_BYTES, KEY_TTL_DEFAULT_MS, KEY_TTL_MAX_MS, KEY_TTL_MIN_MS,
    Priority, RETENTION_MIN_MS, RetryPolicy, TaskSpec,
};
use serde::Deserialize;
use serde_json::json;

/// The longest idempotency key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// The body of `POST /v1/tasks`, and an item of a batch.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRequest {
    pub(crate) task: String,
    pub(crate) queue: Option<String>,
    pub(crate) args: Option<Json>,
    pub(crate) delay: Option<Duration>,
    pub(crate) eta: Option<Time>,
    pub(crate) expires: Option<When>,
    pub(crate) priority: Option<Word<Priority>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) heartbeat_timeout: Option<Duration>,
    pub(crate) retry: Option<Object<RetryRequest>>,
    pub(crate) retention: Option<Duration>,
    pub(crate) webhook: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) idempotency_ttl: Option<Duration>,
}

/// A request that passed all checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The task to enqueue.
    pub task: TaskSpec,
    /// The idempotency key.
    pub key: Option<IdempotencyKey>,
}

/// The body of `POST /v1/tasks:batch`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    queue: Option<String>,
    tasks: List<Json, BATCH_MAX>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryRequest {
    attempts: Option<u32>,
    initial: Option<Duration>,
    factor: Option<f64>,
    max: Option<Duration>,
}

impl TaskRequest {
    /// The queue that the request names.
    pub fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    /// Adds the idempotency key of the header `Idempotency-Key`, if it has one. The draft of that
    /// header puts the key in quotes, most clients don't: both mean the same.
    ///
    /// # Errors
    /// If the body has another key.
    pub fn with_key(mut self, header: Option<&str>) -> Result<Self, FieldError> {
        let Some(header) = header else {
            return Ok(self);
        };
        let quoted = header.strip_prefix('"').and_then(|h| h.strip_suffix('"'));
        let key = quoted.unwrap_or(header).to_owned();
        if self.idempotency_key.as_ref().is_some_and(|k| *k != key) {
            let reason = "it is not the one in the header Idempotency-Key; give it once";
            return Err(FieldError::new("idempotency_key", reason));
        }
        self.idempotency_key = Some(key);
        Ok(self)
    }

    /// Checks the whole request, so that every accepted task can run.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    pub fn check(self, kinds: &impl Kinds, now_ms: u64) -> Result<Checked, FieldError> {
        kinds.known(&self.task)?;
        let defaults = kinds.defaults(&self.task);
        let (timeout_ms, _) = lease(self.timeout, self.heartbeat_timeout, defaults.timeout_ms)?;
        self.check_with(now_ms, |kind, args| {
            kinds.check(kind, &args, timeout_ms)?;
            Ok(TaskSpec {
                timeout_ms: defaults.timeout_ms,
                retry: defaults.retry,
                ..TaskSpec::new(kind, args)
            })
        })
    }

    /// Checks the whole request for a task that `make` makes.
    pub(crate) fn check_with(
        mut self,
        now_ms: u64,
        make: impl FnOnce(&str, Json) -> Result<TaskSpec, FieldError>,
    ) -> Result<Checked, FieldError> {
        let key = self.idempotency_key.take();
        let ttl = self.idempotency_ttl.take();
        // Use the times as given: a repetition has the same delay, or names the same time.
        let when = json!([self.delay, self.eta, self.expires]);
        let task = self.task(now_ms, make)?;
        let Some(key) = key else {
            return match ttl {
                None => Ok(Checked { task, key: None }),
                Some(_) => {
                    let reason = "it needs an idempotency_key";
                    Err(FieldError::new("idempotency_ttl", reason))
                }
            };
        };
        if key.is_empty() || key.len() > KEY_MAX_BYTES {
            let reason = format!(
                "it has {} bytes; a key has from 1 to {KEY_MAX_BYTES}",
                key.len()
            );
            return Err(FieldError::new("idempotency_key", reason));
        }
        let ttl_ms = match ttl {
            None => KEY_TTL_DEFAULT_MS,
            Some(ttl) => ttl.between("idempotency_ttl", KEY_TTL_MIN_MS, KEY_TTL_MAX_MS)?,
        };
        // Everything that distinguishes tasks. A missing field counts as its default.
        let mut same = JsonObject::default()
            .with("kind", &task.kind)
            .with("args", &task.args)
            .with("when", when)
            .with("timeout", task.timeout_ms)
            .with("retry", task.retry)
            .with("retention", task.retention_ms)
            .with("follow_up", &task.on_end)
            .with("priority", task.priority);
        same.put_some("key", task.key.as_ref());
        same.put_some("heartbeat_timeout", task.heartbeat_timeout_ms);
        let same = Json::of(&same).unwrap_or_default();
        let key = Some(IdempotencyKey::of_caller(&key, ttl_ms, &same));
        Ok(Checked { task, key })
    }

    fn task(
        self,
        now_ms: u64,
        make: impl FnOnce(&str, Json) -> Result<TaskSpec, FieldError>,
    ) -> Result<TaskSpec, FieldError> {
        let args = self.args.unwrap_or_else(Json::empty_object);
        let mut task = make(&self.task, args)?;
        task.not_before_ms = not_before(self.delay, self.eta, now_ms)?;
        task.expires_ms = expires(self.expires, task.not_before_ms, now_ms)?;
        if let Some(Word(priority)) = self.priority {
            task.priority = priority;
        }
        if self.timeout.is_some() || self.heartbeat_timeout.is_some() {
            (task.timeout_ms, task.heartbeat_timeout_ms) =
                lease(self.timeout, self.heartbeat_timeout, task.timeout_ms)?;
        }
        if let Some(retention) = self.retention {
            task.retention_ms = retention.between("retention", RETENTION_MIN_MS, DELAY_MAX_MS)?;
        }
        if let Some(url) = self.webhook {
            task.on_end = Some(webhook(&url)?);
        }
        if let Some(key) = self.key {
            if key.is_empty() || key.len() > SHARED_KEY_MAX_BYTES {
                let bytes = key.len();
                let reason =
                    format!("it has {bytes} bytes; a key has from 1 to {SHARED_KEY_MAX_BYTES}");
                return Err(FieldError::new("key", reason));
            }
            task.key = Some(key);
        }
        if let Some(Object(retry)) = self.retry {
            task.retry = retry.check(task.retry).map_err(|e| e.within("retry"))?;
        }
        Ok(task)
    }
}

impl BatchRequest {
    /// The queue that the request names for all tasks.
    pub fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    /// Checks each task by itself, in order.
    ///
    /// # Errors
    /// If the batch is empty or too large.
    pub fn check(
        self,
        kinds: &impl Kinds,
        now_ms: u64,
    ) -> Result<Vec<Result<Checked, FieldError>>, FieldError> {
        let List { items, count } = self.tasks;
        if count == 0 || count > BATCH_MAX {
            let reason = format!("there are {count} tasks; a batch has from 1 to {BATCH_MAX}");
            return Err(FieldError::new("tasks", reason));
        }
        let check = |(i, item)| {
            let task = from_json::<TaskRequest>(&item).and_then(|task| {
                if task.queue.is_some() {
                    let reason = "a batch goes to one queue: name it beside `tasks`";
                    return Err(FieldError::new("queue", reason));
                }
                task.check(kinds, now_ms)
            });
            task.map_err(|e| e.within(&format!("tasks[{i}]")))
        };
        Ok(items.into_iter().enumerate().map(check).collect())
    }
}

fn not_before(
    delay: Option<Duration>,
    eta: Option<Time>,
    now_ms: u64,
) -> Result<Option<u64>, FieldError> {
    let at_ms = match (delay, eta) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(FieldError::new("eta", "delay and eta exclude each other"));
        }
        (Some(delay), None) => now_ms + delay.between("delay", 0, DELAY_MAX_MS)?,
        (None, Some(eta)) => eta.ms,
    };
    if at_ms > now_ms + DELAY_MAX_MS {
        let reason = format!(
            "it is more than {} from now",
            Duration::from_ms(DELAY_MAX_MS)
        );
        return Err(FieldError::new("eta", reason));
    }
    // A past time means now.
    Ok((at_ms > now_ms).then_some(at_ms))
}

fn expires(
    expires: Option<When>,
    not_before_ms: Option<u64>,
    now_ms: u64,
) -> Result<Option<u64>, FieldError> {
    let Some(at_ms) = expires.map(|when| when.at_ms(now_ms)) else {
        return Ok(None);
    };
    let wrong = |reason: String| Err(FieldError::new("expires", reason));
    if at_ms <= now_ms {
        return wrong("that time is over: the task could never begin".to_owned());
    }
    if not_before_ms.is_some_and(|due_ms| at_ms <= due_ms) {
        return wrong("it is not after delay or eta: the task could never begin".to_owned());
    }
    if at_ms > not_before_ms.unwrap_or(now_ms) + DELAY_MAX_MS {
        let most = Duration::from_ms(DELAY_MAX_MS);
        return wrong(format!("it is more than {most} after the task may begin"));
    }
    Ok(Some(at_ms))
}

impl RetryRequest {
    /// Checks the fields. Missing ones are those of `policy`.
    pub(crate) fn check(self, mut policy: RetryPolicy) -> Result<RetryPolicy, FieldError> {
        if let Some(attempts) = self.attempts {
            if attempts == 0 || attempts > ATTEMPTS_MAX {
                let reason =
                    format!("{attempts} is out of bounds: it must be from 1 to {ATTEMPTS_MAX}");
                return Err(FieldError::new("attempts", reason));
            }
            policy.attempts = attempts;
        }
        let most = |field, duration: Option<Duration>| {
            let ms = duration.map(|duration| duration.between(field, 0, DELAY_MAX_MS));
            ms.transpose()
        };
        let (initial, max) = (most("initial", self.initial)?, most("max", self.max)?);
        match (initial, max) {
            (Some(initial_ms), Some(max_ms)) if initial_ms > max_ms => {
                let [initial, max] = [initial_ms, max_ms].map(Duration::from_ms);
                let reason = format!("{initial} is longer than `max`, which is {max}");
                return Err(FieldError::new("initial", reason));
            }
            // The given one of the two counts.
            (Some(initial_ms), None) => policy.max_ms = policy.max_ms.max(initial_ms),
            (None, Some(max_ms)) => policy.initial_ms = policy.initial_ms.min(max_ms),
            _ => {}
        }
        policy.initial_ms = initial.unwrap_or(policy.initial_ms);
        policy.max_ms = max.unwrap_or(policy.max_ms);
        if let Some(factor) = self.factor {
            if !(1.0..=100.0).contains(&factor) {
                let reason = format!("{factor} is out of bounds: it must be from 1 to 100");
                return Err(FieldError::new("factor", reason));
            }
            policy.factor = factor;
        }
        Ok(policy)
    }
}
