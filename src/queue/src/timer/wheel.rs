//! A timer wheel in the store. It has one counter of entries per second. Marks for the minute, hour
//! and day around it replace listing and scanning.
//!
//! An inserter increments the marks from coarse to fine, then the second's counter. It writes entry
//! i after that counter gave i. The keeper closes a span that it passes by adding [`CLOSED`]. The
//! answer's low bits tell how many insertions came before. An inserter that finds a closed span
//! acts itself. So no entry is lost between inserter and keeper, whatever their clocks say.

use crate::base::config::CLOCK_SLACK_MS;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::decode;
use crate::timer::entry::Entry;
use crate::timer::insert::{CLOSED, SPANS, Timer, count};

/// A turn takes at least so many steps, however slow the store is: it must catch up there too.
const STEPS_MIN: usize = 20;

/// No second holds more entries than this.
const ENTRIES_MAX: u64 = 1_000_000;

/// The due entries of a turn, and how far the wheel has turned.
pub(crate) struct WheelTurn {
    pub entries: Vec<Entry>,
    /// The keys of `entries`, to be deleted once the entries are settled.
    pub keys: Vec<String>,
    /// The keys of entries that are counted but not yet written, with their second.
    pub strays: Vec<(u64, String)>,
    /// The next second to turn to.
    pub cursor_s: u64,
}

impl<S: Store, E: Env> Timer<'_, S, E> {
    /// Turns the wheel from `cursor_s` up to now, or until it has found about `most` entries.
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
                // The spans passed before stay passed.
                Err(e) => {
                    self.env.log(&e.to_string());
                    break;
                }
            }
        }
        Ok(turn)
    }

    /// Turns the wheel by one second, or by the longest empty span that starts here. Returns false
    /// if it stays in front of a span that is not over.
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
            // An inserter this late notices that by itself, whatever the clocks say. So the span
            // needs no close.
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

    /// Closes a span that ends at `end_s`. Returns the count of its entries or marks.
    async fn close(&self, key: &str, end_s: u64) -> Result<u64, QueueError> {
        let counted = count(self.store.increment(key, CLOSED).await?);
        if counted == 0 && self.is_sweepable(end_s, 0) {
            // Another keeper may have passed and swept the span while this one stalled. No sweep
            // would find this counter again.
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
        // An absent entry belongs to an inserter that has not written it yet. It will see the
        // second closed.
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
