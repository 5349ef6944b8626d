//! The state of one worker.

use crate::base::config::IN_PROGRESS_BYTES;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::base::limits::WorkerLimits;
use crate::claims::share::Around;
use crate::model::delivery::{Delivery, Outcome, RunEnd};
use crate::model::run::Run;
use crate::model::task::Task;
use crate::store::contract::Store;
use crate::store::core::Core;
use crate::worker::control::Control;
use crate::worker::permits::Permits;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The keeper turns the timer this often.
pub(crate) const TURN_MS: u64 = 1_000;

/// The smallest size of a task, as far as a claim is concerned.
const LEAST: u64 = 256;

/// The task kinds of a deployment, and how they run.
#[allow(async_fn_in_trait)] // Components have one thread; nothing here needs Send.
pub trait Runner {
    /// Whether tasks of this kind compute, so that nothing else may run beside them in an instance.
    fn computes(&self, kind: &str) -> bool;
    /// Runs one attempt.
    async fn run(&self, kind: &str, args: Json, control: Rc<Control>) -> Outcome;
    /// Notes that an attempt begins, for the operator.
    fn began(&self, _id: &TaskId, _task: &Task, _run: &Run) {}
    /// Notes how a run ended, for the operator. Its record is written, or is about to be.
    fn ended(&self, _id: &TaskId, _run: &Run) {}
}

/// The state of a delivery in progress.
#[derive(Clone)]
pub(crate) enum InProgress {
    /// Its code runs, or is about to. After a panic the next epoch continues from where this run
    /// began, with its report since.
    Runs(Box<Delivery>, Option<Rc<Control>>),
    /// It has ended: nothing else may be written of it.
    Ended(Box<RunEnd>),
}

/// A worker. [`Worker::start`] registers it, and [`Worker::work`] does the rest.
pub struct Worker<S, E, R> {
    pub(crate) queue: Core<S, E>,
    pub(crate) runner: R,
    pub(crate) limits: WorkerLimits,
    pub(crate) started_ms: u64,
    pub(crate) registration: Registration,
    pub(crate) allowance: Allowance,
    pub(crate) keyed: Keyed,
    /// The deliveries in progress, by (slot, epoch), so that a panic can put them back.
    pub(crate) in_progress: RefCell<BTreeMap<(u64, u64), InProgress>>,
    pub(crate) current: Cell<Option<(u64, u64)>>,
    pub(crate) load: Load,
    /// Outcomes of short tasks, written together.
    pub(crate) outcomes: RefCell<Vec<(String, Vec<u8>)>>,
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Makes a worker of `queue` that is not yet registered.
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

/// The registrations of this instance.
#[derive(Default)]
pub(crate) struct Registration {
    /// The windows that it joined as a worker and did not leave. Only the last two matter, since
    /// clocks differ by less than a window.
    pub(crate) worker: RefCell<Vec<u64>>,
    /// The windows that it joined as the keeper and did not leave.
    pub(crate) keeper: RefCell<Vec<u64>>,
    /// The last window in which it tried to become the keeper.
    pub(crate) tried: Cell<u64>,
    /// The last window in which it did the whole pass, and when it last turned the timer.
    pub(crate) kept: Cell<u64>,
    pub(crate) turned_ms: Cell<u64>,
    /// The last window in which it woke another worker for a backlog.
    pub(crate) called: Cell<u64>,
    /// The surroundings at its last claim.
    pub(crate) around: Cell<Around>,
    /// When it last checked whether slots wait although it takes none.
    pub(crate) looked_ms: Cell<u64>,
    /// Whether it inserted a timer entry, so that it must make sure that a keeper exists.
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

/// The permits and tokens of this instance.
#[derive(Default)]
pub(crate) struct Allowance {
    pub(crate) permits: Permits,
    /// The tokens that it took and did not use, and the end of their period.
    pub(crate) tokens: Cell<u64>,
    pub(crate) tokens_end_s: Cell<u64>,
    /// After a refusal, the times at which it asks again.
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

/// The permits of this instance for each key.
#[derive(Default)]
pub(crate) struct Keyed {
    pub(crate) permits: RefCell<BTreeMap<String, Rc<Permits>>>,
    /// Keys and hours whose counters the timer will delete.
    pub(crate) noted: RefCell<BTreeSet<(String, u64)>>,
}

/// The bytes in progress in this instance.
#[derive(Default)]
pub(crate) struct Load {
    pub(crate) bytes: Cell<u64>,
    /// The mean size of the tasks of the last claim, in bytes.
    usual: Cell<u64>,
}

impl Load {
    /// How many more tasks of that size it may take.
    pub(crate) fn room(&self) -> u64 {
        if !enabled(Guard::BoundBytes) {
            return u64::MAX;
        }
        let left = IN_PROGRESS_BYTES.saturating_sub(self.bytes.get());
        left.div_ceil(self.usual.get().max(LEAST))
    }

    /// Notes the sizes of the tasks just taken.
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
