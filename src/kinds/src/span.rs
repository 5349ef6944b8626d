//! The ids of spans. They follow from the task, so that each side of a call knows them.

use handoff_queue::TaskId;
use sha2::{Digest, Sha256};

/// The id of a task's own trace, if its enqueuer had none. It is not 0.
pub fn trace_id(task: &TaskId) -> u128 {
    first_bytes(&format!("trace {task}"))
}

/// The id of the span in which a task was enqueued. It is not 0.
pub fn enqueue_span_id(task: &TaskId) -> u64 {
    first_bytes(&format!("enqueue {task}")) as u64
}

/// The id of the span of one run, which its epoch names. It is not 0.
pub fn run_span_id(task: &TaskId, epoch: u64) -> u64 {
    first_bytes(&format!("run {epoch} {task}")) as u64
}

/// A number of which neither half is 0.
fn first_bytes(text: &str) -> u128 {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let (halves, _) = digest.as_chunks();
    u128::from_be_bytes(halves[0]) | 1 << 64 | 1
}
