//! Retrying or discarding one failed task.

use super::unreadable::put;
use super::{
    HOUR_MS, MINUTE_MS, again, discard, fail, failing, left, list, once, retried_as, retry,
};
use crate::support::{Sim, keys, task};
use futures::FutureExt;
use handoff_queue::{Discarded, Retried, State, Store, TaskId, TaskSpec, Wake, every};
use serde_json::{Value, json};

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
    let retry_of = |id: &TaskId| {
        let (id, of) = (id.clone(), sim.view(id).unwrap().task);
        sim.wait(|queue| async move { queue.retry_of(&id, &of).await.unwrap() })
    };
    assert_eq!(retry_of(&of), Some(ids[0].clone()), "it is known");
    assert_eq!(retry_of(&other), None, "it was not retried");
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
    let swept = sim
        .wait(|queue| async move { queue.discard_failed(&every, None, 0, false).await.unwrap() });
    assert_eq!((swept.done, swept.next), (3, None));
    assert!(list(&sim).is_empty());
    assert_eq!(sim.state(&new), State::Failed);
}

/// A task of before there was a list.
#[test]
fn a_failed_task_without_a_number_may_be_retried() {
    let sim = Sim::new(14);
    sim.world.faults.wake_fails.set(1_000);
    let id = sim.enqueue_one(failing("old"));
    sim.worker(Wake::Work);
    sim.until_state(&id, State::Failed, 1_000);
    let key = keys::run(id.slot(), 0);
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
