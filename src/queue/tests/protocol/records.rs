//! Records that can't be read: a newer version's, or cut short.

use crate::support::{Action, Sim, When, keyed, member, task};
use futures::FutureExt;
use handoff_queue::{
    KEY_WINDOW_MS, KeyLimits, Limits, Missed, Overlap, Put, RETENTION_MIN_MS, Rule, Schedule,
    State, Step, Store, TaskId, TaskSpec, TaskStatus, Wake, Workflow,
};
use serde_json::json;

const MINUTE_MS: u64 = 60_000;
const BROKEN: [&[u8]; 3] = [b"2{\"task\":{}}", b"1{\"task\":{\"nonce\":\"ab", b""];

fn put(sim: &Sim, key: &str, value: &[u8]) {
    sim.world
        .store
        .set(key, value)
        .now_or_never()
        .unwrap()
        .unwrap();
}

fn kept_an_hour(task: TaskSpec) -> TaskSpec {
    TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..task
    }
}

/// No worker gave up because of what it read.
fn assert_nobody_failed(sim: &Sim) {
    let logs = sim.world.logs.borrow();
    let ended = logs.iter().find(|l| l.contains("ended:"));
    assert_eq!(ended, None);
}

#[test]
fn broken_slots_hold_nobody_up() {
    let sim = Sim::new(1);
    sim.world.faults.wake_fails.set(1_000);
    let before = sim.enqueue_one(kept_an_hour(task("before", json!({}))));
    for (i, broken) in BROKEN.iter().enumerate() {
        sim.world
            .store
            .increment("q.test.tail", 1)
            .now_or_never()
            .unwrap()
            .unwrap();
        put(&sim, &format!("q.test.s.{}", 2 + i), broken);
    }
    let behind = sim.enqueue_one(kept_an_hour(task("behind", json!({}))));
    sim.world.faults.off();
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    assert_eq!(sim.state(&before), State::Succeeded);
    assert_eq!(sim.state(&behind), State::Succeeded);
    sim.run_for(60_000);
    assert!(sim.alive().is_empty(), "rescue came past them");
    assert_nobody_failed(&sim);
    sim.run_with_ticks(2 * RETENTION_MIN_MS, 60_000);
    assert_eq!(
        sim.status(&behind),
        TaskStatus::Unknown,
        "retention came past them"
    );
    let keys = sim.world.store.keys();
    assert!(
        keys.contains(&"q.test.s.2".to_owned()),
        "a newer version's record is not for us to delete"
    );
}

#[test]
fn a_broken_outcome_concerns_only_its_task() {
    let sim = Sim::new(2);
    for (i, broken) in BROKEN.iter().enumerate() {
        let id = sim.enqueue_one(kept_an_hour(task(&format!("t{i}"), json!({}))));
        sim.until_state(&id, State::Succeeded, 1_000);
        put(&sim, &format!("q.test.o.{}.0", id.slot()), broken);
        let asked = id.clone();
        let answer = sim.wait(|queue| async move { queue.status(&asked).await });
        assert!(answer.is_err(), "{answer:?}");
    }
    let behind = sim.enqueue_one(kept_an_hour(task("behind", json!({}))));
    sim.run_for(60_000);
    assert!(sim.alive().is_empty());
    assert_nobody_failed(&sim);
    sim.run_with_ticks(2 * RETENTION_MIN_MS, 60_000);
    assert_eq!(sim.status(&behind), TaskStatus::Unknown);
}

