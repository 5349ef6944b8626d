//! The list of failed tasks: what is in it, what goes from it, and what is left behind.

use crate::support::{Action, Sim, SimQueue, When, task};
use futures::FutureExt;
use handoff_queue::{
    BulkResult, Cancelled, Discarded, FailedPage, IdempotencyKey, Once, RETENTION_MIN_MS, Receipt,
    Retried, RetryPolicy, State, Store, TaskId, TaskSpec, TaskStatus, Wake,
};
use serde_json::{Value, json};
use std::cell::Cell;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn once() -> RetryPolicy {
    RetryPolicy {
        attempts: 1,
        ..RetryPolicy::default()
    }
}

fn failing(name: &str) -> TaskSpec {
    TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..task(name, json!({"fatal": format!("{name} is no use")}))
    }
}

/// So many that fail one after the other.
fn fail(sim: &Sim, count: usize) -> Vec<TaskId> {
    let fails = |i| {
        let id = sim.enqueue_one(failing(&format!("t{i}")));
        sim.until_state(&id, State::Failed, 1_000);
        id
    };
    (0..count).map(fails).collect()
}

fn page(sim: &Sim, before: Option<u64>, most: usize) -> FailedPage {
    sim.wait(|queue| async move { queue.failed(before, most).await.unwrap() })
}

/// The whole list, in pages of 7.
fn list(sim: &Sim) -> Vec<TaskId> {
    let (mut ids, mut before) = (Vec::new(), None);
    loop {
        let page = page(sim, before, 7);
        ids.extend(page.tasks.into_iter().map(|(id, _)| id));
        before = page.next;
        if before.is_none() {
            return ids;
        }
    }
}

fn retry(sim: &Sim, id: &TaskId) -> Retried {
    let id = id.clone();
    sim.wait(|queue| async move { again(queue, id).await })
}

async fn again(queue: SimQueue, id: TaskId) -> Retried {
    let retried = queue.retry(&id, None).await.unwrap();
    if let Retried::Created(receipt) | Retried::Repeated(receipt) = &retried {
        queue.wake_for(receipt, 8).await.unwrap();
    }
    retried
}

fn retried_as(retried: Retried) -> TaskId {
    match retried {
        Retried::Created(receipt) | Retried::Repeated(receipt) => receipt.ids[0].clone(),
        other => panic!("{other:?}"),
    }
}

fn discard(sim: &Sim, id: &TaskId) -> Discarded {
    let id = id.clone();
    sim.wait(|queue| async move { queue.discard(&id).await.unwrap() })
}

/// Keys of the list that remain, besides its counter.
fn left(sim: &Sim) -> Vec<String> {
    let keys = sim.world.store.keys();
    let of_tasks = |key: &String| {
        let kind = key.split('.').nth(2).unwrap();
        matches!(kind, "s" | "h" | "c" | "o" | "r" | "x" | "i") || key.starts_with("q.test.f.")
    };
    keys.into_iter().filter(of_tasks).collect()
}

#[test]
fn those_that_failed_last_come_first_page_by_page_and_no_others() {
    let sim = Sim::new(1);
    assert!(list(&sim).is_empty());
    let mut ids = fail(&sim, 4);
    let done = sim.enqueue_one(task("done", json!({})));
    sim.until_state(&done, State::Succeeded, 1_000);
    let cancelled = sim.enqueue_one(task("cancelled", json!({"until_cancelled": true})));
    sim.run_for(500);
    let asked = cancelled.clone();
    sim.wait(|queue| async move { queue.cancel(&asked).await.unwrap() });
    sim.until_state(&cancelled, State::Cancelled, 5_000);
    let thrice = TaskSpec {
        retry: RetryPolicy {
            attempts: 3,
            ..RetryPolicy::default()
        },
        ..task("thrice", json!({"fail_times": 9, "after_ms": 0}))
    };
    let thrice = sim.enqueue_one(thrice);
    sim.run_for(1_000);
    ids.push(thrice);
    ids.extend(fail(&sim, 5));
    ids.reverse();
    assert_eq!(list(&sim), ids);

    let first = page(&sim, None, 6);
    let (id, view) = &first.tasks[5];
    assert_eq!((id, view.state), (&ids[5], State::Failed));
    let errors: Vec<_> = view.errors.iter().map(|e| e.error.as_str()).collect();
    assert_eq!(errors, ["failure 1", "failure 2", "failure 3"]);
    // One more that fails meanwhile is on no later page.
    fail(&sim, 1);
    let second = page(&sim, first.next, 6);
    let second_ids: Vec<_> = second.tasks.iter().map(|(id, _)| id).collect();
    assert_eq!(second_ids, ids[6..].iter().collect::<Vec<_>>());
    assert_eq!(second.next, None);
    assert_eq!(page(&sim, Some(1), 6).next, None);
    assert_eq!(page(&sim, Some(0), 6).tasks.len(), 0);
}

