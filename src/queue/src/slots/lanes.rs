//! The lanes of a queue: one for each priority and one for the system. Each has slots and tickets
//! of its own. The high bits of a slot tell its lane, so everything that a slot names works without
//! knowledge of lanes.
//!
//! The system lane holds what follows from other tasks: webhooks and turns of workflows. Pauses,
//! limits and purges do not apply to it, since they are for users' tasks.
//!
//! A reader of the queue reads the normal lane's head and tail. The head tells whether other
//! priorities are [in use](Head::lanes), the tail whether the system lane [is](Tail::system). A
//! queue without them costs no further read.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::{Lane, Priority};
use crate::slots::head::{Head, LANES, Lanes, SYSTEM, Tail, Waiting};
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;

mechanism!(
    /// The slots and tickets of a queue, in its lanes.
    Slots
);

/// The number of claimable slots, limits aside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takeable {
    /// Users' tasks: 0 while the queue is paused.
    pub user: u64,
    /// System tasks.
    pub system: u64,
}

impl<S: Store, E: Env> Slots<'_, S, E> {
    /// Reads how many slots are claimable.
    pub(crate) async fn takeable(&self) -> Result<Takeable, StoreError> {
        let lanes = self.lanes().await?;
        let (mut user, mut system) = (lanes.waiting.total(), lanes.system.unwrap_or(0));
        if user > 0 && self.is_paused(lanes.head.pausable).await? {
            user = 0;
        }
        if !enabled(Guard::SystemWhilePaused) && self.is_paused(lanes.head.pausable).await? {
            system = 0;
        }
        Ok(Takeable { user, system })
    }

    /// Takes `count` slots of a lane and returns the last one.
    pub(crate) async fn take_slots(&self, lane: Lane, count: u64) -> Result<u64, StoreError> {
        let after = self.store.increment(&self.keys.tail(lane), count).await?;
        let last = lane.base() + Tail::of(after).last;
        debug_assert_eq!(Lane::of(last), lane, "slot {last} is in another lane");
        Ok(last)
    }

    /// Reads the normal lane's tail.
    pub(crate) async fn tail(&self) -> Result<Tail, StoreError> {
        let counter = self.store.counter(&self.keys.tail(Lane::Normal)).await?;
        Ok(Tail::of(counter))
    }

    /// Reads the last slot of a lane that was given out.
    pub(crate) async fn last_slot(&self, lane: Lane) -> Result<u64, StoreError> {
        let counter = self.store.counter(&self.keys.tail(lane)).await?;
        Ok(lane.base() + Tail::of(counter).last)
    }

    /// Reads the head of a lane.
    pub(crate) async fn head_of(&self, lane: Lane) -> Result<Head, StoreError> {
        let counter = self.store.counter(&self.keys.head(lane)).await?;
        Ok(Head::in_lane(lane, counter))
    }

    /// Reads the last slot of a lane whose ticket was given out.
    pub(crate) async fn last_ticket(&self, lane: Lane) -> Result<u64, StoreError> {
        Ok(self.head_of(lane).await?.taken)
    }

    /// Whether the ticket of a slot was given out.
    pub(crate) async fn is_ticketed(&self, slot: u64) -> Result<bool, StoreError> {
        Ok(self.last_ticket(Lane::of(slot)).await? >= slot)
    }

    /// Reads the backlog of each lane, paused or not.
    pub(crate) async fn lanes(&self) -> Result<Lanes, StoreError> {
        // Read `tail` first: a ticket taken in between then makes the backlog too short, never too
        // long.
        let tail = self.tail().await?;
        let head = self.head().await?;
        let mut waiting = Waiting {
            normal: tail.last.saturating_sub(head.taken),
            ..Waiting::default()
        };
        if head.lanes {
            waiting.high = self.waiting_in(Lane::High).await?;
            waiting.low = self.waiting_in(Lane::Low).await?;
        }
        let system = match tail.system {
            true => Some(self.waiting_in(Lane::System).await?),
            false => None,
        };
        Ok(Lanes {
            waiting,
            system,
            head,
        })
    }

    pub(crate) async fn waiting_in(&self, lane: Lane) -> Result<u64, StoreError> {
        let last = self.last_slot(lane).await?;
        Ok(last.saturating_sub(self.last_ticket(lane).await?))
    }

    /// The lanes in which a claim looks for users' tasks, in order.
    pub(crate) fn lanes_to_claim(&self, head: Head) -> Vec<Lane> {
        if head.lanes {
            Priority::order(self.env.random()).map(Lane::from).to_vec()
        } else {
            vec![Lane::Normal]
        }
    }

    /// Sets the flag of a lane in use, before its first enqueuer takes a slot there. An enqueuer
    /// that dies in between leaves nothing that no keeper would find. Several first enqueuers may
    /// each set it, which is harmless.
    pub(crate) async fn open_lane(&self, lane: Lane) -> Result<(), StoreError> {
        if lane.is_normal() || !enabled(Guard::OpenLaneFirst) {
            return Ok(());
        }
        self.set_lane_in_use(lane).await
    }

    pub(crate) async fn set_lane_in_use(&self, lane: Lane) -> Result<(), StoreError> {
        let (key, flag) = match lane {
            Lane::Normal => return Ok(()),
            Lane::System if self.tail().await?.system => return Ok(()),
            Lane::System => (self.keys.tail(Lane::Normal), SYSTEM),
            _ if self.head().await?.lanes => return Ok(()),
            _ => (self.keys.head(Lane::Normal), LANES),
        };
        self.store.increment(&key, flag).await?;
        Ok(())
    }

    pub(crate) async fn head(&self) -> Result<Head, StoreError> {
        self.head_of(Lane::Normal).await
    }

    /// Whether claimers may take no users' tickets.
    pub(crate) async fn is_paused(&self, pausable: bool) -> Result<bool, StoreError> {
        Ok(pausable && self.store.get(&self.keys.paused()).await?.is_some())
    }
}
