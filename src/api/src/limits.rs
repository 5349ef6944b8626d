//! What a request may ask for.

use handoff_input::Duration;
use handoff_platform::http::Problem;
use handoff_platform::variables;

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

/// How many workers are started for a backlog, at most.
pub fn workers_max() -> Result<u64, Problem> {
    variables::number("workers_max")
}

/// Whether tasks of kind `fault` are known.
pub fn fault_tasks() -> Result<bool, Problem> {
    variables::switch("fault_tasks")
}
