//! The tasks of the default application, as one would test one's own.

use handoff::Outcome;
use handoff::test::Attempt;
use handoff_tasks::{CountPrimes, Echo, Sleep, registry};
use handoff_wire::Kinds;
use serde_json::json;

#[test]
fn echo_returns_its_arguments() {
    for args in [json!(null), json!([1, "two"]), json!({"a": {"b": 1.5}})] {
        let ran = Attempt::of::<Echo>(args.clone()).run();
        assert_eq!(ran.outcome, Outcome::done(args));
    }
}

#[test]
fn sleep_takes_as_long_as_asked() {
    let sleep = || Attempt::of::<Sleep>(json!({"for": "5s"}));
    let ran = sleep().run();
    assert_eq!(ran.outcome, Outcome::done("Task Done."));
    assert_eq!(ran.took_ms, 5_000);
    let ran = sleep().timeout_ms(1_000).run();
    assert_eq!(
        ran.outcome,
        Outcome::retry("overran its timeout of 1000 ms")
    );
    let ran = sleep().cancelled_after_ms(2_000).run();
    assert_eq!(ran.outcome, Outcome::Cancelled);
}

#[test]
fn counting_goes_on_from_its_checkpoint() {
    let mut attempt = Attempt::of::<CountPrimes>(json!({"below": 10_000_000})).budget_ms(0);
    for part in 1.. {
        // Each instance has no time left, so it stops after its first slice.
        let ran = attempt.run();
        match ran.outcome {
            Outcome::Continue { checkpoint, .. } => {
                let next = Attempt::of::<CountPrimes>(json!({"below": 10_000_000}));
                attempt = next.checkpoint(checkpoint, part).budget_ms(0);
            }
            _ => {
                let expected = json!({"below": 10_000_000, "primes": 664_579});
                assert_eq!(ran.result(), Some(expected));
                assert!(part > 3, "it was done in {part} parts");
                return;
            }
        }
    }
}

/// Rows: task, arguments, the field that the error names.
#[test]
fn wrong_arguments_are_refused_by_name() {
    let table = [
        ("sleep", json!({}), "args.for"),
        ("sleep", json!({"for": "-5s"}), "args.for"),
        ("sleep", json!({"for": 5}), "args.for"),
        ("sleep", json!({"for": "5s", "extra": 1}), "args.extra"),
        ("sleep", json!([]), "args"),
        ("primes.count", json!({"below": -1}), "args.below"),
        ("primes.count", json!({"below": 1e30}), "args.below"),
        (
            "primes.count",
            json!({"below": 1_000_000_000_001_u64}),
            "args.below",
        ),
    ];
    for (task, args, field) in table {
        let e = registry()
            .check(task, &args.clone().into(), 60_000)
            .expect_err(task);
        assert_eq!(e.field.as_deref(), Some(field), "{task} {args}: {e}");
    }
}
