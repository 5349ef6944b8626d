//! Lanes. A queue has one for each priority and one for the system: slots and tickets of their own.
//! The high bits of a slot say which lane it is in, so nothing that is named by a slot knows of lanes.
//!
//! The lane of the system holds what follows from the end of a task: webhooks and the turns of
//! workflows. It knows no pause, no limit and no purge, since these are for the tasks of users.
//!
//! A reader of the queue reads the normal lane's head, which says whether other priorities are
//! [in use](Head::lanes), and its tail, which says whether the system's lane [is](Tail::system).
//! A queue without them reads nothing more.

use crate::guard::{Guard, holds};
use crate::operate::{Head, LANES};
use crate::{Env, Queue, Store, StoreError, Task, WORKFLOW};
use serde::{Deserialize, Serialize};

/// Slots of a lane differ from those of the next one by this much.
const LANE: u64 = 1 << 50;
/// Added to the normal lane's tail by the first who uses the system's lane; of several each may.
const SYSTEM: u64 = 1 << 50;
/// Added to the normal lane's tail by the first who counts a kind that ends its instances; of several each may.
pub(crate) const KILLERS: u64 = 1 << 55;
/// Slots are below.
const SLOTS: u64 = 1 << 44;
/// Of so many claims all begin with what has high priority, but for one and three.
const CLAIMS: u64 = 16;

/// Which of the tasks that wait in a queue are taken first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before all others.
    High,
    /// The one that is meant unless something else is said.
    #[default]
    Normal,
    /// After all others, but for one of 16 times.
    Low,
}

impl Priority {
    /// All, the highest first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    pub(crate) fn is_normal(&self) -> bool {
        *self == Self::Normal
    }

    /// In which order a claim looks into the lanes. Mostly the highest first; but where more of that comes than anybody can run,
    /// the others must have their turn.
    fn order(random: u64) -> [Self; 3] {
        match random % CLAIMS {
            0 => [Self::Low, Self::High, Self::Normal],
            1..=3 => [Self::Normal, Self::High, Self::Low],
            _ => Self::ALL,
        }
    }
}

/// A sequence of slots with a sequence of tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lane {
    High,
    Normal,
    Low,
    /// Of webhooks and of the turns of workflows.
    System,
}

impl From<Priority> for Lane {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::High => Self::High,
            Priority::Normal => Self::Normal,
            Priority::Low => Self::Low,
        }
    }
}

impl Lane {
    /// All, the highest first.
    pub(crate) const ALL: [Self; 4] = [Self::High, Self::Normal, Self::Low, Self::System];
    /// Those that are in use if [`Head::lanes`] says so.
    pub(crate) const PRIORITIES: [Self; 2] = [Self::High, Self::Low];

    pub(crate) fn is_normal(self) -> bool {
        self == Self::Normal
    }

    /// Whether neither pauses nor limits count for what is in it.
    pub(crate) fn is_system(self) -> bool {
        self == Self::System
    }

    /// The slot before the lane's first.
    pub(crate) fn base(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::High => LANE,
            Self::Low => 2 * LANE,
            Self::System => 3 * LANE,
        }
    }

    /// The lane that a slot is in.
    pub(crate) fn of(slot: u64) -> Self {
        match slot / LANE {
            0 => Self::Normal,
            1 => Self::High,
            2 => Self::Low,
            _ => Self::System,
        }
    }
}

impl Task {
    /// The lane of its home, and so of all its deliveries.
    pub(crate) fn lane(&self) -> Lane {
        if self.kind == WORKFLOW || self.end_of.is_some() {
            Lane::System
        } else {
            self.priority.into()
        }
    }
}

/// The normal lane's counter `tail`, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The last slot that was given out.
    pub(crate) last: u64,
    /// The system's lane is in use, or may be.
    pub(crate) system: bool,
    /// Kinds of tasks were counted that end their instances.
    pub(crate) killers: bool,
}

impl Tail {
    fn of(counter: u64) -> Self {
        Self {
            last: counter % SLOTS,
            // Also by killers: of those who are the first here any number may have added theirs.
            system: counter >= SYSTEM,
            killers: counter >= KILLERS,
        }
    }
}

/// How much waits for tickets, paused or not.
pub(crate) struct Lanes {
    pub(crate) waiting: Waiting,
    /// In the system's lane, if that is in use.
    pub(crate) system: Option<u64>,
    /// The normal lane's.
    pub(crate) head: Head,
}

/// How much waits, by priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// With high priority.
    pub high: u64,
    /// With the normal one.
    pub normal: u64,
    /// With low priority.
    pub low: u64,
}

impl Waiting {
    /// As many as there may be.
    pub fn all() -> Self {
        Self {
            high: u64::MAX,
            normal: u64::MAX,
            low: u64::MAX,
        }
    }

