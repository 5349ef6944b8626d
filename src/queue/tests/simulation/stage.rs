//! The stage: where a scenario is played, with its faults.

use super::load::{Asked, Load, Mix, follow_up};
use super::model::{Wrong, glance, watch};
use super::workflows;
use crate::support::{Action, Call, Instance, Sim, When, parts, set, with};
use futures::FutureExt;
use handoff_queue::{
    Cancelled, Limits, MemberView, OnFailure, Priority, Rate, State, Store, TaskId, TaskSpec,
};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;
/// An instance that stalls no longer than this comes back before others take it for lost.
pub const SHORT_MS: u64 = 1_500;
/// The longest time that an instance is held.
const HELD_MS: u64 = 60_000;

/// A fault: its call in the scenario, and its action.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub call: u64,
    pub action: Action,
    /// The held instance goes on when others have made so many calls about the same task, before
    /// the last of these.
    until: Option<u64>,
}

impl Fault {
    pub fn new(call: u64, action: Action) -> Self {
        Self {
            call,
            action,
            until: None,
        }
    }

    pub fn held(call: u64, until: u64) -> Self {
        Self {
            call,
            action: Action::Stall(When::Before, HELD_MS),
            until: Some(until),
        }
    }

    pub fn is_short(&self) -> bool {
        matches!(self.action, Action::Stall(_, ..=SHORT_MS))
    }
}

/// Where a scenario is played.
pub struct Stage {
    pub sim: Sim,
    pub load: Rc<Load>,
    pub points: Rc<Points>,
}

/// A call at which a fault may happen.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The number of keys that it changes.
    pub changes: usize,
    /// Whether faults here matter. A look at one of hundreds of the timer's marks does not, nor
    /// does a deletion of old ones.
    pub matters: bool,
}

impl Place {
    fn new(call: &Call<'_>) -> Self {
        Self {
            changes: call.changes,
            matters: !is_of_the_timer(call.key) || inserts_or_closes(call),
        }
    }
}

/// The calls of a scenario that count as places.
#[derive(Default)]
pub struct Points {
    pub open: Cell<bool>,
    pub faults: Vec<Fault>,
    pub calls: RefCell<Vec<Place>>,
    /// The held instance, whether it is held at a call of the timer, and until when.
    held: RefCell<Option<(Rc<Instance>, bool, u64)>>,
    /// The number of calls that others have made meanwhile.
    pub overtook: Cell<u64>,
    /// A failed check of a client that looked between two calls.
    pub noticed: RefCell<Option<Wrong>>,
}

impl Points {
    pub fn place(&self, call: &Call<'_>) -> Action {
        let mut all = self.calls.borrow_mut();
        all.push(Place::new(call));
        let number = all.len() as u64;
        let Some(fault) = self.faults.iter().find(|f| f.call == number) else {
            return self.overtaken(call);
        };
        if let Some(until) = fault.until {
            let held = (call.instance.clone(), is_of_the_timer(call.key), until);
            *self.held.borrow_mut() = Some(held);
        }
        fault.action
    }

    fn next(&self, call: &Call<'_>) -> Action {
        if self.open.get() {
            self.place(call)
        } else {
            self.overtaken(call)
        }
    }

    /// A call that overtakes the held instance. The last one waits until that instance has gone on.
    fn overtaken(&self, call: &Call<'_>) -> Action {
        let held = self.held.borrow();
        let Some((held, at_timer, until)) = held.as_ref() else {
            return Action::Pass;
        };
        let same = if *at_timer {
            inserts_or_closes(call)
        } else {
            is_of_a_task(call.key)
        };
        if !held.is_stalled(call.now_ms) || !same {
            return Action::Pass;
        }
        self.overtook.set(self.overtook.get() + 1);
        if self.overtook.get() < *until {
            return Action::Pass;
        }
        held.release(call.now_ms);
        Action::Slow(1)
    }
}

/// Whether a key is a mark, a second or an entry of the timer.
fn is_of_the_timer(key: &str) -> bool {
    let kind = parts(key).0.as_bytes();
    matches!(kind, [b't' | b'g', b'd' | b'h' | b'm' | b's' | b'e'])
}

fn inserts_or_closes(call: &Call<'_>) -> bool {
    is_of_the_timer(call.key) && matches!(call.operation, "increment" | "set")
}

/// Whether a key belongs to a task, an announcement, an idempotency key or a step's members. Keys
/// of the timer and common counters do not.
pub fn is_of_a_task(key: &str) -> bool {
    matches!(parts(key).0, "s" | "h" | "c" | "o" | "r" | "x" | "i" | "m")
}

impl Stage {
    pub fn new(faults: &[Fault]) -> Self {
        let points = Points {
            open: Cell::new(true),
            faults: faults.to_vec(),
            ..Points::default()
        };
        let stage = Self {
            sim: Sim::new(1),
            load: Load::new(Mix::default()),
            points: Rc::new(points),
        };
        stage.script(|_, _| Action::Pass);
        stage
    }