#[test]
fn however_a_task_fails_it_is_listed() {
    let sim = Sim::new(2);
    let last = |name, args| TaskSpec {
        retry: once(),
        timeout_ms: 2_000,
        ..task(name, args)
    };
    let ids = sim.enqueue(vec![
        last("failed", json!({"fail_times": 1})),
        last("overran", json!({"hang": true})),
        last("panicked", json!({"panic_times": 1})),
        last("killed its instance", json!({"traps": true})),
    ]);
    sim.run_with_ticks(120_000, 5_000);
    let listed = list(&sim);
    for id in &ids {
        assert_eq!(sim.state(id), State::Failed);
        assert!(listed.contains(id), "{:?}", sim.view(id));
    }
    assert_eq!(listed.len(), ids.len());
}

/// Who overran its lease between entry and outcome, and who took over, both list the task.
#[test]
fn a_task_that_was_entered_twice_is_listed_once() {
    let sim = Sim::new(3);
    sim.world.faults.script(|call| match call.key {
        "q.test.f.1" if call.operation == "set" => Action::Stall(When::After, 60_000),
        _ => Action::Pass,
    });
    let short = TaskSpec {
        timeout_ms: 1_000,
        ..failing("twice")
    };
    let id = sim.enqueue_one(short);
    sim.run_with_ticks(55_000, 5_000);
    assert_eq!(sim.began("twice").len(), 2);
    assert_eq!(list(&sim), std::slice::from_ref(&id));
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(list(&sim), std::slice::from_ref(&id));
    assert_eq!(discard(&sim, &id), Discarded::Done);
    assert!(list(&sim).is_empty());
    sim.world.faults.no_script();
    sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
    assert_eq!(left(&sim), Vec::<String>::new());
}

#[test]
fn whose_owner_died_before_its_outcome_is_not_listed() {
    let sim = Sim::new(4);
    sim.world.faults.script(|call| match call.key {
        "q.test.f.1" if call.operation == "set" => Action::Kill(When::After),
        _ => Action::Pass,
    });
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 1_000,
        ..failing("dies")
    });
    sim.run_for(100);
    assert!(sim.world.store.keys().contains(&"q.test.f.1".to_owned()));
    let asked = id.clone();
    let answer = sim.wait(|queue| async move { queue.cancel(&asked).await.unwrap() });
    assert_eq!(answer, Cancelled::Requested);
    assert!(list(&sim).is_empty());
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(sim.state(&id), State::Cancelled);
    assert!(list(&sim).is_empty());
    sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
    assert_eq!(left(&sim), Vec::<String>::new());
}

/// Its lease is a day: it is not taken for lost meanwhile, and the keeper passes old numbers.
#[test]
fn who_stalls_for_hours_while_it_lists_is_listed_all_the_same() {
    for (key, when) in [
        ("q.test.f.2", When::Before),
        ("q.test.f.2", When::After),
        ("q.test.o.2.0", When::Before),
    ] {
        let sim = Sim::new(5);
        // Something to be passed before and behind it.
        let first = sim.enqueue_one(failing("first"));
        sim.until_state(&first, State::Failed, 1_000);
        let stalled = Cell::new(false);
        sim.world.faults.script(move |call| {
            let here = call.operation == "set" && call.key == key;
            match here && !stalled.replace(true) {
                true => Action::Stall(when, 4 * HOUR_MS),
                false => Action::Pass,
            }
        });
        let id = sim.enqueue_one(TaskSpec {
            timeout_ms: 24 * HOUR_MS,
            retention_ms: 8 * HOUR_MS,
            ..failing("stalls")
        });
        sim.run_for(100);
        sim.enqueue_one(failing("behind"));
        sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
        assert_eq!(sim.status(&first), TaskStatus::Unknown);
        assert_eq!(sim.state(&id), State::Failed);
        assert_eq!(list(&sim), [id], "stalled {when:?} {key}");
        sim.run_with_ticks(8 * HOUR_MS, 5 * MINUTE_MS);
        assert_eq!(left(&sim), Vec::<String>::new(), "stalled {when:?} {key}");
    }
}

