//! When a schedule fires, and what a keeper makes up for.

use super::changes::refused;
use super::{HOUR_MS, MINUTE_MS, every, look, lose_workers, occurred, put};
use crate::support::{Sim, SimQueue};
use handoff_queue::{Cron, MISSED_MAX, Missed, Overlap, Put, Rule, Schedule, State};
use serde_json::json;

#[test]
fn every_occurrence_gives_one_task_at_its_time_with_no_tick_at_all() {
    let sim = Sim::new(1);
    let (view, created) = put(&sim, every("a", 5_000, json!({})));
    assert!(created);
    assert_eq!(view.next_ms, Some(view.put_ms + 5_000));
    assert_eq!(view.last, None);
    sim.run_for(62_000);
    let times: Vec<_> = (1..=12).map(|i| i * 5_000).collect();
    assert_eq!(occurred(&sim, "a", view.put_ms), times);
    let began = sim.began("a");
    assert_eq!(began.len(), 12);
    for (began, at_ms) in began.iter().zip(times) {
        let late_ms = began.at_ms - (view.put_ms + at_ms);
        assert!(late_ms <= 2_000, "{late_ms} ms late");
    }
    let view = look(&sim, "a").unwrap();
    assert_eq!(view.next_ms, Some(view.put_ms + 65_000));
    let (at_ms, id) = view.last.unwrap();
    assert_eq!(at_ms, view.put_ms + 60_000);
    let task = sim.view(&id).unwrap();
    assert_eq!(task.state, State::Succeeded);
    let occurrence = task.task.spec.occurrence.unwrap();
    assert_eq!(
        (occurrence.schedule.as_str(), occurrence.at_ms),
        ("a", at_ms)
    );
}

#[test]
fn the_calendar_is_asked_anew_each_time() {
    let sim = Sim::new(2);
    let cron = |minutes: &str| Schedule {
        rule: Rule::Cron(Cron {
            expression: minutes.to_owned(),
            timezone: "UTC".to_owned(),
        }),
        ..every("a", 1_000, json!({}))
    };
    let (view, _) = put(&sim, cron("2"));
    assert_eq!(view.next_ms.unwrap() % (2 * MINUTE_MS), 0);
    sim.run_for(10 * MINUTE_MS + 2_000);
    let times = occurred(&sim, "a", 0);
    assert_eq!(times.len(), 5, "{times:?}");
    assert!(times.iter().all(|at_ms| at_ms % (2 * MINUTE_MS) == 0));
    // More than a day ahead.
    let far_ms = |minutes: &u64| {
        let every_ms = minutes * MINUTE_MS;
        every_ms - sim.now_ms() % every_ms
    };
    let far = (1_700..).find(|minutes| far_ms(minutes) > 27 * HOUR_MS);
    let (view, created) = put(&sim, cron(&far.unwrap().to_string()));
    assert!(!created);
    let next_ms = view.next_ms.unwrap();
    sim.run_for(next_ms - sim.now_ms() + 2_000);
    assert_eq!(occurred(&sim, "a", next_ms - 1), [1]);
    assert!(matches!(refused(&sim, cron("never")), Put::Never));
}

#[test]
fn what_nobody_was_there_for_is_made_up_for_as_it_says() {
    let table = [
        // When somebody is there again, the latest is in time.
        (Missed::Skip, vec![1, 26, 27]),
        (Missed::Latest, vec![1, 26, 27]),
        (Missed::All, (1..=27).collect()),
    ];
    for (missed, expected) in table {
        let sim = Sim::new(3);
        let schedule = Schedule {
            missed,
            ..every("a", 10_000, json!({}))
        };
        let (view, _) = put(&sim, schedule);
        sim.run_for(12_000);
        lose_workers(&sim);
        sim.run_for(255_000);
        sim.run_with_ticks(10_000, 1_000);
        lose_workers(&sim);
        let times = occurred(&sim, "a", view.put_ms);
        let numbers: Vec<_> = times.iter().map(|ms| ms / 10_000).collect();
        assert_eq!(numbers, expected, "{missed:?}");
    }
}

#[test]
fn of_what_was_missed_for_long_the_latest_is_late_and_skipped_if_nothing_is_in_time() {
    for (missed, expected) in [(Missed::Skip, vec![1, 4]), (Missed::Latest, vec![1, 3, 4])] {
        let sim = Sim::new(4);
        let schedule = Schedule {
            missed,
            ..every("a", HOUR_MS, json!({}))
        };
        let (view, _) = put(&sim, schedule);
        sim.run_for(HOUR_MS + 2_000);
        lose_workers(&sim);
        // Found again half an hour after the third.
        sim.run_for(2 * HOUR_MS + HOUR_MS / 2);
        sim.tick();
        sim.run_for(HOUR_MS / 2);
        let times = occurred(&sim, "a", view.put_ms);
        let hours: Vec<_> = times.iter().map(|ms| ms / HOUR_MS).collect();
        assert_eq!(hours, expected, "{missed:?}");
    }
}

#[test]
fn no_more_than_so_many_are_made_up_for() {
    let sim = Sim::new(5);
    let schedule = Schedule {
        missed: Missed::All,
        ..every("a", MINUTE_MS, json!({}))
    };
    let (view, _) = put(&sim, schedule);
    sim.run_for(1_000);
    lose_workers(&sim);
    sim.run_for(300 * MINUTE_MS);
    sim.run_with_ticks(MINUTE_MS / 2, 5_000);
    let times = occurred(&sim, "a", view.put_ms);
    let numbers: Vec<_> = times.iter().map(|ms| ms / MINUTE_MS).collect();
    let last = 300 - MISSED_MAX as u64;
    assert_eq!(numbers, (last + 1..=300).collect::<Vec<_>>());
}

#[test]
fn an_occurrence_waits_for_nobody_or_is_left_out_while_the_one_before_runs() {
    for (overlap, expected) in [
        (Overlap::Queue, vec![2, 4, 6, 8, 10, 12]),
        (Overlap::Skip, vec![2, 8]),
    ] {
        let sim = Sim::new(6);
        let schedule = Schedule {
            overlap,
            ..every("a", 2_000, json!({"sleep_ms": 4_500}))
        };
        let (view, _) = put(&sim, schedule);
        sim.run_for(13_200);
        let seconds = occurred(&sim, "a", view.put_ms);
        let seconds: Vec<_> = seconds.iter().map(|ms| ms / 1_000).collect();
        assert_eq!(seconds, expected, "{overlap:?}");
    }
}

#[test]
fn tasks_go_to_the_queue_that_it_names_and_expire() {
    let sim = Sim::new(8);
    let schedule = Schedule {
        queue: "other".to_owned(),
        expires_after_ms: Some(7_000),
        ..every("a", 2_000, json!({}))
    };
    put(&sim, schedule);
    sim.run_for(3_000);
    let (at_ms, id) = look(&sim, "a").unwrap().last.unwrap();
    assert_eq!(id.queue(), "other");
    let keys = sim.world.store.keys();
    assert!(keys.contains(&"q.other.s.1".to_owned()), "{keys:?}");
    let other = |queue: SimQueue| async move {
        let other = handoff_queue::Queue::new("other", queue.store(), queue.env()).unwrap();
        other.view(&id).await.unwrap().unwrap()
    };
    let expires_ms = sim.wait(other).task.expires_ms.unwrap();
    assert!((at_ms + 7_000..at_ms + 9_000).contains(&expires_ms));
}
