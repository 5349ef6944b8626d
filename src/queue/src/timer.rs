//! What is due later, as data in the store: a wheel of one bucket per second, found without listing or scanning by
//! marks for the minute, hour and day around it.
//!
//! Whoever inserts increments the marks from coarse to fine, then the bucket's counter; entry i is written after the
//! counter gave i. The keeper closes what it passes by adding [`CLOSED`]: the answer's low bits say how many
//! insertions came before. An inserter that finds anything closed delivers by itself. So nothing is ever between two
//! stools, whatever the clocks say.

use crate::config::DELAY_MAX_MS;
use crate::record::{decode, encode};
use crate::{Env, Queue, QueueError, Store};
use serde::{Deserialize, Serialize};

/// The wheel of deliveries and deadlines. While it holds anything, a keeper stays.
pub(crate) const DUE: char = 't';
/// The wheel of late deletions. Nobody waits for them.
pub(crate) const OLD: char = 'g';

const CLOSED: i64 = 1 << 40;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// Marks, coarse to fine.
const SPANS: [(char, u64); 3] = [('d', DAY), ('h', HOUR), ('m', MINUTE)];
/// Closed counters are deleted when nobody can still be inserting there.
pub(crate) const SWEEP_LAG_S: u64 = 600;

/// What is to happen at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(rename = "t")]
    pub task: u64,
    #[serde(rename = "e")]
    pub epoch: u64,
    /// Deliver, or look first.
    #[serde(rename = "d")]
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// Announce (task, epoch).
    #[serde(rename = "d")]
    Deliver,
    /// The lease of (task, epoch) is over: rescue looks.
    #[serde(rename = "l")]
    Look,
    /// (task, epoch) was claimed without a mark when rescue last looked: if it still is, it is lost.
    #[serde(rename = "a")]
    LookAgain,
    /// The retention of the task is over.
    #[serde(rename = "x")]
    Delete,
}

impl Entry {
    pub(crate) fn deliver(task: u64, epoch: u64) -> Self {
        let what = What::Deliver;
        Self { task, epoch, what }
    }
}

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// The keeper will see it.
    Scheduled,
    /// Its time is over, or the keeper may have passed: who inserts sees to it. Perhaps the keeper does too.
    Due,
}

/// Entries that are due, and how far the wheel has turned with them.
pub(crate) struct Turn {
    pub entries: Vec<Entry>,
    /// The keys of `entries`, to be deleted once they are settled.
    pub keys: Vec<String>,
    /// Entries that are counted but not there (yet), with their second.
    pub strays: Vec<(u64, String)>,
    /// The next second to look at.
    pub cursor_s: u64,
}

fn count(counter: i64) -> u64 {
    (counter % CLOSED).max(0) as u64
}

impl<S: Store, E: Env> Queue<S, E> {
    pub(crate) async fn timer_insert(
        &self,
        wheel: char,
        due_ms: u64,
        entry: &Entry,
    ) -> Result<Inserted, QueueError> {
        let second = due_ms.div_ceil(1_000);
        if second * 1_000 <= self.env.now_ms() {
            return Ok(Inserted::Due);
        }
        for (unit, span) in SPANS {
            let key = self.keys.bucket(wheel, unit, second - second % span);
            // A mark that is set already needs no write.
            let mut mark = self.store.counter(&key).await?;
            if mark == 0 {
                mark = self.store.increment(&key, 1).await?;
            }
            if mark >= CLOSED {
                return Ok(Inserted::Due);
            }
        }
        let counter = self.keys.bucket(wheel, 's', second);
        let i = self.store.increment(&counter, 1).await?;
        if i >= CLOSED {
            return Ok(Inserted::Due);
        }
        let key = self.keys.entry(wheel, second, i as u64);
        self.store.set(&key, &encode(entry)).await?;
        if self.store.counter(&counter).await? >= CLOSED {
            return Ok(Inserted::Due);
        }
        Ok(Inserted::Scheduled)
    }

    /// Where the first keeper of a queue begins: at the first day that holds an entry, or yesterday.
    pub(crate) async fn timer_first_s(&self, wheel: char) -> Result<u64, QueueError> {
        let now_s = self.env.now_ms() / 1_000;
        let yesterday = (now_s - now_s % DAY).saturating_sub(DAY);
        let mut day = yesterday.saturating_sub(DELAY_MAX_MS / 1_000);
        while day < yesterday {
            let key = self.keys.bucket(wheel, 'd', day);
            if count(self.store.counter(&key).await?) > 0 {
                break;
            }
            day += DAY;
        }
        Ok(day)
    }

