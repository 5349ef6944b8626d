//! Retention of workflows and their members.

use crate::base::config::RETENTION_MIN_MS;
use crate::base::env::Env;
use crate::model::task::{Task, WORKFLOW};
use crate::runs::read::Runs;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::workflow::gather::Workflows;
use crate::workflow::spec::Workflow;

/// The keeper's next pass deletes a workflow whose retention is over, and its members after it.
const SOON_MS: u64 = 60_000;

impl<S: Store, E: Env> Workflows<'_, S, E> {
    /// Returns until when a workflow keeps a member whose own retention is over: until the
    /// workflow's home is gone.
    pub(crate) async fn member_until_ms(&self, task: &Task) -> Result<Option<u64>, QueueError> {
        let Some(member) = &task.member_of else {
            return Ok(None);
        };
        let Some(workflow) = Runs::of(self).home(&member.workflow).await? else {
            return Ok(None);
        };
        let now_ms = self.env.now_ms();
        Ok(Some(
            match Runs::of(self).final_run(&member.workflow).await? {
                // Far enough away that the slots behind it need not wait.
                None => now_ms + 2 * RETENTION_MIN_MS,
                Some(run) => {
                    let ended_ms = run.ended_ms().unwrap_or(now_ms);
                    (ended_ms + workflow.retention_ms).max(now_ms + SOON_MS)
                }
            },
        ))
    }

    /// The further keys of a workflow and its members. The last of them to go takes these keys
    /// along, since a member may have counted itself after the workflow was gone.
    pub(crate) fn workflow_keys(&self, slot: u64, task: &Task) -> Vec<String> {
        if let Some(member) = &task.member_of {
            return vec![self.keys.members(member.workflow.slot(), member.step)];
        }
        let workflow = Workflow::of(&task.args).filter(|_| task.kind == WORKFLOW);
        let steps = workflow.map_or(0, |workflow| workflow.steps.len() as u64);
        (0..steps)
            .map(|step| self.keys.members(slot, step))
            .collect()
    }
}
