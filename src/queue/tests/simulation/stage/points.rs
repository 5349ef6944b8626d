//! The calls of a scenario at which a fault may happen, and the faults.

use crate::model::Wrong;
use crate::support::{Action, Call, Instance, When, parts};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An instance that stalls no longer than this comes back before others take it for lost.
pub(crate) const SHORT_MS: u64 = 1_500;

/// The longest time that an instance is held.
const HELD_MS: u64 = 60_000;

/// A fault: its call in the scenario, and its action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub call: u64,
    pub action: Action,
    /// The held instance goes on when others have made so many calls about the same task, before
    /// the last of these.
    until: Option<u64>,
}

impl Fault {
    pub(crate) fn new(call: u64, action: Action) -> Self {
        Self {
            call,
            action,
            until: None,
        }
    }

    pub(crate) fn held(call: u64, until: u64) -> Self {
        Self {
            call,
            action: Action::Stall(When::Before, HELD_MS),
            until: Some(until),
        }
    }

    pub(crate) fn is_short(&self) -> bool {
        matches!(self.action, Action::Stall(_, ..=SHORT_MS))
    }
}

/// A call at which a fault may happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The number of keys that it changes.
    pub changes: usize,
    /// Whether faults here matter. A look at one of hundreds of the timer's marks does not, nor
    /// does a deletion of old ones.
    pub matters: bool,
}

impl Place {
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self {
            changes: call.changes,
            matters: !is_of_the_timer(call.key) || inserts_or_closes(call),
        }
    }
}

/// The calls of a scenario that count as places.
#[derive(Default)]
pub(crate) struct Points {
    pub open: Cell<bool>,
    pub faults: Vec<Fault>,
    pub calls: RefCell<Vec<Place>>,
    /// The held instance, whether it is held at a call of the timer, and until when.
    pub(super) held: RefCell<Option<(Rc<Instance>, bool, u64)>>,
    /// The number of calls that others have made meanwhile.
    pub overtook: Cell<u64>,
    /// A failed check of a client that looked between two calls.
    pub noticed: RefCell<Option<Wrong>>,
}

impl Points {
    pub(crate) fn place(&self, call: &Call<'_>) -> Action {
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

    pub(super) fn next(&self, call: &Call<'_>) -> Action {
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
pub(crate) fn is_of_a_task(key: &str) -> bool {
    matches!(parts(key).0, "s" | "h" | "c" | "o" | "r" | "x" | "i" | "m")
}