    /// Turns the wheel from `cursor_s` up to now, or until about `most` entries are found.
    pub(crate) async fn timer_turn(
        &self,
        wheel: char,
        cursor_s: u64,
        most: usize,
    ) -> Result<Turn, QueueError> {
        let began_ms = self.env.now_ms();
        let now_s = began_ms / 1_000;
        let mut turn = Turn {
            entries: Vec::new(),
            keys: Vec::new(),
            strays: Vec::new(),
            cursor_s,
        };
        'turn: while turn.cursor_s <= now_s && turn.entries.len() < most && !self.is_over(began_ms)
        {
            for (unit, span) in SPANS {
                if !turn.cursor_s.is_multiple_of(span) {
                    continue;
                }
                let key = self.keys.bucket(wheel, unit, turn.cursor_s);
                if count(self.store.counter(&key).await?) > 0 {
                    continue;
                }
                if turn.cursor_s + span > now_s {
                    // Nothing in it so far and it is not over: stay in front of it.
                    break 'turn;
                }
                if count(self.store.increment(&key, CLOSED).await?) == 0 {
                    turn.cursor_s += span;
                    continue 'turn;
                }
            }
            self.close_second(wheel, &mut turn).await?;
            turn.cursor_s += 1;
        }
        Ok(turn)
    }

    async fn close_second(&self, wheel: char, turn: &mut Turn) -> Result<(), QueueError> {
        let second = turn.cursor_s;
        let counter = self.keys.bucket(wheel, 's', second);
        let entries = count(self.store.increment(&counter, CLOSED).await?);
        if entries == 0 {
            return Ok(());
        }
        let keys: Vec<_> = (1..=entries)
            .map(|i| self.keys.entry(wheel, second, i))
            .collect();
        // An entry that is not there yet belongs to an inserter that will see the bucket closed.
        for (key, value) in keys.iter().zip(self.store.get_many(&keys).await?) {
            let Some(value) = value else {
                turn.strays.push((second, key.clone()));
                continue;
            };
            match decode(key, &value) {
                Ok(entry) => turn.entries.push(entry),
                Err(e) => self.env.log(&e.to_string()),
            }
        }
        turn.keys.extend(keys);
        Ok(())
    }

    /// The earliest second from `cursor_s` on that may hold an entry: exact in this minute, else the start of the
    /// minute, hour or day.
    pub(crate) async fn timer_next(
        &self,
        wheel: char,
        cursor_s: u64,
    ) -> Result<Option<u64>, QueueError> {
        let mut at = cursor_s;
        let end = self.env.now_ms() / 1_000 + DELAY_MAX_MS / 1_000 + 2 * DAY;
        while at < end {
            let aligned = SPANS.iter().find(|(_, span)| at.is_multiple_of(*span));
            let (unit, span) = aligned.copied().unwrap_or(('s', 1));
            let key = self.keys.bucket(wheel, unit, at);
            if count(self.store.counter(&key).await?) == 0 {
                at += span;
                continue;
            }
            return Ok(Some(at));
        }
        Ok(None)
    }

    /// Deletes the closed counters of what the wheel passed long ago, at most `steps` spans of them. Returns the new
    /// position.
    pub(crate) async fn timer_sweep(
        &self,
        wheel: char,
        mut swept_s: u64,
        cursor_s: u64,
        steps: usize,
    ) -> Result<u64, QueueError> {
        let end = cursor_s.saturating_sub(SWEEP_LAG_S);
        for _ in 0..steps {
            let Some((step, mut keys)) = self.sweep_step(wheel, swept_s, end).await? else {
                break;
            };
            swept_s += step;
            let ended = SPANS
                .iter()
                .filter(|(_, span)| swept_s.is_multiple_of(*span));
            keys.extend(ended.map(|&(unit, span)| self.keys.bucket(wheel, unit, swept_s - span)));
            self.store.delete_many(&keys).await?;
        }
        Ok(swept_s)
    }

    /// How far to sweep next, and the seconds' counters in there. Marks go when their span has been swept.
    async fn sweep_step(
        &self,
        wheel: char,
        at: u64,
        end: u64,
    ) -> Result<Option<(u64, Vec<String>)>, QueueError> {
        for (unit, span) in SPANS {
            if at.is_multiple_of(span) && at + span <= end {
                let mark = self
                    .store
                    .counter(&self.keys.bucket(wheel, unit, at))
                    .await?;
                if count(mark) == 0 {
                    return Ok(Some((span, Vec::new())));
                }
            }
        }
        let seconds = at..at + MINUTE;
        let keys = seconds.map(|s| self.keys.bucket(wheel, 's', s)).collect();
        Ok((at + MINUTE <= end).then_some((MINUTE, keys)))
    }
}
