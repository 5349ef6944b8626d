//! Lists of tasks: every task is on them, in its state, in order, for a bounded number of reads.

use crate::support::{Sim, keys, task};
use handoff_queue::{
    Failure, LISTED_MAX, Priority, RetryPolicy, State, Store, Task, TaskId, TaskPage, TaskSpec,
    every,
};
use serde_json::json;

fn page(sim: &Sim, state: Option<State>, from: Option<Vec<u64>>, most: usize) -> TaskPage {
    sim.wait(|queue| async move {
        let page = queue.list(state, &every, from.as_deref(), most).await;
        page.unwrap()
    })
}

/// All ids of a list, page by page.
fn list(sim: &Sim, state: Option<State>, most: usize) -> Vec<TaskId> {
    let (mut ids, mut from) = (Vec::new(), None);
    loop {
        let page = page(sim, state, from, most);
        assert!(page.tasks.len() <= most);
        ids.extend(page.tasks.into_iter().map(|(id, _)| id));
        from = page.next;
        if from.is_none() {
            return ids;
        }
    }
}

fn with_priority(i: usize) -> TaskSpec {
    let priority = [Priority::Normal, Priority::Low, Priority::High][i % 3];
    TaskSpec {
        priority,
        ..task(&format!("t{i}"), json!({}))
    }
}

/// Nobody is woken, so that tasks wait.
fn without_workers() -> Sim {
    let sim = Sim::new(7);
    sim.world.faults.wake_fails.set(1_000);
    sim
}

#[test]
fn the_newest_come_first_whatever_their_priority() {
    let sim = without_workers();
    assert!(list(&sim, None, 3).is_empty());
    let mut ids = Vec::new();
    for i in 0..40 {
        ids.insert(0, sim.enqueue_one(with_priority(i)));
        sim.run_for(1);
    }
    for most in [1, 3, 16, 100] {
        assert_eq!(list(&sim, None, most), ids, "pages of {most}");
    }
    // What comes meanwhile is on no later page.
    let first = page(&sim, None, None, 5);
    sim.enqueue_one(with_priority(40));
    let second = page(&sim, None, first.next, 5);
    let second: Vec<_> = second.tasks.into_iter().map(|(id, _)| id).collect();
    assert_eq!(second, ids[5..10]);
}

#[test]
fn the_backlog_is_in_order_within_each_priority() {
    let sim = without_workers();
    let ids: Vec<_> = (0..60).map(|i| sim.enqueue_one(with_priority(i))).collect();
    let of = |rest: usize| ids.iter().skip(rest).step_by(3).cloned();
    let expected: Vec<_> = of(2).chain(of(0)).chain(of(1)).collect();
    for most in [1, 7, 100] {
        assert_eq!(list(&sim, Some(State::Queued), most), expected);
    }
}

#[test]
fn a_task_is_listed_in_its_state() {
    let sim = Sim::new(3);
    let once = |name: &str, args| TaskSpec {
        retry: RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        },
        ..task(name, args)
    };
    let mut ids = sim.enqueue((0..30).map(|i| task(&format!("d{i}"), json!({}))).collect());
    ids.extend(sim.enqueue(vec![
        once("failed", json!({"fail_times": 1})),
        task("running", json!({"until_cancelled": true})),
        task("cancelled", json!({"until_cancelled": true})),
        task("again", json!({"fail_times": 9, "after_ms": 600_000})),
        TaskSpec {
            not_before_ms: Some(sim.now_ms() + 600_000),
            ..task("later", json!({}))
        },
        // Its second epoch decides.
        task("second", json!({"fail_times": 1, "after_ms": 0})),
    ]));
    sim.run_for(2_000);
    let asked = ids[32].clone();
    sim.wait(|queue| async move { queue.cancel(&asked).await.unwrap() });
    sim.run_for(5_000);
    ids.reverse();
    assert_eq!(list(&sim, None, 10), ids);
    let mut listed = 0;
    for (state, count) in [
        (State::Scheduled, 1),
        (State::Queued, 0),
        (State::Running, 1),
        (State::Retrying, 1),
        (State::Succeeded, 31),
        (State::Failed, 1),
        (State::Cancelled, 1),
        (State::Expired, 0),
    ] {
        let of = list(&sim, Some(state), 10);
        assert_eq!(of.len(), count, "{state}");
        assert!(of.iter().all(|id| sim.state(id) == state), "{state}");
        listed += count;
    }
    assert_eq!(listed, ids.len());
}

#[test]
fn a_page_looks_at_so_many_slots_and_says_how_far() {
    let sim = without_workers();
    let rare = sim.enqueue_one(task("rare", json!({})));
    let began_ms = sim.now_ms();
    sim.run_for(1_000);
    let many = |n| (0..n).map(|i| task(&format!("t{i}"), json!({}))).collect();
    for n in [1_000, 1_000, 500] {
        sim.enqueue(many(n));
        sim.run_for(1_000);
    }
    let (mut from, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = sim.wait(|queue| async move {
            let fits = |_: &TaskId, task: &Task, _: Option<Failure<'_>>| {
                task.args.as_str().contains("rare")
            };
            queue.list(None, &fits, from.as_deref(), 20).await.unwrap()
        });
        assert!(page.searched <= LISTED_MAX);
        found.extend(page.tasks.into_iter().map(|(id, _)| id));
        (from, pages) = (page.next, pages + 1);
        if from.is_none() {
            assert_eq!(page.back_to_ms, Some(began_ms));
            break;
        }
        assert_eq!(page.searched, LISTED_MAX);
        assert!(page.back_to_ms > Some(began_ms));
    }
    assert_eq!((found, pages), (vec![rare], 3));
}

#[test]
fn a_broken_record_hides_no_other_task() {
    let sim = without_workers();
    let ids = sim.enqueue((0..5).map(|i| task(&format!("t{i}"), json!({}))).collect());
    let key = keys::slot(3);
    let watcher = sim.watcher();
    sim.wait(|_| async move { watcher.store().set(&key, b"{").await.unwrap() });
    let page = page(&sim, None, None, 20);
    let listed: Vec<_> = page.tasks.into_iter().map(|(id, _)| id).collect();
    let whole = [&ids[4], &ids[3], &ids[1], &ids[0]].map(Clone::clone);
    assert_eq!((listed, page.unreadable.len()), (whole.to_vec(), 1));
    // Page by page it counts as an entry, once.
    let (mut entries, mut from) = (0, None::<Vec<u64>>);
    loop {
        let page =
            sim.wait(
                |queue| async move { queue.list(None, &every, from.as_deref(), 1).await.unwrap() },
            );
        assert!(page.tasks.len() + page.unreadable.len() <= 1);
        entries += page.tasks.len() + page.unreadable.len();
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(entries, whole.len() + 1);
}
