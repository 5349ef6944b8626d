//! Priorities. A queue has a lane for each: slots and tickets of their own, of which the high bits say which lane they are in. So
//! nothing that is named by a slot need know of lanes.
//!
//! Whoever looks into a queue reads the normal lane's head, and that says whether the other lanes are [in use](Head::lanes): as long
//! as nobody gave a task a priority, nobody looks there.

use crate::guard::{Guard, holds};
use crate::operate::{Head, LANES};
use crate::{Env, Queue, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Slots of a lane differ from those of the next one by this much.
const LANE: u64 = 1 << 50;
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
    /// Those whose lanes are not in use unless `head` says so.
    pub(crate) const OTHERS: [Self; 2] = [Self::High, Self::Low];

    pub(crate) fn is_normal(&self) -> bool {
        *self == Self::Normal
    }

    /// The slot before the lane's first.
    pub(crate) fn base(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::High => LANE,
            Self::Low => 2 * LANE,
        }
    }

    /// Whose lane a slot is in.
    pub(crate) fn of(slot: u64) -> Self {
        match slot / LANE {
            0 => Self::Normal,
            1 => Self::High,
            _ => Self::Low,
        }
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
    /// The last slot of a lane that was given out.
    pub(crate) async fn last_slot(&self, lane: Priority) -> Result<u64, StoreError> {
        Ok(lane.base() + self.store.counter(&self.keys.tail(lane)).await?)
    }

    /// The head of a lane. Only the normal one's says whether the queue was ever paused.
    pub(crate) async fn head_of(&self, lane: Priority) -> Result<Head, StoreError> {
        if lane.is_normal() {
            return self.head().await;
        }
        Ok(Head::of_other_lane(self.last_ticket(lane).await?))
    }

    /// The last slot of a lane whose ticket was given out.
    pub(crate) async fn last_ticket(&self, lane: Priority) -> Result<u64, StoreError> {
        let counter = self.store.counter(&self.keys.head(lane)).await?;
        Ok(match lane {
            Priority::Normal => Head::of(counter).taken,
            _ => lane.base() + counter,
        })
    }

    /// Whether the ticket of a slot was given out.
    pub(crate) async fn is_ticketed(&self, slot: u64) -> Result<bool, StoreError> {
        Ok(self.last_ticket(Priority::of(slot)).await? >= slot)
    }

    /// What waits for tickets, paused or not, and the normal lane's head.
    pub(crate) async fn lanes(&self) -> Result<(Waiting, Head), StoreError> {
        // Slots first: a ticket that is taken in between is none too many.
        let last = self.last_slot(Priority::Normal).await?;
        let head = self.head().await?;
        let mut waiting = Waiting {
            normal: last.saturating_sub(head.taken),
            ..Waiting::default()
        };
        if head.lanes {
            waiting.high = self.waiting_in(Priority::High).await?;
            waiting.low = self.waiting_in(Priority::Low).await?;
        }
        Ok((waiting, head))
    }

    pub(crate) async fn waiting_in(&self, lane: Priority) -> Result<u64, StoreError> {
        let last = self.last_slot(lane).await?;
        Ok(last.saturating_sub(self.last_ticket(lane).await?))
    }

    /// The lanes that a claim looks into, in order.
    pub(crate) fn lanes_to_claim(&self, head: Head) -> Vec<Priority> {
        if head.lanes {
            Priority::order(self.env.random()).to_vec()
        } else {
            vec![Priority::Normal]
        }
    }

    /// Says that lanes are in use, before a slot is taken in one that nobody might look into: who dies behind that must leave
    /// nothing that no keeper finds. Of several who are first each says so, which does no harm.
    pub(crate) async fn open_lane(&self, lane: Priority) -> Result<(), StoreError> {
        if lane.is_normal() || !holds(Guard::OpenLaneFirst) {
            return Ok(());
        }
        self.say_lanes_in_use().await
    }

    pub(crate) async fn say_lanes_in_use(&self) -> Result<(), StoreError> {
        if !self.head().await?.lanes {
            let key = self.keys.head(Priority::Normal);
            self.store.increment(&key, LANES).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_tells_its_lane() {
        for lane in Priority::ALL {
            for n in [1, 1 << 40, LANE - 1] {
                assert_eq!(Priority::of(lane.base() + n), lane);
                assert!(crate::record::is_slot(lane.base() + n));
            }
        }
        assert_eq!(Priority::of(u64::MAX), Priority::Low);
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
