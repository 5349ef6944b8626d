use super::*;
use crate::base::config::EPOCH_MAX;
use crate::base::retry::RetryPolicy;
use crate::model::task::TaskSpec;
use serde_json::json;

fn spec(attempts: u32) -> TaskSpec {
    TaskSpec {
        timeout_ms: 1_000,
        retry: RetryPolicy {
            attempts,
            ..RetryPolicy::default()
        },
        retention_ms: 1,
        ..TaskSpec::new("k", Json::empty_object())
    }
}

fn task(attempts: u32) -> Task {
    spec(attempts).enqueued("n".into(), 1)
}

fn run(attempt: u32, state: RunState, errors: usize) -> Run {
    let error = |i| AttemptErrorAt(i).into();
    Run {
        kind: "k".to_owned(),
        nonce: "n".into(),
        epoch: 3,
        ticket: 7,
        attempt,
        started_ms: 10,
        began_ms: 0,
        due_ms: 1,
        alone: false,
        part: 0,
        snoozes: 0,
        lost: 0,
        errors: (1..=errors as u32).map(error).collect(),
        report: Report::default(),
        checkpoint: None,
        state,
    }
}

/// A run that goes on.
const RUNNING: RunState = RunState::Running {
    beat_ms: 1,
    lost_ms: 2,
};

struct AttemptErrorAt(u32);
impl From<AttemptErrorAt> for crate::model::run::AttemptError {
    fn from(at: AttemptErrorAt) -> Self {
        Self {
            attempt: at.0,
            started_ms: 1,
            ended_ms: 2,
            error: "e".into(),
        }
    }
}

/// Rows: attempts allowed, the earlier epoch's record, and how the next epoch must begin.
#[test]
fn how_an_epoch_begins() {
    let done = RunState::Succeeded {
        ended_ms: 5,
        result: json!(1).into(),
    };
    let retrying = RunState::Retrying {
        at_ms: 9,
        timer: true,
    };
    let continued = continued(9);
    let running = RunState::Running {
        beat_ms: 12,
        lost_ms: 27,
    };
    let alone = |attempt, errors| Run {
        alone: true,
        ..run(attempt, running.clone(), errors)
    };
    let table = [
        (5, None, "start 1 errors 0"),
        (5, Some(run(1, done, 0)), "adopt"),
        (5, Some(run(1, RunState::Cancelled, 0)), "adopt"),
        (5, Some(run(2, retrying.clone(), 2)), "start 3 errors 2"),
        // Lost beside others: nobody can tell that it was to blame.
        (2, Some(run(2, running.clone(), 1)), "start 2 errors 1"),
        // Lost alone.
        (5, Some(alone(2, 1)), "start 3 errors 2"),
        (2, Some(alone(2, 1)), "exhausted 2 errors 2"),
        // Snoozed: no error, no attempt.
        (1, Some(run(1, retrying.clone(), 0)), "start 1 errors 0"),
        // A continuation is not an attempt.
        (1, Some(run(1, continued.clone(), 0)), "start 1 errors 0"),
        (5, Some(run(2, continued, 1)), "start 2 errors 1"),
    ];
    for (attempts, earlier, expected) in table {
        let found = match begin(&task(attempts), 4, earlier.clone(), 20) {
            Begin::Adopt(_) => "adopt".to_owned(),
            Begin::Exhausted(r) => format!("exhausted {} errors {}", r.attempt, r.errors.len()),
            Begin::Expired(_) => "expired".to_owned(),
            Begin::Start(r) => {
                let lost = earlier.as_ref().is_none_or(|e| e.state == running);
                assert_eq!((r.epoch, r.started_ms, r.alone), (4, 20, lost));
                // What left no record may have been lost before it began.
                assert_eq!(r.lost, u32::from(lost && earlier.is_some()));
                format!("start {} errors {}", r.attempt, r.errors.len())
            }
        };
        assert_eq!(found, expected, "{earlier:?}");
    }
}

/// Rows: the earlier epoch's record, now, and how the next epoch must begin. The task expires after
/// 20.
#[test]
fn only_what_never_began_expires() {
    let expiring = TaskSpec {
        expires_ms: Some(20),
        ..spec(5)
    };
    let expiring = expiring.enqueued("n".into(), 1);
    let continued = continued(9);
    let retrying = RunState::Retrying {
        at_ms: 9,
        timer: true,
    };
    let expired = RunState::Expired { ended_ms: 21 };
    let put_back = Some(run(0, continued.clone(), 0));
    let table = [
        (None, 20, "start 1"),
        (None, 21, "expired"),
        // Taken and put back before it began.
        (put_back.clone(), 20, "start 1"),
        (put_back, 21, "expired"),
        (Some(run(1, continued, 0)), 21, "start 1"),
        (Some(run(1, retrying, 1)), 21, "start 2"),
        (
            Some(run(
                1,
                RunState::Running {
                    beat_ms: 12,
                    lost_ms: 27,
                },
                0,
            )),
            21,
            "start 1",
        ),
        (Some(run(0, RunState::Cancelled, 0)), 21, "adopt"),
        (Some(run(0, expired, 0)), 99, "adopt"),
    ];
    for (earlier, now_ms, expected) in table {
        let found = match begin(&expiring, 4, earlier.clone(), now_ms) {
            Begin::Adopt(_) => "adopt".to_owned(),
            Begin::Exhausted(_) => "exhausted".to_owned(),
            Begin::Expired(r) => {
                assert_eq!((r.epoch, r.attempt, r.ended_ms()), (4, 0, Some(now_ms)));
                assert!(r.is_final());
                "expired".to_owned()
            }
            Begin::Start(r) => format!("start {}", r.attempt),
        };
        assert_eq!(found, expected, "{earlier:?} at {now_ms}");
    }
}

