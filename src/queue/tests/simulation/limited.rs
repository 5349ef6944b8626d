//! Checks of a queue with limits.

use crate::support::{Began, Sim};
use handoff_queue::{BEGIN_MS, IN_PROGRESS_BYTES, Rate};
use std::collections::BTreeMap;

/// No task here has larger arguments.
const LARGEST: u64 = 210_000;

/// Checks that limits hold. No more tasks run at once than the limit, unless an instance stalled
/// for longer than others wait for it. No more begin in a row of periods than the rate, by their
/// workers' clocks.
pub(crate) fn judge(sim: &Sim) -> Result<(), String> {
    let limits = sim.world.queue_limits.get();
    let most = sim.world.most_bytes.get();
    if most > IN_PROGRESS_BYTES + LARGEST {
        return Err(format!("{most} bytes were in progress in an instance"));
    }
    if let Some(limit) = limits.concurrency {
        let most = sim.world.most_running.get();
        if most > limit && sim.world.faults.stalled.get() == 0 {
            return Err(format!("{most} ran at once, of {limit}"));
        }
    }
    for (key, &(_, most)) in sim.world.running_of.borrow().iter() {
        let limit = limits.per_key.concurrency.unwrap_or(u64::MAX);
        if most > limit && sim.world.faults.stalled.get() == 0 {
            return Err(format!("{most} of {key} ran at once, of {limit}"));
        }
        if let Some(rate) = limits.per_key.rate {
            kept(sim, rate, |began| began.key.as_ref() == Some(key))?;
        }
    }
    limits
        .rate
        .map_or(Ok(()), |rate| kept(sim, rate, |began| !began.follows))
}

/// Checks a rate. A task begins up to 2 s after its ticket.
fn kept(sim: &Sim, rate: Rate, of: impl Fn(&Began) -> bool) -> Result<(), String> {
    let mut begun = BTreeMap::<u64, u64>::new();
    for began in sim.world.began.borrow().iter().filter(|began| of(began)) {
        *begun
            .entry(began.seen_ms / 1_000 / rate.period_s)
            .or_default() += 1;
    }
    let late = 1 + BEGIN_MS / 1_000 / rate.period_s;
    for &first in begun.keys() {
        for periods in [1, 2, 5, 20] {
            let count: u64 = begun.range(first..first + periods).map(|(_, n)| n).sum();
            if count > rate.count * (periods + late) {
                return Err(format!(
                    "{count} began in {periods} periods from {first} on, of {rate:?}"
                ));
            }
        }
    }
    Ok(())
}
