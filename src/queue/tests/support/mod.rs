//! A simulated host: one thread, virtual time, and one seed that decides everything. Its instances
//! (workers and clients) share a store in memory. Each has its own clock, may stall, and may be
//! killed between any two store calls.

#![allow(dead_code, unused_imports)] // Each of the two programs uses a part of it.

mod faults;
mod instance;
mod kinds;
mod ledger;
mod store;
mod time;

pub use faults::{Action, Call, Faults, When};
pub use instance::Instance;
pub use kinds::{Began, Ended, SimRunner, run_name, set, value};
pub use ledger::parts;
pub use store::SimStore;

use futures::executor::{LocalPool, LocalSpawner};
use futures::task::LocalSpawnExt;
use handoff_queue::memory::MemoryStore;
use handoff_queue::{
    Env, Limits, Member, Priority, Queue, Receipt, RetryPolicy, State, TaskId, TaskSpec,
    TaskStatus, TaskView, Wake, WorkerLimits,
};
use instance::{Guarded, SimEnv};
use ledger::Ledger;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use time::Clock;

/// A Tuesday, 14:03:07.250 UTC, at which no window, minute, hour or day begins.
pub const START_MS: u64 = 1_790_000_000_000 - 1_790_000_000_000 % 86_400_000 + 50_587_250;

pub type SimQueue = Queue<SimStore, SimEnv>;

/// A line of a recording: a store call or a note.
#[derive(Debug, Clone)]
pub struct Line {
    pub at_ms: u64,
    pub who: String,
    pub operation: &'static str,
    pub key: String,
    pub text: String,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at_ms, who, .. } = self;
        let text: String = self.text.chars().take(220).collect();
        write!(
            f,
            "{at_ms:>9} {who:<9} {} {} {text}",
            self.operation, self.key
        )
    }
}

/// The world that all instances share.
pub struct World {
    pub clock: Clock,
    pub store: MemoryStore,
    pub faults: Faults,
    pub limits: Cell<WorkerLimits>,
    /// The limits of the queue.
    pub queue_limits: Cell<Limits>,
    /// The number of tasks whose code runs now, and the most so far.
    pub running: Cell<u64>,
    pub most_running: Cell<u64>,
    /// The most bytes of arguments in progress at once in one instance.
    pub most_bytes: Cell<u64>,
    /// For each key the number of tasks whose code runs now, and the most so far.
    pub running_of: RefCell<BTreeMap<String, (u64, u64)>>,
    /// Every begin of a task's code.
    pub began: RefCell<Vec<Began>>,
    /// Every end of a task's code.
    pub ended: RefCell<Vec<Ended>>,
    /// The lines that the queue logged for the operator.
    pub logs: RefCell<Vec<String>>,
    /// The recording, if there is one.
    pub lines: RefCell<Option<Vec<Line>>>,
    pub workers: RefCell<Vec<Rc<Instance>>>,
    pub ledger: Ledger,
    panics: Cell<u64>,
    random: Cell<u64>,
    spawner: LocalSpawner,
    instances: Cell<usize>,
}

impl World {
    /// 64 bits from the seed (splitmix64).
    pub fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `below`.
    pub fn below(&self, below: u64) -> u64 {
        self.random() % below.max(1)
    }

    /// Returns true `per_mille` times in a thousand.
    pub fn chance(&self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1_000) < per_mille
    }

    /// Records a note.
    pub fn note(&self, instance: &Instance, what: &str) {
        self.line(instance, "", "", || what.to_owned());
    }

    /// Records a store call.
    pub fn line(
        &self,
        instance: &Instance,
        operation: &'static str,
        key: &str,
        text: impl FnOnce() -> String,
    ) {
        if let Some(lines) = self.lines.borrow_mut().as_mut() {
            lines.push(Line {
                at_ms: self.clock.now_ms() - START_MS,
                who: instance.name.clone(),
                operation,
                key: key.to_owned(),
                text: text(),
            });
        }
    }

    fn instance(&self, kind: &str) -> Rc<Instance> {
        let number = self.instances.get() + 1;
        self.instances.set(number);
        let skew_ms = self.below(self.faults.skew_ms.get() + 1);
        Rc::new(Instance::new(format!("{kind}{number}"), skew_ms))
    }

    fn queue_on(self: &Rc<Self>, instance: &Rc<Instance>) -> SimQueue {
        let store = SimStore {
            world: self.clone(),
            instance: instance.clone(),
        };
        let env = SimEnv {
            world: self.clone(),
            instance: instance.clone(),
        };
        let queue = Queue::new("test", store, env).unwrap();
        queue.with_limits(self.queue_limits.get())
    }
}

