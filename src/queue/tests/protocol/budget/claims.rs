//! What claiming and finishing tasks costs a worker.

use super::{alone, backlog, cost_of, count, is_read, tasks};
use crate::pages::page;
use crate::support::{Line, SimQueue, keys, task, with};
use handoff_queue::memory::Calls;
use handoff_queue::{Limits, Priority, Rate, State, TaskSpec, Wake};
use serde_json::json;

/// What one pays that has a priority, and whoever has none beside it.
#[test]
fn a_priority_costs_some_reads_and_no_write() {
    for waiting in [0, 10_000] {
        let of = |priority, n| tasks(n).into_iter().map(move |t| with(priority, t));
        let sim = alone();
        backlog(&sim, waiting);
        let first = cost_of(&sim, |sim| {
            drop(sim.enqueue(of(Priority::High, 1).collect()))
        });
        let further = cost_of(&sim, |sim| {
            drop(sim.enqueue(of(Priority::Low, 100).collect()))
        });
        let normal = cost_of(&sim, |sim| drop(sim.enqueue(tasks(100))));
        let all = of(Priority::High, 30)
            .chain(of(Priority::Normal, 30))
            .chain(of(Priority::Low, 30));
        let all: Vec<_> = all.collect();
        let all = cost_of(&sim, |sim| drop(sim.enqueue(all)));
        let depth = |queue: SimQueue| async move { queue.depth().await.unwrap() };
        let depth = cost_of(&sim, |sim| _ = sim.wait(depth));
        println!(
            "enqueue the first {first:?}, 100 {further:?}, 100 without {normal:?}, some of each {all:?}; depth {depth:?}"
        );
        let unregistered = "the first task with a priority, no worker registered";
        page(unregistered, &first, 0);
        page("enqueue with a priority, no worker registered", &further, 0);
        assert_eq!((normal.writes, normal.reads), (2, 2));
        let batch = "enqueue a batch of three priorities, no worker registered";
        page(batch, &all, 0);
        page("show a queue, priorities in use", &depth, 0);
    }
}

#[test]
fn claiming_and_finishing_tasks_with_a_priority_costs_four_reads_more_at_most() {
    for priority in Priority::ALL {
        let sim = alone();
        // Lanes are in use.
        sim.enqueue(vec![with(Priority::High, task("first", json!({})))]);
        sim.worker(Wake::Work);
        sim.run_for(60_000);
        let of = tasks(127).into_iter().map(|t| with(priority, t));
        let ids = sim.enqueue(of.collect());
        sim.record();
        sim.worker(Wake::Work);
        sim.until_state(ids.last().unwrap(), State::Succeeded, 10_000);
        let cost = claim_and_finish(&sim.record(), 64);
        println!("claim and finish 64 of {priority:?}: {cost:?}");
        page("claim and finish k tasks, priorities in use", &cost, 64);
    }
}

/// What a worker's claim of `k` tickets and the work on them cost, cut out of a recording.
fn claim_and_finish(lines: &[Line], k: u64) -> Calls {
    let by = format!("by {k}:");
    let claim = lines
        .iter()
        .position(|l| l.key.starts_with(keys::HEAD) && l.text.starts_with(&by))
        .unwrap_or_else(|| panic!("no claim of {k}"));
    let from = lines[..claim]
        .iter()
        .rposition(|l| l.key == keys::TAIL)
        .unwrap();
    let finish = lines[claim..]
        .iter()
        .position(|l| l.key.starts_with(keys::RUNS) && !is_read(l))
        .unwrap();
    let last = lines[claim + finish..]
        .iter()
        .take_while(|l| l.key.starts_with(keys::RUNS))
        .count();
    count(&lines[from..claim + finish + last])
}

#[test]
fn claiming_and_finishing_short_tasks_costs_two_writes_and_a_read_each() {
    // A worker takes 1, 2, 4 … 64: with 127 tasks the last batch is one of 64.
    for (waiting, k) in [(1, 1), (127, 64), (10_127, 64)] {
        let sim = alone();
        let ids = backlog(&sim, waiting);
        sim.record();
        sim.worker(Wake::Work);
        sim.until_state(ids.last().unwrap(), State::Succeeded, 10_000);
        let cost = claim_and_finish(&sim.record(), k);
        println!("claim and finish {k} of {waiting}: {cost:?}");
        page("claim and finish k short tasks", &cost, k);
    }
}

#[test]
fn limits_cost_a_look_each_and_a_write_for_tokens_however_many_wait() {
    let rate = Some(Rate {
        count: 1_000_000,
        period_s: 60,
    });
    let concurrency = Some(8);
    let table = [
        (concurrency, None, "concurrency limit"),
        (None, rate, "rate limit"),
        (concurrency, rate, "both limits"),
    ];
    for (concurrency, rate, limit) in table {
        for waiting in [127, 10_127] {
            let sim = alone();
            sim.world.queue_limits.set(Limits {
                concurrency,
                rate,
                ..Limits::default()
            });
            let ids = backlog(&sim, waiting);
            sim.record();
            sim.worker(Wake::Work);
            sim.until_state(&ids[100], State::Succeeded, 10_000);
            let mut lines = sim.record();
            if concurrency.is_some() {
                // It has its permits when it takes eight for the second time.
                let first = lines
                    .iter()
                    .position(|l| l.key == keys::HEAD && l.text.starts_with("by 8:"));
                lines.drain(..=first.unwrap());
            }
            let cost = claim_and_finish(&lines, 8);
            println!("claim and finish 8 of {waiting}, {concurrency:?} {rate:?}: {cost:?}");
            page(&format!("claim and finish k tasks, {limit}"), &cost, 8);
        }
    }
}

#[test]
fn a_time_to_expire_costs_no_call_more_whether_it_is_over_or_not() {
    for (expires_ms, state) in [(0, State::Expired), (60_000, State::Succeeded)] {
        let sim = alone();
        let expires_ms = Some(sim.now_ms() + expires_ms);
        let new = tasks(127).into_iter().map(|t| TaskSpec { expires_ms, ..t });
        let new: Vec<_> = new.collect();
        let mut ids = Vec::new();
        let cost = cost_of(&sim, |sim| ids = sim.enqueue(new));
        assert_eq!((cost.writes, cost.reads), (2, 2));
        sim.run_for(1);
        sim.record();
        sim.worker(Wake::Work);
        sim.until_state(ids.last().unwrap(), state, 10_000);
        let cost = claim_and_finish(&sim.record(), 64);
        println!("claim 64 that end {state}: {cost:?}");
        page("claim and finish k tasks that expired", &cost, 64);
    }
}
