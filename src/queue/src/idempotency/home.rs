//! Seeing that the task which a key stands for is in its slot, and that somebody will run it. The request that made the
//! candidate does this, and so does every other that finds it: all write the same bytes, and each counts itself in the
//! slot's hand-over.

use crate::base::config::{GIVEN_UP, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::base::priority::Lane;
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{Candidate, HomeState};
use crate::model::slot::Slot;
use crate::model::task::Task;
use crate::rescue::Rescue;
use crate::runs::action::RescueAction;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::encode;
use crate::timer::entry::{DUE, Entry, EntryKind, Inserted};
use crate::timer::insert::Timer;

/// Whoever fills a slot this long after it was taken may come after rescue and retention: the timer sees to what they
/// would have seen to.
const OLD_MS: u64 = RETENTION_MIN_MS / 2;

impl<S: Store, E: Env> Idempotency<'_, S, E> {
    /// If the request is the one that `created` the candidate, it need not look whether others were here before.
    pub(crate) async fn ensure_home(
        &self,
        found: &Candidate,
        created: bool,
    ) -> Result<HomeState, QueueError> {
        let home = self.keys.slot(found.slot);
        if !created && self.store.get(&home).await?.is_some() {
            if self.is_ensured(found).await? {
                return Ok(HomeState::default());
            }
        } else if found.expires_ms <= self.env.now_ms() {
            // It may be gone because its time is over.
            return Err(QueueError::TooLate);
        } else {
            let task = Slot::Task(Box::new(found.task.clone()));
            self.store.set(&home, &encode(&task)).await?;
        }
        self.hand_over(found).await
    }

    /// Sees that a member of a workflow is in the slot that was taken for it, and that somebody will run it. As long as the
    /// workflow is not final none goes away, so an absent home was never written.
    pub(crate) async fn ensure_member(&self, slot: u64, task: Task) -> Result<(), QueueError> {
        let found = Candidate {
            slot,
            task,
            fingerprint: String::new(),
            expires_ms: u64::MAX,
        };
        self.ensure_home(&found, false).await.map(drop)
    }

    /// Whether a task whose home is there will run, or did: it has begun, or its ticket is not taken, or who filled its slot
    /// is known to have come to the end of that.
    async fn is_ensured(&self, found: &Candidate) -> Result<bool, QueueError> {
        let slot = found.slot;
        if self.store.get(&self.keys.run(slot, 0)).await?.is_some()
            || !Slots::of(self).is_ticketed(slot).await?
            || self.store.counter(&self.keys.claim(slot, 1)).await? > 0
        {
            return Ok(true);
        }
        let handover = self.store.counter(&self.keys.handover(slot)).await?;
        let filled = handover % GIVEN_UP > 0;
        Ok(filled && (handover < GIVEN_UP || found.task.not_before_ms.is_some()))
    }

    /// What an enqueuer does when its slot is filled, by any number of them.
    async fn hand_over(&self, found: &Candidate) -> Result<HomeState, QueueError> {
        let (slot, task) = (found.slot, &found.task);
        let now_ms = self.env.now_ms();
        if let Some(due_ms) = task.not_before_ms {
            let entry = Entry::deliver(slot, 1);
            if Timer::of(self).insert(DUE, due_ms, &entry).await? == Inserted::Due {
                Slots::of(self).announce(&[(slot, 1)]).await?;
            }
        }
        let lane = Lane::of(slot);
        let head = Slots::of(self).head_of(lane).await?;
        let mut seen = HomeState {
            backlog: slot.saturating_sub(head.taken),
            timed: task.not_before_ms.is_some(),
            pausable: head.pausable,
            system: lane.is_system(),
        };
        if seen.system {
            seen.backlog = 0;
        }
        if head.taken < slot {
            return Ok(seen);
        }
        // If nobody has begun by the end of a lease, nobody will.
        let lost_ms = task.lease().unmarked_lost_ms(self.env.now_ms());
        let look = RescueAction::Later(slot, 0, EntryKind::Look, lost_ms);
        if task.enqueued_ms + OLD_MS <= now_ms {
            // The counter may have been deleted and then says nothing about the ticket.
            Timer::of(self)
                .delete_later(slot, task.kept_until_ms.unwrap_or(now_ms))
                .await?;
            if task.not_before_ms.is_none() {
                Rescue::of(self)
                    .apply(std::slice::from_ref(&look), None)
                    .await?;
                seen.timed = true;
            }
        }
        // Last, so that it tells others that all before is done.
        let handover = self.store.increment(&self.keys.handover(slot), 1).await?;
        if handover >= GIVEN_UP && task.not_before_ms.is_none() {
            let first = handover % GIVEN_UP == 1;
            // Another who filled it counts on the ticket, or announces, or died before it did.
            seen.timed |= !first;
            let action = if first {
                RescueAction::Announce(slot, 1)
            } else {
                look
            };
            Rescue::of(self).apply(&[action], None).await?;
        }
        Ok(seen)
    }
}
