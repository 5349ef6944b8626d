//! What of a workflow is kept how long.

use crate::base::config::RETENTION_MIN_MS;
use crate::base::env::Env;
use crate::model::task::{Task, WORKFLOW};
use crate::runs::read::Runs;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::workflow::gather::Workflows;
use crate::workflow::spec::Workflow;

/// A workflow whose retention is over goes with the keeper's next pass, and its members then.
const SOON_MS: u64 = 60_000;

impl<S: Store, E: Env> Workflows<'_, S, E> {
    /// Until when a task is kept, whose own retention is over, for the workflow that it belongs to: until that is gone.
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
                // Far enough away that others need not wait for it.
                None => now_ms + 2 * RETENTION_MIN_MS,
                Some(run) => {
                    let ended_ms = run.ended_ms().unwrap_or(now_ms);
                    (ended_ms + workflow.retention_ms).max(now_ms + SOON_MS)
                }
            },
        ))
    }

    /// What a workflow and its members have besides what every task has. Whichever goes last takes it along: a member may have
    /// counted itself when the workflow was gone.
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
