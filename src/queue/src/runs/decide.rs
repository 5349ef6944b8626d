//! Deciding a task: publishing its final run unless a later epoch was claimed. This fences workers
//! that lost their claim.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::model::run::Run;
use crate::runs::read::Runs;
use crate::store::contract::{Store, StoreError};
use crate::store::error::QueueError;
use crate::store::record::encode;

impl<S: Store, E: Env> Runs<'_, S, E> {
    /// Writes the final outcome of an epoch from 1, and decides the task with it unless the next epoch is claimed.
    /// Who claims that later finds our outcome and adopts it; who claimed it before decides without us.
    pub(crate) async fn decide(&self, slot: u64, epoch: u64, run: &Run) -> Result<(), QueueError> {
        debug_assert!(epoch > 0 && run.is_final(), "{slot}, {epoch}: {run:?}");
        let bytes = encode(run);
        self.store.set(&self.keys.run(slot, epoch), &bytes).await?;
        self.publish(slot, epoch, &bytes).await
    }

    /// The second half of deciding, which anybody may repeat who finds it undone: the bytes are the same.
    pub(crate) async fn publish(
        &self,
        slot: u64,
        epoch: u64,
        bytes: &[u8],
    ) -> Result<(), QueueError> {
        if !self.is_overtaken(slot, epoch).await? {
            self.store.set(&self.keys.result(slot), bytes).await?;
        }
        Ok(())
    }

    /// Whether the next epoch is claimed, so that its owner decides. Who claims it later finds what is written of this one.
    pub(crate) async fn is_overtaken(&self, slot: u64, epoch: u64) -> Result<bool, StoreError> {
        let next = self.keys.claim(slot, epoch + 1);
        Ok(self.store.counter(&next).await? > 0 && enabled(Guard::CheckNextClaim))
    }

    /// Decides a task whose end is not its owner's to tell, or can be seen only now. The outcome first: whoever comes later adopts it,
    /// whatever the note looks like. Then when: retention counts from here.
    pub(crate) async fn decide_late(
        &self,
        slot: u64,
        epoch: u64,
        run: &Run,
    ) -> Result<(), QueueError> {
        debug_assert!(epoch > 0 && run.is_final(), "{slot}, {epoch}: {run:?}");
        let bytes = encode(run);
        self.store.set(&self.keys.run(slot, epoch), &bytes).await?;
        self.publish_late(slot, epoch, &bytes).await
    }

    /// The second half of that, unless another decides: whoever runs the task then would take the note for a request to cancel it.
    pub(crate) async fn publish_late(
        &self,
        slot: u64,
        epoch: u64,
        bytes: &[u8],
    ) -> Result<(), QueueError> {
        if self.is_overtaken(slot, epoch).await? {
            return Ok(());
        }
        self.note_late_end(slot).await?;
        Ok(self.store.set(&self.keys.result(slot), bytes).await?)
    }

    /// Notes that a task's end can be seen only now, before it can be: its retention counts from here.
    async fn note_late_end(&self, slot: u64) -> Result<(), StoreError> {
        let now_ms = self.env.now_ms();
        self.store
            .set(&self.keys.cancel(slot), &encode(&now_ms))
            .await
    }
}
