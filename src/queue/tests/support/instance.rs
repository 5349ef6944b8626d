//! Instances, which a host starts, stalls and kills.

use super::time::{Sleep, yield_now};
use super::{SimRunner, World};
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use futures::task::LocalSpawnExt;
use handoff_queue::{Cron, Env, Wake, Worker};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// More workers than this at once mean that they wake each other without end.
const WORKERS_MAX: usize = 200;

/// One instance of a component.
pub(crate) struct Instance {
    pub name: String,
    /// How far its clock is ahead of the true time.
    pub skew_ms: u64,
    /// It is on the host whose clock is [wrong](World::wrong).
    pub wrong: bool,
    /// The bytes of arguments in progress here.
    pub bytes: Cell<u64>,
    /// No fault reaches it.
    pub immune: Cell<bool>,
    ended: Cell<bool>,
    killed: Cell<bool>,
    stalled_until_ms: Cell<u64>,
    hit_ms: Cell<u64>,
    waker: RefCell<Option<Waker>>,
    /// Futures that wait in it for the end of a stall.
    waiting: RefCell<Vec<Waker>>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Instance {
    pub(crate) fn new(name: String, skew_ms: u64, wrong: bool) -> Self {
        Self {
            name,
            skew_ms,
            wrong,
            bytes: Cell::default(),
            immune: Cell::default(),
            ended: Cell::default(),
            killed: Cell::default(),
            stalled_until_ms: Cell::default(),
            hit_ms: Cell::default(),
            waker: RefCell::default(),
            waiting: RefCell::default(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.ended.get() && !self.killed.get()
    }

    pub(crate) fn was_killed(&self) -> bool {
        self.killed.get()
    }

    /// Kills the instance: nothing that it would have done from here on happens.
    pub(crate) fn kill(&self) {
        self.killed.set(true);
        self.waker.take().into_iter().for_each(Waker::wake);
    }

    /// Notes a hit: the instance had a failed call, stalled or died. Until then that may cost a
    /// task its run.
    pub(crate) fn hit(&self, at_ms: u64) {
        self.hit_ms.set(at_ms.max(self.hit_ms.get()));
    }

    /// The time of the last hit.
    pub(crate) fn hit_ms(&self) -> u64 {
        self.hit_ms.get()
    }

    /// Stalls the instance until this time.
    pub(crate) fn stall_until(&self, at_ms: u64) {
        self.stalled_until_ms
            .set(at_ms.max(self.stalled_until_ms.get()));
    }

    pub(crate) fn is_stalled(&self, now_ms: u64) -> bool {
        self.stalled_until_ms.get() > now_ms
    }

    /// Ready when the instance does not stall.
    pub(crate) fn poll_moves(&self, now_ms: u64, cx: &Context<'_>) -> Poll<()> {
        if !self.is_stalled(now_ms) {
            return Poll::Ready(());
        }
        self.waiting.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    }

    /// Ends its stall early. Work that begins from now on is not excused.
    pub(crate) fn release(&self, now_ms: u64) {
        self.stalled_until_ms.set(now_ms);
        self.hit_ms.set(now_ms - 1);
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

type Work = LocalBoxFuture<'static, ()>;
type OnPanic = Box<dyn FnOnce(String) -> Work>;

/// An instance's work. It is not polled during a stall, dropped by a kill, and replaced by
/// `on_panic` at a panic.
pub(super) struct Guarded {
    world: Rc<World>,
    instance: Rc<Instance>,
    work: Option<Work>,
    on_panic: Option<OnPanic>,
    stall: Option<Sleep>,
}

impl Guarded {
    pub(super) fn new(
        world: &Rc<World>,
        instance: &Rc<Instance>,
        work: Work,
        on_panic: Option<OnPanic>,
    ) -> Self {
        Self {
            world: world.clone(),
            instance: instance.clone(),
            work: Some(work),
            on_panic,
            stall: None,
        }
    }

    fn end(&mut self) -> Poll<()> {
        self.work = None;
        self.instance.ended.set(true);
        Poll::Ready(())
    }
}

impl Future for Guarded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        *this.instance.waker.borrow_mut() = Some(cx.waker().clone());
        loop {
            if this.instance.killed.get() {
                this.world.note(&this.instance, "KILLED");
                return this.end();
            }
            let until_ms = this.instance.stalled_until_ms.get();
            let is_stalled = || this.instance.is_stalled(this.world.clock.now_ms());
            if is_stalled() {
                let mut stall = this.world.clock.sleep_until(until_ms);
                let _ = Pin::new(&mut stall).poll(cx);
                this.stall = Some(stall);
                return Poll::Pending;
            }
            this.stall = None;
            this.instance
                .waiting
                .take()
                .into_iter()
                .for_each(Waker::wake);
            let Some(work) = this.work.as_mut() else {
                return Poll::Ready(());
            };
            match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
                Ok(Poll::Ready(())) => return this.end(),
                Ok(Poll::Pending) if this.instance.killed.get() || is_stalled() => {}
                Ok(Poll::Pending) => return Poll::Pending,
                Err(panic) => {
                    let Some(message) = panic.downcast_ref::<TaskPanic>() else {
                        std::panic::resume_unwind(panic);
                    };
                    this.world.note(&this.instance, "PANICKED");
                    this.instance.hit(this.world.clock.now_ms());
                    this.world.panics.set(this.world.panics.get() + 1);
                    match this.on_panic.take() {
                        Some(on_panic) => this.work = Some(on_panic(message.0.clone())),
                        None => return this.end(),
                    }
                }
            }
        }
    }
}

/// The panic of a test task.
pub(super) struct TaskPanic(pub String);

/// Keeps the panics of test tasks out of the output.
pub(super) fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<TaskPanic>().is_none() {
                default(info);
            }
        }));
    });
}

