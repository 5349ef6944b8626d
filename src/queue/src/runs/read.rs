//! Reading runs: the final one, the latest one, the one before an epoch.

use crate::base::config::CANCEL_BLOCK;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::model::run::{Run, RunState};
use crate::model::slot::Slot;
use crate::model::task::Task;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::decode_opt;
use std::collections::BTreeMap;

mechanism!(
    /// The records of runs, and what they decide.
    Runs
);

/// Cancel requests per block of slots, read at most once per batch.
pub(crate) type CancelBlocks = BTreeMap<u64, bool>;

impl<S: Store, E: Env> Runs<'_, S, E> {
    /// The record of the closest epoch before `epoch` that has one. An epoch that was claimed but has none died before
    /// it began. Looking further down is not needed: whoever wrote that record looked down itself.
    pub(crate) async fn closest_run(
        &self,
        slot: u64,
        epoch: u64,
    ) -> Result<Option<Run>, QueueError> {
        for e in (0..epoch).rev() {
            let key = self.keys.run(slot, e);
            if let Some(run) = decode_opt(&key, self.store.get(&key).await?)? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    pub(crate) async fn is_cancelled(
        &self,
        slot: u64,
        cancels: &mut CancelBlocks,
    ) -> Result<bool, StoreError> {
        if !enabled(Guard::LookForCancel) {
            return Ok(false);
        }
        let any = self.any_cancelled(slot, cancels).await;
        Ok(any && self.store.get(&self.keys.cancel(slot)).await?.is_some())
    }

    /// Whether somebody asked to cancel any of the tasks in this one's block.
    pub(crate) async fn any_cancelled(&self, slot: u64, cancels: &mut CancelBlocks) -> bool {
        let block = slot / CANCEL_BLOCK;
        if let Some(any) = cancels.get(&block) {
            return *any;
        }
        // Should just this counter be broken, the flags tell.
        let any = self.store.counter(&self.keys.cancel_block(slot)).await != Ok(0);
        cancels.insert(block, any);
        any
    }

    /// When everybody could first see that a task is final. A cancelled one has no time of its own: it counts from the last
    /// request to cancel it; and what was decided for the dead counts from then.
    pub(crate) async fn ended_ms(
        &self,
        slot: u64,
        task: &Task,
        run: &Run,
        at_once: bool,
    ) -> Result<u64, QueueError> {
        let ended_ms = run.ended_ms();
        if let Some(ended_ms) = ended_ms.filter(|_| at_once) {
            return Ok(ended_ms);
        }
        let key = self.keys.cancel(slot);
        let noted_ms: Option<u64> = decode_opt(&key, self.store.get(&key).await?)?;
        Ok(ended_ms.max(noted_ms).unwrap_or(task.enqueued_ms))
    }

    /// The final record of a task, if it is final: 1 to 3 reads, and no look at the task itself.
    pub(crate) async fn final_run(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        Ok(self.final_record(id).await?.map(|(run, _)| run))
    }

    /// The same, and whether that could be seen at once: epoch 0 wrote it, and nobody had to decide.
    pub(crate) async fn final_record(
        &self,
        id: &TaskId,
    ) -> Result<Option<(Run, bool)>, QueueError> {
        match self.first_final(id).await? {
            Some(run) => Ok(Some((run, true))),
            None => Ok(self.decided(id).await?.map(|run| (run, false))),
        }
    }

    /// The final record of epoch 0, if no later epoch was claimed.
    pub(crate) async fn first_final(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        let slot = id.slot();
        let key = self.keys.run(slot, 0);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        let Some(run) = run.filter(|r| r.is_final() && r.nonce == id.nonce()) else {
            return Ok(None);
        };
        let next = self.store.counter(&self.keys.claim(slot, 1)).await?;
        Ok((next == 0 || !enabled(Guard::CheckFirstClaim)).then_some(run))
    }

    /// The final record that a later epoch decided.
    pub(crate) async fn decided(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        let result = self.keys.result(id.slot());
        let run: Option<Run> = decode_opt(&result, self.store.get(&result).await?)?;
        Ok(run.filter(|r| r.nonce == id.nonce()))
    }

    /// The latest record of a task that is not decided.
    pub(crate) async fn open_run(&self, slot: u64) -> Result<Option<Run>, QueueError> {
        let latest = self.latest_epoch(slot).await?;
        let mut run = self.closest_run(slot, latest + 1).await?;
        if let Some(run) = run.as_mut().filter(|run| run.is_final()) {
            // An outcome that its successor may or may not adopt: nothing is known but that it runs.
            run.state = RunState::Running {
                beat_ms: run.started_ms,
                lost_ms: run.started_ms,
            };
        }
        Ok(run)
    }

    pub(crate) async fn home(&self, id: &TaskId) -> Result<Option<Task>, QueueError> {
        let key = self.keys.slot(id.slot());
        Ok(match decode_opt(&key, self.store.get(&key).await?)? {
            Some(Slot::Task(task)) if task.nonce == id.nonce() => Some(*task),
            _ => None,
        })
    }

    /// The highest epoch that was claimed; 0 if none was. Epochs are claimed in order, so that doubling and halving
    /// finds it in few reads however many there are.
    pub(crate) async fn latest_epoch(&self, slot: u64) -> Result<u64, StoreError> {
        let (mut claimed, mut step) = (0, 1);
        while self
            .store
            .counter(&self.keys.claim(slot, claimed + step))
            .await?
            > 0
        {
            claimed += step;
            step *= 2;
        }
        while step > 1 {
            step /= 2;
            if self
                .store
                .counter(&self.keys.claim(slot, claimed + step))
                .await?
                > 0
            {
                claimed += step;
            }
        }
        Ok(claimed)
    }
}
