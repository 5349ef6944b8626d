//! The completion effects of a task: its follow-up and its workflow.

use crate::model::task::{FollowUp, Membership, Task, Trace, WORKFLOW};

/// The parts of a task that its completion needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CompletionEffects {
    pub(crate) follow_up: Option<FollowUp>,
    pub(crate) retention_ms: u64,
    pub(crate) trace: Option<Trace>,
    pub(crate) member_of: Option<Membership>,
    /// The task itself, if it is a workflow.
    pub(crate) workflow: Option<Task>,
}

impl CompletionEffects {
    /// Returns the effects, or `None` if the task has neither follow-up nor workflow.
    pub(crate) fn of(task: &Task) -> Option<Box<Self>> {
        let workflow = (task.kind == WORKFLOW).then(|| task.clone());
        if task.on_end.is_none() && task.member_of.is_none() && workflow.is_none() {
            return None;
        }
        Some(Box::new(Self {
            follow_up: task.on_end.clone(),
            retention_ms: task.retention_ms,
            trace: task.trace.clone(),
            member_of: task.member_of.clone(),
            workflow,
        }))
    }
}
