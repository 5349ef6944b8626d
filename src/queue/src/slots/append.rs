//! Appending records to a lane, and the hand-over between a filler and a claimer.

use crate::base::config::{GIVEN_UP, SKIP_MAX};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::model::slot::Slot;
use crate::slots::head::Head;
use crate::slots::lanes::Slots;
use crate::store::contract::{Append, Appended, Store, StoreError};
use crate::store::record::encode;
use std::ops::RangeInclusive;

/// After so many overtaken tries an announcer returns an error.
const SETTLE_TRIES: usize = 8;

/// Slots that were filled, and what was read afterwards.
pub(crate) struct Filled {
    pub(crate) slots: RangeInclusive<u64>,
    pub(crate) head: Head,
    /// The other counters that the caller wanted to be read.
    pub(crate) look: Vec<u64>,
}

impl<S: Store, E: Env> Slots<'_, S, E> {
    /// Takes `skip` slots of a lane and one more for each of `records`. Leaves the skipped slots
    /// void and writes the records behind them. Then it reads the head of the lane, and the
    /// counters in `look`.
    pub(crate) async fn append(
        &self,
        lane: Lane,
        skip: u64,
        records: &[Slot],
        mut look: Vec<String>,
    ) -> Result<Filled, StoreError> {
        if skip > SKIP_MAX {
            return Err(StoreError {
                operation: "append to",
                key: self.keys.tail(lane),
                reason: format!("head is {skip} ahead of it: the store forgot what it gave out"),
            });
        }
        let void = (0..skip).map(|_| encode(&Slot::Void));
        let encoded: Vec<_> = void.chain(records.iter().map(encode)).collect();
        look.push(self.keys.head(lane));
        let append = Append {
            counter: &self.keys.tail(lane),
            prefix: &self.keys.slots(),
            base: lane.base(),
            records: &encoded,
            look: &look,
        };
        let mut early = None;
        if !enabled(Guard::LookAfterAppending) {
            early = Some(append.counters(&self.store).await?);
        }
        let Appended { last, look } = self.store.append(append).await?;
        let mut look = early.unwrap_or(look);
        debug_assert_eq!(Lane::of(last), lane, "slot {last} is in another lane");
        let head = Head::in_lane(lane, look.pop().unwrap_or_default());
        Ok(Filled {
            slots: last - records.len() as u64 + 1..=last,
            head,
            look,
        })
    }

    /// Makes sure that the tasks in `slots` are delivered. A claimer may have taken a ticket before
    /// the slot was filled. The hand-over counter tells which of the two came first. `head` was read
    /// after the slots were written. Returns the slots whose tickets were given up. The caller must
    /// announce those slots.
    pub(crate) async fn settle(
        &self,
        slots: RangeInclusive<u64>,
        head: Head,
    ) -> Result<Vec<u64>, StoreError> {
        let mut given_up = Vec::new();
        for n in *slots.start()..=(*slots.end()).min(head.taken) {
            let handover = self.store.increment(&self.keys.handover(n), 1).await?;
            if handover >= GIVEN_UP && enabled(Guard::AnnounceWhatWasGivenUp) {
                given_up.push(n);
            }
        }
        Ok(given_up)
    }

    /// Announces deliveries (task, epoch) and settles them. Each takes a slot in the lane of its
    /// task. Announcements are hints: one too many costs a claim that finds the epoch taken.
    pub(crate) async fn announce(&self, deliveries: &[(u64, u64)]) -> Result<(), StoreError> {
        for lane in Lane::ALL {
            let of_lane = |delivery: &&(u64, u64)| Lane::of(delivery.0) == lane;
            let of_lane: Vec<_> = deliveries.iter().filter(of_lane).copied().collect();
            self.announce_behind(lane, 0, &of_lane).await?;
        }
        Ok(())
    }

    /// Announces deliveries of one lane whose head is known to be ahead by `skip`. It leaves those
    /// slots void in one step, so no later announcer is overtaken again.
    pub(crate) async fn announce_behind(
        &self,
        lane: Lane,
        mut skip: u64,
        deliveries: &[(u64, u64)],
    ) -> Result<(), StoreError> {
        debug_assert!(
            deliveries
                .iter()
                .all(|&(t, e)| e > 0 && Lane::of(t) == lane),
            "{deliveries:?} can't be announced in {lane:?}"
        );
        let mut left = deliveries.to_vec();
        for _ in 0..SETTLE_TRIES {
            if left.is_empty() {
                return Ok(());
            }
            let records: Vec<_> = left.iter().map(|&(t, e)| Slot::Announce(t, e)).collect();
            let Filled { slots, head, .. } = self.append(lane, skip, &records, Vec::new()).await?;
            let (first, last) = (*slots.start(), *slots.end());
            let given_up = self.settle(slots, head).await?;
            left = given_up
                .iter()
                .map(|n| left[(n - first) as usize])
                .collect();
            skip = head.taken.saturating_sub(last);
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(StoreError {
            operation: "announce",
            key: self.keys.tail(lane),
            reason: format!("overtaken {SETTLE_TRIES} times in a row"),
        })
    }

    /// Gives up the ticket of an empty slot. Returns true if the slot was filled meanwhile: then
    /// the claimer must use its ticket after all.
    pub(crate) async fn give_up(&self, slot: u64) -> Result<bool, StoreError> {
        let handover = self.keys.handover(slot);
        let after = self.store.increment(&handover, GIVEN_UP).await?;
        // At least one filler and only our own give-up: the filler counts on the ticket. Another
        // give-up: the filler announces. Several fillers exist if the task has an idempotency key.
        let first = after / GIVEN_UP == 1;
        Ok(first && after % GIVEN_UP >= 1 && enabled(Guard::UseTicketOfFilledSlot))
    }
}
