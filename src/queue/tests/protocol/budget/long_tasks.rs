//! What long tasks cost: heartbeats, and the keeper's reads.

use super::{alone, cost_of, count};
use crate::pages::{page, page_each};
use crate::support::{Line, Sim, keys, task};
use handoff_queue::{State, TaskSpec, Wake};
use serde_json::json;

#[test]
fn a_long_task_costs_its_heartbeats_more() {
    let sim = alone();
    let id = sim.enqueue_one(task("long", json!({"sleep_ms": 21_500})));
    sim.record();
    sim.worker(Wake::Work);
    sim.run_for(22_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    let lines = sim.record();
    let own = |l: &&Line| {
        ["s.1", "o.1.0", "c.1.1", "xb.0"]
            .iter()
            .any(|k| l.key == keys::of(k))
            || (l.key == keys::HEAD && l.operation == "increment")
    };
    let by_worker = || lines.iter().filter(|l| l.who.starts_with("worker"));
    let task = count(
        by_worker()
            .filter(own)
            .filter(|l| !(l.key.contains(".xb.") && l.at_ms > 50)),
    );
    let cancel_looks = by_worker()
        .filter(|l| l.key.contains(".xb.") && l.at_ms > 50)
        .count();
    let all = count(by_worker());
    println!(
        "a task of 21.5 s: {task:?}, {cancel_looks} looks for a cancel, all calls of the worker {all:?}"
    );
    // The claim, five heartbeats (after 1 s, then every 5 s), the outcome.
    page("run one task of 21.5 s (5 heartbeats)", &task, 0);
    // A look once a second.
    assert!((20..=22).contains(&cancel_looks), "{cancel_looks}");
}

/// What runs for longer than 10 s costs the keeper a look for every 10 to 15 s, and nothing of the timer.
#[test]
fn a_minute_of_many_long_tasks() {
    let minute = |tasks: usize| {
        let sim = Sim::new(6);
        let long = |i| TaskSpec {
            timeout_ms: 600_000,
            ..task(&format!("t{i}"), json!({"sleep_ms": 150_000}))
        };
        sim.enqueue((0..tasks).map(long).collect());
        sim.run_with_ticks(60_000, 5_000);
        cost_of(&sim, |sim| sim.run_with_ticks(60_000, 5_000))
    };
    let (few, many) = (minute(1), minute(101));
    let each = |many: u64, few: u64| (many - few) as f64 / 100.0;
    let (writes, reads) = (each(many.writes, few.writes), each(many.reads, few.reads));
    println!("a minute of a long task: {writes:.2} writes, {reads:.2} reads");
    // Heartbeats; looks for a cancel, and those of the keeper.
    page_each("each minute of a task that runs longer", (writes, reads));
}
