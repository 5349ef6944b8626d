//! Keepers that fire one occurrence at once, or die at it.

use super::changes::entries;
use super::{HOUR_MS, MINUTE_MS, every, lose_workers, occurred, put};
use crate::support::{Action, Sim, When, keys, parts, task};
use handoff_queue::{Cron, Missed, Put, Rule, Schedule, Wake};
use serde_json::json;

#[test]
fn several_keepers_at_once_give_one_task() {
    let sim = Sim::new(9);
    sim.world.faults.yields.set(5_000);
    let (view, _) = put(&sim, every("a", 2_000, json!({})));
    for _ in 0..20 {
        // Whoever keeps is held up in what it does, and the next one begins it anew.
        let mut calls = 0;
        let at = sim.world.below(40);
        // That call may be a client's.
        sim.world.faults.script_that_may_pass(move |call| {
            calls += 1;
            let held = calls == at && call.by_worker();
            if held {
                Action::Stall(When::Before, 7_000)
            } else {
                Action::Pass
            }
        });
        sim.worker(Wake::Keep);
        sim.run_with_ticks(2_000, 500);
    }
    sim.world.faults.no_script();
    sim.run_for(8_000);
    let times = occurred(&sim, "a", view.put_ms);
    let all: Vec<_> = (1..=times.len() as u64).map(|i| i * 2_000).collect();
    assert_eq!(times, all);
    assert!(times.len() >= 22, "{}", times.len());
    // Each of them entered what comes next, and of two entries one is left.
    assert_eq!(entries(&sim), 1);
}

#[test]
fn who_died_at_it_hours_ago_leaves_no_second_task() {
    for missed in [Missed::Skip, Missed::Latest, Missed::All] {
        let sim = Sim::new(10);
        let schedule = Schedule {
            missed,
            ..every("a", 2 * HOUR_MS, json!({}))
        };
        let (view, _) = put(&sim, schedule);
        sim.run_for(2 * HOUR_MS - 5_000);
        let mut enqueued = false;
        sim.world.faults.script(move |call| {
            enqueued |= parts(call.key).0 == "s" && call.operation == "set";
            if enqueued {
                Action::Kill(When::After)
            } else {
                Action::Pass
            }
        });
        sim.run_for(10_000);
        sim.world.faults.no_script();
        lose_workers(&sim);
        assert_eq!(occurred(&sim, "a", view.put_ms), [2 * HOUR_MS]);
        // The task is final, and would be deleted by now if it were not known to be this one's.
        sim.run_for(HOUR_MS + HOUR_MS / 2);
        sim.run_with_ticks(10_000, 1_000);
        lose_workers(&sim);
        assert_eq!(
            occurred(&sim, "a", view.put_ms),
            [2 * HOUR_MS],
            "{missed:?}"
        );
    }
}

#[test]
fn an_occurrence_that_is_older_than_a_change_of_its_schedule_has_one_task_all_the_same() {
    // Whoever changes it is held up, and the version before it occurs meanwhile, at a time that the new one has as well.
    let cron = |minutes: &str, queue: &str, missed| Schedule {
        rule: Rule::Cron(Cron {
            expression: minutes.to_owned(),
            timezone: "UTC".to_owned(),
        }),
        queue: queue.to_owned(),
        missed,
        ..every("a", 1_000, json!({}))
    };
    for (operation, key, queue) in [
        ("counter", keys::CHANGES.to_owned(), "other"),
        ("increment", keys::CHANGES.to_owned(), "test"),
        ("set", keys::table(2), "test"),
    ] {
        let sim = Sim::new(11);
        // So that the tasks of both queues have other slots.
        sim.enqueue_one(task("b", json!({})));
        let (view, _) = put(&sim, cron("2", "test", Missed::Skip));
        let first_ms = view.next_ms.unwrap();
        sim.run_for(first_ms - sim.now_ms() - 500);
        let mut held = false;
        sim.world.faults.script(move |call| {
            let here = call.is(operation, &key);
            if here && call.by_client() && !held {
                held = true;
                return Action::Stall(When::Before, 2_500);
            }
            Action::Pass
        });
        let change = cron("1", queue, Missed::All);
        let change = sim.spawn(|_, queue| async move { queue.put_schedule(change).await });
        assert!(sim.run_until(5_000, || change.is_done()));
        assert!(sim.now_ms() > first_ms + 1_000);
        let Put::Done { view, .. } = change.take().unwrap().unwrap() else {
            panic!("it was not put");
        };
        assert!(view.put_ms < first_ms);
        sim.run_for(2 * MINUTE_MS + 2_000);
        let times = occurred(&sim, "a", first_ms - 1);
        assert_eq!(times, [1, MINUTE_MS + 1, 2 * MINUTE_MS + 1], "{operation}");
    }
}
