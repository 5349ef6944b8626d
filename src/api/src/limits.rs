//! The limits of requests.

use handoff_kinds::{Registry, Tasks};
use handoff_platform::HostEnv;
use handoff_platform::http::Problem;
use handoff_platform::variables::{self, BYTES_MIN};
use handoff_queue::{Env, TaskSpec};
use handoff_wire::{Duration, FieldError};

/// The longest `?wait=`, and the longest `Prefer: wait=` that is applied.
pub(crate) const WAIT_MAX: Duration = Duration::from_ms(60_000);

/// The longest time of a stream of events.
pub(crate) fn events_max_ms() -> Result<u64, Problem> {
    variables::duration_ms("events_max")
}

/// The largest body, in bytes.
pub(crate) fn body_max_bytes() -> Result<u64, Problem> {
    variables::bytes("body_max_bytes")
}

/// The largest arguments of a task, in bytes of JSON.
pub(crate) fn args_max_bytes() -> Result<u64, Problem> {
    variables::bytes("args_max_bytes")
}

/// The task kinds of this deployment, with the largest size of their arguments as far as it matters
/// in a body of `body_bytes`.
pub(crate) fn registry(tasks: Tasks, body_bytes: u64) -> Result<Registry, Problem> {
    let args_max = match body_bytes {
        ..=BYTES_MIN => BYTES_MIN,
        _ => args_max_bytes()?,
    };
    let registry = own(tasks).with_handlers(variables::handlers_or_reason);
    Ok(registry.with_args_max(args_max))
}

/// The kinds that this deployment has without handlers.
fn own(tasks: Tasks) -> Registry {
    tasks().with_faults(faults)
}

/// Checks that no handler is for a kind that this deployment has without one: it would never be
/// called.
pub(crate) fn check_handlers(tasks: Tasks) -> Result<(), Problem> {
    let handlers = variables::handlers()?;
    let own = own(tasks);
    match own
        .names()
        .find(|own| handlers.names().any(|name| name == *own))
    {
        Some(name) => Err(Problem::misconfigured(format!(
            "the variable \"handlers\" names {name:?}, a kind of tasks that the worker runs itself: choose another name"
        ))),
        None => Ok(()),
    }
}

/// Returns whether the fault tasks exist. An unreadable variable counts as false.
fn faults() -> bool {
    variables::switch("fault_tasks").unwrap_or_else(|problem| {
        HostEnv.log(&problem.detail);
        false
    })
}

/// Refuses a task whose webhook could not be signed. `field` is the name of the webhook in the
/// request.
pub(crate) fn check_webhook(task: &TaskSpec, field: &str) -> Result<(), Problem> {
    if task.on_end.is_some() && variables::webhook_secrets()?.is_empty() {
        let reason = "this deployment has no secret to sign it with (variable `webhook_secrets`)";
        return Err(FieldError::new(field, reason).into());
    }
    Ok(())
}