#[test]
fn a_retry_is_one_new_task_however_often_it_is_asked_for() {
    let sim = Sim::new(6);
    let of = TaskSpec {
        timeout_ms: 12_345,
        retry: once(),
        retention_ms: 2 * HOUR_MS,
        ..task("of", json!({"fail_times": 1}))
    };
    let of = sim.enqueue_one(of);
    let other = sim.enqueue_one(failing("other"));
    sim.until_state(&of, State::Failed, 1_000);
    sim.until_state(&other, State::Failed, 1_000);
    let many: Vec<_> = (0..5)
        .map(|_| {
            let of = of.clone();
            sim.spawn(|_, queue| again(queue, of))
        })
        .collect();
    sim.run_for(3_000);
    let answers: Vec<_> = many.iter().map(|spawned| spawned.take().unwrap()).collect();
    let created = |answer: &&Retried| matches!(answer, Retried::Created(_));
    assert_eq!(answers.iter().filter(created).count(), 1, "{answers:?}");
    let ids: Vec<_> = answers.into_iter().map(retried_as).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(sim.began("of").len(), 2);

    let (old, new) = (sim.view(&of).unwrap(), sim.view(&ids[0]).unwrap());
    assert_eq!(old.state, State::Failed, "it stays readable");
    assert_eq!(new.task.retry_of, Some(of.clone()));
    assert_eq!(old.task.retry_of, None);
    let same = |view: &handoff_queue::TaskView| {
        let task = view.task.clone();
        let timing = (task.timeout_ms, task.retention_ms);
        (task.kind.clone(), task.args.clone(), task.retry, timing)
    };
    assert_eq!(same(&old), same(&new));
    // It fails as well: it is listed in place of the old one, and may be retried itself.
    assert_eq!(list(&sim), [ids[0].clone(), other]);
    let third = retried_as(retry(&sim, &ids[0]));
    assert_ne!(third, ids[0]);

    // Until the old one is gone a repeated request finds the same.
    sim.run_with_ticks(2 * HOUR_MS - MINUTE_MS, 5 * MINUTE_MS);
    let repeated = retry(&sim, &of);
    assert!(
        matches!(&repeated, Retried::Repeated(r) if r.ids == ids[..1]),
        "{repeated:?}"
    );
    sim.run_with_ticks(MINUTE_MS, 5_000);
    let over = retry(&sim, &of);
    assert!(matches!(over, Retried::Over | Retried::Unknown), "{over:?}");
    sim.run_with_ticks(6 * HOUR_MS, 5 * MINUTE_MS);
    assert_eq!(left(&sim), Vec::<String>::new());
}

#[test]
fn only_what_failed_is_retried_or_discarded() {
    let sim = Sim::new(7);
    let ids = sim.enqueue(vec![
        task("done", json!({})),
        task("runs", json!({"sleep_ms": 20_000})),
        task("retries", json!({"fail_times": 1, "after_ms": 20_000})),
    ]);
    sim.run_for(1_000);
    let states = [State::Succeeded, State::Running, State::Retrying];
    for (id, state) in ids.iter().zip(states) {
        let answer = retry(&sim, id);
        assert!(
            matches!(answer, Retried::NotFailed(s) if s == state),
            "{answer:?}"
        );
        assert_eq!(discard(&sim, id), Discarded::NotFailed(state));
    }
    let unknown: TaskId = "test-1-0123456789abcdef01234567".parse().unwrap();
    assert!(matches!(retry(&sim, &unknown), Retried::Unknown));
    assert_eq!(discard(&sim, &unknown), Discarded::Unknown);
}

#[test]
fn what_is_discarded_stays_readable_and_may_be_retried() {
    let sim = Sim::new(8);
    let ids = fail(&sim, 3);
    assert_eq!(discard(&sim, &ids[1]), Discarded::Done);
    assert_eq!(discard(&sim, &ids[1]), Discarded::Done);
    assert_eq!(list(&sim), [ids[2].clone(), ids[0].clone()]);
    assert_eq!(sim.state(&ids[1]), State::Failed);
    let new = retried_as(retry(&sim, &ids[1]));
    sim.until_state(&new, State::Failed, 1_000);
    assert_eq!(list(&sim).len(), 3);
    let swept = sim.wait(|queue| async move { queue.discard_failed(None, 0).await.unwrap() });
    assert_eq!((swept.done, swept.next), (3, None));
    assert!(list(&sim).is_empty());
    assert_eq!(sim.state(&new), State::Failed);
}