    /// Of this priority.
    pub fn of(mut self, priority: Priority) -> u64 {
        *self.of_mut(priority)
    }

    pub(crate) fn of_mut(&mut self, priority: Priority) -> &mut u64 {
        match priority {
            Priority::High => &mut self.high,
            Priority::Normal => &mut self.normal,
            Priority::Low => &mut self.low,
        }
    }

    /// Of all priorities.
    pub fn total(self) -> u64 {
        self.high + self.normal + self.low
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Takes `count` slots of a lane and returns the last of them.
    pub(crate) async fn take_slots(&self, lane: Lane, count: u64) -> Result<u64, StoreError> {
        let after = self.store.increment(&self.keys.tail(lane), count).await?;
        Ok(lane.base() + Tail::of(after).last)
    }

    /// The normal lane's tail.
    pub(crate) async fn tail(&self) -> Result<Tail, StoreError> {
        let counter = self.store.counter(&self.keys.tail(Lane::Normal)).await?;
        Ok(Tail::of(counter))
    }

    /// The last slot of a lane that was given out.
    pub(crate) async fn last_slot(&self, lane: Lane) -> Result<u64, StoreError> {
        let counter = self.store.counter(&self.keys.tail(lane)).await?;
        Ok(lane.base() + Tail::of(counter).last)
    }

    /// The head of a lane. Only the normal one's says whether the queue was ever paused.
    pub(crate) async fn head_of(&self, lane: Lane) -> Result<Head, StoreError> {
        if lane.is_normal() {
            return self.head().await;
        }
        Ok(Head::of_other_lane(self.last_ticket(lane).await?))
    }

    /// The last slot of a lane whose ticket was given out.
    pub(crate) async fn last_ticket(&self, lane: Lane) -> Result<u64, StoreError> {
        let counter = self.store.counter(&self.keys.head(lane)).await?;
        Ok(match lane {
            Lane::Normal => Head::of(counter).taken,
            _ => lane.base() + counter,
        })
    }

    /// Whether the ticket of a slot was given out.
    pub(crate) async fn is_ticketed(&self, slot: u64) -> Result<bool, StoreError> {
        Ok(self.last_ticket(Lane::of(slot)).await? >= slot)
    }

    /// What waits for tickets, paused or not.
    pub(crate) async fn lanes(&self) -> Result<Lanes, StoreError> {
        // Slots first: a ticket that is taken in between is none too many.
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

    /// The lanes that a claim of users' tasks looks into, in order.
    pub(crate) fn lanes_to_claim(&self, head: Head) -> Vec<Lane> {
        if head.lanes {
            Priority::order(self.env.random()).map(Lane::from).to_vec()
        } else {
            vec![Lane::Normal]
        }
    }

    /// Says that a lane is in use, before a slot is taken in one that nobody might look into: who dies behind that must leave
    /// nothing that no keeper finds. Of several who are first each says so, which does no harm.
    pub(crate) async fn open_lane(&self, lane: Lane) -> Result<(), StoreError> {
        if lane.is_normal() || !holds(Guard::OpenLaneFirst) {
            return Ok(());
        }
        self.say_lane_in_use(lane).await
    }

    pub(crate) async fn say_lane_in_use(&self, lane: Lane) -> Result<(), StoreError> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_tells_its_lane() {
        for lane in Lane::ALL {
            for n in [1, 1 << 40, LANE - 1] {
                assert_eq!(Lane::of(lane.base() + n), lane);
                assert!(crate::record::is_slot(lane.base() + n));
            }
        }
        assert_eq!(Lane::of(u64::MAX), Lane::System);
    }

    #[test]
    fn slots_and_the_use_of_the_systems_lane_share_a_counter() {
        for last in [0, 7, SLOTS - 1] {
            for first in [0, 1, 2, 2_500] {
                let counter = last + first * SYSTEM;
                assert!(counter < 3_000_000_000_000_000_000);
                let system = first > 0;
                assert_eq!(
                    Tail::of(counter),
                    Tail {
                        last,
                        system,
                        killers: first >= 32,
                    },
                    "{counter}"
                );
            }
        }
    }

    #[test]
    fn of_sixteen_claims_each_priority_has_its_share() {
        let first = |lane| {
            (0..CLAIMS)
                .filter(|&n| Priority::order(n)[0] == lane)
                .count()
        };
        assert_eq!(Priority::ALL.map(first), [12, 3, 1]);
        for n in 0..CLAIMS {
            let mut order = Priority::order(n);
            // Behind the first, the higher one first.
            assert!(order[1] < order[2], "{order:?}");
            order.sort();
            assert_eq!(order, Priority::ALL);
        }
    }
}
