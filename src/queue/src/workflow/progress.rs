//! The checkpoint of a workflow: where its members are.

use crate::base::config::BATCH_MAX;
use crate::base::json::Json;
use crate::model::ended::Counts;
use crate::store::record::{is_slot, is_time};
use serde::Deserialize;
use serde::Serialize;

/// So many members are enqueued at once.
pub(crate) const CHUNK: usize = BATCH_MAX;

/// How far a workflow is: its task's checkpoint. It is kept in the record of every turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Of each step so far: the chunks in which its members were enqueued, as (first slot, when). Where they are is decided
    /// before they are written, so that whoever goes on writes the same.
    pub(crate) steps: Vec<Vec<(u64, u64)>>,
    /// The members of the last chunk are perhaps not all there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unfilled: bool,
    /// How many failures of this step have been looked into.
    #[serde(default)]
    pub(crate) seen: u64,
    /// Somebody was counted whose end could not be seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) again: bool,
    /// How the members of the first step ended, once all had and if there are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) counts: Option<Counts>,
}

impl Progress {
    /// What a record says. `None` if it can't be read.
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

    /// What is kept of it.
    pub(crate) fn checkpoint(&self) -> Json {
        Json::of(self).unwrap_or_else(|_| Json::null())
    }

    /// The step that it is in.
    pub(crate) fn step(&self) -> usize {
        self.steps.len().saturating_sub(1)
    }

    /// The slot of a member, if that is decided.
    pub(crate) fn slot(&self, step: usize, index: usize) -> Option<u64> {
        let (first, _) = self.steps.get(step)?.get(index / CHUNK)?;
        Some(first + (index % CHUNK) as u64)
    }

    /// How many chunks of this step are decided.
    pub(crate) fn chunks(&self) -> usize {
        self.steps.last().map_or(0, Vec::len)
    }

    pub(crate) fn next_step(&mut self) {
        self.steps.push(Vec::new());
        (self.seen, self.again) = (0, false);
    }
}
