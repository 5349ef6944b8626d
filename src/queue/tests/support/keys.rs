//! The keys of the queue that all tests use, as the engine makes them. `docs/reference/keys.md`
//! says what each one holds.

macro_rules! key {
    ($rest:literal) => {
        concat!("q.test.", $rest)
    };
}

// Keys that exist once.
pub(crate) const TAIL: &str = key!("tail");
pub(crate) const TAIL_HIGH: &str = key!("tail.h");
pub(crate) const HEAD: &str = key!("head");
pub(crate) const KEEPER: &str = key!("keeper");
pub(crate) const PAUSED: &str = key!("paused");
/// The sum of all published counts.
pub(crate) const TOTALS: &str = key!("totals");
/// The counter of the failed list.
pub(crate) const FAILURES: &str = key!("f");
/// The counter of changes of the schedules.
pub(crate) const CHANGES: &str = key!("y");

// What keys of one kind begin with.
pub(crate) const ALL: &str = key!("");
pub(crate) const SLOTS: &str = key!("s.");
pub(crate) const RUNS: &str = key!("o.");
pub(crate) const TRIES: &str = key!("i.");
pub(crate) const FAILED: &str = key!("f.");
pub(crate) const WORKERS: &str = key!("w.");
pub(crate) const KEEPERS: &str = key!("k.");
pub(crate) const DUE_MINUTES: &str = key!("tm.");
pub(crate) const DUE_ENTRIES: &str = key!("te.");
pub(crate) const OLD_ENTRIES: &str = key!("ge.");

/// A key of any kind.
pub(crate) fn of(rest: &str) -> String {
    format!("{ALL}{rest}")
}

pub(crate) fn slot(n: u64) -> String {
    format!("{SLOTS}{n}")
}

pub(crate) fn handover(n: u64) -> String {
    of(&format!("h.{n}"))
}

pub(crate) fn claim(t: u64, e: u64) -> String {
    of(&format!("c.{t}.{e}"))
}

/// The record of run (t, e): its start mark, then its outcome.
pub(crate) fn run(t: u64, e: u64) -> String {
    format!("{RUNS}{t}.{e}")
}

pub(crate) fn result(t: u64) -> String {
    of(&format!("r.{t}"))
}

pub(crate) fn cancel(t: u64) -> String {
    of(&format!("x.{t}"))
}

pub(crate) fn cancel_block(block: u64) -> String {
    of(&format!("xb.{block}"))
}

/// Entry i of the failed list.
pub(crate) fn failure(i: u64) -> String {
    format!("{FAILED}{i}")
}

/// The table of schedules after change n.
pub(crate) fn table(n: u64) -> String {
    format!("{CHANGES}.{n}")
}

pub(crate) fn due_second(second: u64) -> String {
    of(&format!("ts.{second}"))
}

pub(crate) fn due_minute(start_s: u64) -> String {
    format!("{DUE_MINUTES}{start_s}")
}
