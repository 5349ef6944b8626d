//! The names of all keys. docs/reference/keys.md has the same table with their writers.

use crate::base::config::CANCEL_BLOCK;
use crate::base::id::is_queue_name;
use crate::base::priority::Lane;
use crate::store::error::QueueError;
use std::fmt::Write;

pub(crate) struct Keys {
    pub(crate) queue: String,
}

/// Few keys are longer, none than 96: one allocation is enough for most.
const USUAL_LENGTH: usize = 48;

impl Keys {
    pub(crate) fn new(queue: &str) -> Result<Self, QueueError> {
        if !is_queue_name(queue) {
            return Err(QueueError::Name(queue.to_owned()));
        }
        Ok(Self {
            queue: queue.to_owned(),
        })
    }

    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    pub(crate) fn key(&self, rest: std::fmt::Arguments<'_>) -> String {
        let mut key = String::with_capacity(USUAL_LENGTH);
        key.push_str("q.");
        key.push_str(&self.queue);
        key.push('.');
        if key.write_fmt(rest).is_err() {
            unreachable!("a string takes everything");
        }
        key
    }

    /// Counter: slots given out in a lane.
    pub(crate) fn tail(&self, lane: Lane) -> String {
        self.of_lane("tail", lane)
    }

    /// Counter: tickets given out in a lane.
    pub(crate) fn head(&self, lane: Lane) -> String {
        self.of_lane("head", lane)
    }

    fn of_lane(&self, what: &str, lane: Lane) -> String {
        match lane {
            Lane::Normal => self.key(format_args!("{what}")),
            Lane::High => self.key(format_args!("{what}.h")),
            Lane::Low => self.key(format_args!("{what}.l")),
            Lane::System => self.key(format_args!("{what}.s")),
        }
    }

    /// There while the queue is paused: since when.
    pub(crate) fn paused(&self) -> String {
        self.key(format_args!("paused"))
    }

    /// Counter: tasks that were cancelled between two runs, or before they were due.
    pub(crate) fn cancelled(&self) -> String {
        self.key(format_args!("cancelled"))
    }

    /// Record of slot n.
    pub(crate) fn slot(&self, n: u64) -> String {
        self.key(format_args!("s.{n}"))
    }

    /// Counter: hand-over of slot n.
    pub(crate) fn handover(&self, n: u64) -> String {
        self.key(format_args!("h.{n}"))
    }

    /// Counter: claims of (t, e).
    pub(crate) fn claim(&self, t: u64, e: u64) -> String {
        self.key(format_args!("c.{t}.{e}"))
    }

    /// Start mark, heartbeat, then outcome of (t, e).
    pub(crate) fn run(&self, t: u64, e: u64) -> String {
        self.key(format_args!("o.{t}.{e}"))
    }

    /// The decided result of t, for epochs from 1.
    pub(crate) fn result(&self, t: u64) -> String {
        self.key(format_args!("r.{t}"))
    }

    /// Set when someone asked to cancel t.
    pub(crate) fn cancel(&self, t: u64) -> String {
        self.key(format_args!("x.{t}"))
    }

    /// Counter: cancel requests in t's block of slots.
    pub(crate) fn cancel_block(&self, t: u64) -> String {
        self.key(format_args!("xb.{}", t / CANCEL_BLOCK))
    }

    /// Counter: registrations of one role in one window.
    pub(crate) fn presence(&self, role: char, window: u64) -> String {
        self.key(format_args!("{role}.{window}"))
    }

    /// Counter: permits to run that workers hold in one window.
    pub(crate) fn permits(&self, window: u64) -> String {
        self.key(format_args!("p.{window}"))
    }

    /// Counter: tokens taken, each to begin one task, in the period that ends then.
    pub(crate) fn tokens(&self, end_s: u64) -> String {
        self.key(format_args!("b.{end_s}"))
    }

