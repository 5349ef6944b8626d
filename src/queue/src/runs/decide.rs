//! Deciding a task: an owner publishes its final outcome unless the next epoch is claimed. This
//! fences superseded workers.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::model::run::Run;
use crate::runs::read::Runs;
use crate::store::contract::{Store, StoreError};
use crate::store::error::QueueError;
use crate::store::record::encode;

impl<S: Store, E: Env> Runs<'_, S, E> {
    /// Writes the final outcome of an epoch ≥ 1, and decides the task with it unless the next epoch
    /// is claimed. A later claimer of that epoch adopts this outcome. An earlier one decides alone.
    pub(crate) async fn decide(&self, slot: u64, epoch: u64, run: &Run) -> Result<(), QueueError> {
        debug_assert!(epoch > 0 && run.is_final(), "{slot}, {epoch}: {run:?}");
        let bytes = encode(run);
        self.store.set(&self.keys.run(slot, epoch), &bytes).await?;
        self.publish(slot, epoch, &bytes).await
    }

    /// Publishes an outcome unless the next epoch is claimed. Any instance may repeat this, with
    /// the same bytes.
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

    /// Whether the next epoch is claimed: then its owner decides. A later claimer finds this
    /// epoch's outcome.
    async fn is_overtaken(&self, slot: u64, epoch: u64) -> Result<bool, StoreError> {
        let next = self.keys.claim(slot, epoch + 1);
        Ok(self.store.counter(&next).await? > 0 && enabled(Guard::CheckNextClaim))
    }

    /// Decides a task with an end that becomes visible only now, or that another instance writes
    /// for its owner. It writes the outcome first: a later owner adopts it, whatever the note says.
    /// Then it notes the time from which retention counts.
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

    /// Publishes such an outcome, with its note, unless the next epoch is claimed. Then that owner
    /// would take the note for a cancel request.
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

    /// Notes the time at which a task's end becomes visible, before it does. Retention counts from
    /// it.
    async fn note_late_end(&self, slot: u64) -> Result<(), StoreError> {
        let now_ms = self.env.now_ms();
        self.store
            .set(&self.keys.cancel(slot), &encode(&now_ms))
            .await
    }
}
