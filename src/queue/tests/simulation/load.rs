//! The load: requests for the queue.

use super::schedules::Schedules;
use super::workflows;
use crate::support::{Sim, World, computing, run_name, set, task, value};
use handoff_queue::{
    Cancelled, FollowUp, IdempotencyKey, KeyLimits, Once, Priority, RETENTION_MIN_MS, RetryPolicy,
    Run, TIMEOUT_MAX_MS, Task, TaskId, TaskSpec, Waiting,
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
    pub timeout_ms: u64,
    /// When it was acknowledged.
    pub asked_ms: u64,
    pub not_before_ms: Option<u64>,
    pub expires_ms: Option<u64>,
    pub retention_ms: u64,
    /// When a client first requested its cancellation.
    pub cancel_ms: Cell<Option<u64>>,
    /// A cancel request was answered with 200.
    pub cancelled: Cell<bool>,
    /// Its final record when a client first saw it.
    pub seen: RefCell<Option<Run>>,
    /// Its retention is over and it is gone.
    pub gone: Cell<bool>,
    /// The number of requests that got it.
    pub answers: Cell<u64>,
    /// Until when requests with its idempotency key find it. 0 without a key.
    pub key_until_ms: u64,
    /// It was in the failed list.
    pub listed: Cell<bool>,
    /// The number of requests to retry or discard it, and whether one was confirmed.
    pub off_asked: Cell<u64>,
    pub off: Cell<bool>,
    /// The number of steps, if it is a workflow.
    pub steps: u64,
    /// The name of its follow-up's runs.
    pub follow: Option<String>,
    /// Its retries, as requests got them.
    pub again: RefCell<Vec<TaskId>>,
}

/// A request with an idempotency key. Each asks for a task of its own, so that it shows whose task
/// ran.
#[derive(Debug)]
pub struct KeyedRequest {
    pub key: String,
    pub ttl_ms: u64,
    /// Requests with one key and different bodies are different requests.
    pub body: u64,
    pub task: String,
    pub asked_ms: u64,
    /// Its answer, and the time of that.
    pub answer: RefCell<Option<(Answer, u64)>>,
}

/// The answer to a request with a key.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This task, of the request with this body.
    Task(Rc<Asked>, u64),
    Differs,
}

/// The mix of a run. Every seed leaves kinds of requests out, so that the others come closer
/// together.
#[derive(Debug, Clone, Default)]
pub struct Mix {
    batches: bool,
    cancels: bool,
    computing: bool,
    panics: bool,
    failures: bool,
    continues: bool,
    sleeps: bool,
    expires: bool,
    pauses: bool,
    keys: bool,
    priorities: bool,
    sweeps: bool,
    follows: bool,
    schedules: bool,
    workflows: bool,
    /// Tasks that run for longer than their heartbeat timeout.
    longs: bool,
    /// The longest delay. 0 for no delays.
    delay_max_ms: u64,
}

impl Mix {
    /// Draws a mix, with delays up to a bound.
    pub fn of(sim: &Sim) -> Self {
        const SECOND: u64 = 1_000;
        let world = &sim.world;
        Self {
            batches: world.chance(600),
            cancels: world.chance(600),
            computing: world.chance(300),
            panics: world.chance(100),
            failures: world.chance(600),
            continues: world.chance(500),
            sleeps: world.chance(800),
            expires: world.chance(500),
            pauses: world.chance(200),
            keys: world.chance(500),
            sweeps: world.chance(400),
            follows: world.chance(400),
            schedules: world.chance(150),
            priorities: world.chance(300),
            workflows: world.chance(350),
            longs: world.chance(200),
            // A keeper that stays for days is simulated second by second.
            delay_max_ms: match world.below(2_000) {
                0 => 3 * 86_400 * SECOND,
                1..=20 => 3 * 3_600 * SECOND,
                21..=300 => 600 * SECOND,
                301..=1_200 => 30 * SECOND,
                _ => 0,
            },
        }
    }
}

pub struct Load {
    mix: Mix,
    asked: RefCell<Vec<Rc<Asked>>>,
    keyed: RefCell<Vec<Rc<KeyedRequest>>>,
    names: Cell<u64>,
    last_due_ms: Cell<u64>,
    /// A purge was requested.
    pub(super) purges: Cell<bool>,
    /// The number of bulk requests for the failed list, and the number before which the last one
    /// began.
    pub(super) all_swept: Cell<u64>,
    pub(super) swept_before: Cell<u64>,
    pub(super) retries: Cell<u64>,
    pub schedules: Schedules,
}

impl Load {
    pub fn new(mix: Mix) -> Rc<Self> {
        Rc::new(Self {
            mix,
            asked: RefCell::default(),
            keyed: RefCell::default(),
            names: Cell::default(),
            last_due_ms: Cell::default(),
            purges: Cell::default(),
            all_swept: Cell::default(),
            swept_before: Cell::default(),
            retries: Cell::default(),
            schedules: Schedules::default(),
        })
    }

