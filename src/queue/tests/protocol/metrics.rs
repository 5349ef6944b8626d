//! Counters that never fall, and the history that is made of them.

use crate::support::{Sim, computing, keys, task};
use futures::FutureExt;
use handoff_queue::{
    Cron, Durations, Metrics, Missed, OTHER, Overlap, Rule, Schedule, Store, TaskCounts, TaskSpec,
};
use serde_json::json;

fn read(sim: &Sim) -> Metrics {
    sim.wait(|queue| async move { queue.metrics().await.unwrap() })
}

fn counts(metrics: &Metrics, kind: &str) -> TaskCounts {
    let mut kinds = metrics.kinds.iter();
    let found = kinds.find(|(name, _)| name == kind);
    found.map(|(_, counts)| counts.clone()).unwrap_or_default()
}

/// How many took at most so long.
fn within(durations: &Durations, bound_ms: u64) -> u64 {
    let mut all = durations.cumulative();
    all.find(|(bound, _)| *bound == bound_ms).unwrap().1
}

#[test]
fn each_kind_is_counted_by_itself() {
    let sim = Sim::new(1);
    let fails = json!({"fail_times": 2, "after_ms": 3_000});
    sim.enqueue(vec![
        task("a", json!({"sleep_ms": 700})),
        task("b", fails),
        task("c", json!({"fatal": "no"})),
        computing("d", json!({"sleep_ms": 200})),
    ]);
    sim.run_for(60_000);
    let metrics = read(&sim);
    let io = counts(&metrics, "io");
    assert_eq!(
        (io.enqueued, io.ended.succeeded, io.ended.failed),
        (3, 2, 1)
    );
    assert_eq!(io.attempts_failed, 2 + 1);
    assert_eq!((within(&io.wait, 500), io.wait.total()), (3, 3));
    // One of them slept, and one waited for two retries.
    assert_eq!((within(&io.run, 500), within(&io.run, 1_000)), (2, 3));
    assert_eq!(
        (within(&io.latency, 1_000), within(&io.latency, 10_000)),
        (2, 3)
    );
    let compute = counts(&metrics, "compute");
    assert_eq!((compute.enqueued, compute.ended.succeeded), (1, 1));
    assert_eq!(compute.attempts_failed, 0);
    assert_eq!(metrics.kinds.len(), 2);
}

#[test]
fn a_task_that_nobody_took_is_counted_when_it_is_cancelled() {
    let sim = Sim::new(2);
    let later = TaskSpec {
        not_before_ms: Some(sim.now_ms() + 3_600_000),
        ..task("later", json!({}))
    };
    let id = sim.enqueue_one(later);
    sim.wait(|queue| async move { queue.cancel(&id).await.unwrap() });
    assert_eq!(counts(&read(&sim), OTHER).ended.cancelled, 1);
}

#[test]
fn the_last_counts_are_published_before_the_last_worker_ends() {
    let sim = Sim::new(3);
    sim.enqueue_one(task("a", json!({})));
    sim.run_for(60_000);
    assert!(sim.alive().is_empty(), "the queue is at rest");
    assert_eq!(counts(&read(&sim), "io").ended.succeeded, 1);
}

#[test]
fn the_history_is_the_sum_of_its_time() {
    let sim = Sim::new(4);
    for _ in 0..5 {
        sim.enqueue(vec![
            task("a", json!({})),
            task("b", json!({"fatal": "no"})),
        ]);
        sim.run_for(60_000);
    }
    let Metrics { minutes, hours, .. } = read(&sim);
    assert_eq!(minutes.len(), 5);
    assert!(
        minutes
            .windows(2)
            .all(|two| two[0].from_ms + 60_000 == two[1].from_ms)
    );
    for period in &minutes {
        assert_eq!(
            (period.enqueued, period.attempts_failed, period.waited),
            (2, 1, 2)
        );
        assert_eq!((period.ended.succeeded, period.ended.failed), (1, 1));
    }
    assert_eq!((hours.len(), hours[0].enqueued), (1, 10));
    assert_eq!(hours[0].from_ms % 3_600_000, 0);
}

