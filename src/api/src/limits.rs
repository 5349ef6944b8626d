//! What a request may ask for.

use handoff_input::{Duration, FieldError};
use handoff_platform::http::Problem;
use handoff_platform::variables::{self, Queues};
use handoff_queue::TaskSpec;
use handoff_tasks::Registry;

/// The longest `?wait=`, and the longest `Prefer: wait=` that is applied.
pub const WAIT_MAX: Duration = Duration::from_ms(60_000);

/// How long a stream of events may take.
pub fn events_max_ms() -> Result<u64, Problem> {
    variables::duration_ms("events_max")
}

/// The largest body, in bytes.
pub fn body_max_bytes() -> Result<u64, Problem> {
    variables::number("body_max_bytes")
}

/// The most that the arguments of a task may have, in bytes of JSON.
pub fn args_max_bytes() -> Result<u64, Problem> {
    variables::number("args_max_bytes")
}

/// The tasks of this deployment, which are given no more arguments than they may have.
pub fn registry() -> Result<Registry, Problem> {
    let registry = handoff_tasks::registry(variables::switch("fault_tasks")?);
    Ok(registry.with_args_max(args_max_bytes()?))
}

/// Refuses a task with a webhook that could not be signed. `field` is what that is called in the request.
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

/// How many workers of a queue are started for a backlog, at most.
pub fn workers_max() -> Result<u64, Problem> {
    variables::number("workers_max")
}