    /// Whether any task may have been cancelled by a purge.
    pub fn purges(&self) -> bool {
        self.purges.get()
    }

    /// When the last task is due. Tasks that were not acknowledged count, since they may run all
    /// the same.
    pub fn last_due_ms(&self) -> u64 {
        self.last_due_ms.get()
    }

    pub fn asked(&self) -> Vec<Rc<Asked>> {
        self.asked.borrow().clone()
    }

    /// The tasks that are not final yet.
    pub fn open(&self) -> Vec<Rc<Asked>> {
        let asked = self.asked.borrow();
        let open = asked.iter().filter(|a| a.seen.borrow().is_none());
        open.cloned().collect()
    }

    /// The task in this slot.
    pub fn by_slot(&self, slot: u64) -> Option<Rc<Asked>> {
        self.asked().into_iter().find(|a| a.id.slot() == slot)
    }

    /// Makes one request of a client.
    pub fn step(self: &Rc<Self>, sim: &Sim) {
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
        let delayed = self.mix.delay_max_ms > 0 && world.chance(150);
        task.not_before_ms =
            delayed.then(|| sim.now_ms() + world.below(self.mix.delay_max_ms.min(30_000)));
        self.enqueue(sim, vec![task]);
    }

    /// Whether a workflow exists.
    pub fn has_workflows(&self) -> bool {
        self.asked().iter().any(|asked| asked.steps > 0)
    }

