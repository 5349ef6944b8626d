//! What is due later, as data in the store: a wheel of one bucket per second, found without listing or scanning by
//! marks for the minute, hour and day around it.
//!
//! Whoever inserts increments the marks from coarse to fine, then the bucket's counter; entry i is written after the
//! counter gave i. The keeper closes what it passes by adding [`CLOSED`]: the answer's low bits say how many
//! insertions came before. An inserter that finds anything closed delivers by itself. So nothing is ever between two
//! stools, whatever the clocks say.

use crate::config::{CLOCK_SLACK_MS, DELAY_MAX_MS, NEWER_AGAIN_MS};
use crate::guard::{Guard, holds};
use crate::idempotency::is_name;
use crate::record::{Sound, decode, encode, is_epoch, is_slot, is_time};
use crate::{Env, Queue, QueueError, Store, StoreError};
use serde::{Deserialize, Serialize};

/// The wheel of deliveries and deadlines. While it holds anything, a keeper stays.
pub(crate) const DUE: char = 't';
/// The wheel of what nobody waits for: late deletions, and what a newer version must see to.
pub(crate) const OLD: char = 'g';

const CLOSED: u64 = 1 << 40;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// A turn takes so many steps whatever the store needs for them: on a slow one it must catch up, too.
const STEPS_MIN: usize = 20;
/// No second holds more entries than this.
const ENTRIES_MAX: u64 = 1_000_000;
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
    /// What to forget, or what a schedule enqueued last.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// Announce (task, epoch).
    #[serde(rename = "d")]
    Deliver,
    /// Announce (task, epoch) if the outcome that promises it is written.
    #[serde(rename = "r")]
    Retry,
    /// The lease of (task, epoch) is over: rescue looks.
    #[serde(rename = "l")]
    Look,
    /// (task, epoch) was claimed without a mark when rescue last looked: if it still is, it is lost.
    #[serde(rename = "a")]
    LookAgain,
    /// Rescue could not read what is in slot `task`: it passes it again.
    #[serde(rename = "p")]
    Pass,
    /// The retention of the task is over.
    #[serde(rename = "x")]
    Delete,
    /// An idempotency key's period is over: it goes by its name. There is no task.
    #[serde(rename = "f")]
    Forget,
    /// Version `task` of a schedule occurs: `epoch` is the time in milliseconds up to which all is seen to, and the name is the
    /// id of the task that was last enqueued.
    #[serde(rename = "s")]
    Fire,
    /// What change `task` of the schedules left, and the tables from number `epoch` on, may go.
    #[serde(rename = "c")]
    Tidy,
    /// Somebody is to look after the line of this name. There is no task.
    #[serde(rename = "k")]
    Attend,
    /// The line of this name is over.
    #[serde(rename = "kl")]
    ForgetLine,
    /// What limits a key counted in this hour may go.
    #[serde(rename = "kh")]
    ForgetKey,
    /// What was counted of a kind of task in a period may go.
    #[serde(rename = "z")]
    ForgetKiller,
}

impl What {
    /// Whether it is about no task, but something that has a name.
    fn is_named(self) -> bool {
        matches!(
            self,
            Self::Forget | Self::Attend | Self::ForgetLine | Self::ForgetKey | Self::ForgetKiller
        )
    }
}

impl Sound for Entry {
    fn is_sound(&self) -> bool {
        let name = self.name.as_deref();
        match self.what {
            what if what.is_named() => name.is_some_and(is_name) && is_epoch(self.epoch),
            What::Fire => is_slot(self.task) && is_time(self.epoch),
            What::Tidy => is_slot(self.task) && self.epoch <= self.task,
            _ => is_slot(self.task) && name.is_none() && is_epoch(self.epoch),
        }
    }
}

impl Entry {
    pub(crate) fn new(task: u64, epoch: u64, what: What) -> Self {
        Self {
            task,
            epoch,
            what,
            name: None,
        }
    }

