//! The limits of requests.

use handoff_platform::http::Problem;
use handoff_platform::variables::{self, Queues};
use handoff_queue::TaskSpec;
use handoff_tasks::Registry;
use handoff_wire::{Duration, FieldError};

/// The longest `?wait=`, and the longest `Prefer: wait=` that is applied.
pub const WAIT_MAX: Duration = Duration::from_ms(60_000);

/// The longest time of a stream of events.
pub fn events_max_ms() -> Result<u64, Problem> {
    variables::duration_ms("events_max")
}

/// The largest body, in bytes.
pub fn body_max_bytes() -> Result<u64, Problem> {
    variables::number("body_max_bytes")
}

/// The largest arguments of a task, in bytes of JSON.
pub fn args_max_bytes() -> Result<u64, Problem> {
    variables::number("args_max_bytes")
}

/// The task kinds of this deployment, with the largest size of their arguments.
pub fn registry() -> Result<Registry, Problem> {
    let registry = handoff_tasks::registry(variables::switch("fault_tasks")?);
    Ok(registry.with_args_max(args_max_bytes()?))
}

/// Refuses a task whose webhook could not be signed. `field` is the name of the webhook in the
/// request.
pub fn check_webhook(task: &TaskSpec, field: &str) -> Result<(), Problem> {
    if task.on_end.is_some() && variables::webhook_secrets()?.is_empty() {
        let reason = "this deployment has no secret to sign it with (variable `webhook_secrets`)";
        return Err(FieldError::new(field, reason).into());
    }
    Ok(())
}

/// The queues of this deployment.
pub fn queues() -> Result<Queues, Problem> {
    variables::queues()
}

/// The largest number of workers per queue that a backlog starts.
pub fn workers_max() -> Result<u64, Problem> {
    variables::number("workers_max")
}
