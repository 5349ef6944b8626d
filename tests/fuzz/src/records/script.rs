//! What an input says: one thing a line. `s.5 1{"task":…}` puts these bytes under that key of the queue, `c.1.1 #3` a counter,
//! and `pass 5000` lets workers work for so many milliseconds.

use serde_json::Value;

const LINES_MAX: usize = 12;
/// Numbers of slots, epochs and entries that take the queue long, and are within its bounds: left out, they are slow and say nothing
/// new.
const LONG: std::ops::RangeInclusive<u64> = 1_001..=1_000_000;
/// What the keeper adds to the counter of a second that it passes.
const CLOSED: u64 = 1 << 40;
/// What a pause adds to the queue's head.
const MARKED: u64 = 1 << 44;
/// Places in a line and changes of the schedules are each looked at: of no more than these.
const EACH_MAX: u64 = *LONG.start() - 1;
const KEY_MAX_BYTES: usize = 64;
/// Schedules that occur more often take as long.
const EVERY_MIN_MS: u64 = 10_000;
const PASS_MAX_MS: u64 = 60_000;

#[derive(Debug)]
pub(super) enum Line {
    /// Key and value.
    Put(String, Vec<u8>),
    /// Milliseconds.
    Pass(u64),
}

#[derive(Debug)]
pub(super) struct Script {
    pub lines: Vec<Line>,
    /// It changes what the queue itself is: its two ends, whether it is paused, a keeper's record that can be read and
    /// says what is not true, or a counter of workers that is none, at which an enqueue fails after its write. No task can
    /// be expected to run then.
    pub breaks_queue: bool,
    /// A counter is none: the store fails at it for ever.
    pub breaks_counter: bool,
    /// Whatever is left to do never ends: there are as many calls as there is time for.
    pub is_endless: bool,
    slots: Vec<u64>,
}

impl Script {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut script = Self {
            lines: Vec::new(),
            breaks_queue: false,
            breaks_counter: false,
            is_endless: false,
            slots: Vec::new(),
        };
        for line in bytes.split(|b| *b == b'\n').take(LINES_MAX) {
            let space = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
            let (key, value) = line.split_at(space);
            let (key, value) = (
                std::str::from_utf8(key).ok()?,
                value.get(1..).unwrap_or_default(),
            );
            if key == "pass" {
                let ms = std::str::from_utf8(value).ok()?.parse().ok()?;
                script.lines.push(Line::Pass(PASS_MAX_MS.min(ms)));
            } else if !key.is_empty() {
                script.put(key, value)?;
            }
        }
        Some(script)
    }

    /// Whether it changes what is about this slot.
    pub(super) fn names(&self, slot: u64) -> bool {
        self.slots.contains(&slot)
    }

    fn put(&mut self, key: &str, value: &[u8]) -> Option<()> {
        let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'=');
        let mut parts = key.split('.');
        let kind = parts.next()?;
        if key.len() > KEY_MAX_BYTES || !key.bytes().all(fits) {
            return None;
        }
        if matches!(kind, "s" | "h" | "c" | "o" | "r" | "x") {
            self.slots
                .extend(parts.next().and_then(|n| n.parse::<u64>().ok()));
        }
        let number = value
            .strip_prefix(b"#")
            .and_then(|v| std::str::from_utf8(v).ok()?.parse::<i64>().ok());
        let value = match number {
            Some(number) => number.to_le_bytes().to_vec(),
            None => value.to_vec(),
        };
        let counts_far = match kind {
            "head" | "tail" => counts_far(&value, u64::MAX),
            "ts" | "gs" => counts_far(&value, CLOSED),
            "i" => counts_far(&value, u64::MAX),
            "y" | "kt" => counted(&value).is_some_and(|number| number > EACH_MAX),
            _ => false,
        };
        if counts_far || names_many(&value) {
            return None;
        }
        // No store counts farther than this.
        let countable = counted(&value).is_some_and(|number| number <= i64::MAX as u64);
        self.breaks_counter |= !is_record(key) && !countable;
        // One that can't be counted is put back at once, again and again; and rescue passes all slots up to the head.
        let far = kind == "head" && counted(&value).is_some_and(|n| n % MARKED > *LONG.end());
        self.is_endless |= self.breaks_counter || far;
        self.breaks_queue |= match kind {
            "tail" | "head" | "paused" => true,
            "w" => !countable,
            "keeper" => {
                value.first() == Some(&b'1') && serde_json::from_slice::<Value>(&value[1..]).is_ok()
            }
            _ => false,
        };
        self.lines.push(Line::Put(key.to_owned(), value));
        Some(())
    }
}

/// Whether a key holds a record. All others are counters.
fn is_record(key: &str) -> bool {
    let mut parts = key.split('.');
    let kind = parts.next().unwrap_or_default();
    match kind {
        "s" | "o" | "r" | "x" | "keeper" | "te" | "ge" => true,
        "yr" | "yl" | "kq" | "kc" | "paused" => true,
        // What these count has the longer names.
        "f" | "y" => parts.count() > 0,
        "i" => parts.count() > 2,
        _ => false,
    }
}

/// What a counter says.
fn counted(value: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(value.try_into().ok()?))
}

/// Whether a counter of slots, of a second's entries or of tries is one that the queue believes, and that keeps it busy for
/// long.
fn counts_far(value: &[u8], below: u64) -> bool {
    counted(value).is_some_and(|number| LONG.contains(&(number % below)))
}

/// Whether a record names an epoch, a number of tasks or an interval that the queue believes, and that keeps it busy for long.
fn names_many(value: &[u8]) -> bool {
    let record = value
        .get(1..)
        .and_then(|json| serde_json::from_slice::<Value>(json).ok());
    let record = record.unwrap_or_default();
    let at = |path: &str| record.pointer(path).and_then(Value::as_u64);
    let epoch = at("/announce/1").or(at("/e")).or(at("/1"));
    let doomed = record
        .pointer("/doomed/tasks")
        .or(record.pointer("/doomed/0"));
    let doomed = doomed.and_then(Value::as_array).into_iter().flatten();
    let doomed = doomed
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_u64);
    let often = at("/schedule/rule/every").is_some_and(|ms| ms < EVERY_MIN_MS);
    often || epoch.into_iter().chain(doomed).any(|n| LONG.contains(&n))
}
