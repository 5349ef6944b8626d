//! Waiting for a task to end. Instances can't notify each other, so a waiting request polls.

use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::limits::wake::Wakes;
use crate::runs::read::Runs;
use crate::runs::view::{TaskStatus, Views};
use crate::store::contract::Store;
use crate::store::core::Core;
use crate::store::core::mechanism;
use crate::store::error::QueueError;

mechanism!(
    /// Waiting for a task to end.
    Waits
);

/// The pause between two looks is this fraction of the time waited so far. So an end is seen late
/// by at most that fraction, and the number of looks grows with its logarithm.
const PAUSE_PART: u64 = 8;

/// The shortest and the longest pause, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 1..=500;

/// After this wait the task may be waiting because no worker runs. Then the waiting request pushes
/// the queue along, again and again after this time.
const PUSH_AFTER_MS: u64 = 100;

const PUSH_EVERY_MS: u64 = 1_000;

/// The pause before the next look, when the last change was `waited_ms` ago.
pub(crate) fn pause_ms(waited_ms: u64) -> u64 {
    (waited_ms / PAUSE_PART).clamp(*PAUSE_MS.start(), *PAUSE_MS.end())
}

/// Pushes the queue along now and then during a long wait, which must not rely on other requests
/// for that.
pub(crate) struct Pusher {
    pub(crate) next_ms: u64,
}

impl Pusher {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            next_ms: now_ms + PUSH_AFTER_MS,
        }
    }

    pub(crate) async fn push<S: Store, E: Env>(
        &mut self,
        queue: &Core<S, E>,
    ) -> Result<(), QueueError> {
        let now_ms = queue.env().now_ms();
        if now_ms >= self.next_ms {
            self.next_ms = now_ms + PUSH_EVERY_MS;
            Wakes::of(queue).push_along(true).await?;
        }
        Ok(())
    }
}

impl<S: Store, E: Env> Waits<'_, S, E> {
    /// Waits until a task is final, for at most `wait_ms`. Each look at an open task costs two
    /// reads.
    pub(crate) async fn wait(&self, id: &TaskId, wait_ms: u64) -> Result<TaskStatus, QueueError> {
        let began_ms = self.env.now_ms();
        let mut pusher = Pusher::new(began_ms);
        let mut brief = Views::of(self).status(id).await?;
        while brief == TaskStatus::Open {
            let waited_ms = self.env.now_ms().saturating_sub(began_ms);
            if waited_ms >= wait_ms {
                break;
            }
            let pause_ms = pause_ms(waited_ms).min(wait_ms.saturating_sub(waited_ms));
            self.env.sleep_ms(pause_ms).await;
            if let Some(run) = Runs::of(self).final_run(id).await? {
                brief = TaskStatus::Final(Box::new(run));
                break;
            }
            pusher.push(self).await?;
        }
        Ok(brief)
    }
}
