//! The two counters of a lane, `head` and `tail`, and their flags.

use crate::base::priority::{Lane, Priority};
use crate::store::contract::Append;

/// Flag in the normal lane's `tail`: the system lane is in use. Several first enqueuers may each
/// add it.
pub(crate) const SYSTEM: u64 = 1 << 50;

/// Flag in the normal lane's `tail`: a kind that ends its instances was counted. Several first
/// claimers may each add it.
pub(crate) const KILLERS: u64 = 1 << 55;

/// Every slot number of a lane is below this.
const SLOTS: u64 = Append::NUMBERS;

/// A reading of the normal lane's counter `tail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The last slot given out.
    pub(crate) last: u64,
    /// The system lane is in use, or may be.
    pub(crate) system: bool,
    /// Kinds that end their instances were counted.
    pub(crate) killers: bool,
}

impl Tail {
    pub(crate) fn of(counter: u64) -> Self {
        Self {
            last: counter % SLOTS,
            // True with `killers` too: any number of first claimers may have added that flag.
            system: counter >= SYSTEM,
            killers: counter >= KILLERS,
        }
    }
}

/// The backlog of each lane, paused or not.
pub(crate) struct Lanes {
    pub(crate) waiting: Waiting,
    /// The backlog of the system lane, if that is in use.
    pub(crate) system: Option<u64>,
    /// The head of the normal lane.
    pub(crate) head: Head,
}

/// The number of waiting slots, by priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Slots of high priority.
    pub high: u64,
    /// Slots of normal priority.
    pub normal: u64,
    /// Slots of low priority.
    pub low: u64,
}

impl Waiting {
    /// No bound in any priority.
    pub fn all() -> Self {
        Self {
            high: u64::MAX,
            normal: u64::MAX,
            low: u64::MAX,
        }
    }

    /// The number for one priority.
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

    /// The sum over all priorities.
    pub fn total(self) -> u64 {
        self.high + self.normal + self.low
    }
}

/// Flag in the normal lane's `head`: the queue was paused. It is above every ticket of 50 years
/// with 10,000 tasks a second.
pub(crate) const PAUSABLE: u64 = 1 << 44;

/// Flag in the normal lane's `head`: a task had a priority. It leaves room for 63 concurrent first
/// pauses below it. Each of thousands of concurrent first enqueuers may add it. The counter must
/// still stay below 3 * 10^18, since a store may tell counters from text by their first byte.
pub(crate) const LANES: u64 = 1 << 50;

/// A reading of the counter `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last slot whose ticket was given out.
    pub taken: u64,
    /// The queue may have been paused. The key `paused` tells whether it is now.
    pub pausable: bool,
    /// Tasks with a priority exist or existed.
    pub lanes: bool,
}

impl Head {
    pub(crate) fn of(counter: u64) -> Self {
        Self {
            taken: counter % PAUSABLE,
            pausable: counter % LANES >= PAUSABLE,
            lanes: counter >= LANES,
        }
    }

    /// A reading of a lane's counter. Only the normal lane's has flags.
    pub(crate) fn in_lane(lane: Lane, counter: u64) -> Self {
        if lane.is_normal() {
            return Self::of(counter);
        }
        Self {
            taken: lane.base() + counter,
            pausable: true,
            lanes: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_pauses_and_lanes_share_a_counter() {
        let table = [
            (0, 0, false),
            (7, 7, false),
            (PAUSABLE - 1, PAUSABLE - 1, false),
            (PAUSABLE + 7, 7, true),
            // Each of several concurrent first pauses added the flag.
            (2 * PAUSABLE + 7, 7, true),
            (63 * PAUSABLE + 7, 7, true),
        ];
        for (counter, taken, pausable) in table {
            // Each of several concurrent first enqueuers of a lane added the flag.
            for first in [0, 1, 2, 2_500] {
                let lanes = first > 0;
                let head = Head {
                    taken,
                    pausable,
                    lanes,
                };
                let counter = counter + first * LANES;
                assert!(counter < 3_000_000_000_000_000_000);
                assert_eq!(Head::of(counter), head, "{counter}");
            }
        }
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
}
