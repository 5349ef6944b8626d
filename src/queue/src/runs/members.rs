//! Waking a workflow when its members have ended.
//!
//! A member increments the counter before its end is visible, and reads its workflow's record then.
//! A turn writes "waiting" first and reads the counter then. So one of the two always sees the
//! other. The counter may count a member twice, or one that has not ended: it wakes, and decides
//! nothing.

use crate::base::env::Env;
use crate::model::run::{Run, RunState};
use crate::model::task::Membership;
use crate::runs::read::{CancelBlocks, Runs};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;

mechanism!(
    /// The counts of a workflow's members.
    MemberCounts
);

/// A member that did not succeed adds this too.
const FAILED: u64 = 1 << 32;

/// A reading of a step's counter.
pub(crate) struct Counted {
    /// Increments by members.
    pub(crate) ended: u64,
    /// Increments by members that did not succeed.
    pub(crate) failed: u64,
}

impl Counted {
    pub(crate) fn of(counter: u64) -> Self {
        Self {
            ended: counter % FAILED,
            failed: counter / FAILED,
        }
    }
}

impl<S: Store, E: Env> MemberCounts<'_, S, E> {
    pub(crate) async fn counted(&self, workflow: u64, step: u64) -> Result<Counted, QueueError> {
        let key = self.keys.members(workflow, step);
        Ok(Counted::of(self.store.counter(&key).await?))
    }

    /// Counts a member that is about to end. Announces the workflow's next turn if it waits for
    /// this member.
    pub(crate) async fn count_member(
        &self,
        member: &Membership,
        run: &Run,
    ) -> Result<(), QueueError> {
        let workflow = member.workflow.slot();
        let failed = !matches!(run.state, RunState::Succeeded { .. });
        let by = if failed { 1 + FAILED } else { 1 };
        let key = self.keys.members(workflow, member.step);
        let counted = Counted::of(self.store.increment(&key, by).await?);
        if counted.ended < member.of && !(failed && member.fail_fast) {
            return Ok(());
        }
        let latest = Runs::of(self).latest_epoch(workflow).await?;
        let run = Runs::of(self).closest_run(workflow, latest + 1).await?;
        // An owner of a running turn reads the counter before it ends, or is found lost. In both
        // cases the counter is read after this increment.
        let waits = |run: &Run| {
            let waits = matches!(
                run.state,
                RunState::Waiting { .. } | RunState::Retrying { .. }
            );
            waits && run.epoch == latest && run.nonce == member.workflow.nonce()
        };
        if run.as_ref().is_some_and(waits) {
            Slots::of(self).announce(&[(workflow, latest + 1)]).await?;
        }
        Ok(())
    }

    /// Whether a workflow with this written state has something to do.
    pub(crate) async fn may_continue(
        &self,
        workflow: u64,
        state: &RunState,
    ) -> Result<bool, QueueError> {
        let RunState::Waiting { step, of, seen, .. } = *state else {
            return Ok(false);
        };
        let counted = self.counted(workflow, step).await?;
        if counted.ended >= of || seen.is_some_and(|seen| counted.failed > seen) {
            return Ok(true);
        }
        // A canceller before that write found the workflow running.
        Ok(Runs::of(self)
            .is_cancelled(workflow, &mut CancelBlocks::new())
            .await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_failures_share_a_counter() {
        let table = [
            (0, 0, 0),
            (7, 7, 0),
            (7 + 3 * FAILED, 7, 3),
            (FAILED - 1, FAILED - 1, 0),
        ];
        for (counter, ended, failed) in table {
            let counted = Counted::of(counter);
            assert_eq!(
                (counted.ended, counted.failed),
                (ended, failed),
                "{counter}"
            );
        }
    }
}
