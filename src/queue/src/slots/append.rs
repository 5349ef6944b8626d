//! Slots: appending records to the queue, and the hand-over between whoever fills a slot and who holds its ticket.

use crate::base::config::{GIVEN_UP, SKIP_MAX};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::model::slot::Slot;
use crate::slots::head::Head;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::record::encode;
use std::ops::RangeInclusive;

/// How often an announcement may be overtaken before its announcer gives up with an error.
const SETTLE_TRIES: usize = 8;

impl<S: Store, E: Env> Slots<'_, S, E> {
    /// Takes `skip` slots of a lane to leave void and one for each of `records` behind them, and writes all.
    pub(crate) async fn append(
        &self,
        lane: Lane,
        skip: u64,
        records: &[Slot],
    ) -> Result<RangeInclusive<u64>, StoreError> {
        if skip > SKIP_MAX {
            return Err(StoreError {
                operation: "append to",
                key: self.keys.tail(lane),
                reason: format!("head is {skip} ahead of it: the store forgot what it gave out"),
            });
        }
        let count = skip + records.len() as u64;
        let last = self.take_slots(lane, count).await?;
        let first = last - records.len() as u64 + 1;
        let void = (first - skip..first).map(|n| (self.keys.slot(n), encode(&Slot::Void)));
        let filled = (first..).zip(records);
        let filled = filled.map(|(n, record)| (self.keys.slot(n), encode(record)));
        self.write(void.chain(filled).collect()).await?;
        Ok(first..=last)
    }

    /// Makes sure that somebody runs what is in `slots`. A claimer may have taken a ticket before the slot was
    /// filled; the hand-over counter tells which of the two came first. Returns the slots whose tickets were given
    /// up, which must be announced, and the head of their lane.
    pub(crate) async fn settle(
        &self,
        slots: RangeInclusive<u64>,
    ) -> Result<(Vec<u64>, Head), StoreError> {
        let head = self.head_of(Lane::of(*slots.start())).await?;
        let mut given_up = Vec::new();
        for n in *slots.start()..=(*slots.end()).min(head.taken) {
            let handover = self.store.increment(&self.keys.handover(n), 1).await?;
            if handover >= GIVEN_UP && enabled(Guard::AnnounceWhatWasGivenUp) {
                given_up.push(n);
            }
        }
        Ok((given_up, head))
    }

    /// Announces deliveries (task, epoch), each in a slot of its own in the lane of its task, and settles them. Announcements are
    /// hints: one too many costs a claim that finds the epoch taken.
    pub(crate) async fn announce(&self, deliveries: &[(u64, u64)]) -> Result<(), StoreError> {
        for lane in Lane::ALL {
            let of_lane = |delivery: &&(u64, u64)| Lane::of(delivery.0) == lane;
            let of_lane: Vec<_> = deliveries.iter().filter(of_lane).copied().collect();
            self.announce_behind(lane, 0, &of_lane).await?;
        }
        Ok(())
    }

    /// The same in one lane, when its head is known to be ahead by `skip`: those slots are left void, in one jump, so that nobody
    /// after us is overtaken again.
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
            let slots = self.append(lane, skip, &records).await?;
            let (first, last) = (*slots.start(), *slots.end());
            let (given_up, head) = self.settle(slots).await?;
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

    /// Says of a ticket whose slot stays empty that it will not be used. True if the slot was filled meanwhile, so
    /// that the ticket must be used after all.
    pub(crate) async fn give_up(&self, slot: u64) -> Result<bool, StoreError> {
        let handover = self.keys.handover(slot);
        let after = self.store.increment(&handover, GIVEN_UP).await?;
        // Something from who filled it and nothing but our own: they count on the ticket. Another's give-up: they
        // announce. A task with an idempotency key may have been filled in by several.
        let first = after / GIVEN_UP == 1;
        Ok(first && after % GIVEN_UP >= 1 && enabled(Guard::UseTicketOfFilledSlot))
    }
}
