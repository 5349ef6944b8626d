//! The two records of a version: the schedule and its progress.

use crate::base::env::Env;
use crate::base::id::is_queue_name;
use crate::schedule::spec::Schedule;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{Validate, decode_opt, is_time};
use serde::Deserialize;
use serde::Serialize;

mechanism!(
    /// Schedules.
    Scheduler
);

/// A version of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Intervals count from then.
    pub(crate) put_ms: u64,
    /// When it was last paused or resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changed_ms: Option<u64>,
    /// Without an occurrence, until it is resumed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) paused: bool,
    pub(crate) schedule: Schedule,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Version {
    /// This version has the occurrences after this time.
    pub(crate) fn since_ms(&self) -> u64 {
        self.changed_ms.unwrap_or(self.put_ms)
    }
}

impl Validate for Version {
    fn is_valid(&self) -> bool {
        let Schedule { name, queue, .. } = &self.schedule;
        let mut times = [self.put_ms]
            .into_iter()
            .chain(self.changed_ms)
            .chain(self.schedule.expires_after_ms);
        is_queue_name(name)
            && is_queue_name(queue)
            && self.schedule.rule.is_valid()
            && self.schedule.task.is_valid()
            && times.all(is_time)
    }
}

/// The progress of a version. Several keepers may write it, also an older one over a newer one. It
/// only saves work and names the last task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fired {
    /// All occurrences up to this time are settled, and a timer entry exists for those after it.
    pub(crate) passed_ms: u64,
    /// The last occurrence that got a task, and the task's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<(u64, String)>,
}

impl Validate for Fired {
    fn is_valid(&self) -> bool {
        let last_ms = self.last.as_ref().map_or(0, |last| last.0);
        is_time(self.passed_ms) && is_time(last_ms)
    }
}

impl<S: Store, E: Env> Scheduler<'_, S, E> {
    pub(crate) async fn version(&self, number: u64) -> Result<Option<Version>, QueueError> {
        let key = self.keys.schedule(number);
        decode_opt(&key, self.store.get(&key).await?)
    }

    pub(crate) async fn fired(&self, number: u64) -> Result<Fired, QueueError> {
        let key = self.keys.fired(number);
        let fired = decode_opt(&key, self.store.get(&key).await?)?;
        Ok(fired.unwrap_or_default())
    }
}