/// A key keeps its task for longer than it may be retried.
#[test]
fn nothing_is_listed_or_retried_when_its_retention_is_over() {
    let sim = Sim::new(9);
    let key = IdempotencyKey::of_caller("a", 24 * HOUR_MS, &handoff_queue::Json::empty_object());
    let taken = sim.wait(|queue| async move {
        match queue.enqueue_once(failing("keyed"), &key).await.unwrap() {
            Once::Created(receipt) => {
                queue.wake_for(&receipt, 8).await.unwrap();
                receipt
            }
            other => panic!("{other:?}"),
        }
    });
    let id = &taken.ids[0];
    sim.until_state(id, State::Failed, 1_000);
    sim.run_with_ticks(HOUR_MS - MINUTE_MS, 5 * MINUTE_MS);
    assert_eq!(list(&sim), std::slice::from_ref(id));
    sim.run_with_ticks(2 * MINUTE_MS, MINUTE_MS);
    assert!(list(&sim).is_empty());
    assert_eq!(sim.state(id), State::Failed);
    assert!(matches!(retry(&sim, id), Retried::Over));
}

fn sweep(sim: &Sim, before: Option<u64>, most_ms: u64) -> BulkResult<Receipt> {
    let end_ms = sim.now_ms() + most_ms;
    sim.wait(|queue| async move {
        let swept = queue.retry_failed(before, end_ms, None).await.unwrap();
        queue.wake_for(&swept.done, 8).await.unwrap();
        swept
    })
}

#[test]
fn all_are_retried_in_as_many_calls_as_it_takes() {
    let sim = Sim::new(10);
    let ids = fail(&sim, 50);
    let (mut next, mut retried, mut calls) = (None, Vec::new(), 0);
    loop {
        // No call has time for more than a page.
        let swept = sweep(&sim, next, 0);
        // They fail again, and are not retried in this round.
        sim.run_for(1_000);
        retried.extend(swept.done.tasks);
        calls += 1;
        next = swept.next;
        if next.is_none() {
            break;
        }
    }
    assert!(calls > 2, "{calls}");
    let of: Vec<_> = retried
        .iter()
        .filter_map(|task| task.retry_of.clone())
        .collect();
    assert_eq!(of, ids.iter().rev().cloned().collect::<Vec<_>>());
    let listed = list(&sim);
    assert_eq!(listed.len(), 50);
    assert!(ids.iter().all(|id| !listed.contains(id)));
}

#[test]
fn two_who_retry_all_at_once_make_one_task_of_each() {
    for seed in 1..30 {
        let sim = Sim::new(seed);
        fail(&sim, 8);
        sim.world.faults.yields.set(5_000);
        let end_ms = sim.now_ms() + 60_000;
        let both: Vec<_> = (0..2)
            .map(|_| {
                sim.spawn(|_, queue| async move {
                    queue.retry_failed(None, end_ms, None).await.unwrap()
                })
            })
            .collect();
        sim.run_for(60_000);
        let done = both.iter().map(|one| one.take().unwrap().done);
        let tasks: Vec<_> = done.flat_map(|receipt| receipt.tasks).collect();
        assert_eq!(tasks.len(), 8, "seed {seed}");
        // The first runs failed, and so did one more of each.
        sim.run_with_ticks(60_000, 5_000);
        for i in 0..8 {
            assert_eq!(sim.began(&format!("t{i}")).len(), 2, "seed {seed}");
        }
    }
}

/// Whoever retries all dies or is failed by the store: what it did is done, and repeating it does the rest.
#[test]
fn a_retry_of_all_that_is_cut_short_is_repeated() {
    for at in 1..80 {
        for action in [Action::Kill(When::After), Action::Fail(When::Before)] {
            let sim = Sim::new(11);
            fail(&sim, 3);
            let mut calls = 0;
            sim.world.faults.script(move |call| {
                calls += u64::from(call.instance.name.starts_with("client"));
                if calls == at { action } else { Action::Pass }
            });
            let end_ms = sim.now_ms() + 60_000;
            sim.spawn(|_, queue| async move { queue.retry_failed(None, end_ms, None).await });
            sim.run_for(1_000);
            sim.world.faults.no_script();
            while sweep(&sim, None, 60_000).next.is_some() {}
            sim.run_with_ticks(180_000, 5_000);
            for i in 0..3 {
                let began = sim.began(&format!("t{i}")).len();
                // What was retried before the repetition may have failed again by then.
                assert!((2..=3).contains(&began), "{action:?} at {at}: {began}");
            }
        }
    }
}

