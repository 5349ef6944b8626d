//! What a request may ask for.

use handoff_input::Duration;
use handoff_platform::http::Problem;
use handoff_platform::variables::{self, Queues};

/// The longest `?wait=`.
pub const WAIT_MAX: Duration = Duration::from_ms(60_000);

/// How often a waiting request sees that somebody works.
pub const PUSH_EVERY_MS: u64 = 1_000;

/// The largest body, in bytes.
pub fn body_max_bytes() -> Result<u64, Problem> {
    variables::number("body_max_bytes")
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
