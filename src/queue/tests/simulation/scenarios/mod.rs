//! Short scenarios: the actions of clients, and their times.

mod cancelling;
mod enqueuers;
mod failures;
mod follow_ups;
mod idempotency;
mod killers;
mod late;
mod limits;
mod metrics;
mod owners;
mod priorities;
mod schedules;
mod tasks;
mod ticks;
mod timer;
mod workflows;

use crate::stage::Stage;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 1_440 * MINUTE_MS;

/// A scenario.
pub(crate) struct Scenario {
    pub name: &'static str,
    pub search: Search,
    pub left: Left,
    pub play: fn(&Stage),
}

/// The search in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// A fault at every place.
    Singles,
    /// A fault at every place, and at every pair of places.
    Pairs,
    /// No fault, but at every place the instance is held until others have come so far.
    Races,
}

/// The keys left after the retention of its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// An instance that outlives retention may leave its slot behind.
    Perhaps,
    NothingAfterHours,
    /// Not even the timer's marks and closed seconds.
    NothingAfterDays,
}

/// A scenario with a fault at every place. After hours nothing is left of it.
const fn scenario(name: &'static str, play: fn(&Stage)) -> Scenario {
    Scenario {
        name,
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play,
    }
}

/// A scenario that is short enough for a fault at every pair of places.
const fn pairs(name: &'static str, play: fn(&Stage)) -> Scenario {
    Scenario {
        search: Search::Pairs,
        ..scenario(name, play)
    }
}

/// A scenario without a fault, in which others overtake an instance.
const fn race(name: &'static str, play: fn(&Stage)) -> Scenario {
    Scenario {
        search: Search::Races,
        left: Left::Perhaps,
        ..scenario(name, play)
    }
}

impl Scenario {
    const fn leaves(self, left: Left) -> Self {
        Self { left, ..self }
    }
}

/// All scenarios.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    let subjects = [
        tasks::SCENARIOS,
        priorities::SCENARIOS,
        failures::SCENARIOS,
        timer::SCENARIOS,
        ticks::SCENARIOS,
        enqueuers::SCENARIOS,
        owners::SCENARIOS,
        killers::SCENARIOS,
        late::SCENARIOS,
        cancelling::SCENARIOS,
        follow_ups::SCENARIOS,
        idempotency::SCENARIOS,
        limits::SCENARIOS,
        schedules::SCENARIOS,
        workflows::SCENARIOS,
        metrics::SCENARIOS,
    ];
    subjects.into_iter().flatten()
}
