//! Reading runs: the final one, the latest one, and the closest one before an epoch.

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
    /// The records of runs, and the results that they decide.
    Runs
);

/// Whether a block of slots has cancel requests, read at most once per batch.
pub(crate) type CancelBlocks = BTreeMap<u64, bool>;

impl<S: Store, E: Env> Runs<'_, S, E> {
    /// Reads the closest record before `epoch`. The owner of a claimed epoch without a record died
    /// before it began. That one record is enough, since its writer looked at the records before
    /// it.
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

    /// Whether the block of this task's slot has any cancel request.
    pub(crate) async fn any_cancelled(&self, slot: u64, cancels: &mut CancelBlocks) -> bool {
        let block = slot / CANCEL_BLOCK;
        if let Some(any) = cancels.get(&block) {
            return *any;
        }
        // If only this counter is broken, the requests themselves decide.
        let any = self.store.counter(&self.keys.cancel_block(slot)).await != Ok(0);
        cancels.insert(block, any);
        any
    }

    /// Reads when a task's end became visible to everybody. Of a cancelled task it is the last
    /// cancel request. Of an outcome that rescue decided it is the time of that decision.
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

    /// Reads the final record of a task, if it is final. It takes 1 to 3 reads, without the home.
    pub(crate) async fn final_run(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        Ok(self.final_record(id).await?.map(|(run, _)| run))
    }

    /// Reads the final record, and whether its end was visible at once: epoch 0 wrote it, so
    /// nothing had to be decided.
    pub(crate) async fn final_record(
        &self,
        id: &TaskId,
    ) -> Result<Option<(Run, bool)>, QueueError> {
        match self.first_final(id).await? {
            Some(run) => Ok(Some((run, true))),
            None => Ok(self.decided(id).await?.map(|run| (run, false))),
        }
    }

    /// Reads the final record of epoch 0, unless epoch 1 was claimed.
    async fn first_final(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        let slot = id.slot();
        let key = self.keys.run(slot, 0);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        let Some(run) = run.filter(|r| r.is_final() && r.nonce == id.nonce()) else {
            return Ok(None);
        };
        let next = self.store.counter(&self.keys.claim(slot, 1)).await?;
        Ok((next == 0 || !enabled(Guard::CheckFirstClaim)).then_some(run))
    }

    /// Reads the final record that a later epoch decided.
    pub(crate) async fn decided(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        let result = self.keys.result(id.slot());
        let run: Option<Run> = decode_opt(&result, self.store.get(&result).await?)?;
        Ok(run.filter(|r| r.nonce == id.nonce()))
    }

    /// Reads the latest record of a task that is not decided.
    pub(crate) async fn open_run(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        let slot = id.slot();
        let latest = self.latest_epoch(slot).await?;
        let run = self.closest_run(slot, latest + 1).await?;
        let mut run = run.filter(|run| run.nonce == id.nonce());
        if let Some(run) = run.as_mut().filter(|run| run.is_final()) {
            // The next epoch may adopt this outcome or not. Until then the task counts as running.
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

    /// Finds the highest claimed epoch, or 0. Epochs are claimed in order. So doubling and halving
    /// find it in few reads, however many there are.
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