    /// Scripts calls besides the faults. In races it also checks what a client sees between any two
    /// calls.
    pub fn script(&self, mut scenario: impl FnMut(&Call<'_>, &Points) -> Action + 'static) {
        let (points, load) = (self.points.clone(), self.load.clone());
        let queue = self.sim.watcher();
        self.sim.world.faults.script(move |call| {
            if points.held.borrow().is_some() && points.noticed.borrow().is_none() {
                *points.noticed.borrow_mut() = glance(&queue, &load.asked(), call.now_ms).err();
            }
            match scenario(call, &points) {
                Action::Pass => points.next(call),
                action => action,
            }
        });
    }

    /// Pauses the queue. The calls are no places.
    pub fn pauses(&self) {
        let paused = self
            .sim
            .watcher()
            .pause()
            .now_or_never()
            .is_some_and(|paused| paused.is_ok());
        assert!(paused);
    }

    /// Resumes the queue.
    pub fn resumes(&self) {
        self.sim
            .wait(|queue| async move { queue.resume().await.unwrap() });
    }

    /// Enqueues a task with a follow-up that takes so long.
    pub fn enqueues_followed(&self, args: Value, sleep_ms: u64) {
        let mut follow = follow_up("it");
        set(&mut follow.args, "sleep_ms", sleep_ms);
        let task = TaskSpec {
            on_end: Some(follow),
            ..self.task(args)
        };
        self.load.enqueue(&self.sim, vec![task]);
    }

    /// Waits until a check holds, with a request every 5 s, despite any deaths. At the latest it
    /// holds when all stalled instances are back and all leases are over.
    pub fn comes_to_be(&self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        const MOST_MS: u64 = 5 * MINUTE_MS;
        self.points.open.set(false);
        let end_ms = self.sim.now_ms() + MOST_MS;
        while !is(self) && self.points.noticed.borrow().is_none() {
            if self.sim.now_ms() >= end_ms {
                self.notices(what);
            }
            self.sim.run_with_ticks(5_000, 5_000);
        }
    }

    /// Checks what must hold by now without faults.
    pub fn is_so_far(&self, what: &str, is: impl FnOnce(&Self) -> bool) {
        if self.points.faults.is_empty() && !is(self) {
            self.notices(what);
        }
    }

    fn notices(&self, what: &str) {
        *self.points.noticed.borrow_mut() = Some((None, what.to_owned()));
    }

    /// Whether the follow-ups of all tasks that were seen final have begun.
    pub fn all_followed(&self) -> bool {
        let asked = self.load.asked();
        let mut ended = asked.iter().filter(|asked| asked.cancelled.get());
        ended.all(|asked| {
            let follow = asked.follow.as_deref();
            follow.is_none_or(|name| !self.sim.began(name).is_empty())
        })
    }

    /// The members of the only workflow.
    pub fn members(&self) -> Vec<(TaskId, State)> {
        let Some(workflow) = self.load.asked().first().map(|asked| asked.id.clone()) else {
            return Vec::new();
        };
        let members = self
            .sim
            .wait(|queue| async move { queue.members(&workflow, 0, 100).await.unwrap() });
        let members = members.map(|members| members.0).unwrap_or_default();
        let task = |member: MemberView| member.task.map(|(id, view)| (id, view.unwrap().state));
        members.into_iter().filter_map(task).collect()
    }

    /// Cancels a member of the only workflow. The result says in the end whether that was
    /// confirmed.
    pub fn cancels_member(&self, index: usize) -> Rc<Cell<bool>> {
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
    pub fn limited(&self, concurrency: Option<u64>, rate: Option<(u64, u64)>) {
        let rate = rate.map(|(count, period_s)| Rate { count, period_s });
        self.sim.world.queue_limits.set(Limits {
            concurrency,
            rate,
            ..Limits::default()
        });
    }

    /// Enqueues tasks of one key, of which one may run at once.
    pub fn of_one_key(&self, args: &[Value]) {
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
        self.load.enqueue(&self.sim, tasks.collect());
    }

    pub fn task(&self, args: Value) -> TaskSpec {
        TaskSpec {
            timeout_ms: 3_000,
            ..self.load.named(args)
        }
    }

    /// Makes a task with a single attempt.
    pub fn fatal(&self, args: Value) -> TaskSpec {
        let mut task = self.task(args);
        task.retry.attempts = 1;
        task
    }

    /// The longest time until a task that does not end its instance began for the last time.
    pub fn longest_wait_ms(&self) -> u64 {
        let asked = self.load.asked();
        let harmless = asked
            .iter()
            .filter(|asked| !asked.args.to_string().contains("traps"));
        let waits = harmless.filter_map(|asked| {
            let last = self.sim.began(&asked.name).pop()?;
            Some(last.at_ms.saturating_sub(asked.asked_ms))
        });
        waits.max().unwrap_or_default()
    }

    pub fn enqueues(&self, args: &[Value]) {
        let tasks = args.iter().map(|args| self.task(args.clone())).collect();
        self.load.enqueue(&self.sim, tasks);
    }

    pub fn enqueues_with(&self, priority: Priority, args: Value) {
        let task = with(priority, self.task(args));
        self.load.enqueue(&self.sim, vec![task]);
    }

    pub fn plays_with(&self, priority: Priority, args: Value, ms: u64) {
        self.enqueues_with(priority, args);
        self.sim.run_for(ms);
    }

    /// Enqueues a workflow with these steps.
    pub fn works(&self, steps: &[&[Value]], on_failure: OnFailure) {
        let task = workflows::of(steps, on_failure);
        self.load.enqueue(&self.sim, vec![task]);
    }

    pub fn plays(&self, args: &[Value], ms: u64) {
        self.enqueues(args);
        self.sim.run_for(ms);
    }

    /// Makes a failed task. The calls on the way are no places.
    pub fn fails(&self, args: Value) -> Rc<Asked> {
        self.points.open.set(false);
        self.enqueues(&[args]);
        self.sees_all_final();
        self.points.open.set(true);
        let failed = self.load.asked().pop();
        failed.expect("it was acknowledged")
    }

    pub fn delays(&self, args: Value, ms: u64) {
        let task = TaskSpec {
            not_before_ms: Some(self.sim.now_ms() + ms),
            ..self.task(args)
        };
        self.load.enqueue(&self.sim, vec![task]);
    }

    /// Makes concurrent requests with one key.
    pub fn keyed(&self, ttl_ms: u64, clients: usize) {
        for _ in 0..clients {
            let task = self.task(json!({}));
            self.load.enqueue_once(&self.sim, "a", ttl_ms, 0, task);
        }
    }

    /// Kills a client when its key is decided and its task does not exist yet. Its ticket is taken,
    /// too.
    pub fn dies_with_a_key(&self) {
        self.points.open.set(false);
        self.script(move |call, points| {
            let fills = call.operation == "set" && call.key.starts_with("q.test.s.1");
            if fills && call.instance.name.starts_with("client") && !points.open.get() {
                return Action::Kill(When::Before);
            }
            Action::Pass
        });
        self.keyed(150 * MINUTE_MS, 1);
        self.sim.run_for(100);
        self.enqueues(&[json!({})]);
        self.sees_all_final();
    }

    /// Enqueues two tasks: one that expires when it is due, and one that does not.
    pub fn expires(&self, due_ms: u64, ms: u64) {
        let due_ms = self.sim.now_ms() + due_ms;
        let task = |expires_ms| TaskSpec {
            not_before_ms: (due_ms > self.sim.now_ms()).then_some(due_ms),
            expires_ms: Some(expires_ms),
            ..self.task(json!({}))
        };
        let tasks = vec![task(due_ms), task(due_ms + MINUTE_MS)];
        self.load.enqueue(&self.sim, tasks);
        self.sim.run_for(ms);
    }

    /// Goes on without places, with a request every 5 s.
    pub fn goes_on(&self, ms: u64) {
        self.points.open.set(false);
        self.sim.run_with_ticks(ms, 5_000);
    }

    /// A client takes its slot and then stalls, while a worker takes the ticket.
    pub fn stalls_in_enqueueing(&self, ms: u64) {
        self.points.open.set(false);
        self.enqueues(&[json!({"sleep_ms": 2_500})]);
        self.sim.run_for(100);
        self.stalls_before_its_slot(ms, Priority::Normal);
    }

    /// A client takes its slot and then stalls. Its call is the first place.
    pub fn stalls_before_its_slot(&self, ms: u64, priority: Priority) {
        let mut first = true;
        self.script(move |call, points| {
            if first && call.instance.name.starts_with("client") && call.operation == "set" {
                first = false;
                points.open.set(true);
                points.place(call);
                return Action::Stall(When::Before, ms);
            }
            Action::Pass
        });
        self.enqueues_with(priority, json!({}));
    }

    /// Two claimers saw one waiting slot, and each took a ticket.
    pub fn takes_a_ticket_too_many(&self) {
        let taken = self.sim.world.store.increment("q.test.head", 1);
        assert!(matches!(taken.now_or_never(), Some(Ok(_))));
    }

    pub fn cancels(&self) {
        for asked in self.load.asked() {
            self.load.cancel(&self.sim, &asked);
        }
        self.sim.run_for(6_000);
    }

    /// Waits until all tasks were seen final, before their retention is over.
    pub fn sees_all_final(&self) {
        self.sim.run_with_ticks(MINUTE_MS, 5_000);
        let seen = watch(&self.sim, &self.load);
        assert!(seen.is_ok(), "{seen:?}");
    }

    pub fn lose_workers(&self) {
        for worker in self.sim.alive() {
            worker.hit(self.sim.now_ms());
            worker.kill();
        }
    }
}
