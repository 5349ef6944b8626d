//! What a request may ask for.

use handoff_input::{Duration, FieldError};
use handoff_platform::http::Problem;
use handoff_platform::variables::{self, Queues};
use handoff_queue::{Json, NewTask};

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

/// Refuses arguments that have more. `field` is what they are called in the request.
pub fn check_args(args: &Json, max_bytes: u64, field: &str) -> Result<(), Problem> {
    let bytes = args.bytes();
    if bytes <= max_bytes {
        return Ok(());
    }
    let detail = format!("{field}: it has {bytes} bytes of JSON; at most {max_bytes} are taken");
    Err(Problem::too_large(detail).about(field))
}

/// Refuses a task with a webhook that could not be signed. `field` is what that is called in the request.
pub fn check_webhook(task: &NewTask, field: &str) -> Result<(), Problem> {
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

/// Whether tasks of kind `fault` are known.
pub fn fault_tasks() -> Result<bool, Problem> {
    variables::switch("fault_tasks")
}
