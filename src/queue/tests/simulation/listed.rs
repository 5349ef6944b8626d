//! The failed list: requests and checks.

use super::load::{Asked, Load};
use super::model::Wrong;
use crate::support::{Sim, keys};
use futures::FutureExt;
use handoff_queue::{
    ACKNOWLEDGE_MS, CLOCK_SLACK_MS, Discarded, Retried, RunState, Store, TaskId, TaskStatus, Trace,
    every,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

impl Load {
    /// Retries or discards one failed task, or all.
    pub(crate) fn sweep(self: &Rc<Self>, sim: &Sim) {
        let world = &sim.world;
        let failed: Vec<_> = self.asked().into_iter().filter(|a| has_failed(a)).collect();
        if failed.is_empty() {
            return;
        }
        // Mostly one of the last.
        let back = 1 + world.below(4) as usize;
        let one = &failed[failed.len().saturating_sub(back)];
        match world.below(6) {
            0 => self.retry_all(sim),
            1 => self.discard_all(sim),
            2 => self.discard(sim, one),
            _ => (0..1 + world.below(3)).for_each(|_| self.retry(sim, one)),
        }
    }

    /// Retries a task, as the component `api` does.
    pub(crate) fn retry(self: &Rc<Self>, sim: &Sim, asked: &Rc<Asked>) {
        asked.off_asked.set(asked.off_asked.get() + 1);
        let (load, world, asked) = (self.clone(), sim.world.clone(), asked.clone());
        let trace = self.trace();
        sim.spawn(|_, queue| async move {
            let retried = queue.retry(&asked.id, Some(trace)).await;
            if let Ok(Retried::Created(receipt) | Retried::Repeated(receipt)) = retried {
                load.acknowledged(&world, &receipt.ids[0], &receipt.tasks[0], 0);
                asked.retried_as(&receipt.ids[0]);
                let _ = queue.wake_for(&receipt, || 4).await;
            }
        });
    }

    /// Retries all tasks that have failed by now.
    pub(crate) fn retry_all(self: &Rc<Self>, sim: &Sim) {
        let before = self.all(sim);
        let (load, world, trace) = (self.clone(), sim.world.clone(), self.trace());
        let asked_ms = sim.now_ms();
        sim.spawn(|_, queue| async move {
            let end_ms = asked_ms + 3_000;
            let swept = queue
                .retry_failed(&every, before, end_ms, Some(trace))
                .await;
            // Retries before the stall count, but no caller waits for the answer any more.
            let gone = world.clock.now_ms() > asked_ms + ACKNOWLEDGE_MS;
            let Some(swept) = swept.ok().filter(|_| !gone) else {
                return;
            };
            let receipt = swept.done;
            for (id, task) in receipt.ids.iter().zip(&receipt.tasks) {
                load.acknowledged(&world, id, task, 0);
                let of = load
                    .asked()
                    .into_iter()
                    .find(|a| Some(&a.id) == task.retry_of.as_ref());
                if let Some(of) = of {
                    of.retried_as(id);
                }
            }
            let _ = queue.wake_for(&receipt, || 4).await;
        });
    }

    pub(crate) fn discard(self: &Rc<Self>, sim: &Sim, asked: &Rc<Asked>) {
        asked.off_asked.set(asked.off_asked.get() + 1);
        let asked = asked.clone();
        sim.spawn(|_, queue| async move {
            if let Ok(Discarded::Done) = queue.discard(&asked.id).await {
                asked.off.set(true);
            }
        });
    }

    fn discard_all(self: &Rc<Self>, sim: &Sim) {
        let before = self.all(sim);
        let end_ms = sim.now_ms() + 3_000;
        sim.spawn(|_, queue| async move {
            queue
                .discard_failed(&every, before, end_ms, false)
                .await
                .is_ok()
        });
    }

    /// Notes that all tasks which have failed by now may leave the list. Returns the number before
    /// which they did.
    fn all(&self, sim: &Sim) -> Option<u64> {
        self.all_swept.set(self.all_swept.get() + 1);
        let count = sim.world.store.counter(keys::FAILURES).now_or_never();
        self.swept_before.set(count.unwrap().unwrap() + 1);
        Some(self.swept_before.get())
    }

    /// Whether a request may have taken a failed task off the list.
    fn is_swept(&self, asked: &Asked) -> bool {
        let number = match asked.seen.borrow().as_ref().map(|run| &run.state) {
            Some(RunState::Failed { listed, .. }) => *listed,
            _ => None,
        };
        asked.off_asked.get() > 0 || number.is_some_and(|i| i < self.swept_before.get())
    }

    /// Makes a trace of its own for each request, so that it shows whose task ran.
    fn trace(&self) -> Trace {
        self.retries.set(self.retries.get() + 1);
        Trace {
            parent: format!("again{}", self.retries.get()),
            state: None,
        }
    }

    /// The number of requests that may take a task off the list.
    pub(crate) fn sweeps(&self, asked: &Asked) -> u64 {
        asked.off_asked.get() + self.all_swept.get()
    }
}

impl Asked {
    fn retried_as(&self, id: &TaskId) {
        self.off.set(true);
        let mut again = self.again.borrow_mut();
        if !again.contains(id) {
            again.push(id.clone());
        }
    }
}

/// Whether a client saw the task fail.
pub(crate) fn has_failed(asked: &Asked) -> bool {
    let seen = asked.seen.borrow();
    matches!(
        seen.as_ref().map(|run| &run.state),
        Some(RunState::Failed { .. })
    )
}

/// Checks that each failed task is listed once until a request takes it off or its retention is
/// over. No other task may be listed.
pub(crate) fn look(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let wrong = |asked: &Rc<Asked>, what: &str| Err((Some(asked.clone()), what.to_owned()));
    let failed: Vec<_> = load.asked().into_iter().filter(|a| has_failed(a)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let (off, on): (Vec<_>, Vec<_>) = failed.into_iter().partition(|a| load.is_swept(a));
    let off: Vec<_> = off.into_iter().filter(|a| a.off.get()).collect();
    let listed = list(sim);
    let is_listed = |asked: &Rc<Asked>| listed.iter().any(|(id, _)| *id == asked.id);
    for asked in on {
        if !is_listed(&asked) && until_ms(&asked) > sim.now_ms() {
            return wrong(&asked, "it failed and is not listed");
        }
    }
    for asked in off {
        if asked.again.borrow().len() > 1 {
            return wrong(&asked, "more than one task does it again");
        }
        if is_listed(&asked) {
            return wrong(&asked, "it was taken off the list and is there again");
        }
    }
    for (i, (id, errors)) in listed.iter().enumerate() {
        if *errors == 0 || listed[..i].iter().any(|(other, _)| other == id) {
            return Err((None, format!("{id} is listed again, or without an error")));
        }
        if let TaskStatus::Final(run) = sim.status(id)
            && !matches!(run.state, RunState::Failed { .. })
        {
            return Err((None, format!("{id} is listed and ended as {run:?}")));
        }
        if let Some(asked) = load.asked().iter().find(|a| a.id == *id) {
            asked.listed.set(true);
        }
    }
    Ok(())
}

fn until_ms(asked: &Asked) -> u64 {
    let seen = asked.seen.borrow();
    let ended_ms = seen.as_ref().and_then(|run| run.ended_ms()).unwrap_or(0);
    (ended_ms + asked.retention_ms).saturating_sub(CLOCK_SLACK_MS)
}

/// Reads all pages: each task and the number of its errors.
fn list(sim: &Sim) -> Vec<(TaskId, usize)> {
    let most = 1 + sim.world.below(30) as usize;
    sim.wait(|queue| async move {
        let (mut listed, mut before) = (Vec::new(), None);
        loop {
            let page = queue.failed(&every, before, most).await.unwrap();
            assert!(page.tasks.len() <= most);
            let tasks = page.tasks.into_iter();
            listed.extend(tasks.map(|(id, view)| (id, view.errors.len())));
            before = page.next;
            if before.is_none() {
                return listed;
            }
        }
    })
}

/// Checks that a failed task has at most one retry, whichever task requests got.
pub(crate) fn one_task_per_retry(sim: &Sim) -> Result<(), Wrong> {
    let store = &sim.world.store;
    let mut again = BTreeMap::new();
    for key in store
        .keys()
        .iter()
        .filter(|key| key.starts_with(keys::SLOTS))
    {
        let record = store.get(key).now_or_never().unwrap().unwrap();
        let record = record.unwrap_or_default();
        let slot: Value = serde_json::from_slice(record.get(1..).unwrap_or_default()).unwrap();
        if let Some(of) = slot["task"]["spec"]["retry_of"].as_str()
            && let Some(other) = again.insert(of.to_owned(), key.clone())
        {
            return Err((None, format!("{key} and {other} both retry {of}")));
        }
    }
    Ok(())
}
