//! What clients do in a scenario.

use super::{MINUTE_MS, Stage};
use crate::load::{Asked, follow_up};
use crate::support::{set, with};
use crate::workflows;
use futures::FutureExt;
use handoff_queue::{Cancelled, Limits, OnFailure, Priority, Rate, Schedule, TaskSpec};
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;

impl Stage {
    pub(crate) fn enqueue_tasks(&self, tasks: Vec<TaskSpec>) {
        self.load.enqueue(&self.sim, tasks);
    }

    pub(crate) fn put_schedule(&self, schedule: Schedule) {
        self.load.schedules.put(&self.sim, schedule);
    }

    /// Pauses a schedule, or resumes it.
    pub(crate) fn pause_schedule(&self, name: &str, paused: bool) {
        self.load.schedules.pause(&self.sim, name, paused);
    }

    pub(crate) fn delete_schedule(&self, name: &str) {
        self.load.schedules.delete(&self.sim, name);
    }

    pub(crate) fn cancel(&self, asked: &Rc<Asked>) {
        self.load.cancel(&self.sim, asked);
    }

    pub(crate) fn retry(&self, failed: &Rc<Asked>) {
        self.load.retry(&self.sim, failed);
    }

    pub(crate) fn retry_all(&self) {
        self.load.retry_all(&self.sim);
    }

    pub(crate) fn discard(&self, failed: &Rc<Asked>) {
        self.load.discard(&self.sim, failed);
    }

    /// Pauses the queue. The calls are no places.
    pub(crate) fn pauses(&self) {
        let paused = self
            .sim
            .watcher()
            .pause()
            .now_or_never()
            .is_some_and(|paused| paused.is_ok());
        assert!(paused);
    }

    /// Resumes the queue.
    pub(crate) fn resumes(&self) {
        self.sim
            .wait(|queue| async move { queue.resume().await.unwrap() });
    }

    /// Enqueues a task with a follow-up that takes so long.
    pub(crate) fn enqueues_followed(&self, args: Value, sleep_ms: u64) {
        let mut follow = follow_up("it");
        set(&mut follow.args, "sleep_ms", sleep_ms);
        let task = TaskSpec {
            on_end: Some(follow),
            ..self.task(args)
        };
        self.enqueue_tasks(vec![task]);
    }

    /// Cancels a member of the only workflow. The result says in the end whether that was
    /// confirmed.
    pub(crate) fn cancels_member(&self, index: usize) -> Rc<Cell<bool>> {
        let confirmed = Rc::new(Cell::new(false));
        if let Some((id, _)) = self.members().into_iter().nth(index) {
            let done = confirmed.clone();
            self.load.purges.set(true);
            self.sim.spawn(|_, queue| async move {
                done.set(queue.cancel(&id).await == Ok(Cancelled::Done));
                let _ = queue.push_along(true).await;
            });
        }
        confirmed
    }

    /// Sets limits: a concurrency, and a rate of tasks per seconds.
    pub(crate) fn limited(&self, concurrency: Option<u64>, rate: Option<(u64, u64)>) {
        let rate = rate.map(|(count, period_s)| Rate { count, period_s });
        self.sim.world.queue_limits.set(Limits {
            concurrency,
            rate,
            ..Limits::default()
        });
    }

    /// Enqueues tasks of one key, of which one may run at once.
    pub(crate) fn of_one_key(&self, args: &[Value]) {
        let mut limits = self.sim.world.queue_limits.get();
        limits.per_key.concurrency = Some(1);
        self.sim.world.queue_limits.set(limits);
        let tasks = args.iter().cloned().map(|mut args| {
            args["key"] = "a".into();
            let kind = match args["computes"].as_bool() {
                Some(true) => "compute",
                _ => "io",
            };
            TaskSpec {
                kind: kind.to_owned(),
                key: Some("a".to_owned()),
                ..self.task(args)
            }
        });
        self.enqueue_tasks(tasks.collect());
    }

    pub(crate) fn task(&self, args: Value) -> TaskSpec {
        TaskSpec {
            timeout_ms: 3_000,
            ..self.load.named(args)
        }
    }

    /// Makes a task with a single attempt.
    pub(crate) fn fatal(&self, args: Value) -> TaskSpec {
        let mut task = self.task(args);
        task.retry.attempts = 1;
        task
    }

    pub(crate) fn enqueues(&self, args: &[Value]) {
        let tasks = args.iter().map(|args| self.task(args.clone())).collect();
        self.enqueue_tasks(tasks);
    }

    pub(crate) fn enqueues_with(&self, priority: Priority, args: Value) {
        let task = with(priority, self.task(args));
        self.enqueue_tasks(vec![task]);
    }

    pub(crate) fn plays_with(&self, priority: Priority, args: Value, ms: u64) {
        self.enqueues_with(priority, args);
        self.run_for(ms);
    }

    /// Enqueues a workflow with these steps.
    pub(crate) fn works(&self, steps: &[&[Value]], on_failure: OnFailure) {
        let task = workflows::of(steps, on_failure);
        self.enqueue_tasks(vec![task]);
    }

    pub(crate) fn plays(&self, args: &[Value], ms: u64) {
        self.enqueues(args);
        self.run_for(ms);
    }

    pub(crate) fn delays(&self, args: Value, ms: u64) {
        let task = TaskSpec {
            not_before_ms: Some(self.now_ms() + ms),
            ..self.task(args)
        };
        self.enqueue_tasks(vec![task]);
    }

    /// Makes concurrent requests with one key.
    pub(crate) fn keyed(&self, ttl_ms: u64, clients: usize) {
        for _ in 0..clients {
            let task = self.task(json!({}));
            self.load.enqueue_once(&self.sim, "a", ttl_ms, 0, task);
        }
    }

    /// Enqueues two tasks: one that expires when it is due, and one that does not.
    pub(crate) fn expires(&self, due_ms: u64, ms: u64) {
        let due_ms = self.now_ms() + due_ms;
        let task = |expires_ms| TaskSpec {
            not_before_ms: (due_ms > self.now_ms()).then_some(due_ms),
            expires_ms: Some(expires_ms),
            ..self.task(json!({}))
        };
        let tasks = vec![task(due_ms), task(due_ms + MINUTE_MS)];
        self.enqueue_tasks(tasks);
        self.run_for(ms);
    }

    pub(crate) fn cancels(&self) {
        for asked in self.load.asked() {
            self.cancel(&asked);
        }
        self.run_for(6_000);
    }
}