/// A keeper that died between its number and its counts leaves a gap.
#[test]
fn a_gap_hides_no_later_counts() {
    let sim = Sim::new(5);
    let store = &sim.world.store;
    let taken = store.increment(&keys::of("u"), 1).now_or_never();
    assert_eq!(taken.unwrap().unwrap(), 1);
    sim.enqueue_one(task("a", json!({})));
    sim.run_for(60_000);
    assert_eq!(counts(&read(&sim), "io").ended.succeeded, 1);
    // After an hour nobody can fill it any more.
    sim.run_with_ticks(3_700_000, 600_000);
    sim.enqueue_one(task("b", json!({})));
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(counts(&read(&sim), "io").ended.succeeded, 2);
    let totals = store.get(keys::TOTALS).now_or_never().unwrap().unwrap();
    let totals = String::from_utf8(totals.unwrap()).unwrap();
    assert!(totals.contains(r#""folded":3"#), "{totals}");
}

#[test]
fn publications_are_deleted_in_the_end() {
    let sim = Sim::new(6);
    let published = |sim: &Sim| {
        let keys = sim.world.store.keys();
        let prefix = keys::of("u.");
        keys.iter().filter(|key| key.starts_with(&prefix)).count()
    };
    let rounds = 60;
    for _ in 0..rounds {
        sim.enqueue_one(task("a", json!({})));
        sim.run_with_ticks(30_000, 30_000);
    }
    assert!(published(&sim) >= 30, "{}", published(&sim));
    sim.run_with_ticks(3 * 3_600_000, 600_000);
    for _ in 0..rounds {
        sim.enqueue_one(task("a", json!({})));
        sim.run_with_ticks(30_000, 30_000);
    }
    // Those of the last half hour, and what is not deleted yet.
    assert!(published(&sim) < rounds + 20, "{}", published(&sim));
    assert_eq!(counts(&read(&sim), "io").ended.succeeded, 2 * rounds as u64);
}

#[test]
fn missed_occurrences_without_a_task_are_counted() {
    for (rule, missed) in [
        (Rule::Every(60_000), 59),
        (
            Rule::Cron(Cron {
                expression: "1".to_owned(),
                timezone: "UTC".to_owned(),
            }),
            59,
        ),
    ] {
        let sim = Sim::new(7);
        let schedule = Schedule {
            name: "a".to_owned(),
            rule,
            queue: "test".to_owned(),
            task: task("a", json!({})),
            expires_after_ms: None,
            overlap: Overlap::Queue,
            missed: Missed::Latest,
        };
        sim.wait(|queue| async move { queue.put_schedule(schedule).await.unwrap() });
        // Nobody is there for an hour.
        sim.world.faults.wake_fails.set(1_000);
        for worker in sim.alive() {
            worker.kill();
        }
        sim.run_for(3_600_000 + 1_000);
        sim.world.faults.wake_fails.set(0);
        sim.tick();
        sim.run_for(40_000);
        assert_eq!(read(&sim).missed, [("a".to_owned(), missed)]);
    }
}

#[test]
fn the_keeper_is_late_while_nobody_is_there() {
    let sim = Sim::new(8);
    let lag = |sim: &Sim| {
        sim.wait(|queue| async move { queue.statistics().await.unwrap().keeper_lag_ms })
    };
    assert_eq!(lag(&sim), 0);
    sim.world.faults.wake_fails.set(1_000);
    let later = TaskSpec {
        not_before_ms: Some(sim.now_ms() + 30_000),
        ..task("later", json!({}))
    };
    sim.enqueue_one(later);
    sim.run_for(20_000);
    assert_eq!(lag(&sim), 0);
    sim.run_for(40_000);
    let late_ms = lag(&sim);
    assert!((28_000..62_000).contains(&late_ms), "{late_ms}");
    sim.world.faults.wake_fails.set(0);
    sim.tick();
    sim.run_for(5_000);
    assert_eq!(lag(&sim), 0);
}
