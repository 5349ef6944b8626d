//! Asking a task to stop.

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
    /// Asking tasks to stop.
    Canceller
);

/// How often, and how long in between, a canceller looks whether a claimer has cancelled the task for it.
const CLAIMER_TRIES: u32 = 10;

const CLAIMER_PAUSE_MS: u64 = 20;

/// What became of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It will not run, or not again.
    Done,
    /// It is running and sees the request at its next checkpoint.
    Requested,
    /// It was final already; nothing changed.
    Final,
    /// There is no such task.
    Unknown,
}

impl<S: Store, E: Env> Canceller<'_, S, E> {
    /// Cancels a task. Repeating it is harmless.
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
        // Claimers take their ticket first and look at the counter then; we write first and look at head then.
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
        // Between two runs nobody owns the next epoch yet: who claims it may end it.
        let latest = Runs::of(self).latest_epoch(slot).await?;
        let earlier = Runs::of(self).closest_run(slot, latest + 1).await?;
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
        // Announced before it is claimed, as every claimed epoch is: so rescue passes it should we die in between. Who
        // takes the announcement before us sees the flag.
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
        // It has no ticket by which rescue would count it.
        self.store.increment(&self.keys.cancelled(), 1).await?;
        Ok(Cancelled::Done)
    }

    /// A worker took the announcement before us, and sees the flag: most likely it cancels the task at this moment.
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
