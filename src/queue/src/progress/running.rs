//! The keeper's list of running tasks.

use crate::base::guard::{Guard, enabled};
use crate::runs::action::RescueAction;
use crate::store::record::{Validate, is_epoch, is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// The list's length. Further running tasks get timer entries.
const RUNNING_MAX: usize = 1_000;

/// A delivery that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Delivered {
    #[serde(rename = "t")]
    pub(crate) task: u64,
    #[serde(rename = "e")]
    pub(crate) epoch: u64,
    /// The time at which it counts as lost, unless a heartbeat comes.
    #[serde(rename = "l")]
    pub(crate) lost_ms: u64,
    /// Whether its end counts in the statistics: rescue passed the slot that delivered it.
    #[serde(rename = "c")]
    pub(crate) counts: bool,
}

/// The running tasks that rescue has passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningList(Vec<Delivered>);

impl Validate for RunningList {
    fn is_valid(&self) -> bool {
        self.0
            .iter()
            .all(|d| is_slot(d.task) && is_epoch(d.epoch) && is_time(d.lost_ms))
    }
}

impl RunningList {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each delivery: (task, epoch).
    pub(crate) fn deliveries(&self) -> impl ExactSizeIterator<Item = (u64, u64)> {
        self.0.iter().map(|d| (d.task, d.epoch))
    }

    /// Adds a running delivery. Returns false if it does not run, or if the list is full.
    pub(crate) fn takes(&mut self, action: &RescueAction) -> bool {
        let &RescueAction::Running {
            task,
            epoch,
            lost_ms,
            ..
        } = action
        else {
            return false;
        };
        let known = self.find(task, epoch);
        if let Some(known) = known {
            known.lost_ms = lost_ms;
            return true;
        }
        let room = self.0.len() < RUNNING_MAX && enabled(Guard::WatchWhatRuns);
        if room {
            self.0.push(Delivered {
                task,
                epoch,
                lost_ms,
                counts: false,
            });
        }
        room || !enabled(Guard::WatchWhatRuns)
    }

    /// Notes that the end of a delivery counts in the statistics.
    pub(crate) fn count(&mut self, task: u64, epoch: u64) {
        if let Some(known) = self.find(task, epoch) {
            known.counts = true;
        }
    }

    /// Removes a delivery that no longer runs. Returns whether its end counts.
    pub(crate) fn remove(&mut self, task: u64, epoch: u64) -> bool {
        let counts = self.find(task, epoch).is_some_and(|d| d.counts);
        self.0.retain(|d| (d.task, d.epoch) != (task, epoch));
        counts
    }

    fn find(&mut self, task: u64, epoch: u64) -> Option<&mut Delivered> {
        self.0
            .iter_mut()
            .find(|d| (d.task, d.epoch) == (task, epoch))
    }

    /// The deliveries whose lease is over, as far as the keeper knows.
    pub(crate) fn due(&self, now_ms: u64) -> Vec<(u64, u64)> {
        let due = self.0.iter().filter(|d| d.lost_ms <= now_ms);
        due.map(|d| (d.task, d.epoch)).collect()
    }
}
