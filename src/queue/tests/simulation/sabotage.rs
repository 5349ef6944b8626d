//! The protocol with one guard left out: the random schedules or the crash points must notice. A guard whose absence
//! nobody notices would not be needed, or not be tested.
//!
//! `HANDOFF_GUARD=name` leaves out that one only, and searches long.

use super::crash_points::{self, Job};
use super::{parallel, random};
use handoff_queue::{Guard, leave_out};

/// So many random schedules are tried first.
const SEEDS_FIRST: u64 = 200;
/// And so many in the end, in a long search.
const SEEDS_MAX: u64 = 5_000;
/// Every place of this scenario is tried in a short search, besides every scenario without a fault.
const OVERTAKEN: &str = "an enqueuer that claimers overtake";

/// Guards that a short search does not miss. Each has a test of its own with the race spelled out (`fencing.rs`, `timing.rs`,
/// `cancel.rs`, `retention.rs`, `neighbours.rs`, `presence.rs`), but no schedule that finds its absence by itself yet.
const NOT_MISSED_YET: [Guard; 13] = [
    Guard::KeepHandoverCounters,
    Guard::AdoptEarlierOutcome,
    Guard::CheckFirstClaim,
    Guard::LostAloneCounts,
    Guard::BucketMayCloseMeanwhile,
    Guard::MarkMayBeClosed,
    Guard::CoarseMarksFirst,
    Guard::SkipOnlyUnmarked,
    Guard::SampleTimeAfterRead,
    Guard::LookAgainAtUnmarked,
    Guard::LookAfterLeaving,
    Guard::AnnounceBeforeCancelling,
    Guard::DeleteHomeFirst,
];

/// What notices first that a guard is left out.
fn finds(guard: Guard, jobs: &[Job], seeds: std::ops::Range<u64>) -> Option<String> {
    let prepare = || leave_out(Some(guard));
    let first = |found: Vec<String>| found.into_iter().next();
    let tries = |seeds: std::ops::Range<u64>| {
        let seeds: Vec<_> = seeds.collect();
        let run = |seed: &u64| random::run(*seed).map_err(|e| format!("seed {seed}: {e}"));
        first(parallel::failures(&seeds, 1, prepare, run))
    };
    tries(seeds.start..SEEDS_FIRST)
        .or_else(|| first(crash_points::failing(jobs, 1, prepare)))
        .or_else(|| tries(SEEDS_FIRST..seeds.end))
}

#[test]
fn a_guard_that_is_left_out_is_missed() {
    let wanted = std::env::var("HANDOFF_GUARD").ok();
    let mut jobs = crash_points::single_faults();
    if wanted.is_none() {
        jobs.retain(|(scenario, faults, _)| faults.is_empty() || scenario.name == OVERTAKEN);
    }
    jobs.sort_by_key(|(_, faults, _)| faults.len());
    let end = if wanted.is_some() {
        SEEDS_MAX
    } else {
        SEEDS_FIRST
    };
    let chosen = |guard: &Guard| match &wanted {
        Some(wanted) => *wanted == format!("{guard:?}"),
        None => !NOT_MISSED_YET.contains(guard),
    };
    let mut unnoticed = Vec::new();
    for guard in Guard::ALL.into_iter().filter(chosen) {
        let found = finds(guard, &jobs, 1..end);
        let line = found.as_deref().unwrap_or("NOTHING").lines().next();
        let line: String = line.unwrap_or_default().chars().take(160).collect();
        println!("without {guard:?}: {line}");
        if found.is_none() {
            unnoticed.push(guard);
        }
    }
    assert!(unnoticed.is_empty(), "nothing misses {unnoticed:?}");
}
