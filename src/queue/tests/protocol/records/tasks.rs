//! Slots and outcomes of tasks that can't be read.

use super::{BROKEN, assert_nobody_failed, kept_an_hour, put, spoil};
use crate::support::{Sim, keys, member, task};
use futures::FutureExt;
use handoff_queue::{
    RETENTION_MIN_MS, State, Step, Store, TaskId, TaskStatus, Wake, Workflow, every,
};
use serde_json::json;

#[test]
fn broken_slots_hold_nobody_up() {
    let sim = Sim::new(1);
    sim.world.faults.wake_fails.set(1_000);
    let before = sim.enqueue_one(kept_an_hour(task("before", json!({}))));
    for (i, broken) in BROKEN.iter().enumerate() {
        sim.world
            .store
            .increment(keys::TAIL, 1)
            .now_or_never()
            .unwrap()
            .unwrap();
        put(&sim, &keys::slot(2 + i as u64), broken);
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
        keys.contains(&keys::slot(2)),
        "a newer version's record is not for us to delete"
    );
}

#[test]
fn a_broken_outcome_concerns_only_its_task() {
    let sim = Sim::new(2);
    for (i, broken) in BROKEN.iter().enumerate() {
        let id = sim.enqueue_one(kept_an_hour(task(&format!("t{i}"), json!({}))));
        sim.until_state(&id, State::Succeeded, 1_000);
        put(&sim, &keys::run(id.slot(), 0), broken);
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
fn a_failed_task_that_cannot_be_read_is_listed_with_its_error() {
    for newer in [true, false] {
        let sim = Sim::new(6);
        let fails = |name| kept_an_hour(task(name, json!({"fatal": "no use"})));
        let ids = sim.enqueue(vec![fails("a"), fails("b"), fails("c")]);
        sim.run_for(30_000);
        spoil(&sim, &keys::run(ids[0].slot(), 0), newer);
        spoil(&sim, &keys::slot(ids[1].slot()), newer);
        let page = sim.wait(|queue| async move { queue.failed(&every, None, 20).await.unwrap() });
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
    spoil(&sim, &keys::slot(broken.slot()), false);
    let found: Vec<_> = members().collect();
    assert_eq!(found.len(), 3);
    assert!(found[0].1.is_ok() && found[2].1.is_ok());
    assert!(found[1].0 == broken && found[1].1.is_err());
    let asked = id.clone();
    let view = sim.wait(|queue| async move { queue.workflow(&asked).await.unwrap().unwrap() });
    assert_eq!(view.total, 3);
}
