//! One thread, virtual time, a store in memory, and one worker at a time.

use super::{SLOTS, TASKS};
use crate::targets::NOW_MS;
use handoff_queue::memory::MemoryStore;
use handoff_queue::{
    Control, Cron, Env, IdempotencyKey, Json, KeyLimits, Limits, Missed, Outcome, Overlap, Queue,
    QueueError, RETENTION_MIN_MS, Rule, Runner, Schedule, State, Store, StoreError, TaskId,
    TaskSpec, TaskStatus, Wake, Worker, WorkerLimits,
};
use serde_json::json;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Context, Poll, Waker};

/// An input that needs more calls than this would never end.
const CALLS_MAX: u64 = 100_000;
/// No time that a script and what follows it take is enough for these.
const CALLS_ENDLESS_MAX: u64 = 1_000_000;
/// Random numbers are always the same, so that a script can name tasks.
const RANDOM: u64 = 0x0123_4567_89ab_cdef;
const NONCE: &str = "0123456789abcdef89abcdef";
/// How long the idempotency key stands for its task: its first period begins when the world does.
const TTL_MS: u64 = 3_600_000;

#[derive(Clone, Default)]
pub(super) struct World {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    store: MemoryStore,
    passed_ms: Cell<u64>,
    calls_left: Cell<u64>,
    woken: Cell<Option<Wake>>,
    /// Who waits for which time, and in the order of asking.
    sleepers: RefCell<BTreeMap<(u64, u64), Waker>>,
    asked: Cell<u64>,
    /// The last of them that was woken.
    woken_up_to: Cell<(u64, u64)>,
    failures: RefCell<Vec<QueueError>>,
}

impl World {
    pub(super) fn new(is_endless: bool) -> Self {
        let world = Self::default();
        let calls_max = match is_endless {
            true => CALLS_ENDLESS_MAX,
            false => CALLS_MAX,
        };
        world.inner.calls_left.set(calls_max);
        world
    }

    fn queue(&self) -> Queue<Self, Self> {
        let queue = Queue::new("q", self.clone(), self.clone()).expect("it is a name");
        let per_key = KeyLimits {
            concurrency: Some(1),
            rate: None,
        };
        queue.with_limits(Limits {
            per_key,
            ..Limits::default()
        })
    }

    /// Runs `work` to its end. Time passes when nothing else can happen.
    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return done;
            }
            if !woken.0.swap(false, Ordering::Relaxed) {
                self.wake_next();
            }
        }
    }

    fn wake_next(&self) {
        let next = self.inner.sleepers.borrow_mut().pop_first();
        let (key, sleeper) = next.expect("somebody waits for time to pass");
        self.inner
            .passed_ms
            .set(key.0.max(self.inner.passed_ms.get()));
        self.inner.woken_up_to.set(key);
        sleeper.wake();
    }

    /// Lets time pass with nobody there.
    pub(super) fn pass(&self, ms: u64) {
        self.inner.passed_ms.set(self.inner.passed_ms.get() + ms);
    }

    pub(super) fn put(&self, key: &str, value: &[u8]) {
        let key = format!("q.q.{key}");
        self.wait(self.inner.store.set(&key, value))
            .expect("a store in memory");
    }

    /// A task of each kind, and as many empty slots. Behind them two tasks that share a key, one with an idempotency key, and a
    /// schedule.
    pub(super) fn enqueue_tasks(&self) {
        let delayed = TaskSpec {
            not_before_ms: Some(NOW_MS + 5_000),
            ..task("done")
        };
        let tasks = vec![task("done"), delayed, task("fail"), task("continue")];
        assert_eq!(tasks.len() as u64, TASKS);
        self.wait(self.queue().enqueue(tasks))
            .expect("nothing is broken yet");
        let tail = self.inner.store.increment("q.q.tail", SLOTS - TASKS);
        assert_eq!(self.wait(tail), Ok(SLOTS));
        let keyed = || TaskSpec {
            key: Some("k".to_owned()),
            ..task("sleep")
        };
        self.wait(self.queue().enqueue(vec![keyed(), keyed()]))
            .expect("nothing is broken yet");
        self.repeat_requests();
        let keys = self.inner.store.keys();
        let made = ["q.q.s.11", "q.q.yr.1"].map(str::to_owned);
        assert!(made.iter().all(|key| keys.contains(key)));
        // From now on whoever looks for tasks looks whether it is paused.
        let queue = self.queue();
        self.wait(async {
            queue.pause().await?;
            queue.resume().await
        })
        .expect("nothing is broken yet");
    }

    /// Requests that change nothing when they are repeated, and that look at what the first ones left.
    pub(super) fn repeat_requests(&self) {
        let queue = self.queue();
        let key = IdempotencyKey::of_caller("k", TTL_MS, &Json::empty_object());
        _ = self.wait(queue.enqueue_once(task("done"), &key));
        _ = self.wait(queue.put_schedule(every_minute()));
        _ = self.wait(queue.schedules());
        _ = self.wait(queue.depth());
    }

    /// A task that nothing is wrong with; `None` if the store does not take it.
    pub(super) fn enqueue_healthy(&self) -> Option<TaskId> {
        let queue = self.queue();
        let mut receipt = self.wait(queue.enqueue(vec![task("done")])).ok()?;
        _ = self.wait(queue.wake_for(&receipt, || 16));
        receipt.ids.pop()
    }

    /// Lets workers work, with a request every second.
    pub(super) fn run_for(&self, ms: u64) {
        let end_ms = self.inner.passed_ms.get() + ms;
        while self.inner.passed_ms.get() < end_ms {
            _ = self.wait(self.queue().push_along(true));
            match self.inner.woken.take() {
                Some(wake) => self.work(wake),
                None => self.pass(1_000),
            }
        }
    }

    fn work(&self, wake: Wake) {
        let worker = Worker::new(self.queue(), Kinds(self.clone()), WorkerLimits::default());
        let ended = self.wait(async {
            worker.start(wake).await?;
            worker.work().await
        });
        if let Err(e) = ended {
            self.inner.failures.borrow_mut().push(e);
            self.pass(1_000);
        }
    }

    /// What workers gave up with.
    pub(super) fn failures(&self) -> Vec<QueueError> {
        self.inner.failures.borrow().clone()
    }

    pub(super) fn has_succeeded(&self, id: &TaskId) -> bool {
        let queue = self.queue();
        let view = self.wait(queue.view(id));
        matches!(self.wait(queue.status(id)), Ok(TaskStatus::Final(_)))
            && matches!(view, Ok(Some(view)) if view.state == State::Succeeded)
    }

    /// What a client may do with a task.
    pub(super) fn ask_and_cancel(&self, slot: u64) {
        let queue = self.queue();
        let id = format!("q-{slot:x}-{NONCE}");
        let id = id.parse().expect("it is an id");
        _ = self.wait(queue.status(&id));
        _ = self.wait(queue.view(&id));
        _ = self.wait(queue.cancel(&id));
    }

    fn call(&self) {
        // A call takes its time, or the parts of a keeper's pass would be without end.
        self.pass(1);
        let left = self.inner.calls_left.get();
        assert!(left > 0, "too many store calls");
        self.inner.calls_left.set(left - 1);
    }
}

