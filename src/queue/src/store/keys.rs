//! The names of all keys. `docs/reference/keys.md` lists them with their writers.

use crate::base::config::CANCEL_BLOCK;
use crate::base::id::is_queue_name;
use crate::base::priority::Lane;
use crate::store::error::QueueError;
use std::fmt::Write;

pub(crate) struct Keys {
    pub(crate) queue: String,
}

/// One allocation of this size is enough for most keys. The longest has 96 characters.
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

    /// Value: since when the queue is paused. Absent while it is not.
    pub(crate) fn paused(&self) -> String {
        self.key(format_args!("paused"))
    }

    /// Counter: tasks cancelled without a ticket, between two runs or before they were due.
    pub(crate) fn cancelled(&self) -> String {
        self.key(format_args!("cancelled"))
    }

    /// Record: slot n.
    pub(crate) fn slot(&self, n: u64) -> String {
        self.key(format_args!("s.{n}"))
    }

    /// What the keys of all slots begin with.
    pub(crate) fn slots(&self) -> String {
        self.key(format_args!("s."))
    }

    /// Counter: hand-over of slot n.
    pub(crate) fn handover(&self, n: u64) -> String {
        self.key(format_args!("h.{n}"))
    }

    /// Counter: claims of (t, e).
    pub(crate) fn claim(&self, t: u64, e: u64) -> String {
        self.key(format_args!("c.{t}.{e}"))
    }

    /// Record: run (t, e). It holds the start mark, then heartbeats, then the outcome.
    pub(crate) fn run(&self, t: u64, e: u64) -> String {
        self.key(format_args!("o.{t}.{e}"))
    }

    /// Record: the decided result of t, for epochs from 1.
    pub(crate) fn result(&self, t: u64) -> String {
        self.key(format_args!("r.{t}"))
    }

    /// Value: the time of a cancel request for t.
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

    /// Counter: permits that workers hold in one window.
    pub(crate) fn permits(&self, window: u64) -> String {
        self.key(format_args!("p.{window}"))
    }

    /// Counter: tokens taken in the period that ends at this second. A token begins one task.
    pub(crate) fn tokens(&self, end_s: u64) -> String {
        self.key(format_args!("b.{end_s}"))
    }

    /// Counter: permits of a key that workers hold in one window.
    pub(crate) fn key_permits(&self, key: &str, window: u64) -> String {
        self.key(format_args!("kp.{key}.{window}"))
    }

    /// Counter: tokens of a key taken in the period that ends at this second.
    pub(crate) fn key_tokens(&self, key: &str, end_s: u64) -> String {
        self.key(format_args!("kb.{key}.{end_s}"))
    }

    /// Counter: not 0 once the deletion of the key's limit counters of an hour is in the timer.
    pub(crate) fn key_noted(&self, name: &str) -> String {
        self.key(format_args!("kn.{name}"))
    }

    /// Counter: runs of a kind that were lost alone in one period. `name` holds kind and period.
    pub(crate) fn killer(&self, name: &str) -> String {
        self.key(format_args!("z.{name}"))
    }

    /// Counter: places given out in a waitlist.
    pub(crate) fn line_tail(&self, line: &str) -> String {
        self.key(format_args!("kt.{line}"))
    }

    /// Counter: places called in a waitlist.
    pub(crate) fn line_head(&self, line: &str) -> String {
        self.key(format_args!("kh.{line}"))
    }

    /// Record: the (task, epoch) at place i of a waitlist.
    pub(crate) fn line_place(&self, line: &str, i: u64) -> String {
        self.key(format_args!("kq.{line}.{i}"))
    }

    /// Record: how far a waitlist is settled, and when it is served next.
    pub(crate) fn line_attended(&self, line: &str) -> String {
        self.key(format_args!("kc.{line}"))
    }

    /// Record: the keeper's progress.
    pub(crate) fn keeper(&self) -> String {
        self.key(format_args!("keeper"))
    }

    /// Counter: publications of counts for the metrics.
    pub(crate) fn publications(&self) -> String {
        self.key(format_args!("u"))
    }

    /// Record: publication n. It never changes.
    pub(crate) fn publication(&self, n: u64) -> String {
        self.key(format_args!("u.{n}"))
    }

    /// Record: the sum of the publications up to a number.
    pub(crate) fn totals(&self) -> String {
        self.key(format_args!("totals"))
    }

    /// Counter: marks of a span (`d`ay, `h`our, `m`inute) or entries of a second (`s`) in one timer
    /// wheel.
    pub(crate) fn bucket(&self, wheel: char, unit: char, start_s: u64) -> String {
        self.key(format_args!("{wheel}{unit}.{start_s}"))
    }

    /// Counter: tries for an idempotency key in one period. `name` holds key and period.
    pub(crate) fn tries(&self, name: &str) -> String {
        self.key(format_args!("i.{name}"))
    }

    /// Record: the candidate of try `v`.
    pub(crate) fn candidate(&self, name: &str, v: u64) -> String {
        self.key(format_args!("i.{name}.{v}"))
    }

    /// Counter: entries given out in the failed list.
    pub(crate) fn failures(&self) -> String {
        self.key(format_args!("f"))
    }

    /// Record: entry i of the failed list, the id of a task.
    pub(crate) fn failure(&self, i: u64) -> String {
        self.key(format_args!("f.{i}"))
    }

    /// Counter: members of a workflow's step that counted themselves before their end.
    pub(crate) fn members(&self, workflow: u64, step: u64) -> String {
        self.key(format_args!("m.{workflow}.{step}"))
    }

    /// Counter: changes of the schedules. Each change makes a table, and a put also makes a
    /// version.
    pub(crate) fn changes(&self) -> String {
        self.key(format_args!("y"))
    }

    /// Record: the table of schedules after change n.
    pub(crate) fn table(&self, n: u64) -> String {
        self.key(format_args!("y.{n}"))
    }

    /// Record: version n of a schedule.
    pub(crate) fn schedule(&self, n: u64) -> String {
        self.key(format_args!("yr.{n}"))
    }

    /// Record: how far version n of a schedule has come.
    pub(crate) fn fired(&self, n: u64) -> String {
        self.key(format_args!("yl.{n}"))
    }

    /// Record: entry i of a second in one timer wheel.
    pub(crate) fn entry(&self, wheel: char, second: u64, i: u64) -> String {
        self.key(format_args!("{wheel}e.{second}.{i}"))
    }
}

/// Checks a queue name: 1 to 32 characters of `a-z 0-9 _`.
///
/// # Errors
/// [`QueueError::Name`] if the name has other characters or another length.
pub fn check_name(name: &str) -> Result<(), QueueError> {
    Keys::new(name).map(drop)
}