/// The world and its executor.
pub struct Sim {
    pub world: Rc<World>,
    pool: RefCell<LocalPool>,
}

impl Sim {
    pub fn new(seed: u64) -> Self {
        Self::new_at(seed, START_MS)
    }

    /// Makes a simulation that begins at another time.
    pub fn new_at(seed: u64, start_ms: u64) -> Self {
        let pool = LocalPool::new();
        let world = World {
            clock: Clock::new(start_ms),
            store: MemoryStore::default(),
            faults: Faults::default(),
            limits: Cell::new(WorkerLimits::default()),
            queue_limits: Cell::default(),
            running: Cell::default(),
            most_running: Cell::default(),
            most_bytes: Cell::default(),
            running_of: RefCell::default(),
            began: RefCell::default(),
            ended: RefCell::default(),
            logs: RefCell::default(),
            lines: RefCell::default(),
            workers: RefCell::default(),
            ledger: Ledger::default(),
            panics: Cell::default(),
            random: Cell::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)),
            spawner: pool.spawner(),
            instances: Cell::default(),
        };
        instance::quiet_panics();
        Self {
            world: Rc::new(world),
            pool: RefCell::new(pool),
        }
    }

    pub fn now_ms(&self) -> u64 {
        self.world.clock.now_ms()
    }

    /// Starts an instance that is no worker: it enqueues, asks and cancels.
    pub fn client(&self) -> (Rc<Instance>, SimQueue) {
        let instance = self.world.instance("client");
        let queue = self.world.queue_on(&instance);
        (instance, queue)
    }

    /// Starts a client that no fault reaches, so its calls are answered at once.
    pub fn watcher(&self) -> SimQueue {
        let (instance, queue) = self.client();
        instance.immune.set(true);
        queue
    }

    /// Runs `work` in an instance of its own. Returns `None` if the instance was killed.
    pub fn spawn<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        work: impl FnOnce(Rc<Instance>, SimQueue) -> F,
    ) -> Spawned<T> {
        let (instance, queue) = self.client();
        let done = Rc::new(RefCell::new(None));
        let put = done.clone();
        let future = work(instance.clone(), queue);
        let future = Box::pin(async move {
            let result = future.await;
            *put.borrow_mut() = Some(result);
        });
        self.world
            .spawner
            .spawn_local(Guarded::new(&self.world, &instance, future, None))
            .unwrap();
        Spawned { instance, done }
    }

    /// Starts a worker, as the host does at a wake-up.
    pub fn worker(&self, wake: Wake) -> Rc<Instance> {
        let (instance, _) = self.world.spawn_worker(wake);
        instance
    }

    /// Runs everything that can happen now; no time passes.
    pub fn settle(&self) {
        self.pool.borrow_mut().run_until_stalled();
    }

    /// Lets this much time pass.
    pub fn run_for(&self, ms: u64) {
        let end_ms = self.now_ms() + ms;
        self.run_until(ms, || false);
        assert!(self.now_ms() == end_ms);
    }

    /// Lets time pass until `done` returns true, for at most `ms`. Returns whether it did.
    pub fn run_until(&self, ms: u64, done: impl Fn() -> bool) -> bool {
        let end_ms = self.now_ms() + ms;
        loop {
            self.settle();
            if done() {
                return true;
            }
            if !self.world.clock.advance(end_ms) {
                return false;
            }
        }
    }

    /// Runs `work` in an instance of its own that no fault reaches, however long it takes. Returns
    /// its result.
    pub fn wait<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        work: impl FnOnce(SimQueue) -> F,
    ) -> T {
        let spawned = self.spawn(|instance, queue| {
            instance.immune.set(true);
            work(queue)
        });
        let ended = self.run_until(10 * 60_000, || spawned.done.borrow().is_some());
        assert!(ended, "it did not end within ten minutes");
        spawned.take().unwrap()
    }

    /// Enqueues as the component `api` does: acknowledge, then wake.
    pub fn enqueue(&self, tasks: Vec<TaskSpec>) -> Vec<TaskId> {
        self.wait(|queue| async move {
            let receipt = queue.enqueue(tasks).await.unwrap();
            queue.wake_for(&receipt, 8).await.unwrap();
            receipt.ids
        })
    }

    pub fn enqueue_one(&self, task: TaskSpec) -> TaskId {
        self.enqueue(vec![task]).remove(0)
    }

    pub fn view(&self, id: &TaskId) -> Option<TaskView> {
        let id = id.clone();
        self.wait(|queue| async move { queue.view(&id).await.unwrap() })
    }

    pub fn state(&self, id: &TaskId) -> State {
        self.view(id).unwrap().state
    }

    pub fn status(&self, id: &TaskId) -> TaskStatus {
        let id = id.clone();
        self.wait(|queue| async move { queue.status(&id).await.unwrap() })
    }

    /// Pushes the queue along, as a request or a cron job does.
    pub fn tick(&self) {
        self.wait(|queue| async move { queue.push_along(false).await.unwrap() });
    }

    /// Lets `ms` pass, with a tick every `every_ms`.
    pub fn run_with_ticks(&self, ms: u64, every_ms: u64) {
        let end_ms = self.now_ms() + ms;
        while self.now_ms() < end_ms {
            self.run_for(every_ms.min(end_ms - self.now_ms()));
            self.tick();
        }
    }

    /// Lets time pass until the task is in `state`, and returns how long it took. Fails after `ms`.
    pub fn until_state(&self, id: &TaskId, state: State, ms: u64) -> u64 {
        let start_ms = self.now_ms();
        while self.state(id) != state {
            let waited_ms = self.now_ms() - start_ms;
            assert!(
                waited_ms < ms,
                "{id} is {:?} and not {state} after {waited_ms} ms",
                self.view(id)
            );
            self.run_for(10);
        }
        self.now_ms() - start_ms
    }

    /// The workers that have not ended.
    pub fn alive(&self) -> Vec<Rc<Instance>> {
        let workers = self.world.workers.borrow();
        workers.iter().filter(|w| w.is_alive()).cloned().collect()
    }

    /// The begins of the task named `name`.
    pub fn began(&self, name: &str) -> Vec<Began> {
        let began = self.world.began.borrow();
        began.iter().filter(|b| b.name == name).cloned().collect()
    }

    /// Whether any task has panicked, which puts its neighbours back.
    pub fn panicked(&self) -> bool {
        self.world.panics.get() > 0
    }

    /// Records from now on. Returns the recording so far.
    pub fn record(&self) -> Vec<Line> {
        let lines = self.world.lines.replace(Some(Vec::new()));
        lines.unwrap_or_default()
    }
}

