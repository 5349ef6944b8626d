//! The mix of a run.

use crate::support::Sim;

/// The mix of a run. Every seed leaves kinds of requests out, so that the others come closer
/// together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mix {
    pub(super) batches: bool,
    pub(super) cancels: bool,
    pub(super) computing: bool,
    pub(super) panics: bool,
    pub(super) failures: bool,
    pub(super) continues: bool,
    pub(super) sleeps: bool,
    pub(super) expires: bool,
    pub(super) pauses: bool,
    pub(super) keys: bool,
    pub(super) priorities: bool,
    pub(super) sweeps: bool,
    pub(super) follows: bool,
    pub(super) schedules: bool,
    pub(super) workflows: bool,
    /// Tasks that run for longer than their heartbeat timeout.
    pub(super) longs: bool,
    /// The longest delay. 0 for no delays.
    pub(super) delay_max_ms: u64,
}

impl Mix {
    /// Draws a mix, with delays up to a bound.
    pub(crate) fn of(sim: &Sim) -> Self {
        const SECOND: u64 = 1_000;
        let world = &sim.world;
        Self {
            batches: world.chance(600),
            cancels: world.chance(600),
            computing: world.chance(300),
            panics: world.chance(100),
            failures: world.chance(600),
            continues: world.chance(500),
            sleeps: world.chance(800),
            expires: world.chance(500),
            pauses: world.chance(200),
            keys: world.chance(500),
            sweeps: world.chance(400),
            follows: world.chance(400),
            schedules: world.chance(150),
            priorities: world.chance(300),
            workflows: world.chance(350),
            longs: world.chance(200),
            // A keeper that stays for days is simulated second by second.
            delay_max_ms: match world.below(2_000) {
                0 => 3 * 86_400 * SECOND,
                1..=20 => 3 * 3_600 * SECOND,
                21..=300 => 600 * SECOND,
                301..=1_200 => 30 * SECOND,
                _ => 0,
            },
        }
    }
}
