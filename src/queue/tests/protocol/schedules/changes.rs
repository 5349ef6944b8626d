//! Putting and deleting schedules.

use super::{HOUR_MS, MINUTE_MS, every, look, occurred, put};
use crate::support::{Sim, SimQueue, keys, parts};
use handoff_queue::{Missed, Put, SCHEDULES_MAX, Schedule, ScheduleView, Store};
use serde_json::json;

pub(super) fn refused(sim: &Sim, schedule: Schedule) -> Put {
    sim.wait(|queue| async move { queue.put_schedule(schedule).await.unwrap() })
}

fn delete(sim: &Sim, name: &str) -> bool {
    let name = name.to_owned();
    sim.wait(|queue| async move { queue.delete_schedule(&name).await.unwrap() })
}

/// How many entries for schedules the wheel holds.
pub(super) fn entries(sim: &Sim) -> usize {
    let keys = sim.world.store.keys();
    let entries: Vec<_> = keys
        .into_iter()
        .filter(|key| parts(key).0 == "te")
        .collect();
    let read = |queue: SimQueue| async move { queue.store().get_many(&entries).await.unwrap() };
    let records = sim.wait(read).into_iter().flatten();
    let records = records.map(|record| String::from_utf8(record).unwrap());
    records
        .filter(|record| record.contains(r#""d":"s""#))
        .count()
}

#[test]
fn the_last_put_counts_until_it_is_deleted() {
    let sim = Sim::new(7);
    assert!(!delete(&sim, "a"));
    assert_eq!(look(&sim, "a"), None);
    let (first, _) = put(&sim, every("a", 2_000, json!({})));
    sim.run_for(4_500);
    // The same again changes nothing, neither from when it counts.
    let (same, created) = put(&sim, every("a", 2_000, json!({})));
    assert!(!created);
    assert_eq!(same.put_ms, first.put_ms);
    sim.run_for(2_000);
    assert_eq!(entries(&sim), 1);
    sim.run_for(1_000);
    let before = occurred(&sim, "a", first.put_ms);
    let (second, created) = put(&sim, every("a", 3_000, json!({})));
    assert!(!created);
    assert_eq!(second.last.unwrap().0, first.put_ms + 6_000);
    put(&sim, every("b", HOUR_MS, json!({})));
    sim.run_for(7_500);
    assert_eq!(occurred(&sim, "a", first.put_ms)[before.len()..].len(), 2);
    assert_eq!(occurred(&sim, "a", second.put_ms), [3_000, 6_000]);
    let all = sim.wait(|queue| async move { queue.schedules().await.unwrap().views });
    let names: Vec<_> = all.iter().map(|view| view.schedule.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(delete(&sim, "a"));
    assert!(!delete(&sim, "a"));
    assert_eq!(look(&sim, "a"), None);
    assert!(look(&sim, "b").is_some());
    sim.run_for(20_000);
    assert_eq!(occurred(&sim, "a", second.put_ms), [3_000, 6_000]);
}

/// Pauses or resumes it as the api component does.
fn pause(sim: &Sim, name: &str, paused: bool) -> Option<ScheduleView> {
    let name = name.to_owned();
    sim.wait(|queue| async move {
        let (view, receipt) = queue.pause_schedule(&name, paused).await.unwrap()?;
        queue.wake_for(&receipt, || 4).await.unwrap();
        Some(view)
    })
}

#[test]
fn a_paused_schedule_waits_and_goes_on_at_its_regular_times() {
    let sim = Sim::new(7);
    assert_eq!(pause(&sim, "a", true), None);
    let schedule = Schedule {
        missed: Missed::All,
        ..every("a", 4_000, json!({}))
    };
    let (first, _) = put(&sim, schedule.clone());
    sim.run_for(9_000);
    for _ in 0..2 {
        let view = pause(&sim, "a", true).unwrap();
        assert!(view.paused);
        assert_eq!(view.next_ms, None);
        assert_eq!(view.last.unwrap().0, first.put_ms + 8_000);
    }
    // Even a keeper that looks at it daily has nothing to do.
    sim.run_with_ticks(60 * HOUR_MS, HOUR_MS);
    assert_eq!(occurred(&sim, "a", first.put_ms), [4_000, 8_000]);
    assert_eq!(entries(&sim), 1);
    let resumed_ms = sim.now_ms();
    for _ in 0..2 {
        let view = pause(&sim, "a", false).unwrap();
        assert!(!view.paused);
        assert_eq!(view.put_ms, first.put_ms);
        let next_ms = view.next_ms.unwrap();
        assert!((resumed_ms..resumed_ms + 4_000 + 1).contains(&next_ms));
    }
    sim.run_for(10_000);
    let later = occurred(&sim, "a", resumed_ms);
    assert!((2..=3).contains(&later.len()), "{later:?}");
    for after_ms in later {
        assert!((resumed_ms + after_ms - first.put_ms).is_multiple_of(4_000));
    }
    let metrics = sim.wait(|queue| async move { queue.metrics().await.unwrap() });
    assert!(metrics.missed.is_empty(), "a pause is no outage");
}

#[test]
fn a_put_leaves_a_paused_schedule_paused_until_it_is_deleted() {
    let sim = Sim::new(8);
    put(&sim, every("a", 2_000, json!({})));
    pause(&sim, "a", true);
    for ms in [2_000, 3_000] {
        let (view, created) = put(&sim, every("a", ms, json!({})));
        assert!(view.paused && !created);
        assert_eq!(view.next_ms, None);
    }
    sim.run_for(10_000);
    assert!(occurred(&sim, "a", 0).is_empty());
    assert!(delete(&sim, "a"));
    let (view, created) = put(&sim, every("a", 2_000, json!({})));
    assert!(created && !view.paused);
    sim.run_for(5_500);
    assert_eq!(occurred(&sim, "a", view.put_ms), [2_000, 4_000]);
}

#[test]
fn a_schedule_that_was_stored_before_pauses_existed_occurs() {
    let sim = Sim::new(9);
    let (view, _) = put(&sim, every("a", 2_000, json!({})));
    let key = keys::of("yr.1");
    let read = |queue: SimQueue| async move { queue.store().get(&key).await.unwrap().unwrap() };
    let record = String::from_utf8(sim.wait(read)).unwrap();
    assert!(
        !record.contains("pause") && !record.contains("changed"),
        "{record}"
    );
    sim.run_for(5_500);
    assert_eq!(occurred(&sim, "a", view.put_ms), [2_000, 4_000]);
}

#[test]
fn there_are_not_too_many() {
    let sim = Sim::new(11);
    sim.world.faults.wake_fails.set(1_000);
    for i in 0..SCHEDULES_MAX {
        put(&sim, every(&format!("s{i}"), HOUR_MS, json!({})));
    }
    let one_more = refused(&sim, every("more", HOUR_MS, json!({})));
    assert!(matches!(one_more, Put::Full));
    put(&sim, every("s7", 2 * HOUR_MS, json!({})));
    assert!(delete(&sim, "s7"));
    put(&sim, every("more", HOUR_MS, json!({})));
}

#[test]
fn nothing_is_left_of_what_was_deleted_but_a_counter_and_an_empty_table() {
    let sim = Sim::new(12);
    for ms in [1_000, 3_000, 60_000] {
        put(&sim, every("a", ms, json!({})));
        sim.run_for(3_500);
    }
    assert!(delete(&sim, "a"));
    sim.run_with_ticks(6 * HOUR_MS, 10 * MINUTE_MS);
    sim.run_with_ticks(30_000, 5_000);
    let keys = sim.world.store.keys();
    let of_schedules: Vec<_> = keys
        .iter()
        .filter(|key| parts(key).0.starts_with('y'))
        .collect();
    assert_eq!(of_schedules, [keys::CHANGES, &keys::table(4)]);
    let tasks = keys
        .iter()
        .filter(|key| matches!(parts(key).0, "s" | "o" | "i"));
    assert_eq!(tasks.count(), 0);
}
