//! The registry of task kinds, by name.

use crate::{Context, Task};
use futures::future::LocalBoxFuture;
use handoff_queue::{Json, Outcome};
use handoff_wire::{FieldError, Kinds, did_you_mean, quoted};
use std::collections::BTreeMap;

/// The known task kinds, by name.
#[derive(Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
    args_max_bytes: Option<u64>,
}

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

impl Registry {
    /// Adds a task kind.
    #[must_use]
    pub fn with<T: Task>(self) -> Self {
        self.with_if::<T>(|| true)
    }

    /// Adds a task kind that this deployment may have. Each look-up of the kind calls `exists`.
    #[must_use]
    pub fn with_if<T: Task>(mut self, exists: fn() -> bool) -> Self {
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

    /// Limits the arguments of all kinds to this many bytes of JSON.
    #[must_use]
    pub fn with_args_max(self, bytes: u64) -> Self {
        Self {
            args_max_bytes: Some(bytes),
            ..self
        }
    }

    /// The names of all kinds.
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

    fn kind(&self, name: &str) -> Result<&Kind, FieldError> {
        self.find(name).ok_or_else(|| {
            let meant = did_you_mean(name, self.names());
            let known = self.names().collect::<Vec<_>>().join(", ");
            let name = quoted(name);
            let reason = if meant.is_empty() {
                format!("there is no task {name}; this deployment has {known}")
            } else {
                format!("there is no task {name}{meant} This deployment has {known}")
            };
            FieldError::new("task", reason)
        })
    }

    /// Runs one attempt of a task of the kind `name`.
    pub async fn run(&self, name: &str, args: Json, context: Context) -> Outcome {
        match self.find(name) {
            Some(kind) => (kind.run)(args, context).await,
            None => Outcome::Fail(format!(
                "this deployment has no task {} any more",
                quoted(name)
            )),
        }
    }
}

impl Kinds for Registry {
    fn check(&self, name: &str, args: &Json, timeout_ms: u64) -> Result<(), FieldError> {
        let kind = self.kind(name)?;
        self.check_text(args)?;
        (kind.check)(args, timeout_ms).map_err(|e| e.within("args"))
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
        self.kind(name).map(drop)
    }
}