/// Work in an instance of its own.
pub struct Spawned<T> {
    pub instance: Rc<Instance>,
    done: Rc<RefCell<Option<T>>>,
}

impl<T> Spawned<T> {
    pub fn is_done(&self) -> bool {
        self.done.borrow().is_some()
    }

    pub fn take(&self) -> Option<T> {
        self.done.borrow_mut().take()
    }
}

/// Makes a task of the test kind that does `args`. Tests find its runs by its name.
pub fn task(name: &str, mut args: Value) -> TaskSpec {
    args["name"] = name.into();
    TaskSpec::new("io", args)
}

/// Makes a member of a workflow that does `args`.
pub fn member(name: &str, mut args: Value) -> Member {
    args["name"] = name.into();
    Member {
        kind: "io".to_owned(),
        args: Some(args.into()),
        into: None,
        ignores: false,
        timeout_ms: 5_000,
        heartbeat_timeout_ms: None,
        retry: RetryPolicy::default(),
    }
}

/// Gives a task another priority.
pub fn with(priority: Priority, task: TaskSpec) -> TaskSpec {
    TaskSpec { priority, ..task }
}

/// Makes a task with a key that has limits.
pub fn keyed(key: &str, name: &str, mut args: Value) -> TaskSpec {
    args["key"] = key.into();
    TaskSpec {
        key: Some(key.to_owned()),
        ..task(name, args)
    }
}

/// Makes a task that computes: nothing else happens in its instance meanwhile.
pub fn computing(name: &str, args: Value) -> TaskSpec {
    TaskSpec {
        kind: "compute".to_owned(),
        ..task(name, args)
    }
}
