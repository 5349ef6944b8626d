//! What one feature adds to a task: a delay, a retry, a webhook, a key, a failure.

use super::two_minutes;
use crate::pages::page_each;
use crate::support::{Sim, set, value};
use handoff_queue::{FollowUp, TaskSpec};
use serde_json::json;

/// Asserts what the first such task may cost, all calls counted, beyond a task without; and that the page says what each
/// further one costs.
fn assert_extra(name: &str, first_max: (u64, u64), new: impl Fn(&Sim, TaskSpec) -> TaskSpec) {
    let plain = |n| two_minutes(n, |_, task| task);
    let (plain_one, plain_many) = (plain(1), plain(101));
    let (one, many) = (two_minutes(1, &new), two_minutes(101, &new));
    let first = (one.writes - plain_one.writes, one.reads - plain_one.reads);
    let each = |many: u64, one: u64, plain_many: u64, plain_one: u64| {
        ((many - one) as f64 - (plain_many - plain_one) as f64) / 100.0
    };
    let each = (
        each(many.writes, one.writes, plain_many.writes, plain_one.writes),
        each(many.reads, one.reads, plain_many.reads, plain_one.reads),
    );
    println!(
        "a task alone {plain_one:?}; {name}: the first has (writes, reads) {first:?} more, each further one {each:?}"
    );
    assert!(
        first.0 <= first_max.0 && first.1 <= first_max.1,
        "{first:?}"
    );
    page_each(name, each);
}

#[test]
fn a_delay() {
    assert_extra("each delay", (230, 380), |sim, task| TaskSpec {
        not_before_ms: Some(sim.now_ms() + 20_000),
        ..task
    });
}

#[test]
fn a_retry() {
    assert_extra("each retry", (230, 380), |_, mut task| {
        set(&mut task.args, "fail_times", 1);
        set(&mut task.args, "after_ms", 20_000);
        task
    });
}

#[test]
fn what_follows_an_end() {
    // Its own run included.
    assert_extra("each webhook, with its own run", (20, 70), |_, mut task| {
        task.on_end = Some(FollowUp {
            kind: "io".to_owned(),
            args: json!({"name": "after"}).into(),
            timeout_ms: task.timeout_ms,
            retry: task.retry,
        });
        task
    });
}

fn one_of_each_key(sim: &Sim) {
    let mut limits = sim.world.queue_limits.get();
    limits.per_key.concurrency = Some(1);
    sim.world.queue_limits.set(limits);
}

#[test]
fn a_key_of_its_own() {
    // What it counts is deleted hours later, for which the keeper passes the hours and minutes from midnight on.
    assert_extra(
        "each task with a key of its own under a limit",
        (130, 105),
        |sim, mut task| {
            one_of_each_key(sim);
            task.key = Some(value(&task.args)["name"].to_string());
            task
        },
    );
}

#[test]
fn waiting_for_a_key() {
    // However many wait before it.
    assert_extra(
        "each task that waits for a key under a limit",
        (130, 105),
        |sim, mut task| {
            one_of_each_key(sim);
            task.key = Some("a".to_owned());
            task
        },
    );
}

#[test]
fn a_key_without_limits() {
    assert_extra(
        "each task with a key, no limit for keys",
        (0, 0),
        |_, mut task| {
            task.key = Some("a".to_owned());
            task
        },
    );
}

#[test]
fn a_failure() {
    assert_extra("each task that fails for good", (2, 0), |_, mut task| {
        set(&mut task.args, "fatal", "no use");
        task
    });
}
