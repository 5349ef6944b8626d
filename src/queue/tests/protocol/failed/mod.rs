//! The list of failed tasks: what is in it, what goes from it, and what is left behind.

mod bulk;
mod listing;
mod one;
mod unreadable;

use crate::support::{Sim, SimQueue, keys, task};
use handoff_queue::{
    Discarded, FailedPage, RETENTION_MIN_MS, Retried, RetryPolicy, State, TaskId, TaskSpec, every,
};
use serde_json::json;

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
    sim.wait(|queue| async move { queue.failed(&every, before, most).await.unwrap() })
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
        matches!(kind, "s" | "h" | "c" | "o" | "r" | "x" | "i") || key.starts_with(keys::FAILED)
    };
    keys.into_iter().filter(of_tasks).collect()
}

async fn again(queue: SimQueue, id: TaskId) -> Retried {
    let retried = queue.retry(&id, None).await.unwrap();
    if let Retried::Created(receipt) | Retried::Repeated(receipt) = &retried {
        queue.wake_for(receipt, || 8).await.unwrap();
    }
    retried
}
