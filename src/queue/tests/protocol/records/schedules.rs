//! Schedules and candidates of occurrences that can't be read.

use super::{
    MINUTE_MS, assert_healthy_ran, assert_operator_knows_of, enqueue_healthy, find, get,
    kept_an_hour, put, spoil,
};
use crate::support::{Action, Sim, When, keys, task};
use handoff_queue::{Missed, Overlap, Put, RETENTION_MIN_MS, Rule, Schedule};
use serde_json::json;

/// A schedule for a task of its name.
fn put_every_minute(sim: &Sim, name: &str) {
    let schedule = Schedule {
        name: name.to_owned(),
        rule: Rule::Every(MINUTE_MS),
        queue: "test".to_owned(),
        task: kept_an_hour(task(name, json!({}))),
        expires_after_ms: None,
        overlap: Overlap::Queue,
        missed: Missed::Latest,
    };
    sim.wait(|queue| async move {
        let put = queue.put_schedule(schedule).await.unwrap();
        let Put::Done { receipt, .. } = put else {
            panic!("{put:?}");
        };
        queue.wake_for(&receipt, || 4).await.unwrap();
    });
}

#[test]
fn a_schedule_that_cannot_be_read_stands_still_until_it_can() {
    // The table of both, and of the first what was put and how far it came.
    for (kind, of_both) in [("y.2", true), ("yr.1", false), ("yl.1", false)] {
        for newer in [true, false] {
            let sim = Sim::new(6);
            put_every_minute(&sim, "a");
            put_every_minute(&sim, "b");
            sim.run_for(90_000);
            let key = keys::of(kind);
            let (before, spoiled) = spoil(&sim, &key, newer);
            enqueue_healthy(&sim);
            // The tables and versions that do not count are deleted meanwhile.
            sim.run_with_ticks(RETENTION_MIN_MS + 5 * MINUTE_MS, MINUTE_MS);
            assert_healthy_ran(&sim);
            assert_operator_knows_of(&sim, &key);
            assert_eq!(get(&sim, &key), spoiled, "it is not for us to write");
            assert_eq!(sim.began("a").len(), 1, "{key}");
            let others = sim.began("b").len();
            assert!(if of_both { others == 1 } else { others > 60 });

            put(&sim, &key, &before);
            sim.run_with_ticks(15 * MINUTE_MS, MINUTE_MS);
            for name in ["a", "b"] {
                assert!(sim.began(name).len() > 3, "{key}, newer: {newer}");
            }
        }
    }
}

#[test]
fn a_schedule_that_cannot_be_read_hides_no_other_and_can_be_put_again() {
    for kind in ["yr.1", "yl.1"] {
        for newer in [true, false] {
            let sim = Sim::new(6);
            put_every_minute(&sim, "a");
            put_every_minute(&sim, "b");
            let key = keys::of(kind);
            spoil(&sim, &key, newer);
            let found = sim.wait(|queue| async move { queue.schedules().await.unwrap() });
            assert_eq!(found.views.len(), 1);
            assert_eq!(found.views[0].schedule.name, "b");
            let (name, e) = &found.unreadable[0];
            assert!(name == "a" && e.to_string().contains(&key), "{e}");

            put_every_minute(&sim, "a");
            let found = sim.wait(|queue| async move { queue.schedules().await.unwrap() });
            assert_eq!((found.views.len(), found.unreadable.len()), (2, 0));
            sim.run_with_ticks(5 * MINUTE_MS, MINUTE_MS);
            assert!(sim.began("a").len() > 3, "{key}, newer: {newer}");
        }
    }
}

#[test]
fn an_occurrence_whose_candidate_cannot_be_read_holds_its_schedule_up_for_a_while() {
    for newer in [true, false] {
        let sim = Sim::new(7);
        put_every_minute(&sim, "a");
        put_every_minute(&sim, "b");
        // Whoever sees to the first one dies when it is decided which task it gives.
        let mut died = false;
        sim.world.faults.script(move |call| {
            let candidate = call.operation == "set" && call.key.starts_with(keys::TRIES);
            if died || !candidate {
                return Action::Pass;
            }
            died = true;
            Action::Kill(When::After)
        });
        sim.run_for(62_000);
        let key = find(&sim, "i.", ".1");
        let (_, spoiled) = spoil(&sim, &key, newer);
        enqueue_healthy(&sim);
        sim.run_with_ticks(5 * MINUTE_MS, 5_000);
        assert_healthy_ran(&sim);
        assert_operator_knows_of(&sim, &key);
        assert_eq!(sim.began("a").len(), 0);
        assert!(sim.began("b").len() >= 5);
        // Then it is missed.
        sim.run_with_ticks(10 * MINUTE_MS, MINUTE_MS);
        assert!(sim.began("a").len() > 3, "newer: {newer}");
        assert_eq!(get(&sim, &key), spoiled, "it is not for us to write");
    }
}