#[test]
fn broken_timer_entries_and_what_they_name_hold_nobody_up() {
    let sim = Sim::new(3);
    let due_ms = sim.now_ms() + 10_000;
    let delayed = |name: &str| TaskSpec {
        not_before_ms: Some(due_ms),
        ..task(name, json!({}))
    };
    let ids = sim.enqueue(vec![delayed("a"), delayed("b"), delayed("c")]);
    let entries: Vec<_> = sim
        .world
        .store
        .keys()
        .into_iter()
        .filter(|k| k.starts_with("q.test.te."))
        .collect();
    assert_eq!(entries.len(), 3);
    put(&sim, &entries[0], BROKEN[0]);
    // A lease to be looked at, of a task that can't be read.
    put(&sim, &entries[1], br#"1{"t":2,"e":0,"d":"l"}"#);
    put(&sim, "q.test.o.2.0", BROKEN[1]);
    sim.run_for(60_000);
    assert_eq!(
        sim.state(&ids[2]),
        State::Succeeded,
        "the timer came past them"
    );
    // Rescue found that the first was never delivered.
    assert_eq!(sim.state(&ids[0]), State::Succeeded);
    assert_nobody_failed(&sim);
}

#[test]
fn what_a_newer_version_wrote_waits_for_it() {
    let sim = Sim::new(5);
    let due_ms = sim.now_ms() + 10_000;
    let delayed = TaskSpec {
        not_before_ms: Some(due_ms),
        ..task("delayed", json!({}))
    };
    sim.world.faults.wake_fails.set(1_000);
    let ids = sim.enqueue(vec![task("waiting", json!({})), delayed]);
    sim.world.faults.off();
    let entry = sim.world.store.keys();
    let entry = entry.iter().find(|k| k.starts_with("q.test.te.")).unwrap();
    let (home, entry) = (make_newer(&sim, "q.test.s.1"), make_newer(&sim, entry));
    sim.worker(Wake::Work);
    sim.run_for(15 * 60_000);
    assert!(sim.alive().is_empty(), "nobody stays for it");
    // Rescue found that the delayed one was not delivered. The other can't be read.
    assert_eq!(sim.began("delayed").len(), 1);
    assert_eq!(sim.began("waiting").len(), 0);
    assert_nobody_failed(&sim);

    // The newer version is deployed: to it these records are its own.
    put(&sim, "q.test.s.1", &home);
    let keys = sim.world.store.keys();
    for key in keys.iter().filter(|k| k.starts_with("q.test.ge.")) {
        if get(&sim, key).starts_with(b"2") {
            put(&sim, key, &entry);
        }
    }
    sim.run_with_ticks(15 * 60_000, 60_000);
    for id in ids {
        assert_eq!(sim.state(&id), State::Succeeded);
    }
    assert_eq!(sim.world.began.borrow().len(), 2);
}

/// Makes a record look like a newer version's, and returns what it was.
fn make_newer(sim: &Sim, key: &str) -> Vec<u8> {
    let record = get(sim, key);
    let mut newer = record.clone();
    newer[0] = b'2';
    put(sim, key, &newer);
    record
}

fn get(sim: &Sim, key: &str) -> Vec<u8> {
    let value = sim.world.store.get(key).now_or_never().unwrap().unwrap();
    value.unwrap()
}

#[test]
fn tasks_run_while_the_keepers_record_is_a_newer_versions() {
    let sim = Sim::new(4);
    put(&sim, "q.test.keeper", b"2{}");
    for i in 0..3 {
        let id = sim.enqueue_one(task(&format!("t{i}"), json!({})));
        sim.until_state(&id, State::Succeeded, 1_000);
        sim.run_for(20_000);
    }
    assert_nobody_failed(&sim);
}

/// Makes a record look like a newer version's, or cuts it short. Returns what it was, and what it is now.
fn spoil(sim: &Sim, key: &str, newer: bool) -> (Vec<u8>, Vec<u8>) {
    let record = get(sim, key);
    if newer {
        make_newer(sim, key);
    } else {
        put(sim, key, &record[..record.len() / 2]);
    }
    (record, get(sim, key))
}

fn find(sim: &Sim, kind: &str, end: &str) -> String {
    let keys = sim.world.store.keys().into_iter();
    let mut found = keys.filter(|key| {
        let rest = key.strip_prefix("q.test.");
        rest.is_some_and(|rest| rest.starts_with(kind) && rest.ends_with(end))
    });
    found.next().unwrap()
}

fn assert_operator_knows_of(sim: &Sim, key: &str) {
    let logs = sim.world.logs.borrow();
    let named = format!("the record {key} ");
    assert!(logs.iter().any(|line| line.contains(&named)), "{key}");
}

/// A task that waits for no time, and one that does: `healthy` and `later`.
fn enqueue_healthy(sim: &Sim) {
    let later = TaskSpec {
        not_before_ms: Some(sim.now_ms() + 70_000),
        ..task("later", json!({}))
    };
    sim.enqueue(vec![task("healthy", json!({})), later]);
}

fn assert_healthy_ran(sim: &Sim) {
    for name in ["healthy", "later"] {
        assert_eq!(sim.began(name).len(), 1, "{name}");
    }
    assert_nobody_failed(sim);
}

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
        queue.wake_for(&receipt, 4).await.unwrap();
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
            let key = format!("q.test.{kind}");
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
            let key = format!("q.test.{kind}");
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
fn a_failed_task_that_cannot_be_read_is_listed_with_its_error() {
    for newer in [true, false] {
        let sim = Sim::new(6);
        let fails = |name| kept_an_hour(task(name, json!({"fatal": "no use"})));
        let ids = sim.enqueue(vec![fails("a"), fails("b"), fails("c")]);
        sim.run_for(30_000);
        spoil(&sim, &format!("q.test.o.{}.0", ids[0].slot()), newer);
        spoil(&sim, &format!("q.test.s.{}", ids[1].slot()), newer);
        let page = sim.wait(|queue| async move { queue.failed(None, 20).await.unwrap() });
        let readable: Vec<_> = page.tasks.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(readable, [ids[2].clone()]);
        let mut unreadable: Vec<_> = page.unreadable.iter().map(|(id, _)| id.clone()).collect();
        unreadable.sort_by_key(|id| id.as_ref().map(TaskId::slot));
        assert_eq!(
            unreadable,
            ids[..2].iter().cloned().map(Some).collect::<Vec<_>>()
        );
        let view = |id: &TaskId| {
            let id = id.clone();
            sim.wait(|queue| async move { queue.view(&id).await })
        };
        assert!(view(&ids[0]).is_err_and(|e| e.is_unreadable()));
    }
}

#[test]
fn a_member_that_cannot_be_read_hides_no_other() {
    let sim = Sim::new(6);
    let member = |i: usize| member(&format!("m{i}"), json!({}));
    let workflow = Workflow {
        steps: vec![Step::Many((0..3).map(member).collect())],
        on_failure: Default::default(),
        args_max_bytes: 1_000,
    };
    let id = sim.enqueue_one(workflow.task());
    sim.until_state(&id, State::Succeeded, 10_000);
    let members = || {
        let id = id.clone();
        let found = sim.wait(|queue| async move { queue.members(&id, 0, 10).await.unwrap() });
        found
            .unwrap()
            .0
            .into_iter()
            .map(|member| member.task.unwrap())
    };
    let (broken, _) = members().nth(1).unwrap();
    spoil(&sim, &format!("q.test.s.{}", broken.slot()), false);
    let found: Vec<_> = members().collect();
    assert_eq!(found.len(), 3);
    assert!(found[0].1.is_ok() && found[2].1.is_ok());
    assert!(found[1].0 == broken && found[1].1.is_err());
    let asked = id.clone();
    let view = sim.wait(|queue| async move { queue.workflow(&asked).await.unwrap().unwrap() });
    assert_eq!(view.total, 3);
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
            let candidate = call.operation == "set" && call.key.starts_with("q.test.i.");
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
        put(&sim, "q.test.paused", broken);
        enqueue_healthy(&sim);
        sim.run_with_ticks(90_000, 5_000);
        assert_eq!(sim.state(&runs), State::Succeeded);
        assert!(sim.began("healthy").is_empty() && sim.began("later").is_empty());
        assert_eq!(get(&sim, "q.test.paused"), broken);
        sim.wait(|queue| async move { queue.resume().await.unwrap() });
        sim.run_for(1_000);
        assert_healthy_ran(&sim);
    }
}
