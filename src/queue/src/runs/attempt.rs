//! One delivery of a task: how it begins and how it ends.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::model::delivery::{Delivery, Finished, Outcome, RunEnd};
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::model::transition::{continued, is_expired, running, settle_outcome};
use crate::runs::members::MemberCounts;
use crate::runs::read::Runs;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::encode;
use crate::timer::entry::{DUE, Entry, EntryKind, Inserted};
use crate::timer::insert::Timer;

mechanism!(
    /// One delivery of a task: its heartbeats and its end.
    Attempts
);

impl<S: Store, E: Env> Attempts<'_, S, E> {
    /// Writes a heartbeat: the task still runs, and this is what it said so far.
    pub(crate) async fn beat(&self, delivery: &mut Delivery) -> Result<(), StoreError> {
        let now_ms = self.env.now_ms();
        delivery.run.state = running(&delivery.task, delivery.run.started_ms, now_ms);
        let key = self.keys.run(delivery.slot, delivery.epoch);
        self.store.set(&key, &encode(&delivery.run)).await
    }

    /// Decides how a run ended, once: whatever fails later, the same bytes are written.
    pub(crate) fn ending(&self, delivery: Delivery, outcome: Outcome, result_max: u64) -> RunEnd {
        let Delivery {
            slot,
            epoch,
            task,
            run,
            ..
        } = delivery;
        let now_ms = self.env.now_ms();
        let run = settle_outcome(&task, run, outcome, result_max, now_ms, self.env.random());
        let ends = CompletionEffects::of(&task);
        RunEnd {
            slot,
            epoch,
            ends,
            run,
        }
    }

    /// The end of a delivery whose task may not begin any more, although it could when it was taken.
    pub(crate) fn expiry(&self, delivery: &Delivery) -> Option<RunEnd> {
        let now_ms = self.env.now_ms();
        let (slot, epoch, task) = (delivery.slot, delivery.epoch, &delivery.task);
        (delivery.unstarted && is_expired(task, now_ms)).then(|| RunEnd {
            slot,
            epoch,
            ends: CompletionEffects::of(task),
            run: Run {
                ticket: delivery.run.ticket,
                ..Run::expired_before_start(&task.nonce, epoch, now_ms)
            },
        })
    }

    /// Puts the next attempt into the timer if there is to be one. This comes first: an outcome "retry" promises that
    /// somebody delivers. Says whether the timer does; otherwise [`Queue::finish`] announces it.
    pub(crate) async fn schedule_retry(&self, ending: &RunEnd) -> Result<bool, QueueError> {
        let RunState::Retrying { at_ms, .. } = ending.run.state else {
            return Ok(false);
        };
        let entry = Entry::new(ending.slot, ending.epoch + 1, EntryKind::Retry);
        Ok(Timer::of(self).insert(DUE, at_ms, &entry).await? == Inserted::Scheduled)
    }

    /// Ends a run. A final outcome of epoch 0 is returned to be written, together with others; everything else is
    /// written here.
    pub(crate) async fn finish(&self, ending: &RunEnd) -> Result<Finished, QueueError> {
        let RunEnd {
            slot, epoch, run, ..
        } = ending;
        let (slot, epoch) = (*slot, *epoch);
        let key = self.keys.run(slot, epoch);
        match run.state {
            RunState::Retrying { timer, .. } => {
                self.store.set(&key, &encode(run)).await?;
                if !timer {
                    Slots::of(self).announce(&[(slot, epoch + 1)]).await?;
                }
            }
            RunState::Continued { .. } => {
                // The checkpoint first, or the next owner would start without it. Should we die in between, rescue
                // finds the epoch after us unclaimed.
                if !enabled(Guard::CheckpointBeforeAnnouncing) {
                    Slots::of(self).announce(&[(slot, epoch + 1)]).await?;
                }
                self.store.set(&key, &encode(run)).await?;
                Slots::of(self).announce(&[(slot, epoch + 1)]).await?;
            }
            RunState::Waiting { .. } => {
                self.store.set(&key, &encode(run)).await?;
                // Those who counted themselves before found it running.
                if enabled(Guard::LookAfterWaiting)
                    && MemberCounts::of(self)
                        .may_continue(slot, &run.state)
                        .await?
                {
                    Slots::of(self).announce(&[(slot, epoch + 1)]).await?;
                }
            }
            _ if epoch == 0 => return Ok(Finished::Write(key, encode(run))),
            _ => Runs::of(self).decide(slot, epoch, run).await?,
        }
        Ok(Finished::Written)
    }

    /// Puts deliveries back that will not be run or not be finished here, through no fault of theirs: the next epoch
    /// of each goes on from the same checkpoint, in the same attempt.
    ///
    /// # Errors
    /// If the store fails; then rescue sees to them when their lease is over.
    pub(crate) async fn put_back(&self, deliveries: Vec<Delivery>) -> Result<(), StoreError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let ended_ms = self.env.now_ms();
        let mut records = Vec::new();
        let mut next = Vec::new();
        for Delivery {
            slot,
            epoch,
            mut run,
            unstarted,
            ..
        } in deliveries
        {
            if unstarted {
                // It still may expire.
                (run.attempt, run.started_ms) = (0, 0);
            }
            run.state = continued(ended_ms);
            records.push((self.keys.run(slot, epoch), encode(&run)));
            next.push((slot, epoch + 1));
        }
        self.write(records).await?;
        Slots::of(self).announce(&next).await
    }
}
