//! The two counters of a lane, `head` and `tail`, and the flags in them.

use crate::base::priority::Priority;

/// Added to the normal lane's tail by the first who uses the system's lane; of several each may.
pub(crate) const SYSTEM: u64 = 1 << 50;

/// Added to the normal lane's tail by the first who counts a kind that ends its instances; of several each may.
pub(crate) const KILLERS: u64 = 1 << 55;

/// Slots are below.
pub(crate) const SLOTS: u64 = 1 << 44;

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
    pub(crate) fn of(counter: u64) -> Self {
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

/// Above every ticket: with 10,000 in each second in 50 years.
pub(crate) const PAUSABLE: u64 = 1 << 44;

/// Above the first pauses of as many as do so at once, up to 63. Of thousands who are first to use a lane at once each may add it: a store
/// may tell counters from text by their first byte, so that it must stay below 3 * 10^18.
pub(crate) const LANES: u64 = 1 << 50;

/// The counter `head`, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last slot whose ticket was given out.
    pub taken: u64,
    /// The queue was paused at some time, as far as this counter tells: a key says whether it is.
    pub pausable: bool,
    /// There are tasks with a priority, or were.
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

    /// Of a lane other than the normal one, which says nothing of the queue.
    pub(crate) fn of_other_lane(taken: u64) -> Self {
        Self {
            taken,
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
            // Of all who were first to pause it each said so.
            (2 * PAUSABLE + 7, 7, true),
            (63 * PAUSABLE + 7, 7, true),
        ];
        for (counter, taken, pausable) in table {
            // And of all who were first to use a lane.
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
