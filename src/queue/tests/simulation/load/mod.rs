//! The load: requests for the queue.

mod admin;
mod asked;
mod keyed;
mod mix;
mod tasks;

pub(crate) use asked::{Answer, Asked, KeyedRequest};
pub(crate) use mix::Mix;
pub(crate) use tasks::follow_up;

use super::schedules::Schedules;
use super::workflows;
use crate::support::{Sim, World, run_name, value};
use handoff_queue::{RETENTION_MIN_MS, Task, TaskId, TaskSpec};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) struct Load {
    mix: Mix,
    asked: RefCell<Vec<Rc<Asked>>>,
    keyed: RefCell<Vec<Rc<KeyedRequest>>>,
    names: Cell<u64>,
    /// How long its tasks are kept.
    pub(super) retention_ms: Cell<u64>,
    last_due_ms: Cell<u64>,
    /// A purge was requested.
    pub(super) purges: Cell<bool>,
    /// The number of bulk requests for the failed list, and the number before which the last one
    /// began.
    pub(super) all_swept: Cell<u64>,
    pub(super) swept_before: Cell<u64>,
    pub(super) retries: Cell<u64>,
    pub schedules: Schedules,
    /// The counters of the metrics as a client last read them, by name.
    pub counters: RefCell<BTreeMap<String, u64>>,
}

impl Load {
    pub(crate) fn new(mix: Mix) -> Rc<Self> {
        Rc::new(Self {
            mix,
            asked: RefCell::default(),
            keyed: RefCell::default(),
            names: Cell::default(),
            retention_ms: Cell::new(RETENTION_MIN_MS),
            last_due_ms: Cell::default(),
            purges: Cell::default(),
            all_swept: Cell::default(),
            swept_before: Cell::default(),
            retries: Cell::default(),
            schedules: Schedules::default(),
            counters: RefCell::default(),
        })
    }

    /// Whether any task may have been cancelled by a purge.
    pub(crate) fn purges(&self) -> bool {
        self.purges.get()
    }

    /// When the last task is due. Tasks that were not acknowledged count, since they may run all
    /// the same.
    pub(crate) fn last_due_ms(&self) -> u64 {
        self.last_due_ms.get()
    }

    pub(crate) fn asked(&self) -> Vec<Rc<Asked>> {
        self.asked.borrow().clone()
    }

    /// The tasks that are not final yet.
    pub(crate) fn open(&self) -> Vec<Rc<Asked>> {
        let asked = self.asked.borrow();
        let open = asked.iter().filter(|a| a.seen.borrow().is_none());
        open.cloned().collect()
    }

    /// Nobody asks for a task any more that was acknowledged until now.
    pub(crate) fn forget_all(&self) {
        self.asked.borrow_mut().clear();
        self.counters.borrow_mut().clear();
    }

    /// The task in this slot.
    pub(crate) fn by_slot(&self, slot: u64) -> Option<Rc<Asked>> {
        self.asked().into_iter().find(|a| a.id.slot() == slot)
    }

    /// Makes one request of a client.
    pub(crate) fn step(self: &Rc<Self>, sim: &Sim) {
        let world = &sim.world;
        if self.mix.sweeps && world.chance(80) {
            return self.sweep(sim);
        }
        if self.mix.workflows && world.chance(150) {
            return self.workflow(sim);
        }
        match world.below(10) {
            5 if self.mix.batches => {
                let count = 2 + world.below(12);
                self.enqueue(sim, (0..count).map(|_| self.task(sim)).collect());
            }
            0..=5 => self.enqueue(sim, vec![self.task(sim)]),
            6..=7 if self.mix.cancels => self.cancel_one(sim),
            8 if self.mix.pauses && world.chance(500) => self.operate(sim),
            8 if self.mix.schedules && world.chance(300) => self.schedules.step(sim),
            8..=9 if self.mix.keys => self.keyed_ones(sim),
            _ => {}
        }
    }

    /// Enqueues a workflow, at once or later.
    fn workflow(self: &Rc<Self>, sim: &Sim) {
        let world = &sim.world;
        self.names.set(self.names.get() + 1);
        let mut task = workflows::random(sim, &format!("w{}", self.names.get()));
        task.retention_ms = self.retention_ms.get();
        let delayed = self.mix.delay_max_ms > 0 && world.chance(150);
        task.not_before_ms =
            delayed.then(|| sim.now_ms() + world.below(self.mix.delay_max_ms.min(30_000)));
        self.enqueue(sim, vec![task]);
    }

    /// Whether a workflow exists.
    pub(crate) fn has_workflows(&self) -> bool {
        self.asked().iter().any(|asked| asked.steps > 0)
    }

    /// Enqueues as the component `api` does: acknowledge, then wake.
    pub(crate) fn enqueue(self: &Rc<Self>, sim: &Sim, tasks: Vec<TaskSpec>) {
        let (load, world) = (self.clone(), sim.world.clone());
        self.note_due(&tasks);
        sim.spawn(|_, queue| async move {
            let Ok(receipt) = queue.enqueue(tasks).await else {
                return;
            };
            for (id, task) in receipt.ids.iter().zip(&receipt.tasks) {
                load.acknowledged(&world, id, task, 0);
            }
            let _ = queue.wake_for(&receipt, || 4).await;
        });
    }

    fn note_due(&self, tasks: &[TaskSpec]) {
        let due_ms = tasks.iter().filter_map(|t| t.not_before_ms);
        let last_due_ms = due_ms.chain([self.last_due_ms.get()]).max();
        self.last_due_ms.set(last_due_ms.unwrap_or(0));
    }

    pub(super) fn acknowledged(
        &self,
        world: &World,
        id: &TaskId,
        task: &Task,
        key_until_ms: u64,
    ) -> Rc<Asked> {
        let known = self.asked().into_iter().find(|a| a.id == *id);
        let asked = known.unwrap_or_else(|| {
            let asked = Rc::new(Asked {
                id: id.clone(),
                name: run_name(&task.args, task.trace.as_ref()),
                args: value(&task.args),
                steps: value(&task.args)["steps"].as_array().map_or(0, Vec::len) as u64,
                attempts: task.retry.attempts,
                timeout_ms: task.timeout_ms,
                asked_ms: world.clock.now_ms(),
                follow: task
                    .on_end
                    .as_ref()
                    .map(|follow| run_name(&follow.args, task.trace.as_ref())),
                not_before_ms: task.not_before_ms,
                expires_ms: task.expires_ms,
                retention_ms: task.retention_ms,
                cancel_ms: Cell::default(),
                cancelled: Cell::default(),
                seen: RefCell::default(),
                gone: Cell::default(),
                answers: Cell::default(),
                key_until_ms,
                listed: Cell::default(),
                off_asked: Cell::default(),
                off: Cell::default(),
                again: RefCell::default(),
            });
            self.asked.borrow_mut().push(asked.clone());
            asked
        });
        asked.answers.set(asked.answers.get() + 1);
        asked
    }
}
