//! Waitlists and pauses that can't be read.

use super::{
    BROKEN, MINUTE_MS, assert_healthy_ran, assert_operator_knows_of, enqueue_healthy, find, get,
    kept_an_hour, put, spoil,
};
use crate::support::{Sim, keyed, keys, task};
use handoff_queue::{KEY_WINDOW_MS, KeyLimits, Limits, RETENTION_MIN_MS, State};
use serde_json::json;

/// A queue in which one task of each key may run.
fn one_of_each_key(seed: u64) -> Sim {
    let sim = Sim::new(seed);
    let per_key = KeyLimits {
        concurrency: Some(1),
        rate: None,
    };
    sim.world.queue_limits.set(Limits {
        per_key,
        ..Limits::default()
    });
    sim
}

#[test]
fn a_place_in_a_line_that_cannot_be_read_is_passed() {
    for newer in [true, false] {
        // Its task is found by rescue, or where that came past it before, by retention.
        for (first_ms, found_ms) in [(3_000, MINUTE_MS), (30_000, 2 * RETENTION_MIN_MS)] {
            let sim = one_of_each_key(8);
            let new = |name, ms| kept_an_hour(keyed("k", name, json!({"sleep_ms": ms})));
            let tasks = vec![new("first", first_ms), new("second", 0), new("third", 0)];
            let ids = sim.enqueue(tasks);
            sim.run_for(first_ms - 1_000);
            let key = find(&sim, "kq.", ".1");
            let (_, spoiled) = spoil(&sim, &key, newer);
            enqueue_healthy(&sim);
            sim.until_state(&ids[2], State::Succeeded, 3_000);
            assert_eq!(sim.state(&ids[1]), State::Queued);
            sim.run_for(2 * MINUTE_MS);
            assert!(sim.alive().is_empty(), "nobody stays for it");
            sim.run_with_ticks(found_ms, MINUTE_MS);
            assert_eq!(sim.began("second").len(), 1);
            assert_healthy_ran(&sim);
            assert_operator_knows_of(&sim, &key);
            assert_eq!(get(&sim, &key), spoiled, "it is not for us to write");
        }
    }
}

#[test]
fn a_line_is_looked_after_although_what_was_noted_of_it_cannot_be_read() {
    for newer in [true, false] {
        let sim = one_of_each_key(9);
        sim.enqueue_one(keyed("k", "first", json!({"sleep_ms": 30_000})));
        sim.run_for(100);
        let second = sim.enqueue_one(keyed("k", "second", json!({})));
        sim.run_for(2_000);
        let key = find(&sim, "kc.", "");
        spoil(&sim, &key, newer);
        // Only who looks after the line sees that the permit is free.
        sim.alive().iter().for_each(|worker| worker.kill());
        sim.run_for(5_000);
        enqueue_healthy(&sim);
        sim.run_for(3 * KEY_WINDOW_MS);
        assert_eq!(sim.state(&second), State::Succeeded);
        assert_healthy_ran(&sim);
        assert_operator_knows_of(&sim, &key);
        // Whatever is there is true: ours, too.
        assert!(get(&sim, &key).starts_with(b"1"));
    }
}

/// It is paused because something is there. Nobody reads what.
#[test]
fn a_queue_is_paused_whatever_is_there() {
    for broken in BROKEN {
        let sim = Sim::new(10);
        let runs = sim.enqueue_one(task("runs", json!({"sleep_ms": 5_000})));
        sim.run_for(100);
        sim.wait(|queue| async move { queue.pause().await.unwrap() });
        put(&sim, keys::PAUSED, broken);
        enqueue_healthy(&sim);
        sim.run_with_ticks(90_000, 5_000);
        assert_eq!(sim.state(&runs), State::Succeeded);
        assert!(sim.began("healthy").is_empty() && sim.began("later").is_empty());
        assert_eq!(get(&sim, keys::PAUSED), broken);
        sim.wait(|queue| async move { queue.resume().await.unwrap() });
        sim.run_for(1_000);
        assert_healthy_ran(&sim);
    }
}