    /// Counter: permits to run tasks of a key that workers hold in one window.
    pub(crate) fn key_permits(&self, key: &str, window: u64) -> String {
        self.key(format_args!("kp.{key}.{window}"))
    }

    /// Counter: tokens taken to begin tasks of a key in the period that ends then.
    pub(crate) fn key_tokens(&self, key: &str, end_s: u64) -> String {
        self.key(format_args!("kb.{key}.{end_s}"))
    }

    /// That what limits the key counts in this hour will be deleted.
    pub(crate) fn key_noted(&self, name: &str) -> String {
        self.key(format_args!("kn.{name}"))
    }

    /// Counter: runs of a kind that were lost alone in one period, both of which `name` stands for.
    pub(crate) fn killer(&self, name: &str) -> String {
        self.key(format_args!("z.{name}"))
    }

    /// Counter: places given in a line of tasks with one key.
    pub(crate) fn line_tail(&self, line: &str) -> String {
        self.key(format_args!("kt.{line}"))
    }

    /// Counter: places called.
    pub(crate) fn line_head(&self, line: &str) -> String {
        self.key(format_args!("kh.{line}"))
    }

    /// Who has place i.
    pub(crate) fn line_place(&self, line: &str, i: u64) -> String {
        self.key(format_args!("kq.{line}.{i}"))
    }

    /// How far the line is looked after, and when somebody does again.
    pub(crate) fn line_attended(&self, line: &str) -> String {
        self.key(format_args!("kc.{line}"))
    }

    /// What the keeper remembers.
    pub(crate) fn keeper(&self) -> String {
        self.key(format_args!("keeper"))
    }

    /// Counter: marks of a span of time (`d`ay, `h`our, `m`inute) or entries of a second (`s`), in one timer wheel.
    pub(crate) fn bucket(&self, wheel: char, unit: char, start_s: u64) -> String {
        self.key(format_args!("{wheel}{unit}.{start_s}"))
    }

    /// Counter: how often an idempotency key was tried for in one period, both of which `name` stands for.
    pub(crate) fn tries(&self, name: &str) -> String {
        self.key(format_args!("i.{name}"))
    }

    /// What try `v` proposed.
    pub(crate) fn candidate(&self, name: &str, v: u64) -> String {
        self.key(format_args!("i.{name}.{v}"))
    }

    /// Counter: how many tasks were listed as failed.
    pub(crate) fn failures(&self) -> String {
        self.key(format_args!("f"))
    }

    /// The task that was listed as the i-th that failed.
    pub(crate) fn failure(&self, i: u64) -> String {
        self.key(format_args!("f.{i}"))
    }

    /// Counter: how often members of a workflow's step counted themselves before they ended.
    pub(crate) fn members(&self, workflow: u64, step: u64) -> String {
        self.key(format_args!("m.{workflow}.{step}"))
    }

    /// Counter: changes of the schedules, each of which is a version and a table.
    pub(crate) fn changes(&self) -> String {
        self.key(format_args!("y"))
    }

    /// The table of schedules as change n made it.
    pub(crate) fn table(&self, n: u64) -> String {
        self.key(format_args!("y.{n}"))
    }

    /// The schedule that change n put.
    pub(crate) fn schedule(&self, n: u64) -> String {
        self.key(format_args!("yr.{n}"))
    }

    /// How far version n of a schedule has come.
    pub(crate) fn fired(&self, n: u64) -> String {
        self.key(format_args!("yl.{n}"))
    }

    /// Entry i of the second's bucket.
    pub(crate) fn entry(&self, wheel: char, second: u64, i: u64) -> String {
        self.key(format_args!("{wheel}e.{second}.{i}"))
    }
}

/// Whether a queue may have this name: 1 to 32 characters of `a-z 0-9 _`.
///
/// # Errors
/// [`QueueError::Name`] if not.
pub fn check_name(name: &str) -> Result<(), QueueError> {
    Keys::new(name).map(drop)
}