    pub(crate) fn deliver(task: u64, epoch: u64) -> Self {
        Self::new(task, epoch, What::Deliver)
    }

    pub(crate) fn forget(name: String) -> Self {
        Self::named(What::Forget, name)
    }

    pub(crate) fn named(what: What, name: String) -> Self {
        Self {
            name: Some(name),
            ..Self::new(0, 0, what)
        }
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

fn count(counter: u64) -> u64 {
    counter % CLOSED
}

impl<S: Store, E: Env> Queue<S, E> {
    pub(crate) async fn timer_insert(
        &self,
        wheel: char,
        due_ms: u64,
        entry: &Entry,
    ) -> Result<Inserted, QueueError> {
        self.timer_insert_record(wheel, due_ms, &encode(entry))
            .await
    }

    async fn timer_insert_record(
        &self,
        wheel: char,
        due_ms: u64,
        record: &[u8],
    ) -> Result<Inserted, QueueError> {
        let second = due_ms.div_ceil(1_000);
        if second * 1_000 <= self.env.now_ms() {
            return Ok(Inserted::Due);
        }
        let mut spans = SPANS;
        if !holds(Guard::CoarseMarksFirst) {
            spans.reverse();
        }
        for (unit, span) in spans {
            let key = self.keys.bucket(wheel, unit, second - second % span);
            // A mark that is set already needs no write.
            let mut mark = self.store.counter(&key).await?;
            if mark == 0 {
                mark = self.store.increment(&key, 1).await?;
            }
            if mark >= CLOSED && holds(Guard::MarkMayBeClosed) {
                return Ok(Inserted::Due);
            }
        }
        let counter = self.keys.bucket(wheel, 's', second);
        let i = self.store.increment(&counter, 1).await?;
        if i >= CLOSED && holds(Guard::BucketMayBeClosed) {
            return Ok(Inserted::Due);
        }
        let key = self.keys.entry(wheel, second, i as u64);
        self.store.set(&key, record).await?;
        if self.is_sweepable(second, CLOCK_SLACK_MS) {
            // This instance stalled for so long that the bucket may have been closed and deleted: nobody would come by.
            self.store.delete_many(&[key]).await?;
            return Ok(Inserted::Due);
        }
        let closed = self.store.counter(&counter).await? >= CLOSED;
        if closed && holds(Guard::BucketMayCloseMeanwhile) {
            return Ok(Inserted::Due);
        }
        Ok(Inserted::Scheduled)
    }

    /// Where the first keeper of a queue begins: at the first day that holds an entry, or yesterday.
    pub(crate) async fn timer_first_s(&self) -> Result<u64, QueueError> {
        let now_s = self.env.now_ms() / 1_000;
        let yesterday = (now_s - now_s % DAY).saturating_sub(DAY);
        let mut day = yesterday.saturating_sub(DELAY_MAX_MS / 1_000);
        while day < yesterday {
            for wheel in [DUE, OLD] {
                let key = self.keys.bucket(wheel, 'd', day);
                if count(self.insist_counter(&key).await?) > 0 {
                    return Ok(day);
                }
            }
            day += DAY;
        }
        Ok(day)
    }

    /// Sixty reads in a row would hardly ever all succeed on a store that fails now and then.
    async fn insist_counter(&self, key: &str) -> Result<u64, StoreError> {
        for _ in 0..2 {
            if let Ok(counter) = self.store.counter(key).await {
                return Ok(counter);
            }
        }
        self.store.counter(key).await
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
        for step in 0.. {
            let over = step >= STEPS_MIN && self.is_over(began_ms);
            if turn.cursor_s > now_s || turn.entries.len() >= most || over {
                break;
            }
            match self.turn_on(wheel, &mut turn, now_s).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) if turn.cursor_s == cursor_s => return Err(e),
                // What was passed before is good.
                Err(e) => {
                    self.env.log(&e.to_string());
                    break;
                }
            }
        }
        Ok(turn)
    }