    /// Enqueues as the component `api` does: acknowledge, then wake.
    pub fn enqueue(self: &Rc<Self>, sim: &Sim, tasks: Vec<TaskSpec>) {
        let (load, world) = (self.clone(), sim.world.clone());
        self.note_due(&tasks);
        sim.spawn(|_, queue| async move {
            let Ok(receipt) = queue.enqueue(tasks).await else {
                return;
            };
            for (id, task) in receipt.ids.iter().zip(&receipt.tasks) {
                load.acknowledged(&world, id, task, 0);
            }
            let _ = queue.wake_for(&receipt, 4).await;
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

    /// The requests with a key so far.
    pub fn keyed(&self) -> Vec<Rc<KeyedRequest>> {
        self.keyed.borrow().clone()
    }

    /// Enqueues with a key, as the component `api` does.
    pub fn enqueue_once(
        self: &Rc<Self>,
        sim: &Sim,
        key: &str,
        ttl_ms: u64,
        body: u64,
        task: TaskSpec,
    ) {
        let (load, world) = (self.clone(), sim.world.clone());
        self.note_due(std::slice::from_ref(&task));
        let mut task = task;
        set(&mut task.args, "body", body);
        let request = Rc::new(KeyedRequest {
            key: key.to_owned(),
            ttl_ms,
            body,
            task: value(&task.args)["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            asked_ms: sim.now_ms(),
            answer: RefCell::default(),
        });
        self.keyed.borrow_mut().push(request.clone());
        let key = IdempotencyKey::of_caller(key, ttl_ms, &json!(body).into());
        sim.spawn(|_, queue| async move {
            let answer = match queue.enqueue_once(task, &key).await {
                Ok(Once::Created(receipt) | Once::Repeated(receipt)) => {
                    let (id, task) = (&receipt.ids[0], &receipt.tasks[0]);
                    let until_ms = task.enqueued_ms + ttl_ms;
                    let asked = load.acknowledged(&world, id, task, until_ms);
                    let body = value(&task.args)["body"].as_u64().unwrap_or(u64::MAX);
                    let _ = queue.wake_for(&receipt, 4).await;
                    Answer::Task(asked, body)
                }
                Ok(Once::Differs) => Answer::Differs,
                Ok(Once::Busy) | Err(_) => return,
            };
            *request.answer.borrow_mut() = Some((answer, world.clock.now_ms()));
        });
    }

    /// Makes concurrent requests with one key, mostly a used one.
    fn keyed_ones(self: &Rc<Self>, sim: &Sim) {
        let world = &sim.world;
        let old = self
            .keyed
            .borrow()
            .iter()
            .rev()
            .map(|k| (k.key.clone(), k.ttl_ms))
            .nth(world.below(8) as usize);
        let (key, ttl_ms) = match old {
            Some(old) if world.chance(800) => old,
            _ => {
                let ttl_ms = 60_000 + world.below(30_000);
                (format!("k{}", self.keyed.borrow().len()), ttl_ms)
            }
        };
        for _ in 0..1 + world.below(4) {
            let body = u64::from(world.chance(100));
            self.enqueue_once(sim, &key, ttl_ms, body, self.task(sim));
        }
    }

    /// Makes a task that does what `args` say, and whose result names it.
    pub fn named(&self, mut args: Value) -> TaskSpec {
        self.names.set(self.names.get() + 1);
        let name = format!("n{}", self.names.get());
        args["then"] = name.as_str().into();
        let follows = self.mix.follows && self.names.get().is_multiple_of(3);
        TaskSpec {
            on_end: follows.then(|| follow_up(&name)),
            timeout_ms: 12_000,
            retry: RetryPolicy {
                attempts: 3,
                max_ms: 20_000,
                ..RetryPolicy::default()
            },
            retention_ms: RETENTION_MIN_MS,
            ..task(&name, args)
        }
    }

    fn task(&self, sim: &Sim) -> TaskSpec {
        let (world, mix) = (&sim.world, &self.mix);
        let mut args = match world.below(12) {
            0 if mix.failures => json!({"fail_times": 1 + world.below(3)}),
            1 if mix.failures => json!({"fail_times": 1, "after_ms": world.below(5_000)}),
            2 if mix.failures => json!({"fatal": "no use"}),
            3..=4 if mix.continues => json!({"continues": 1 + world.below(6)}),
            5 if mix.panics => json!({"panic_times": 1}),
            6 if mix.cancels && world.chance(300) => json!({"until_cancelled": true}),
            _ => json!({}),
        };
        if mix.sleeps {
            args["sleep_ms"] =
                [0, 0, 0, 5, 5, 100, 100, 1_500, 1_500, 4_000][world.below(10) as usize].into();
        }
        // Decide without random numbers, so that the other requests stay the same.
        let key = self.names.get() % 3;
        let keyed = key > 0 && world.queue_limits.get().per_key != KeyLimits::default();
        let key = keyed.then(|| format!("key{key}"));
        if let Some(key) = &key {
            args["key"] = key.as_str().into();
        }
        let ends = args["until_cancelled"].is_null();
        let delayed = mix.delay_max_ms > 0 && world.chance(250);
        let mut task = self.named(args);
        if mix.priorities {
            task.priority = Priority::ALL[world.below(3) as usize];
        }
        task.key = key;
        if ends && mix.computing && world.chance(400) {
            let name = value(&task.args)["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            task.kind = computing(&name, json!({})).kind;
        }
        task.timeout_ms = [5_000, 12_000][world.below(2) as usize];
        if mix.longs && ends && task.kind == "io" && world.chance(300) {
            task.timeout_ms = [60_000, TIMEOUT_MAX_MS][world.below(2) as usize];
            let sleep_ms = [12_000, 20_000, 40_000][world.below(3) as usize];
            set(&mut task.args, "sleep_ms", sleep_ms);
        }
        // A task that waits for a cancel which never comes overruns its timeout in every attempt.
        task.retry.attempts = if ends && world.chance(500) { 50 } else { 3 };
        task.not_before_ms = delayed.then(|| sim.now_ms() + world.below(mix.delay_max_ms));
        if mix.expires && world.chance(400) {
            // Some expire while they are taken, some while they wait for a worker, some never.
            let most_ms = [20, 1_000, 10_000, 120_000][world.below(4) as usize];
            let due_ms = task.not_before_ms.unwrap_or(sim.now_ms());
            task.expires_ms = Some(due_ms + world.below(most_ms));
        }
        task
    }

    fn cancel_one(&self, sim: &Sim) {
        let asked = self.asked();
        if asked.is_empty() {
            return;
        }
        // Mostly one of the last, which is not final yet.
        let back = 1 + sim.world.below(4) as usize;
        self.cancel(sim, &asked[asked.len().saturating_sub(back)]);
    }

    /// Resumes the queue.
    pub fn resume(&self, sim: &Sim) {
        if self.mix.pauses {
            sim.wait(|queue| async move { queue.resume().await.is_ok() });
        }
    }

    /// Pauses, resumes or purges the queue.
    fn operate(&self, sim: &Sim) {
        match sim.world.below(8) {
            0..=2 => _ = sim.spawn(|_, queue| async move { queue.pause().await.is_ok() }),
            3..=6 => _ = sim.spawn(|_, queue| async move { queue.resume().await.is_ok() }),
            _ => {
                self.purges.set(true);
                sim.spawn(|_, queue| async move {
                    let purged = queue.purge(&mut Waiting::all()).await;
                    let _ = queue.push_along(true).await;
                    purged.is_ok()
                });
            }
        }
    }

    /// Requests the cancellation of a task.
    pub fn cancel(&self, sim: &Sim, asked: &Rc<Asked>) {
        let first_ms = asked.cancel_ms.get().unwrap_or(sim.now_ms());
        asked.cancel_ms.set(Some(first_ms));
        let asked = asked.clone();
        sim.spawn(|_, queue| async move {
            if let Ok(Cancelled::Done) = queue.cancel(&asked.id).await {
                asked.cancelled.set(true);
            }
            let _ = queue.push_along(true).await;
        });
    }
}

/// The follow-up of the task with this name.
pub fn follow_up(name: &str) -> FollowUp {
    FollowUp {
        kind: "io".to_owned(),
        args: json!({"name": format!("after {name} "), "sleep_ms": 20}).into(),
        timeout_ms: 5_000,
        retry: RetryPolicy::default(),
    }
}
