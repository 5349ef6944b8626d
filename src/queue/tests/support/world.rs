//! The world that all instances share, and the recording of what they do.

use super::faults::Faults;
use super::instance::{Instance, SimEnv};
use super::kinds::{Began, Ended};
use super::ledger::Ledger;
use super::store::SimStore;
use super::time::Clock;
use futures::executor::LocalSpawner;
use handoff_queue::memory::MemoryStore;
use handoff_queue::{Limits, Queue, WorkerLimits};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// A Tuesday, 14:03:07.250 UTC, at which no window, minute, hour or day begins.
pub(crate) const START_MS: u64 = 1_790_000_000_000 - 1_790_000_000_000 % 86_400_000 + 50_587_250;

pub(crate) type SimQueue = Queue<SimStore, SimEnv>;

/// A line of a recording: a store call or a note.
#[derive(Debug, Clone)]
pub(crate) struct Line {
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

/// The clock of one host, which has half of the instances, is wrong for a while.
pub(crate) struct WrongClock {
    /// How far it is ahead.
    pub by_ms: i64,
    /// When, in true time.
    pub when: Range<u64>,
}

/// The world that all instances share.
pub(crate) struct World {
    pub clock: Clock,
    pub store: MemoryStore,
    pub faults: Faults,
    /// The store appends in one call.
    pub appends: Cell<bool>,
    pub wrong: RefCell<Option<WrongClock>>,
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
    /// When a keeper first stored its progress.
    pub first_kept_ms: Cell<Option<u64>>,
    pub ledger: Ledger,
    pub(super) panics: Cell<u64>,
    random: Cell<u64>,
    pub(super) spawner: LocalSpawner,
    instances: Cell<usize>,
}

impl World {
    pub(super) fn new(seed: u64, start_ms: u64, spawner: LocalSpawner) -> Self {
        Self {
            clock: Clock::new(start_ms),
            store: MemoryStore::default(),
            faults: Faults::default(),
            appends: Cell::default(),
            wrong: RefCell::default(),
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
            first_kept_ms: Cell::default(),
            ledger: Ledger::default(),
            panics: Cell::default(),
            random: Cell::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)),
            spawner,
            instances: Cell::default(),
        }
    }

    /// 64 bits from the seed (splitmix64).
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `below`.
    pub(crate) fn below(&self, below: u64) -> u64 {
        self.random() % below.max(1)
    }

    /// Returns true `per_mille` times in a thousand.
    pub(crate) fn chance(&self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1_000) < per_mille
    }

    /// Records a note.
    pub(crate) fn note(&self, instance: &Instance, what: &str) {
        self.line(instance, "", "", || what.to_owned());
    }

    /// Records a store call.
    pub(crate) fn line(
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

    pub(super) fn instance(&self, kind: &str) -> Rc<Instance> {
        let number = self.instances.get() + 1;
        self.instances.set(number);
        let skew_ms = self.below(self.faults.skew_ms.get() + 1);
        let wrong = self.wrong.borrow().is_some() && self.chance(500);
        Rc::new(Instance::new(format!("{kind}{number}"), skew_ms, wrong))
    }

    pub(super) fn queue_on(self: &Rc<Self>, instance: &Rc<Instance>) -> SimQueue {
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
