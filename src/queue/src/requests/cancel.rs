//! Cancelling a task.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::completion::Completion;
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::model::slot::Slot;
use crate::runs::read::Runs;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{decode_opt, encode};

mechanism!(
    /// Cancelling tasks.
    Canceller
);

/// How often a canceller checks whether a claimer has cancelled the task, and the pause between two
/// checks.
const CLAIMER_TRIES: u32 = 10;

const CLAIMER_PAUSE_MS: u64 = 20;

/// The result of a cancel request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The task will not run, or not again.
    Done,
    /// The task is running, and sees the request at its next `await`.
    Requested,
    /// The task was final already. Nothing changed.
    Final,
    /// No task has this id.
    Unknown,
}

impl<S: Store, E: Env> Canceller<'_, S, E> {
    /// Cancels a task. The call is idempotent.
    pub(crate) async fn cancel(&self, id: &TaskId) -> Result<Cancelled, QueueError> {
        let (slot, home) = (id.slot(), self.keys.slot(id.slot()));
        if Runs::of(self).final_run(id).await?.is_some() {
            return Ok(Cancelled::Final);
        }
        let task = match decode_opt(&home, self.store.get(&home).await?)? {
            Some(Slot::Task(task)) if task.nonce == id.nonce() => task,
            _ => return Ok(Cancelled::Unknown),
        };
        let ends = CompletionEffects::of(&task);
        let looked = match enabled(Guard::NoteBeforeLooking) {
            true => None,
            false => Some(Slots::of(self).is_ticketed(slot).await?),
        };
        // Claimers take their ticket first and read the counter then. Write first here, and read
        // `head` then.
        self.store
            .increment(&self.keys.cancel_block(slot), 1)
            .await?;
        let asked_ms = self.env.now_ms();
        self.store
            .set(&self.keys.cancel(slot), &encode(&asked_ms))
            .await?;
        let ticketed = match looked {
            Some(ticketed) => ticketed,
            None => task.not_before_ms.is_some() || Slots::of(self).is_ticketed(slot).await?,
        };
        if !ticketed {
            let mut run = Run::cancelled_before_start(&task.nonce);
            Completion::of(self)
                .apply(slot, ends.as_deref(), &mut run)
                .await?;
            self.store
                .set(&self.keys.run(slot, 0), &encode(&run))
                .await?;
            return Ok(Cancelled::Done);
        }
        // Between two runs no worker owns the next epoch, so its claimer may end the task.
        let latest = Runs::of(self).latest_epoch(slot).await?;
        let earlier = Runs::of(self).closest_run(slot, latest + 1).await?;
        let earlier = earlier.filter(|run| run.is_of(&task));
        let between = match &earlier {
            Some(run) => {
                run.epoch == latest
                    && matches!(
                        run.state,
                        RunState::Retrying { .. }
                            | RunState::Continued { .. }
                            | RunState::Waiting { .. }
                    )
            }
            None => latest == 0 && task.not_before_ms.is_some(),
        };
        if !between {
            return Ok(Cancelled::Requested);
        }
        // Announce before the claim, as for every claimed epoch: so rescue passes it if this
        // instance dies in between. An earlier claimer of the announcement sees the request.
        if enabled(Guard::AnnounceBeforeCancelling) {
            Slots::of(self).announce(&[(slot, latest + 1)]).await?;
        }
        let next = self.keys.claim(slot, latest + 1);
        if self.store.increment(&next, 1).await? != 1 {
            return self.cancelled_by_claimer(id).await;
        }
        let mut run = earlier.unwrap_or_else(|| Run::cancelled_before_start(&task.nonce));
        (run.epoch, run.ticket) = (latest + 1, 0);
        run.state = RunState::Cancelled;
        Completion::of(self)
            .apply(slot, ends.as_deref(), &mut run)
            .await?;
        Runs::of(self).decide(slot, latest + 1, &run).await?;
        // The task has no ticket, so rescue would not count it.
        self.store.increment(&self.keys.cancelled(), 1).await?;
        Ok(Cancelled::Done)
    }

    /// Waits for a worker that took the announcement first. It sees the request, and most likely
    /// cancels the task at this moment.
    async fn cancelled_by_claimer(&self, id: &TaskId) -> Result<Cancelled, QueueError> {
        for _ in 0..CLAIMER_TRIES {
            self.env.sleep_ms(CLAIMER_PAUSE_MS).await;
            match Runs::of(self).final_run(id).await? {
                Some(run) if run.state == RunState::Cancelled => return Ok(Cancelled::Done),
                Some(_) => return Ok(Cancelled::Final),
                None => {}
            }
        }
        Ok(Cancelled::Requested)
    }
}