#[test]
fn those_behind_many_that_were_discarded_are_found() {
    let sim = Sim::new(12);
    let old = fail(&sim, 1).remove(0);
    let many: Vec<_> = (0..1_100).map(|i| failing(&format!("m{i}"))).collect();
    let (some, rest) = many.split_at(1_000);
    let mut ids = sim.enqueue(some.to_vec());
    ids.extend(sim.enqueue(rest.to_vec()));
    sim.until_state(ids.last().unwrap(), State::Failed, 60_000);
    sim.run_for(1_000);
    for id in &ids {
        discard(&sim, id);
    }
    let first = page(&sim, None, 20);
    assert!(first.tasks.is_empty());
    let second = page(&sim, first.next, 20);
    assert_eq!(second.tasks[0].0, old);
    assert_eq!(second.next, None);

    // Old numbers that stand for nothing any more are not looked at for good.
    sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
    sim.world.store.take_calls();
    assert_eq!(page(&sim, None, 20).next, None);
    let calls = sim.world.store.take_calls();
    assert_eq!((calls.writes, calls.reads), (0, 2));
    assert_eq!(left(&sim), Vec::<String>::new());
}

fn put(sim: &Sim, key: &str, value: &[u8]) {
    let store = &sim.world.store;
    store.set(key, value).now_or_never().unwrap().unwrap();
}

#[test]
fn an_entry_that_cannot_be_read_hides_no_other() {
    let sim = Sim::new(13);
    let mut ids = fail(&sim, 5);
    put(&sim, "q.test.f.2", b"2{}");
    put(&sim, "q.test.f.3", b"1\"other-1-0123456789abcdef01234567\"");
    put(&sim, &format!("q.test.s.{}", ids[3].slot()), b"1{");
    ids.reverse();
    assert_eq!(list(&sim), [ids[0].clone(), ids[4].clone()]);
    sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
    assert!(list(&sim).is_empty());
    // Two went with their tasks; of the third task it is not known what it is.
    let entries: Vec<_> = left(&sim)
        .into_iter()
        .filter(|key| key.starts_with("q.test.f."))
        .collect();
    assert_eq!(entries, ["q.test.f.4"]);
}

/// A task of before there was a list.
#[test]
fn a_failed_task_without_a_number_may_be_retried() {
    let sim = Sim::new(14);
    sim.world.faults.wake_fails.set(1_000);
    let id = sim.enqueue_one(failing("old"));
    sim.worker(Wake::Work);
    sim.until_state(&id, State::Failed, 1_000);
    let key = format!("q.test.o.{}.0", id.slot());
    let record = sim
        .world
        .store
        .get(&key)
        .now_or_never()
        .unwrap()
        .unwrap()
        .unwrap();
    let mut run: Value = serde_json::from_slice(&record[1..]).unwrap();
    run["state"]["failed"]
        .as_object_mut()
        .unwrap()
        .remove("listed")
        .unwrap();
    put(&sim, &key, format!("1{run}").as_bytes());
    assert!(list(&sim).is_empty());
    assert_eq!(discard(&sim, &id), Discarded::Done);
    let new = retried_as(retry(&sim, &id));
    sim.world.faults.off();
    sim.worker(Wake::Work);
    sim.until_state(&new, State::Failed, 1_000);
    sim.run_with_ticks(6 * HOUR_MS, 5 * MINUTE_MS);
    assert_eq!(left(&sim), Vec::<String>::new());
}

/// In the same call, and not when the keeper comes past it.
#[test]
fn an_entry_goes_with_its_task() {
    let sim = Sim::new(15);
    let ids = sim.enqueue((0..100).map(|i| failing(&format!("t{i}"))).collect());
    sim.until_state(ids.last().unwrap(), State::Failed, 5_000);
    sim.run_with_ticks(RETENTION_MIN_MS, 5 * MINUTE_MS);
    assert_eq!(
        left(&sim).iter().filter(|key| key.contains(".f.")).count(),
        100
    );
    let homes = || left(&sim).iter().any(|key| key.starts_with("q.test.s."));
    let mut writes = 0;
    while homes() {
        sim.world.store.take_calls();
        sim.run_with_ticks(5_000, 5_000);
        writes = sim.world.store.take_calls().writes;
    }
    assert_eq!(left(&sim), Vec::<String>::new());
    assert!(writes < 30, "{writes}");
}
