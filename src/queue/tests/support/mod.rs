//! A simulated host: one thread, virtual time, and one seed that decides everything. Its instances
//! (workers and clients) share a store in memory. Each has its own clock, may stall, and may be
//! killed between any two store calls.

#![allow(dead_code, unused_imports)] // Each of the two programs uses a part of it.

mod faults;
mod instance;
pub(crate) mod keys;
mod kinds;
mod ledger;
mod store;
mod tasks;
mod time;
mod world;

pub(crate) use faults::{Action, Call, Faults, When};
pub(crate) use instance::Instance;
pub(crate) use kinds::{Began, Ended, SimRunner, run_name, set, value};
pub(crate) use ledger::parts;
pub(crate) use store::SimStore;
pub(crate) use tasks::{computing, keyed, member, task, with};
pub(crate) use world::{Line, START_MS, SimQueue, World, WrongClock};

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use handoff_queue::{Receipt, State, TaskId, TaskSpec, TaskStatus, TaskView, Wake};
use instance::Guarded;
use std::cell::RefCell;
use std::rc::Rc;

/// The world and its executor.
pub(crate) struct Sim {
    pub world: Rc<World>,
    pool: RefCell<LocalPool>,
}

impl Sim {
    pub(crate) fn new(seed: u64) -> Self {
        Self::new_at(seed, START_MS)
    }

    /// Makes a simulation that begins at another time.
    pub(crate) fn new_at(seed: u64, start_ms: u64) -> Self {
        let pool = LocalPool::new();
        let world = World::new(seed, start_ms, pool.spawner());
        instance::quiet_panics();
        Self {
            world: Rc::new(world),
            pool: RefCell::new(pool),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.world.clock.now_ms()
    }

    /// Starts an instance that is no worker: it enqueues, asks and cancels.
    pub(crate) fn client(&self) -> (Rc<Instance>, SimQueue) {
        let instance = self.world.instance("client");
        let queue = self.world.queue_on(&instance);
        (instance, queue)
    }

    /// Starts a client that no fault reaches, so its calls are answered at once.
    pub(crate) fn watcher(&self) -> SimQueue {
        let (instance, queue) = self.client();
        instance.immune.set(true);
        queue
    }

    /// Runs `work` in an instance of its own. Returns `None` if the instance was killed.
    pub(crate) fn spawn<T: 'static, F: Future<Output = T> + 'static>(
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
    pub(crate) fn worker(&self, wake: Wake) -> Rc<Instance> {
        let (instance, _) = self.world.spawn_worker(wake);
        instance
    }

    /// Runs everything that can happen now; no time passes.
    pub(crate) fn settle(&self) {
        self.pool.borrow_mut().run_until_stalled();
    }

    /// Lets this much time pass.
    pub(crate) fn run_for(&self, ms: u64) {
        let end_ms = self.now_ms() + ms;
        self.run_until(ms, || false);
        assert!(self.now_ms() == end_ms);
    }

    /// Lets time pass until `done` returns true, for at most `ms`. Returns whether it did.
    pub(crate) fn run_until(&self, ms: u64, done: impl Fn() -> bool) -> bool {
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
    pub(crate) fn wait<T: 'static, F: Future<Output = T> + 'static>(
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
    pub(crate) fn enqueue(&self, tasks: Vec<TaskSpec>) -> Vec<TaskId> {
        self.wait(|queue| async move {
            let receipt = queue.enqueue(tasks).await.unwrap();
            queue.wake_for(&receipt, || 8).await.unwrap();
            receipt.ids
        })
    }

    pub(crate) fn enqueue_one(&self, task: TaskSpec) -> TaskId {
        self.enqueue(vec![task]).remove(0)
    }

    pub(crate) fn view(&self, id: &TaskId) -> Option<TaskView> {
        let id = id.clone();
        self.wait(|queue| async move { queue.view(&id).await.unwrap() })
    }

    pub(crate) fn state(&self, id: &TaskId) -> State {
        self.view(id).unwrap().state
    }

    pub(crate) fn status(&self, id: &TaskId) -> TaskStatus {
        let id = id.clone();
        self.wait(|queue| async move { queue.status(&id).await.unwrap() })
    }

    /// Pushes the queue along, as a request or a cron job does.
    pub(crate) fn tick(&self) {
        self.wait(|queue| async move { queue.push_along(false).await.unwrap() });
    }

    /// Lets `ms` pass, with a tick every `every_ms`.
    pub(crate) fn run_with_ticks(&self, ms: u64, every_ms: u64) {
        let end_ms = self.now_ms() + ms;
        while self.now_ms() < end_ms {
            self.run_for(every_ms.min(end_ms - self.now_ms()));
            self.tick();
        }
    }

    /// Lets time pass until the task is in `state`, and returns how long it took. Fails after `ms`.
    pub(crate) fn until_state(&self, id: &TaskId, state: State, ms: u64) -> u64 {
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
    pub(crate) fn alive(&self) -> Vec<Rc<Instance>> {
        let workers = self.world.workers.borrow();
        workers.iter().filter(|w| w.is_alive()).cloned().collect()
    }

    /// The begins of the task named `name`.
    pub(crate) fn began(&self, name: &str) -> Vec<Began> {
        let began = self.world.began.borrow();
        began.iter().filter(|b| b.name == name).cloned().collect()
    }

    /// Whether any task has panicked, which puts its neighbours back.
    pub(crate) fn panicked(&self) -> bool {
        self.world.panics.get() > 0
    }

    /// Records from now on. Returns the recording so far.
    pub(crate) fn record(&self) -> Vec<Line> {
        let lines = self.world.lines.replace(Some(Vec::new()));
        lines.unwrap_or_default()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.world.faults.no_script();
    }
}

/// Work in an instance of its own.
pub(crate) struct Spawned<T> {
    pub instance: Rc<Instance>,
    done: Rc<RefCell<Option<T>>>,
}

impl<T> Spawned<T> {
    pub(crate) fn is_done(&self) -> bool {
        self.done.borrow().is_some()
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.done.borrow_mut().take()
    }
}
