//! The registry of task kinds, by name.

use crate::built_in::{Busy, Fault as FaultTask, HttpRequest, Webhook};
use crate::{Context, Handlers, Task, handler};
use futures::future::LocalBoxFuture;
use handoff_queue::{Json, Outcome};
use handoff_wire::{Defaults, Fault, FieldError, Handler, Kinds, check_kind, did_you_mean, quoted};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// An error names so many kinds at most.
const SHOWN_MAX: usize = 30;

/// The known task kinds, by name.
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
    args_max_bytes: Option<u64>,
    read_handlers: Option<ReadHandlers>,
    handlers: OnceCell<Result<Handlers, String>>,
}

/// Reads the handlers of the deployment. The error is a text.
type ReadHandlers = Box<dyn Fn() -> Result<Handlers, String>>;

struct Kind {
    exists: fn() -> bool,
    computes: bool,
    check: fn(&Json, u64) -> Result<(), FieldError>,
    run: fn(Json, Context) -> LocalBoxFuture<'static, Outcome>,
}

fn read<T: Task>(args: &Json) -> Result<T::Args, FieldError> {
    let args = T::read(args)?;
    T::check(&args)?;
    Ok(args)
}

impl Default for Registry {
    /// The kinds that callers may enqueue in every deployment: `http.request`.
    fn default() -> Self {
        let empty = Self {
            kinds: BTreeMap::new(),
            args_max_bytes: None,
            read_handlers: None,
            handlers: OnceCell::new(),
        };
        empty.with::<HttpRequest>()
    }
}

impl Registry {
    /// Adds a task kind.
    #[must_use]
    pub fn with<T: Task>(self) -> Self {
        self.with_if::<T>(|| true)
    }

    /// Adds the kinds that callers can't enqueue.
    #[must_use]
    pub fn with_follow_ups(self) -> Self {
        self.with::<Webhook>()
    }

    /// Adds the kinds `fault` and `fault.busy`, which break their instance in chosen ways, for
    /// tests. `exist` says whether this deployment has them. It is asked only about tasks of these
    /// kinds.
    #[must_use]
    pub fn with_faults(self, exist: fn() -> bool) -> Self {
        self.with_if::<FaultTask>(exist).with_if::<Busy>(exist)
    }

    fn with_if<T: Task>(mut self, exists: fn() -> bool) -> Self {
        let kind = Kind {
            exists,
            computes: T::COMPUTES,
            check: |args, timeout_ms| T::check_timeout(&read::<T>(args)?, timeout_ms),
            run: |args, context| {
                Box::pin(async move {
                    match read::<T>(&args) {
                        Ok(args) => T::run(args, context).await,
                        // They were readable when the task was enqueued, so this is another version
                        // of the kind.
                        Err(e) => Outcome::Fail(e.within("args").to_string()),
                    }
                })
            },
        };
        let replaced = self.kinds.insert(T::NAME, kind);
        assert!(replaced.is_none(), "two tasks are named {:?}", T::NAME);
        self
    }

    /// Adds the kinds that have handlers. They are read for the first kind that is not among the
    /// others.
    #[must_use]
    pub fn with_handlers(self, read: impl Fn() -> Result<Handlers, String> + 'static) -> Self {
        Self {
            read_handlers: Some(Box::new(read)),
            ..self
        }
    }

    /// Limits the arguments of all kinds to this many bytes of JSON.
    #[must_use]
    pub fn with_args_max(self, bytes: u64) -> Self {
        Self {
            args_max_bytes: Some(bytes),
            ..self
        }
    }

    /// The names of the kinds that have no handler.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let kinds = self.kinds.iter().filter(|(_, kind)| (kind.exists)());
        kinds.map(|(name, _)| *name)
    }

    /// Whether tasks of the kind `name` compute.
    pub fn computes(&self, name: &str) -> bool {
        self.find(name).is_some_and(|kind| kind.computes)
    }

    fn find(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name).filter(|kind| (kind.exists)())
    }

    fn handlers(&self) -> Result<&Handlers, String> {
        let read = || {
            self.read_handlers
                .as_ref()
                .map_or_else(|| Ok(Handlers::default()), |read| read())
        };
        self.handlers
            .get_or_init(read)
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Finds what runs tasks of a kind. A kind that Handoff itself has is never a handler's.
    fn runner(&self, name: &str) -> Result<Runs<'_>, FieldError> {
        if let Some(kind) = self.find(name) {
            return Ok(Runs::Kind(kind));
        }
        let handlers = self
            .handlers()
            .map_err(|reason| FieldError::misconfigured("task", reason))?;
        if let Some(handler) = handlers.of(name) {
            return Ok(Runs::Handler(handler));
        }
        if handlers.names().next().is_some()
            && let Err(reason) = check_kind(name)
        {
            return Err(FieldError::new("task", reason));
        }
        let mut names: Vec<&str> = self.names().collect();
        names.extend(handlers.names());
        let exact = names.iter().copied().filter(|name| !name.ends_with('*'));
        let meant = did_you_mean(name, exact);
        let more = names.len().saturating_sub(SHOWN_MAX);
        names.truncate(SHOWN_MAX);
        let mut known = names.join(", ");
        if more > 0 {
            known += &format!(" and {more} more");
        }
        let name = quoted(name);
        let reason = if meant.is_empty() {
            format!("there is no task {name}; this deployment has {known}")
        } else {
            format!("there is no task {name}{meant} This deployment has {known}")
        };
        Err(FieldError::new("task", reason))
    }

    /// Runs one attempt of a task of the kind `name`.
    pub async fn run(&self, name: &str, args: Json, context: Context) -> Outcome {
        match self.runner(name) {
            Ok(Runs::Kind(kind)) => (kind.run)(args, context).await,
            Ok(Runs::Handler(handler)) => handler::run(handler, name, args, &context).await,
            Err(e) if e.fault == Fault::Deployment => Outcome::retry(e.reason),
            // Another worker may have it, while a deployment is replaced.
            Err(_) => Outcome::retry(format!(
                "this deployment has no task {} any more: add it to the variable `handlers`, or to the worker",
                quoted(name)
            )),
        }
    }
}

/// What runs the tasks of a kind.
enum Runs<'a> {
    Kind(&'a Kind),
    Handler(&'a Handler),
}

impl Kinds for Registry {
    fn check(&self, name: &str, args: &Json, timeout_ms: u64) -> Result<(), FieldError> {
        let runner = self.runner(name)?;
        self.check_text(args)?;
        match runner {
            Runs::Kind(kind) => (kind.check)(args, timeout_ms).map_err(|e| e.within("args")),
            Runs::Handler(_) => Ok(()),
        }
    }

    fn check_text(&self, args: &Json) -> Result<(), FieldError> {
        let (bytes, most) = (args.bytes(), self.args_max_bytes.unwrap_or(u64::MAX));
        if bytes > most {
            let reason = format!("it has {bytes} bytes of JSON; at most {most} are taken");
            return Err(FieldError::too_large("args", reason));
        }
        match args.flaw() {
            Some(flaw) => Err(FieldError::new("args", format!("it is {flaw}"))),
            None => Ok(()),
        }
    }

    fn known(&self, name: &str) -> Result<(), FieldError> {
        self.runner(name).map(drop)
    }

    fn defaults(&self, name: &str) -> Defaults {
        match self.runner(name) {
            Ok(Runs::Handler(handler)) => handler.defaults,
            _ => Defaults::default(),
        }
    }
}