impl World {
    /// Starts a worker. The receiver fires when the worker is registered.
    pub(crate) fn spawn_worker(
        self: &Rc<Self>,
        wake: Wake,
    ) -> (Rc<Instance>, oneshot::Receiver<()>) {
        let instance = self.instance("worker");
        let mut workers = self.workers.borrow_mut();
        workers.push(instance.clone());
        // A stalled worker wakes no other. Where stalls last for minutes there may be many of them.
        let now_ms = self.clock.now_ms();
        let at_work = |w: &&Rc<Instance>| w.is_alive() && !w.is_stalled(now_ms);
        let at_work = workers.iter().filter(at_work).count();
        assert!(at_work <= WORKERS_MAX, "too many workers");
        let (registered, receiver) = oneshot::channel();
        let runner = SimRunner {
            world: self.clone(),
            instance: instance.clone(),
        };
        let worker = Worker::new(self.queue_on(&instance), runner, self.limits.get());
        let worker = Rc::new(worker);
        let (world, name, panicking) = (self.clone(), instance.name.clone(), worker.clone());
        let work = async move {
            let mut ended = worker.start(wake).await;
            if ended.is_ok() {
                let _ = registered.send(());
                ended = worker.work().await;
            }
            if let Err(e) = ended {
                world.logs.borrow_mut().push(format!("{name} ended: {e}"));
            }
        };
        let on_panic: OnPanic = Box::new(move |message| {
            Box::pin(async move { panicking.panicked(&message).await }) as Work
        });
        let guarded = Guarded::new(self, &instance, Box::pin(work), Some(on_panic));
        self.spawner.spawn_local(guarded).unwrap();
        (instance, receiver)
    }
}

/// The environment that an instance sees.
pub(crate) struct SimEnv {
    pub world: Rc<World>,
    pub instance: Rc<Instance>,
}

impl Env for SimEnv {
    fn now_ms(&self) -> u64 {
        let now_ms = self.world.clock.now_ms();
        let wrong = self.world.wrong.borrow();
        let wrong = wrong
            .as_ref()
            .filter(|w| self.instance.wrong && w.when.contains(&now_ms));
        let by_ms = wrong.map_or(0, |wrong| wrong.by_ms);
        now_ms.saturating_add_signed(by_ms) + self.instance.skew_ms
    }

    fn random(&self) -> u64 {
        self.world.random()
    }

    async fn sleep_ms(&self, ms: u64) {
        if ms == 0 {
            yield_now().await;
        } else {
            self.world.clock.sleep(ms).await;
        }
    }

    async fn wake(&self, _queue: &str, wake: Wake) {
        if self.world.chance(self.world.faults.wake_fails.get()) {
            return;
        }
        self.world.note(&self.instance, &format!("wakes {wake:?}"));
        // A call to the host takes time.
        self.world.clock.sleep(1 + self.world.below(10)).await;
        let (_, registered) = self.world.spawn_worker(wake);
        let _ = registered.await; // An error: it was killed before it could register.
    }

    fn log(&self, message: &str) {
        self.world.note(&self.instance, message);
        self.world.logs.borrow_mut().push(message.to_owned());
    }

    /// The expression is an interval in minutes, counted from 1970.
    fn cron_after(&self, cron: &Cron, after_ms: u64) -> Option<u64> {
        let every_ms = cron.expression.parse::<u64>().ok()? * 60_000;
        Some((after_ms / every_ms + 1) * every_ms)
    }

    fn cron_until(&self, cron: &Cron, until_ms: u64) -> Option<u64> {
        let every_ms = cron.expression.parse::<u64>().ok()? * 60_000;
        Some(until_ms - until_ms % every_ms)
    }
}
