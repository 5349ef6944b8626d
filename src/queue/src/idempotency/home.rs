//! Making sure that the task of a key is in its slot and is delivered. Every request that finds the
//! decided candidate does this, not only its maker. All write the same bytes, and each counts
//! itself in the slot's hand-over.

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

/// A filler that comes this long after its slot was taken may come after rescue and retention. A
/// timer entry then does their work.
const OLD_MS: u64 = RETENTION_MIN_MS / 2;

impl<S: Store, E: Env> Idempotency<'_, S, E> {
    /// Ensures that the home of a decided candidate exists and is delivered. A request that
    /// `created` the candidate need not read whether another one came before.
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
            // The home may be gone because the task's time is over.
            return Err(QueueError::TooLate);
        } else {
            let task = Slot::Task(Box::new(found.task.clone()));
            self.store.set(&home, &encode(&task)).await?;
        }
        self.hand_over(found).await
    }

    /// Ensures that the home of a workflow's member exists and is delivered. No member goes away
    /// while the workflow is open, so an absent home was never written.
    pub(crate) async fn ensure_member(&self, slot: u64, task: Task) -> Result<(), QueueError> {
        let found = Candidate {
            slot,
            task,
            fingerprint: String::new(),
            expires_ms: u64::MAX,
        };
        self.ensure_home(&found, false).await.map(drop)
    }

    /// Whether a task with a home will run, or did. It has begun, or its ticket is not taken, or a
    /// filler is known to have finished.
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

    /// Hands over a filled slot. Any number of fillers may do so.
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
        // A task that has not begun by the end of a lease will not begin.
        let lost_ms = task.lease().unmarked_lost_ms(self.env.now_ms());
        let look = RescueAction::Later(slot, 0, EntryKind::Look, lost_ms);
        if task.enqueued_ms + OLD_MS <= now_ms {
            // The hand-over counter may have been deleted, and then tells nothing about the ticket.
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
        // Increment last, so that others know that all steps before are done.
        let handover = self.store.increment(&self.keys.handover(slot), 1).await?;
        if handover >= GIVEN_UP && task.not_before_ms.is_none() {
            let first = handover % GIVEN_UP == 1;
            // Another filler counts on the ticket, announces, or died before it did.
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