    /// Turns the wheel by one second, or by the longest span from here on that holds nothing. False if it stays in front
    /// of a span that is not over.
    async fn turn_on(&self, wheel: char, turn: &mut Turn, now_s: u64) -> Result<bool, QueueError> {
        for (unit, span) in SPANS {
            if !turn.cursor_s.is_multiple_of(span) {
                continue;
            }
            let key = self.keys.bucket(wheel, unit, turn.cursor_s);
            if count(self.store.counter(&key).await?) > 0 {
                continue;
            }
            if turn.cursor_s + span > now_s {
                return Ok(false);
            }
            // Who inserts so late sees that by itself, whatever the clocks say: nothing need be closed for it.
            let long_ago = self.is_sweepable(turn.cursor_s + span + CLOCK_SLACK_MS / 1_000, 0);
            let marked = !long_ago && self.close(&key, turn.cursor_s + span).await? > 0;
            if !marked || !holds(Guard::SkipOnlyUnmarked) {
                turn.cursor_s += span;
                return Ok(true);
            }
        }
        self.close_second(wheel, turn).await?;
        turn.cursor_s += 1;
        Ok(true)
    }

    /// Closes a span that ends at `end_s`. Returns how much was counted in it.
    async fn close(&self, key: &str, end_s: u64) -> Result<u64, QueueError> {
        let counted = count(self.store.increment(key, CLOSED).await?);
        if counted == 0 && self.is_sweepable(end_s, 0) {
            // Another keeper may have passed and swept it, while this one stalled: nobody would come by again.
            self.store.delete_many(&[key.to_owned()]).await?;
        }
        Ok(counted)
    }

    /// Whether what was closed may be deleted, by clocks that are ahead by as much as this.
    fn is_sweepable(&self, end_s: u64, ahead_ms: u64) -> bool {
        self.env.now_ms() + ahead_ms >= (end_s + SWEEP_LAG_S) * 1_000
    }

    async fn close_second(&self, wheel: char, turn: &mut Turn) -> Result<(), QueueError> {
        let second = turn.cursor_s;
        let counter = self.keys.bucket(wheel, 's', second);
        let entries = self.close(&counter, second).await?;
        if entries == 0 {
            return Ok(());
        }
        if entries > ENTRIES_MAX {
            self.env.log(&format!(
                "{counter} counts {entries} entries, which can't be: they are passed over"
            ));
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
                Err(QueueError::Newer { .. }) => self.put_off(&value).await?,
                Err(e) => self.env.log(&e.to_string()),
            }
        }
        turn.keys.extend(keys);
        Ok(())
    }

    /// Keeps an entry until a newer version may be the one that turns. Nobody stays for it.
    pub(crate) async fn put_off(&self, record: &[u8]) -> Result<(), QueueError> {
        let mut at_ms = self.env.now_ms() + NEWER_AGAIN_MS;
        while self.timer_insert_record(OLD, at_ms, record).await? == Inserted::Due {
            at_ms += 1_000;
        }
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

    /// Deletes the closed counters of what the wheel passed long ago, at most `steps` spans of them from `swept_s` on.
    pub(crate) async fn timer_sweep(
        &self,
        wheel: char,
        swept_s: &mut u64,
        cursor_s: u64,
        steps: usize,
    ) -> Result<(), QueueError> {
        let end = cursor_s.saturating_sub(SWEEP_LAG_S);
        for _ in 0..steps {
            let Some((step, seconds)) = self.sweep_step(wheel, *swept_s, end).await? else {
                break;
            };
            if !seconds.is_empty() {
                self.store.delete_many(&seconds).await?;
            }
            let to = *swept_s + step;
            // Fine to coarse, one by one: who sweeps again after a failure must find the mark of what is left.
            for (unit, span) in SPANS.into_iter().rev() {
                if to.is_multiple_of(span) {
                    let mark = self.keys.bucket(wheel, unit, to - span);
                    self.store.delete_many(&[mark]).await?;
                }
            }
            *swept_s = to;
        }
        Ok(())
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
