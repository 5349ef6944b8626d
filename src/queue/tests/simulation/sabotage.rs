//! The protocol with one guard left out: the crash points or the random schedules must notice. A guard whose absence
//! nobody notices would not be needed, or not be tested.

use super::{crash_points, parallel, random};
use handoff_queue::{Guard, leave_out};

/// So many random schedules are tried at most for each guard.
const SEEDS_MAX: u64 = 1_500;
/// So many before the crash points are, of which one in so many is tried.
const SEEDS_FIRST: usize = 100;
const PLACES: usize = 8;

/// What notices first that a guard is left out.
fn finds(guard: Guard, jobs: &[crash_points::Job], seeds: &[u64]) -> Option<String> {
    let prepare = || leave_out(Some(guard));
    let first = |text: Vec<String>| {
        text.first()
            .map(|t| t.chars().take(200).collect::<String>())
    };
    let tries = |seeds: &[u64]| {
        let run = |seed: &u64| random::run(*seed).map_err(|e| format!("seed {seed}: {e}"));
        first(parallel::failures(seeds, 1, prepare, run))
    };
    let (few, many) = seeds.split_at(SEEDS_FIRST);
    tries(few)
        .or_else(|| first(crash_points::failing(jobs, 1, prepare)))
        .or_else(|| tries(many))
}

/// What needs no fault first, then the rest well mixed: a few places in one scenario notice most of what can be left out.
fn mixed(mut jobs: Vec<crash_points::Job>) -> Vec<crash_points::Job> {
    let mut number: u64 = 0;
    jobs.retain(|(_, faults, _)| {
        number += 1;
        faults.is_empty() || number.is_multiple_of(PLACES as u64)
    });
    jobs.sort_by_cached_key(|(_, faults, _)| {
        number += 1;
        (faults.len(), number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    });
    jobs
}

#[test]
fn every_guard_that_is_left_out_is_missed() {
    let wanted = std::env::var("HANDOFF_GUARD").ok();
    let jobs = mixed(crash_points::single_faults());
    let seeds: Vec<u64> = (1..=SEEDS_MAX).collect();
    let mut missed = Vec::new();
    for guard in Guard::ALL {
        if wanted.as_ref().is_some_and(|w| *w != format!("{guard:?}")) {
            continue;
        }
        let start = std::time::Instant::now();
        let found = finds(guard, &jobs, &seeds);
        let line = found.as_deref().unwrap_or("NOTHING").lines().next();
        println!(
            "{guard:?} ({:.1} s): {}",
            start.elapsed().as_secs_f64(),
            line.unwrap_or_default()
        );
        if found.is_none() {
            missed.push(guard);
        }
    }
    assert!(missed.is_empty(), "nothing misses {missed:?}");
}
