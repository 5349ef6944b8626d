//! Priorities, and their lanes.

use serde::Deserialize;
use serde::Serialize;

/// The distance between the slots of two lanes.
const LANE: u64 = 1 << 50;

/// Of 16 claims 12 try high first, 3 normal, 1 low.
const CLAIMS: u64 = 16;

/// The priority of a task in its queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Taken before the others.
    High,
    /// The default.
    #[default]
    Normal,
    /// Taken after the others, except by one of 16 claims.
    Low,
}

impl Priority {
    /// All priorities, the highest first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    pub(crate) fn is_normal(&self) -> bool {
        *self == Self::Normal
    }

    /// Draws the order in which a claim looks into the lanes. Mostly the highest comes first. Where
    /// more high-priority tasks come than workers can run, the others still get their share.
    pub(crate) fn order(random: u64) -> [Self; 3] {
        match random % CLAIMS {
            0 => [Self::Low, Self::High, Self::Normal],
            1..=3 => [Self::Normal, Self::High, Self::Low],
            _ => Self::ALL,
        }
    }
}

/// A lane: a sequence of slots with a sequence of tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lane {
    High,
    Normal,
    Low,
    /// Webhooks and turns of workflows.
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
    /// All lanes, the highest priority first.
    pub(crate) const ALL: [Self; 4] = [Self::High, Self::Normal, Self::Low, Self::System];
    /// The lanes that are in use if `Head::lanes` is set.
    pub(crate) const PRIORITIES: [Self; 2] = [Self::High, Self::Low];

    pub(crate) fn is_normal(self) -> bool {
        self == Self::Normal
    }

    /// Whether no pause or limit applies to the lane.
    pub(crate) fn is_system(self) -> bool {
        self == Self::System
    }

    /// The slot before the lane's first slot.
    pub(crate) fn base(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::High => LANE,
            Self::Low => 2 * LANE,
            Self::System => 3 * LANE,
        }
    }

    /// The lane of a slot.
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
            // The other two lanes follow in order of priority.
            assert!(order[1] < order[2], "{order:?}");
            order.sort();
            assert_eq!(order, Priority::ALL);
        }
    }
}
