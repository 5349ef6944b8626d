//! Faults of store calls: at random by the seed, or by a test's script.

use super::{Instance, World};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Before or after the call takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// An action at a store call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pass,
    /// Other instances run first. A call with several keys reaches them one by one, in any order,
    /// and other instances run in between.
    Yield,
    /// The call takes this long.
    Slow(u64),
    /// The call fails, applied or not.
    Fail(When),
    /// A call with several keys reaches only the keys whose bit is set, and fails.
    FailInPart(u64),
    /// The instance dies.
    Kill(When),
    /// The instance dies when the call has reached the keys whose bit is set.
    KillInPart(u64),
    /// The instance stalls for this long.
    Stall(When, u64),
    /// The call fails, and takes effect within this time all the same. Each of several keys has a
    /// time of its own.
    Late(u64),
    /// The instance dies, and the call takes effect later.
    KillLate(u64),
}

/// A call that is about to begin.
pub(crate) struct Call<'a> {
    pub instance: &'a Rc<Instance>,
    pub operation: &'static str,
    /// The first key, or the only one.
    pub key: &'a str,
    /// The number of keys that it changes.
    pub changes: usize,
    /// The true time.
    pub now_ms: u64,
}

impl Call<'_> {
    /// Whether this is that operation on that key.
    pub(crate) fn is(&self, operation: &str, key: &str) -> bool {
        self.operation == operation && self.key == key
    }

    pub(crate) fn by_worker(&self) -> bool {
        self.instance.name.starts_with("worker")
    }

    pub(crate) fn by_client(&self) -> bool {
        self.instance.name.starts_with("client")
    }
}

/// What a test does at each call.
struct Script {
    at: Box<dyn FnMut(&Call<'_>) -> Action>,
    /// It has done something, or need not.
    acted: bool,
}

/// The faults: by chance, per ten thousand calls, and by script.
#[derive(Default)]
pub(crate) struct Faults {
    pub yields: Cell<u64>,
    pub slow: Cell<u64>,
    pub fails: Cell<u64>,
    pub kills: Cell<u64>,
    pub stalls: Cell<u64>,
    /// The longest stall.
    pub stall_ms: Cell<u64>,
    /// A failed or last call may take effect within this time. 0 for no such calls.
    pub late_ms: Cell<u64>,
    /// How often waking a worker fails, per thousand.
    pub wake_fails: Cell<u64>,
    /// Clocks are ahead of the true time by at most this much.
    pub skew_ms: Cell<u64>,
    /// The number of kills, failures and stalls, and of the stalls alone.
    pub happened: Cell<u64>,
    pub stalled: Cell<u64>,
    script: RefCell<Option<Script>>,
}

impl Faults {
    /// Asks `script` before every call from now on. It must act at least once: a test whose fault
    /// never happens shows nothing.
    pub(crate) fn script(&self, script: impl FnMut(&Call<'_>) -> Action + 'static) {
        self.replace_script(Some(Script {
            at: Box::new(script),
            acted: false,
        }));
    }

    /// Asks `script` before every call from now on. It may pass every call.
    pub(crate) fn script_that_may_pass(&self, script: impl FnMut(&Call<'_>) -> Action + 'static) {
        self.replace_script(Some(Script {
            at: Box::new(script),
            acted: true,
        }));
    }

    /// Shows every call from now on to `look`.
    pub(crate) fn observe(&self, mut look: impl FnMut(&Call<'_>) + 'static) {
        self.script_that_may_pass(move |call| {
            look(call);
            Action::Pass
        });
    }

    pub(crate) fn no_script(&self) {
        self.replace_script(None);
    }

    fn replace_script(&self, next: Option<Script>) {
        let before = self.script.replace(next);
        if let Some(script) = before
            && !std::thread::panicking()
        {
            assert!(script.acted, "the script of faults never acted");
        }
    }

    /// Ends all faults. Calls still interleave.
    pub(crate) fn off(&self) {
        for chance in [&self.fails, &self.kills, &self.stalls, &self.wake_fails] {
            chance.set(0);
        }
    }

    pub(crate) fn decide(&self, world: &World, call: &Call<'_>) -> Action {
        let action = self.choose(world, call);
        if matches!(action, Action::Stall(..)) {
            self.stalled.set(self.stalled.get() + 1);
        }
        action
    }

    fn choose(&self, world: &World, call: &Call<'_>) -> Action {
        if let Some(script) = self.script.borrow_mut().as_mut() {
            let action = (script.at)(call);
            if action != Action::Pass {
                script.acted = true;
                self.happened.set(self.happened.get() + 1);
                return action;
            }
        }
        let when = |world: &World| {
            if world.chance(500) {
                When::Before
            } else {
                When::After
            }
        };
        let dice = world.below(10_000);
        let mut below = 0;
        let mut hits = |tenths: u64| {
            below += tenths;
            dice < below
        };
        let late = |world: &World| {
            let late_ms = self.late_ms.get();
            let hits = call.changes > 0 && late_ms > 0 && world.chance(300);
            hits.then(|| 1 + world.below(late_ms))
        };
        let action = if hits(self.kills.get()) {
            if let Some(ms) = late(world) {
                Action::KillLate(ms)
            } else if world.chance(300) {
                Action::KillInPart(world.random())
            } else {
                Action::Kill(when(world))
            }
        } else if hits(self.fails.get()) {
            if let Some(ms) = late(world) {
                Action::Late(ms)
            } else if world.chance(300) {
                Action::FailInPart(world.random())
            } else {
                Action::Fail(when(world))
            }
        } else if hits(self.stalls.get()) {
            Action::Stall(when(world), 1 + world.below(self.stall_ms.get()))
        } else if hits(self.slow.get()) {
            return Action::Slow(1 + world.below(5));
        } else if hits(self.yields.get()) {
            return Action::Yield;
        } else {
            return Action::Pass;
        };
        self.happened.set(self.happened.get() + 1);
        action
    }
}
