//! What is due later, as data in the store: a wheel of one bucket per second, found without listing or scanning by
//! marks for the minute, hour and day around it.
//!
//! Whoever inserts increments the marks from coarse to fine, then the bucket's counter; entry i is written after the
//! counter gave i. The keeper closes what it passes by adding [`CLOSED`]: the answer's low bits say how many
//! insertions came before. An inserter that finds anything closed delivers by itself. So nothing is ever between two
//! stools, whatever the clocks say.

use crate::base::config::CLOCK_SLACK_MS;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::decode;
use crate::timer::entry::Entry;
use crate::timer::insert::{CLOSED, SPANS, Timer, count};

/// A turn takes so many steps whatever the store needs for them: on a slow one it must catch up, too.
const STEPS_MIN: usize = 20;

/// No second holds more entries than this.
const ENTRIES_MAX: u64 = 1_000_000;

/// Entries that are due, and how far the wheel has turned with them.
pub(crate) struct WheelTurn {
    pub entries: Vec<Entry>,
    /// The keys of `entries`, to be deleted once they are settled.
    pub keys: Vec<String>,
    /// Entries that are counted but not there (yet), with their second.
    pub strays: Vec<(u64, String)>,
    /// The next second to look at.
    pub cursor_s: u64,
}

impl<S: Store, E: Env> Timer<'_, S, E> {
    /// Turns the wheel from `cursor_s` up to now, or until about `most` entries are found.
    pub(crate) async fn turn(
        &self,
        wheel: char,
        cursor_s: u64,
        most: usize,
    ) -> Result<WheelTurn, QueueError> {
        let began_ms = self.env.now_ms();
        let now_s = began_ms / 1_000;
        let mut turn = WheelTurn {
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
    async fn turn_on(
        &self,
        wheel: char,
        turn: &mut WheelTurn,
        now_s: u64,
    ) -> Result<bool, QueueError> {
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
            if !marked || !enabled(Guard::SkipOnlyUnmarked) {
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

    async fn close_second(&self, wheel: char, turn: &mut WheelTurn) -> Result<(), QueueError> {
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
                Err(QueueError::Newer { .. }) => self.defer(&value).await?,
                Err(e) => self.env.log(&e.to_string()),
            }
        }
        turn.keys.extend(keys);
        Ok(())
    }
}
