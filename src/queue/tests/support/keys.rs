//! The keys of the queue that all tests use, as the engine makes them. `docs/reference/keys.md`
//! says what each one holds.

macro_rules! key {
    ($rest:literal) => {
        concat!("q.test.", $rest)
    };
}

// Keys that exist once.
pub const TAIL: &str = key!("tail");
pub const TAIL_HIGH: &str = key!("tail.h");
pub const HEAD: &str = key!("head");
pub const KEEPER: &str = key!("keeper");
pub const PAUSED: &str = key!("paused");
/// The counter of the failed list.
pub const FAILURES: &str = key!("f");
/// The counter of changes of the schedules.
pub const CHANGES: &str = key!("y");

// What keys of one kind begin with.
pub const ALL: &str = key!("");
pub const SLOTS: &str = key!("s.");
pub const RUNS: &str = key!("o.");
pub const TRIES: &str = key!("i.");
pub const FAILED: &str = key!("f.");
pub const WORKERS: &str = key!("w.");
pub const KEEPERS: &str = key!("k.");
pub const DUE_MINUTES: &str = key!("tm.");
pub const DUE_ENTRIES: &str = key!("te.");
pub const OLD_ENTRIES: &str = key!("ge.");

/// A key of any kind.
pub fn of(rest: &str) -> String {
    format!("{ALL}{rest}")
}

pub fn slot(n: u64) -> String {
    format!("{SLOTS}{n}")
}

pub fn handover(n: u64) -> String {
    of(&format!("h.{n}"))
}

pub fn claim(t: u64, e: u64) -> String {
    of(&format!("c.{t}.{e}"))
}

/// The record of run (t, e): its start mark, then its outcome.
pub fn run(t: u64, e: u64) -> String {
    format!("{RUNS}{t}.{e}")
}

pub fn result(t: u64) -> String {
    of(&format!("r.{t}"))
}

pub fn cancel(t: u64) -> String {
    of(&format!("x.{t}"))
}

pub fn cancel_block(block: u64) -> String {
    of(&format!("xb.{block}"))
}

/// Entry i of the failed list.
pub fn failure(i: u64) -> String {
    format!("{FAILED}{i}")
}

/// The table of schedules after change n.
pub fn table(n: u64) -> String {
    format!("{CHANGES}.{n}")
}

pub fn due_second(second: u64) -> String {
    of(&format!("ts.{second}"))
}

pub fn due_minute(start_s: u64) -> String {
    format!("{DUE_MINUTES}{start_s}")
}
