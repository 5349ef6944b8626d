//! The record of the keeper's progress.

use crate::base::config::{RESCUE_LAG_MS, WINDOW_MS};
use crate::base::env::Env;
use crate::base::priority::Lane;
use crate::presence::window;
use crate::progress::cursors::Cursors;
use crate::progress::deletes::PendingDeletes;
use crate::progress::failed::Passed;
use crate::progress::running::RunningList;
use crate::progress::tally::Tally;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{Validate, decode_opt, is_time, is_zero};
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;

mechanism!(
    /// The record of the keeper's progress.
    KeeperRecord
);

/// One call deletes the registrations of so many windows.
pub(crate) const WINDOWS_MAX: u64 = 500;

/// The keeper's progress. Whichever keeper stores it, it is true: everything before a cursor is
/// settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The cursors of the normal lane.
    #[serde(flatten)]
    pub(crate) normal: Cursors,
    /// The cursors of the other lanes, once they are in use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) lanes: BTreeMap<Lane, Cursors>,
    /// The next second of each timer wheel.
    pub(crate) due_s: u64,
    pub(crate) old_s: u64,
    /// Up to where the closed counters of each wheel are deleted.
    pub(crate) due_swept_s: u64,
    pub(crate) old_swept_s: u64,
    /// The keys that the next pass deletes.
    pub(crate) pending: PendingDeletes,
    /// The keys of entries that were counted but absent when their second was closed, with that
    /// second. An inserter may still write them. They are deleted when it no longer can.
    pub(crate) strays: Vec<(u64, String)>,
    /// The next window whose registrations are deleted.
    pub(crate) window: u64,
    /// Tasks that ran when rescue passed them.
    #[serde(default, skip_serializing_if = "RunningList::is_empty")]
    pub(crate) running: RunningList,
    /// The counts for the statistics.
    #[serde(default)]
    pub(crate) tally: Tally,
    /// The progress in the failed list.
    #[serde(default)]
    pub(crate) failed: Passed,
    /// When a keeper last found a time in the future here, and how far ahead it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ahead: Option<(u64, u64)>,
    /// The last window that may have limit counters.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) limited: u64,
}

/// What keepers found wrong, each with its time in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Noticed {
    /// By how many milliseconds the clock of a host was ahead of another's.
    pub ahead: Option<(u64, u64)>,
    /// The number of tickets that the store had lost, at least.
    pub lost: Option<(u64, u64)>,
}

impl Validate for Progress {
    fn is_valid(&self) -> bool {
        let seconds = [self.due_s, self.old_s, self.due_swept_s, self.old_swept_s];
        self.normal.is_valid()
            && self
                .lanes
                .iter()
                .all(|(lane, cursors)| cursors.are_in(*lane))
            && seconds
                .into_iter()
                .all(|s| is_time(s.saturating_mul(1_000)))
            && self
                .strays
                .iter()
                .all(|s| is_time(s.0.saturating_mul(1_000)))
            && is_time(self.window.saturating_mul(WINDOW_MS))
            && is_time(self.limited.saturating_mul(WINDOW_MS))
            && self.ahead.is_none_or(|(at, by)| is_time(at) && is_time(by))
            && self.pending.is_valid()
            && self.running.is_valid()
            && self.tally.is_valid()
            && self.failed.is_valid()
    }
}

impl Progress {
    pub(crate) fn first(start_s: u64, now_ms: u64) -> Self {
        Self {
            normal: Cursors::first(Lane::Normal),
            lanes: BTreeMap::new(),
            due_s: start_s,
            old_s: start_s,
            due_swept_s: start_s,
            old_swept_s: start_s,
            pending: PendingDeletes::default(),
            strays: Vec::new(),
            // A first pass that failed may be a while ago.
            window: window(now_ms).saturating_sub(WINDOWS_MAX),
            running: RunningList::default(),
            tally: Tally::default(),
            failed: Passed::default(),
            ahead: None,
            limited: 0,
        }
    }

    /// The next slot of a lane that rescue passes.
    pub(crate) fn passed(&self, lane: Lane) -> u64 {
        let cursors = match lane {
            Lane::Normal => Some(&self.normal),
            _ => self.lanes.get(&lane),
        };
        cursors.map_or(lane.base() + 1, |cursors| cursors.rescue)
    }

    /// When rescue should have passed the oldest of its samples, in milliseconds since 1970.
    pub(crate) fn rescue_due_ms(&self) -> Option<u64> {
        let all = std::iter::once(&self.normal).chain(self.lanes.values());
        let samples = all.filter_map(|cursors| cursors.samples.first());
        samples.map(|sample| sample.0 + RESCUE_LAG_MS).min()
    }

    /// The cursors of the lanes in use.
    pub(crate) fn cursors(&mut self) -> impl Iterator<Item = (Lane, &mut Cursors)> {
        let others = self
            .lanes
            .iter_mut()
            .map(|(lane, cursors)| (*lane, cursors));
        std::iter::once((Lane::Normal, &mut self.normal)).chain(others)
    }
}

impl<S: Store, E: Env> KeeperRecord<'_, S, E> {
    /// Reads the first number of the failed list that may still have an entry.
    pub(crate) async fn first_failure(&self) -> Result<u64, QueueError> {
        match self.stored_progress().await {
            Ok(progress) => Ok(progress.map_or(1, |progress| progress.failed.first)),
            // A newer version wrote the record: then any number may have an entry.
            Err(e) if e.is_unreadable() => Ok(1),
            Err(e) => Err(e),
        }
    }

    /// Reads what keepers found wrong.
    pub(crate) async fn noticed(&self) -> Result<Noticed, QueueError> {
        let stored = QueueError::or_unreadable(self.stored_progress().await)?;
        let Some(mut progress) = stored.ok().flatten() else {
            return Ok(Noticed::default());
        };
        Ok(Noticed {
            ahead: progress.ahead,
            lost: progress
                .cursors()
                .filter_map(|(_, cursors)| cursors.lost)
                .max(),
        })
    }

    pub(crate) async fn stored_progress(&self) -> Result<Option<Progress>, QueueError> {
        let key = self.keys.keeper();
        decode_opt(&key, self.store.get(&key).await?)
    }
}
