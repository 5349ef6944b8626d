//! The checkpoint of a workflow: the slots of its members.

use crate::base::config::BATCH_MAX;
use crate::base::json::Json;
use crate::model::ended::Counts;
use crate::store::record::{is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// So many members are enqueued at once.
pub(crate) const CHUNK: usize = BATCH_MAX;

/// The progress of a workflow: its task's checkpoint, which every turn's record holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The chunks of each step so far, as (first slot, time). They are decided before members are
    /// written, so that every later turn writes the same.
    pub(crate) steps: Vec<Vec<(u64, u64)>>,
    /// The last chunk may not be filled completely.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unfilled: bool,
    /// How many failures of this step were examined.
    #[serde(default)]
    pub(crate) seen: u64,
    /// A member was counted whose end was not visible.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) again: bool,
    /// How the members of the first step ended, once all have and if they are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) counts: Option<Counts>,
}

impl Progress {
    /// Reads a checkpoint. Returns `None` if it can't be read.
    pub(crate) fn of(checkpoint: Option<&Json>) -> Option<Self> {
        let Some(checkpoint) = checkpoint else {
            return Some(Self::default());
        };
        let progress: Self = checkpoint.read().ok()?;
        let sound = |&(slot, at_ms): &(u64, u64)| is_slot(slot) && is_time(at_ms);
        progress
            .steps
            .iter()
            .flatten()
            .all(sound)
            .then_some(progress)
    }

    /// Makes the checkpoint.
    pub(crate) fn checkpoint(&self) -> Json {
        Json::of(self).unwrap_or_else(|_| Json::null())
    }

    /// The current step.
    pub(crate) fn step(&self) -> usize {
        self.steps.len().saturating_sub(1)
    }

    /// The slot of a member, if that is decided.
    pub(crate) fn slot(&self, step: usize, index: usize) -> Option<u64> {
        let (first, _) = self.steps.get(step)?.get(index / CHUNK)?;
        Some(first + (index % CHUNK) as u64)
    }

    /// The number of decided chunks of the current step.
    pub(crate) fn chunks(&self) -> usize {
        self.steps.last().map_or(0, Vec::len)
    }

    pub(crate) fn next_step(&mut self) {
        self.steps.push(Vec::new());
        (self.seen, self.again) = (0, false);
    }
}
