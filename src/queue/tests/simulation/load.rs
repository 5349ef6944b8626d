//! What is asked of the queue, and what it must come to.

use super::is_cancelled;
use crate::support::{Sim, computing, task};
use handoff_queue::{
    CLOCK_SLACK_MS, Cancelled, NewTask, RETENTION_MIN_MS, RetryPolicy, Run, RunState, TaskId,
};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An acknowledged task.
#[derive(Debug)]
pub struct Asked {
    pub id: TaskId,
    pub name: String,
    pub args: Value,
    pub attempts: u32,
    pub not_before_ms: Option<u64>,
    /// Somebody asked to cancel it.
    pub cancel: Cell<bool>,
    /// A request to cancel it was answered with: it will not run.
    pub cancelled: Cell<bool>,
    /// How it ended when it was first seen final.
    pub seen: RefCell<Option<Run>>,
}

#[derive(Default)]
pub struct Load {
    asked: RefCell<Vec<Rc<Asked>>>,
    names: Cell<u64>,
}

impl Load {
    pub fn asked(&self) -> Vec<Rc<Asked>> {
        self.asked.borrow().clone()
    }

    pub fn all_final(&self) -> bool {
        let asked = self.asked.borrow();
        asked.iter().all(|a| a.seen.borrow().is_some())
    }

    /// The task that a key, at the start of `text`, belongs to.
    pub fn by_key(&self, text: &str) -> Option<Rc<Asked>> {
        let key = text.split(' ').next()?;
        let slot: u64 = key.split('.').nth(3)?.parse().ok()?;
        self.asked().into_iter().find(|a| a.id.slot() == slot)
    }

    /// One thing that a client does.
    pub fn step(self: &Rc<Self>, sim: &Sim) {
        let world = &sim.world;
        match world.below(10) {
            0..=4 => self.enqueue(sim, 1),
            5 => self.enqueue(sim, 2 + world.below(12)),
            6..=7 => self.cancel(sim),
            _ => {}
        }
    }

    fn enqueue(self: &Rc<Self>, sim: &Sim, count: u64) {
        let tasks: Vec<_> = (0..count).map(|_| self.task(sim)).collect();
        let load = self.clone();
        sim.spawn(|_, queue| async move {
            let Ok(receipt) = queue.enqueue(tasks.clone()).await else {
                return;
            };
            for (id, task) in receipt.ids.iter().zip(tasks) {
                load.asked.borrow_mut().push(Rc::new(Asked {
                    id: id.clone(),
                    name: task.args["name"].as_str().unwrap_or_default().to_owned(),
                    args: task.args,
                    attempts: task.retry.attempts,
                    not_before_ms: task.not_before_ms,
                    cancel: Cell::default(),
                    cancelled: Cell::default(),
                    seen: RefCell::default(),
                }));
            }
            let _ = queue.wake_for(&receipt, 4).await;
        });
    }

    fn task(&self, sim: &Sim) -> NewTask {
        let world = &sim.world;
        self.names.set(self.names.get() + 1);
        let name = format!("n{}", self.names.get());
        let mut args = match world.below(12) {
            0 => json!({"fail_times": 1 + world.below(3)}),
            1 => json!({"fail_times": 1, "after_ms": world.below(5_000)}),
            2 => json!({"fatal": "no use"}),
            3..=4 => json!({"continues": 1 + world.below(6)}),
            5 if world.chance(300) => json!({"panic_times": 1}),
            6 => json!({"until_cancelled": true}),
            _ => json!({}),
        };
        args["sleep_ms"] = [0, 0, 5, 100, 1_500, 7_000][world.below(6) as usize].into();
        args["then"] = name.as_str().into();
        // What waits for a cancel that never comes overruns its timeout in every attempt.
        let attempts = if args["until_cancelled"].is_null() {
            [3, 50][world.below(2) as usize]
        } else {
            3
        };
        let task = if world.chance(150) && args["until_cancelled"].is_null() {
            computing(&name, args)
        } else {
            task(&name, args)
        };
        let delayed = world.chance(250);
        NewTask {
            not_before_ms: delayed.then(|| sim.now_ms() + world.below(30_000)),
            timeout_ms: [12_000, 30_000][world.below(2) as usize],
            retry: RetryPolicy {
                attempts,
                max_ms: 20_000,
                ..RetryPolicy::default()
            },
            retention_ms: RETENTION_MIN_MS,
            ..task
        }
    }

    fn cancel(&self, sim: &Sim) {
        let asked = self.asked();
        if asked.is_empty() {
            return;
        }
        // Mostly one of the last, which is not final yet.
        let back = 1 + sim.world.below(4) as usize;
        let asked = asked[asked.len().saturating_sub(back)].clone();
        asked.cancel.set(true);
        sim.spawn(|_, queue| async move {
            if let Ok(Cancelled::Done) = queue.cancel(&asked.id).await {
                asked.cancelled.set(true);
            }
        });
    }
}

/// Whether a task that is final ended as it had to.
pub fn judge(sim: &Sim, asked: &Asked) -> Result<(), String> {
    let seen = asked.seen.borrow();
    let run = seen.as_ref().ok_or("it is not final")?;
    let ended_well = match &run.state {
        RunState::Succeeded { result, .. } => {
            *result == asked.args["then"] && asked.args["fatal"].is_null()
        }
        RunState::Failed { .. } => {
            let last = run.errors.last().map(|e| e.error.as_str());
            last == asked.args["fatal"].as_str() || run.errors.len() == asked.attempts as usize
        }
        RunState::Cancelled => asked.cancel.get(),
        _ => false,
    };
    if !ended_well {
        return Err(format!("it ended wrongly: {run:?}"));
    }
    if asked.cancelled.get() && !is_cancelled(run) {
        return Err(format!(
            "cancelling it was confirmed, and it ended as {run:?}"
        ));
    }
    let numbers: Vec<_> = run.errors.iter().map(|e| e.attempt).collect();
    if numbers != (1..=numbers.len() as u32).collect::<Vec<_>>() {
        return Err(format!("its attempts are numbered {numbers:?}"));
    }
    let began = sim.began(&asked.name);
    if let (Some(at_ms), Some(first)) = (asked.not_before_ms, began.first())
        && first.at_ms + CLOCK_SLACK_MS < at_ms
    {
        return Err(format!("due at {at_ms}, it began at {}", first.at_ms));
    }
    let mut runs: Vec<_> = began
        .iter()
        .map(|b| (b.attempt, b.checkpoint.as_ref().map(Value::to_string)))
        .collect();
    let all = runs.len();
    runs.sort();
    runs.dedup();
    if runs.len() < all && sim.world.faults.happened.get() == 0 && !sim.world.panicked() {
        return Err(format!("nothing failed, and it ran {all} times"));
    }
    Ok(())
}
