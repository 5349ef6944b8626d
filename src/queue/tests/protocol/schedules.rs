//! Schedules: every occurrence gives one task, at its time, or as its policies say.

use crate::support::{Action, Sim, SimQueue, When, parts, task};
use handoff_queue::{
    Cron, MISSED_MAX, Missed, Overlap, Put, RETENTION_MIN_MS, Rule, SCHEDULES_MAX, Schedule,
    ScheduleView, State, Store, TaskSpec, Wake,
};
use serde_json::{Value, json};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn every(name: &str, ms: u64, args: Value) -> Schedule {
    Schedule {
        name: name.to_owned(),
        rule: Rule::Every(ms),
        queue: "test".to_owned(),
        task: TaskSpec {
            retention_ms: RETENTION_MIN_MS,
            ..task(name, args)
        },
        expires_after_ms: None,
        overlap: Overlap::Queue,
        missed: Missed::Latest,
    }
}

/// Puts it as the api component does, and returns how it stands and whether it is new.
fn put(sim: &Sim, schedule: Schedule) -> (ScheduleView, bool) {
    let put = |queue: SimQueue| async move {
        match queue.put_schedule(schedule).await.unwrap() {
            Put::Done {
                created,
                view,
                receipt,
            } => {
                queue.wake_for(&receipt, 4).await.unwrap();
                (*view, created)
            }
            other => panic!("{other:?}"),
        }
    };
    sim.wait(put)
}

fn refused(sim: &Sim, schedule: Schedule) -> Put {
    sim.wait(|queue| async move { queue.put_schedule(schedule).await.unwrap() })
}

fn look(sim: &Sim, name: &str) -> Option<ScheduleView> {
    let name = name.to_owned();
    sim.wait(|queue| async move { queue.schedule(&name).await.unwrap() })
}

fn delete(sim: &Sim, name: &str) -> bool {
    let name = name.to_owned();
    sim.wait(|queue| async move { queue.delete_schedule(&name).await.unwrap() })
}

/// When it occurred, in milliseconds after `from_ms`. No occurrence has two tasks.
fn occurred(sim: &Sim, name: &str, from_ms: u64) -> Vec<u64> {
    let occurrences = sim.world.ledger.occurrences(name);
    assert!(occurrences.values().all(|slots| slots.len() == 1));
    let later = occurrences.keys().filter(|at_ms| **at_ms > from_ms);
    later.map(|at_ms| at_ms - from_ms).collect()
}

/// How many entries for schedules the wheel holds.
fn entries(sim: &Sim) -> usize {
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

fn lose_workers(sim: &Sim) {
    sim.alive().iter().for_each(|worker| worker.kill());
}

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

#[test]
fn several_keepers_at_once_give_one_task() {
    let sim = Sim::new(9);
    sim.world.faults.yields.set(5_000);
    let (view, _) = put(&sim, every("a", 2_000, json!({})));
    for _ in 0..20 {
        // Whoever keeps is held up in what it does, and the next one begins it anew.
        let mut calls = 0;
        let at = sim.world.below(40);
        sim.world.faults.script(move |call| {
            calls += 1;
            let held = calls == at && call.instance.name.starts_with("worker");
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
        ("counter", "q.test.y", "other"),
        ("increment", "q.test.y", "test"),
        ("set", "q.test.y.2", "test"),
    ] {
        let sim = Sim::new(11);
        // So that the tasks of both queues have other slots.
        sim.enqueue_one(task("b", json!({})));
        let (view, _) = put(&sim, cron("2", "test", Missed::Skip));
        let first_ms = view.next_ms.unwrap();
        sim.run_for(first_ms - sim.now_ms() - 500);
        let mut held = false;
        sim.world.faults.script(move |call| {
            let here = (call.operation, call.key) == (operation, key);
            if here && call.instance.name.starts_with("client") && !held {
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
    assert_eq!(of_schedules, ["q.test.y", "q.test.y.4"]);
    let tasks = keys
        .iter()
        .filter(|key| matches!(parts(key).0, "s" | "o" | "i"));
    assert_eq!(tasks.count(), 0);
}
