//! When tasks may run: not early, not late, not twice.

use crate::load::Asked;
use crate::support::{Began, Ended, Sim, value};
use handoff_queue::{BEGIN_MS, CLOCK_SLACK_MS, HEARTBEAT_TIMEOUT_DEFAULT_MS, Json, Outcome, Wait};

/// Checks that no task begins before it is due, and no retry before its time.
pub(super) fn never_early(sim: &Sim, asked: &Asked, began: &[Began]) -> Result<(), String> {
    let first_of = |attempt| began.iter().find(|b| b.attempt == attempt);
    if let (Some(at_ms), Some(first)) = (asked.not_before_ms, began.first())
        && first.at_ms + CLOCK_SLACK_MS < at_ms
    {
        return Err(format!("due at {at_ms}, it began at {}", first.at_ms));
    }
    for next in began.iter().filter_map(|b| first_of(b.attempt)) {
        let ended = sim.world.ended.borrow();
        // A run that overran its timeout, or may have been silent, was taken for lost, whatever its
        // outcome.
        let lease_ms = |e: &Ended| {
            let began_ms = first_of(e.attempt).map_or(0, |b| b.at_ms);
            let overrun_ms = began_ms + BEGIN_MS + asked.timeout_ms + CLOCK_SLACK_MS;
            match e.instance.hit_ms() >= began_ms {
                true => overrun_ms.min(began_ms + HEARTBEAT_TIMEOUT_DEFAULT_MS - CLOCK_SLACK_MS),
                false => overrun_ms,
            }
        };
        let before = ended.iter().filter(|e| {
            e.name == asked.name && e.attempt + 1 == next.attempt && e.at_ms <= next.at_ms
        });
        let before = before.filter(|e| e.at_ms <= lease_ms(e));
        let asked_for = before.map(|e| match e.outcome {
            Outcome::Retry {
                wait: Wait::Exactly(ms) | Wait::AtLeast(ms),
                ..
            } => e.at_ms + ms,
            Outcome::Retry { .. } => e.at_ms,
            _ => 0,
        });
        if asked_for
            .min()
            .is_some_and(|at_ms| next.at_ms + CLOCK_SLACK_MS < at_ms)
        {
            return Err(format!("it was asked to come later than {next:?}"));
        }
    }
    began
        .iter()
        .try_for_each(|next| part_never_early(sim, next))
}

/// Checks that a part begins after the pause that the part before it asked for. Several runs may
/// have asked, and one of them counted.
fn part_never_early(sim: &Sim, next: &Began) -> Result<(), String> {
    let ended = sim.world.ended.borrow();
    let of_this = |e: &&Ended| (&e.name, e.attempt) == (&next.name, next.attempt);
    let asked_for = ended
        .iter()
        .filter(of_this)
        .filter_map(|e| match &e.outcome {
            Outcome::Continue {
                checkpoint,
                after_ms,
            } if Some(checkpoint) == next.checkpoint.as_ref() => Some(e.at_ms + after_ms),
            _ => None,
        });
    match asked_for.min() {
        Some(at_ms) if next.at_ms + CLOCK_SLACK_MS < at_ms => {
            Err(format!("its part was asked to come later than {next:?}"))
        }
        _ => Ok(()),
    }
}

/// Checks what runs are told: the same part of the same checkpoint, and each another fence.
fn told_right(began: &[Began]) -> Result<(), String> {
    for (i, one) in began.iter().enumerate() {
        let parts = one
            .checkpoint
            .as_ref()
            .and_then(|stored| value(stored).as_u64());
        if parts.unwrap_or(0) != u64::from(one.part) {
            return Err(format!("its part is not that of its checkpoint: {one:?}"));
        }
        if began[..i].iter().any(|other| other.fence == one.fence) {
            return Err(format!("an earlier run had the same fence: {one:?}"));
        }
    }
    Ok(())
}

/// Checks that no task begins for the first time after it expired. A task with a start mark by then
/// did not expire, though its instance may have died before the begin.
pub(super) fn never_late(sim: &Sim, asked: &Asked, began: &[Began]) -> Result<(), String> {
    let (Some(at_ms), Some(first)) = (asked.expires_ms, began.first()) else {
        return Ok(());
    };
    let marked_ms = sim.world.ledger.marked_ms(asked.id.slot());
    // Its instance ended between the mark and the begin. A panic of a task beside it is enough.
    let ended = sim.world.faults.happened.get() > 0 || sim.panicked();
    let marked = marked_ms.is_some_and(|ms| ms <= at_ms) && ended;
    if first.at_ms > at_ms + CLOCK_SLACK_MS && !marked {
        return Err(format!(
            "it expired at {at_ms} and began at {}",
            first.at_ms
        ));
    }
    Ok(())
}

/// Checks runs of the same part. All but one were in instances that had a hit afterwards: they
/// died, stalled, panicked, or lost a store call. A snoozed run is followed by another one of the
/// same part.
pub(crate) fn never_twice(sim: &Sim, began: &[Began]) -> Result<(), String> {
    told_right(began)?;
    let part = |b: &Began| (b.attempt, b.checkpoint.as_ref().map(Json::to_string));
    for one in began {
        let same = began.iter().filter(|b| part(b) == part(one));
        let well: Vec<_> = same.filter(|b| b.instance.hit_ms() < b.at_ms).collect();
        let ended = sim.world.ended.borrow();
        let of_this = |e: &&Ended| (&e.name, e.attempt) == (&one.name, one.attempt);
        let put_off = ended.iter().filter(of_this);
        let put_off = put_off.filter(|e| matches!(e.outcome, Outcome::Snooze(_)));
        if well.len() > 1 + put_off.count() {
            return Err(format!("it ran twice, and nothing explains it: {well:?}"));
        }
    }
    Ok(())
}
