//! What an input says: one thing a line. `s.5 1{"task":…}` puts these bytes under that key of the queue, `c.1.1 #3` a counter,
//! and `pass 5000` lets workers work for so many milliseconds.

use serde_json::Value;

const LINES_MAX: usize = 12;
/// Numbers of slots, epochs and entries that take the queue long, and are within its bounds: left out, they are slow and say nothing
/// new.
const LONG: std::ops::RangeInclusive<u64> = 1_001..=1_000_000;
/// What the keeper adds to the counter of a second that it passes.
const CLOSED: u64 = 1 << 40;
const PASS_MAX_MS: u64 = 60_000;

#[derive(Debug)]
pub enum Line {
    /// Key and value.
    Put(String, Vec<u8>),
    /// Milliseconds.
    Pass(u64),
}

#[derive(Debug)]
pub struct Script {
    pub lines: Vec<Line>,
    /// It changes what the queue itself is: its two ends, or a keeper's record that can be read and says what is not
    /// true. No task can be expected to run then.
    pub breaks_queue: bool,
    /// A counter is none: the store fails at it for ever.
    pub breaks_counter: bool,
    slots: Vec<u64>,
}

impl Script {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut script = Self {
            lines: Vec::new(),
            breaks_queue: false,
            breaks_counter: false,
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
    pub fn names(&self, slot: u64) -> bool {
        self.slots.contains(&slot)
    }

    fn put(&mut self, key: &str, value: &[u8]) -> Option<()> {
        let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.');
        let mut parts = key.split('.');
        let kind = parts.next()?;
        if key.len() > 40 || !key.bytes().all(fits) {
            return None;
        }
        if matches!(kind, "s" | "h" | "c" | "o" | "r" | "x") {
            self.slots
                .extend(parts.next().and_then(|n| n.parse::<u64>().ok()));
        }
        let is_record = matches!(kind, "s" | "o" | "r" | "x" | "keeper" | "te" | "ge");
        let is_counter = !is_record && !key.starts_with("f.");
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
            _ => false,
        };
        if counts_far || names_many(&value) {
            return None;
        }
        self.breaks_counter |= is_counter && value.len() != 8;
        self.breaks_queue |= match kind {
            "tail" | "head" => true,
            "keeper" => {
                value.first() == Some(&b'1') && serde_json::from_slice::<Value>(&value[1..]).is_ok()
            }
            _ => false,
        };
        self.lines.push(Line::Put(key.to_owned(), value));
        Some(())
    }
}

/// Whether a counter of slots or of a second's entries is one that the queue believes, and that keeps it busy for long.
fn counts_far(value: &[u8], below: u64) -> bool {
    let number = value.try_into().map(u64::from_le_bytes);
    number.is_ok_and(|number| LONG.contains(&(number % below)))
}

/// Whether a record names an epoch or a number of tasks that the queue believes, and that keeps it busy for long.
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
    epoch.into_iter().chain(doomed).any(|n| LONG.contains(&n))
}