/// A task that is kept as short as possible.
fn task(kind: &str) -> TaskSpec {
    TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..TaskSpec::new(kind, json!({}))
    }
}

fn every_minute() -> Schedule {
    Schedule {
        name: "s".to_owned(),
        rule: Rule::Cron(Cron {
            expression: "1".to_owned(),
            timezone: "UTC".to_owned(),
        }),
        queue: "q".to_owned(),
        task: task("done"),
        expires_after_ms: None,
        overlap: Overlap::Skip,
        missed: Missed::Latest,
    }
}

/// What an expression stands for: so many minutes.
fn minutes_ms(cron: &Cron) -> Option<u64> {
    let minutes: u32 = cron.expression.parse().ok()?;
    (minutes > 0).then_some(u64::from(minutes) * 60_000)
}

/// Whether the work was woken since it was last polled.
#[derive(Default)]
struct Woken(AtomicBool);

impl task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Sleep<'a> {
    key: (u64, u64),
    world: &'a World,
}

impl Sleep<'_> {
    fn sleepers(&self) -> RefMut<'_, BTreeMap<(u64, u64), Waker>> {
        self.world.inner.sleepers.borrow_mut()
    }
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.world.inner.woken_up_to.get() >= self.key {
            return Poll::Ready(());
        }
        self.sleepers().insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.sleepers().remove(&self.key);
    }
}

impl Env for World {
    fn now_ms(&self) -> u64 {
        NOW_MS + self.inner.passed_ms.get()
    }

    fn random(&self) -> u64 {
        RANDOM
    }

    async fn sleep_ms(&self, ms: u64) {
        self.inner.asked.set(self.inner.asked.get() + 1);
        let key = (self.inner.passed_ms.get() + ms, self.inner.asked.get());
        Sleep { key, world: self }.await;
    }

    async fn wake(&self, _queue: &str, wake: Wake) {
        // It comes when this one has ended.
        self.inner.woken.set(Some(wake));
    }

    fn log(&self, message: &str) {
        assert!(!message.is_empty());
    }

    fn cron_after(&self, cron: &Cron, after_ms: u64) -> Option<u64> {
        let every_ms = minutes_ms(cron)?;
        Some((after_ms / every_ms + 1) * every_ms)
    }

    fn cron_until(&self, cron: &Cron, until_ms: u64) -> Option<u64> {
        let every_ms = minutes_ms(cron)?;
        Some(until_ms - until_ms % every_ms)
    }
}

impl Store for World {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.call();
        self.inner.store.get(key).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.call();
        self.inner.store.get_many(keys).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.call();
        self.inner.store.set(key, value).await
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        self.call();
        self.inner.store.set_many(entries).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        self.call();
        self.inner.store.delete_many(keys).await
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        self.call();
        let old = self.inner.store.counter(key).await?;
        counted("increment", key, old.saturating_add(delta))?;
        self.inner.store.increment(key, delta).await
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        self.call();
        let number = self.inner.store.counter(key).await?;
        counted("read the counter", key, number)
    }
}

/// No store counts farther than this.
fn counted(operation: &'static str, key: &str, number: u64) -> Result<u64, StoreError> {
    if number > i64::MAX as u64 {
        return Err(StoreError {
            operation,
            key: key.to_owned(),
            reason: "it is no count".to_owned(),
        });
    }
    Ok(number)
}

struct Kinds(World);

impl Runner for Kinds {
    fn computes(&self, kind: &str) -> bool {
        kind == "compute"
    }

    async fn run(&self, kind: &str, _args: Json, control: Rc<Control>) -> Outcome {
        match kind {
            "fail" => Outcome::retry("as told"),
            "continue" if control.attempt().checkpoint.is_none() => Outcome::continue_from(1),
            "later" if control.attempt().number == 1 => Outcome::Snooze(3_000),
            "sleep" => {
                control.set_progress(json!("asleep").into(), Some("for a while"));
                control.log(NOW_MS, "asleep");
                self.0.sleep_ms(2_500).await;
                Outcome::done(control.is_cancelled())
            }
            _ => Outcome::done("done"),
        }
    }
}