/// An attempt may be snoozed ten times. The eleventh counts as a failed attempt, and the policy
/// decides.
#[test]
fn what_is_always_put_off_ends() {
    let task = task(2);
    let mut earlier = None;
    for attempt in 1..=2 {
        for snoozes in 1..=SNOOZES_MAX + 1 {
            let Begin::Start(run) = begin(&task, u64::from(snoozes), earlier, 5) else {
                panic!("attempt {attempt} begins for time {snoozes}");
            };
            assert_eq!((run.attempt, run.snoozes), (attempt, snoozes - 1));
            let run = settle_outcome(&task, run, Outcome::Snooze(7), 100, 10, 0);
            let failures = attempt as usize - usize::from(snoozes <= SNOOZES_MAX);
            assert_eq!(run.errors.len(), failures);
            match run.state {
                RunState::Failed { .. } => assert_eq!((attempt, snoozes), (2, 11)),
                RunState::Retrying { at_ms, .. } => assert_eq!(at_ms, 17),
                ref other => panic!("{other:?}"),
            }
            earlier = Some(run);
        }
    }
    let error = earlier.and_then(|run| run.errors.last().map(|e| e.error.clone()));
    let error = error.unwrap_or_default();
    assert!(error.starts_with("it was snoozed 11 times in one attempt, the last time for 7 ms"));
    // A continued run begins to count again.
    let put_off = Run {
        snoozes: SNOOZES_MAX,
        ..run(1, RUNNING, 0)
    };
    let run = settle_outcome(&task, put_off, Outcome::continue_from(1), 100, 7, 0);
    assert_eq!(run.snoozes, 0);
}

#[test]
fn too_much_fails_with_that_reason() {
    let settle = |outcome| settle_outcome(&task(5), run(1, RUNNING, 0), outcome, 100, 7, 0);
    // Two quotes, and 49 characters of two bytes each.
    let text = |text: String| Json::from(json!(text));
    let (fits, over) = (text("é".repeat(49)), text("é".repeat(49) + "x"));
    for outcome in [Outcome::Done(over.clone()), Outcome::continue_from(over)] {
        let run = settle(outcome);
        assert_eq!(run.state, not_listed(7));
        let error = "it returned 101 bytes of JSON; 100 are allowed";
        assert_eq!(run.errors[0].error, error);
    }
    let state = settle(Outcome::Done(fits.clone())).state;
    assert!(matches!(state, RunState::Succeeded { .. }));
    let run = settle(Outcome::continue_from(fits.clone()));
    assert_eq!(run.checkpoint, Some(fits));
}

#[test]
fn a_wait_is_at_least_or_exactly_what_was_asked() {
    let retried = |wait| {
        let error = "e".to_owned();
        let outcome = Outcome::Retry { error, wait };
        match settle_outcome(&task(5), run(1, RUNNING, 0), outcome, 100, 7, u64::MAX).state {
            RunState::Retrying { at_ms, .. } => at_ms - 7,
            other => panic!("{other:?}"),
        }
    };
    let policy_ms = retried(Wait::Policy);
    assert!(policy_ms > 1);
    assert_eq!(retried(Wait::AtLeast(1)), policy_ms);
    assert_eq!(retried(Wait::AtLeast(policy_ms + 1)), policy_ms + 1);
    assert_eq!(retried(Wait::Exactly(1)), 1);
}

#[test]
fn the_next_part_begins_later_in_the_same_attempt() {
    let outcome = Outcome::continue_after("done so far", 500);
    let part = settle_outcome(&task(5), run(2, RUNNING, 1), outcome, 100, 7, 0);
    assert_eq!(part.state, retrying(7, 500));
    let Begin::Start(next) = begin(&task(5), 4, Some(part), 600) else {
        panic!("it does not begin");
    };
    assert_eq!((next.attempt, next.part, next.errors.len()), (2, 1, 1));
    assert_eq!(next.checkpoint, Some(json!("done so far").into()));
}

#[test]
fn a_task_does_not_continue_for_ever() {
    let after = |part| {
        let run = Run {
            part,
            ..run(1, RUNNING, 0)
        };
        settle_outcome(&task(5), run, Outcome::continue_from(1), 100, 7, 0).state
    };
    assert_eq!(after(PARTS_MAX - 1), continued(7));
    assert_eq!(after(PARTS_MAX), not_listed(7));
    assert!(u64::from(PARTS_MAX) * u64::from(SNOOZES_MAX + 2) < EPOCH_MAX);
}
