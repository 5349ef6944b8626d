//! Priorities, and the lanes that they mean.

use serde::Deserialize;
use serde::Serialize;

/// Slots of a lane differ from those of the next one by this much.
pub(crate) const LANE: u64 = 1 << 50;

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
    pub(crate) fn order(random: u64) -> [Self; 3] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_tells_its_lane() {
        for lane in Lane::ALL {
            for n in [1, 1 << 40, LANE - 1] {
                assert_eq!(Lane::of(lane.base() + n), lane);
                assert!(lane.base() + n < 1 << 53);
            }
        }
        assert_eq!(Lane::of(u64::MAX), Lane::System);
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
