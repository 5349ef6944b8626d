//! What one worker instance knows of itself.

use crate::base::config::IN_PROGRESS_BYTES;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::json::Json;
use crate::base::limits::WorkerLimits;
use crate::claims::share::Around;
use crate::model::delivery::{Delivery, Outcome, RunEnd};
use crate::store::contract::Store;
use crate::store::core::Core;
use crate::worker::control::Control;
use crate::worker::permits::Permits;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How often the keeper turns the timer.
pub(crate) const TURN_MS: u64 = 1_000;

/// Nothing is smaller, as far as a claim is concerned.
const LEAST: u64 = 256;

/// Runs tasks of this deployment.
#[allow(async_fn_in_trait)] // Components have one thread; nothing here needs Send.
pub trait Runner {
    /// Whether tasks of this kind compute, so that nothing else may run beside them in the same instance.
    fn computes(&self, kind: &str) -> bool;
    /// Runs one attempt.
    async fn run(&self, kind: &str, args: Json, control: Rc<Control>) -> Outcome;
}

/// How far a run is.
#[derive(Clone)]
pub(crate) enum InProgress {
    /// Its code runs, or is to: another may have to go on from where this run began, with what it said since.
    Runs(Box<Delivery>, Option<Rc<Control>>),
    /// It has ended: only that may be written of it.
    Ended(Box<RunEnd>),
}

/// A worker instance. [`Worker::start`] registers it, [`Worker::work`] does the rest.
pub struct Worker<S, E, R> {
    pub(crate) queue: Core<S, E>,
    pub(crate) runner: R,
    pub(crate) limits: WorkerLimits,
    pub(crate) started_ms: u64,
    pub(crate) registration: Registration,
    pub(crate) allowance: Allowance,
    pub(crate) keyed: Keyed,
    /// What is being run here, by (slot, epoch), so that a panic can hand it over.
    pub(crate) in_progress: RefCell<BTreeMap<(u64, u64), InProgress>>,
    pub(crate) current: Cell<Option<(u64, u64)>>,
    pub(crate) load: Load,
    /// Outcomes of short tasks, written together.
    pub(crate) outcomes: RefCell<Vec<(String, Vec<u8>)>>,
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// A worker of `queue` that is not yet registered.
    pub(crate) fn of_core(queue: Core<S, E>, runner: R, limits: WorkerLimits) -> Self {
        Self {
            started_ms: queue.env().now_ms(),
            queue,
            runner,
            limits,
            registration: Registration::default(),
            allowance: Allowance::default(),
            keyed: Keyed::default(),
            in_progress: RefCell::default(),
            current: Default::default(),
            load: Load::default(),
            outcomes: RefCell::default(),
        }
    }
}

/// Where this instance is registered.
#[derive(Default)]
pub(crate) struct Registration {
    /// Windows joined as a worker and not left. Only the last two matter: clocks differ by less than a window.
    pub(crate) worker: RefCell<Vec<u64>>,
    /// Windows joined as the keeper and not left.
    pub(crate) keeper: RefCell<Vec<u64>>,
    /// The last window in which it tried to become the keeper.
    pub(crate) tried: Cell<u64>,
    /// The last window in which it did the keeper's whole work, and when it last turned the timer.
    pub(crate) kept: Cell<u64>,
    pub(crate) turned_ms: Cell<u64>,
    /// The last window in which it woke another worker for what waits.
    pub(crate) called: Cell<u64>,
    /// What it saw when it last took tickets.
    pub(crate) around: Cell<Around>,
    /// When it last looked whether slots wait although it takes none.
    pub(crate) looked_ms: Cell<u64>,
    /// Whether it put something into the timer, so that it must see that somebody keeps the time.
    pub(crate) timed: Cell<bool>,
}

impl Registration {
    /// True about once a second.
    pub(crate) fn looks_again(&self, now_ms: u64) -> bool {
        let due = now_ms >= self.looked_ms.get() + TURN_MS;
        if due {
            self.looked_ms.set(now_ms);
        }
        due
    }
}

/// Permits and tokens of this instance.
#[derive(Default)]
pub(crate) struct Allowance {
    pub(crate) permits: Permits,
    /// Tokens that it took and did not use, and when their period ends.
    pub(crate) tokens: Cell<u64>,
    pub(crate) tokens_end_s: Cell<u64>,
    /// It was refused, and does not ask again before.
    pub(crate) permits_at_ms: Cell<u64>,
    pub(crate) tokens_at_ms: Cell<u64>,
}

impl Allowance {
    /// Asks again at once.
    pub(crate) fn ask_again(&self) {
        self.permits_at_ms.set(0);
        self.tokens_at_ms.set(0);
    }
}

/// What this instance holds for each key.
#[derive(Default)]
pub(crate) struct Keyed {
    pub(crate) permits: RefCell<BTreeMap<String, Rc<Permits>>>,
    /// Keys and hours of which it is known that what is counted will be deleted.
    pub(crate) noted: RefCell<BTreeSet<(String, u64)>>,
}

/// What is in progress here, in bytes.
#[derive(Default)]
pub(crate) struct Load {
    pub(crate) bytes: Cell<u64>,
    /// How many bytes one of those had that were taken last, at the mean.
    pub(crate) usual: Cell<u64>,
}

impl Load {
    /// How many more tasks of the usual size may be taken.
    pub(crate) fn room(&self) -> u64 {
        if !enabled(Guard::BoundBytes) {
            return u64::MAX;
        }
        let left = IN_PROGRESS_BYTES.saturating_sub(self.bytes.get());
        left.div_ceil(self.usual.get().max(LEAST))
    }

    /// Notes what was just taken.
    pub(crate) fn note(&self, taken: &[Delivery]) {
        if !taken.is_empty() {
            let bytes: u64 = taken.iter().map(Delivery::bytes).sum();
            self.usual.set(bytes / taken.len() as u64);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.get() >= IN_PROGRESS_BYTES && enabled(Guard::BoundBytes)
    }
}
