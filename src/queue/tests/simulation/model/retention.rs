//! What may be left in the store after retention.

use super::{Wrong, look};
use crate::load::Load;
use crate::support::{Sim, keys, parts};
use futures::FutureExt;
use handoff_queue::{
    KEY_WINDOW_MS, KeyLimits, RETENTION_DEFAULT_MS, RETENTION_MIN_MS, Store, WINDOW_MS,
};

/// The first pass that stores its progress deletes registrations of so many windows before it.
const WINDOWS_LOOKED_BACK: u64 = 500;

/// Registrations stay this long.
const REGISTERED_MS: u64 = 70 * 60_000;

/// Checks that everything is deleted after its retention, once all tasks are final and no request
/// comes.
pub(crate) fn retire(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    // Retention ends where rescue was an hour ago, and examines an open task up to two hours later.
    // Few of the passes so far may have come to their end.
    sim.run_with_ticks(4 * RETENTION_MIN_MS, 10 * 60_000);
    sim.run_with_ticks(60_000, 5_000);
    look(sim, load, &load.asked())?;
    // A task whose enqueuer died before it acknowledged runs when retention comes by, and is kept
    // from then on. The slots behind it wait until they are old. A batch may hold many such tasks.
    let end_ms = sim.now_ms() + RETENTION_DEFAULT_MS;
    while left(sim, load).is_err() && sim.now_ms() < end_ms {
        sim.run_with_ticks(2 * RETENTION_MIN_MS, 10 * 60_000);
        sim.run_with_ticks(60_000, 5_000);
    }
    left(sim, load)
}

/// Checks that days later not even marks are left.
pub(crate) fn rest(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    sim.run_for(3 * 86_400_000);
    sim.run_with_ticks(120_000, 5_000);
    if left(sim, load).is_err() {
        // A late call left a place of a waitlist that no task took. A waitlist is served before it
        // goes, an hour later.
        sim.run_for(2 * RETENTION_MIN_MS);
        sim.run_with_ticks(120_000, 5_000);
    }
    left(sim, load)
}

fn left(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let keys = sim.world.store.keys();
    let tables = |key: &&String| matches!(parts(key), ("y", Some(_)));
    if keys.iter().filter(tables).count() > 1 {
        return Err((None, "tables of schedules are left".to_owned()));
    }
    let keyed = sim.world.queue_limits.get().per_key != KeyLimits::default();
    let is_due = |key: &str| !matches!(parts(key), ("ge", Some(s)) if s * 1_000 > sim.now_ms());
    // The entry that will delete a waitlist.
    let of_lines = |key: &str| keyed && !is_due(key);
    let stays = |key: &str| {
        stays(key, sim.now_ms())
            || of_lines(key)
            || is_given_up_early(sim, key)
            || is_registered_early(sim, key)
    };
    match keys.iter().find(|key| !stays(key)) {
        None => Ok(()),
        Some(key) => {
            let slot = parts(key).1.filter(|_| parts(key).0 != "f");
            let asked = slot.and_then(|slot| load.by_slot(slot));
            let keeper = sim.wait(|queue| async move { queue.store().get(keys::KEEPER).await });
            let keeper = keeper.ok().flatten().unwrap_or_default();
            let keeper = String::from_utf8_lossy(&keeper);
            Err((
                asked,
                format!("{key} is left, and the keeper knows {keeper}"),
            ))
        }
    }
}

/// Whether a registration is of a time long before any keeper stored its progress: its passes failed,
/// and then no request came.
fn is_registered_early(sim: &Sim, key: &str) -> bool {
    let ("w" | "k", Some(window)) = parts(key) else {
        return false;
    };
    let kept_ms = sim.world.first_kept_ms.get();
    kept_ms.is_some_and(|kept_ms| window + WINDOWS_LOOKED_BACK <= kept_ms / WINDOW_MS)
}

/// Whether a ticket was given up whose slot no enqueuer had yet: claimers raced.
fn is_given_up_early(sim: &Sim, key: &str) -> bool {
    let ("h", Some(slot)) = parts(key) else {
        return false;
    };
    let lane = 1 << 50;
    let tails = ["tail", "tail.h", "tail.l", "tail.s"];
    let tail = keys::of(tails[(slot / lane) as usize]);
    let given = sim
        .world
        .store
        .counter(&tail)
        .now_or_never()
        .unwrap()
        .unwrap();
    slot % lane > given % (1 << 44)
}

/// Whether this is a key of a limit that stays. Limit counters go some hours later, and a waitlist
/// on the second day after its own.
fn of_a_key(kind: &str, key: &str, now_ms: u64) -> bool {
    const HOUR_MS: u64 = 3_600_000;
    let number = key.split('.').nth(4).and_then(|n| n.parse::<u64>().ok());
    let Some(number) = number else { return false };
    let until_ms = match kind {
        "kp" => number * KEY_WINDOW_MS + 4 * HOUR_MS,
        "kb" => number * 1_000 + 4 * HOUR_MS,
        "kn" => (number + 4) * HOUR_MS,
        _ => (number + 2) * 24 * HOUR_MS + 4 * HOUR_MS,
    };
    now_ms < until_ms
}

/// Whether the count of a kind that ends its instances stays: until two hours after its period of
/// ten minutes.
fn killer_stays(key: &str, now_ms: u64) -> bool {
    let period = key.split('.').nth(4).and_then(|n| n.parse::<u64>().ok());
    period.is_some_and(|period| now_ms < (period + 1) * 600_000 + 3 * 3_600_000)
}

/// Whether a key stays: the queue's own counters, the keeper's record, the last table of schedules,
/// counts, cancel counters per block, and recent registrations. The timer's marks and closed seconds stay
/// for two days at most.
fn stays(key: &str, now_ms: u64) -> bool {
    let (kind, number) = parts(key);
    let now_s = now_ms / 1_000;
    let today_s = now_s - now_s % 86_400;
    match kind {
        "tail" | "head" | "keeper" | "cancelled" | "xb" | "y" | "u" | "totals" => true,
        "f" => number.is_none(),
        "z" => killer_stays(key, now_ms),
        "w" | "k" | "p" => number.is_some_and(|w| (w * WINDOW_MS) + REGISTERED_MS > now_ms),
        "kp" | "kb" | "kn" | "kt" | "kh" | "kq" | "kc" => of_a_key(kind, key, now_ms),
        "b" => number.is_some_and(|s| s * 1_000 + REGISTERED_MS > now_ms),
        "td" | "th" | "tm" | "ts" | "gd" | "gh" | "gm" | "gs" => {
            number.is_some_and(|s| s >= today_s - 2 * 86_400)
        }
        _ => false,
    }
}
