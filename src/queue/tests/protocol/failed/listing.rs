//! Which tasks the failed list holds, in which order, and for how long.

use super::{HOUR_MS, MINUTE_MS, discard, fail, failing, left, list, once, page, retry};
use crate::support::{Action, Sim, When, keys, task};
use handoff_queue::{
    Cancelled, Discarded, IdempotencyKey, Once, RETENTION_MIN_MS, Retried, RetryPolicy, State,
    TaskSpec, TaskStatus,
};
use serde_json::json;
use std::cell::Cell;

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
    sim.world
        .faults
        .script(|call| match call.is("set", &keys::failure(1)) {
            true => Action::Stall(When::After, 60_000),
            false => Action::Pass,
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
    sim.world
        .faults
        .script(|call| match call.is("set", &keys::failure(1)) {
            true => Action::Kill(When::After),
            false => Action::Pass,
        });
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 1_000,
        ..failing("dies")
    });
    sim.run_for(100);
    assert!(sim.world.store.keys().contains(&keys::failure(1)));
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
        (keys::failure(2), When::Before),
        (keys::failure(2), When::After),
        (keys::run(2, 0), When::Before),
    ] {
        let sim = Sim::new(5);
        // Something to be passed before and behind it.
        let first = sim.enqueue_one(failing("first"));
        sim.until_state(&first, State::Failed, 1_000);
        let (stalled, stalls_at) = (Cell::new(false), key.clone());
        sim.world.faults.script(move |call| {
            let here = call.is("set", &stalls_at);
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

/// A key keeps its task for longer than it may be retried.
#[test]
fn nothing_is_listed_or_retried_when_its_retention_is_over() {
    let sim = Sim::new(9);
    let key = IdempotencyKey::of_caller("a", 24 * HOUR_MS, &handoff_queue::Json::empty_object());
    let taken = sim.wait(|queue| async move {
        match queue.enqueue_once(failing("keyed"), &key).await.unwrap() {
            Once::Created(receipt) => {
                queue.wake_for(&receipt, || 8).await.unwrap();
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
    let homes = || left(&sim).iter().any(|key| key.starts_with(keys::SLOTS));
    let mut writes = 0;
    while homes() {
        sim.world.store.take_calls();
        sim.run_with_ticks(5_000, 5_000);
        writes = sim.world.store.take_calls().writes;
    }
    assert_eq!(left(&sim), Vec::<String>::new());
    assert!(writes < 30, "{writes}");
}
