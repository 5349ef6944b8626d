//! The heartbeats and the end of one delivery. `decide` publishes what ends a task.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::model::delivery::{Delivery, Finished, Outcome, RunEnd};
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::model::slot::Slot;
use crate::model::transition::{continued, is_expired, running, settle_outcome};
use crate::runs::members::MemberCounts;
use crate::runs::read::Runs;
use crate::slots::append::Filled;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::encode;
use crate::timer::entry::{DUE, Entry, EntryKind, Inserted};
use crate::timer::insert::Timer;

mechanism!(
    /// The heartbeats and the end of one delivery.
    Attempts
);

impl<S: Store, E: Env> Attempts<'_, S, E> {
    /// Writes a heartbeat: it renews the lease and stores the task's report.
    pub(crate) async fn beat(&self, delivery: &mut Delivery) -> Result<(), StoreError> {
        let now_ms = self.env.now_ms();
        delivery.run.state = running(&delivery.task, delivery.run.started_ms, now_ms);
        let key = self.keys.run(delivery.slot, delivery.epoch);
        let written = self.store.set(&key, &encode(&delivery.run)).await;
        delivery.unsure |= written.is_err();
        written
    }

    /// Takes the next epoch for a run whose record a failed heartbeat may still overwrite. Returns
    /// false if another owner has it.
    pub(crate) async fn leave_record(&self, delivery: &mut Delivery) -> Result<bool, StoreError> {
        let (slot, epoch) = (delivery.slot, delivery.epoch + 1);
        // Announce before the claim, as for every claimed epoch: so rescue passes it if this
        // instance dies in between.
        let announced = [Slot::Announce(slot, epoch)];
        let Filled { slots, head, .. } = Slots::of(self)
            .append(Lane::of(slot), 0, &announced, Vec::new())
            .await?;
        let ticket = *slots.start();
        if !Slots::of(self).settle(slots, head).await?.is_empty() {
            Slots::of(self).announce(&[(slot, epoch)]).await?;
        }
        let claim = self.keys.claim(slot, epoch);
        if self.store.increment(&claim, 1).await? != 1 {
            return Ok(false);
        }
        delivery.epoch = epoch;
        (delivery.run.epoch, delivery.run.ticket) = (epoch, ticket);
        delivery.unsure = false;
        Ok(true)
    }

    /// Decides once how a run ended. If a later step fails, a repetition writes the same bytes.
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

    /// Returns the end of a delivery whose task expired between its claim and its begin.
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

    /// Inserts the next attempt into the timer, if the run is to be retried. This comes first,
    /// since the outcome "retrying" promises a delivery. Returns whether the timer delivers it;
    /// otherwise [`Attempts::finish`] announces it.
    pub(crate) async fn schedule_retry(&self, ending: &RunEnd) -> Result<bool, QueueError> {
        let RunState::Retrying { at_ms, .. } = ending.run.state else {
            return Ok(false);
        };
        let entry = Entry::new(ending.slot, ending.epoch + 1, EntryKind::Retry);
        Ok(Timer::of(self).insert(DUE, at_ms, &entry).await? == Inserted::Scheduled)
    }

    /// Writes the end of a run. It only returns a final outcome of epoch 0, which the caller writes
    /// together with others.
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
                // Write the checkpoint first, or the next owner would begin without it. If this
                // instance dies in between, rescue finds the next epoch unclaimed.
                if !enabled(Guard::CheckpointBeforeAnnouncing) {
                    Slots::of(self).announce(&[(slot, epoch + 1)]).await?;
                }
                self.store.set(&key, &encode(run)).await?;
                Slots::of(self).announce(&[(slot, epoch + 1)]).await?;
            }
            RunState::Waiting { .. } => {
                self.store.set(&key, &encode(run)).await?;
                // Members that counted themselves before this write found the workflow running.
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

    /// Puts back deliveries that can't begin or finish here, through no fault of their own. The
    /// next epoch of each continues from the same checkpoint, in the same attempt.
    ///
    /// # Errors
    /// If the store fails. Then rescue announces them when their lease is over.
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
            unsure,
            ..
        } in deliveries
        {
            next.push((slot, epoch + 1));
            if unsure && enabled(Guard::LeaveUnsureRecord) {
                // The next owner finds a run that was lost, whatever the record says.
                continue;
            }
            if unstarted {
                // The task can still expire.
                (run.attempt, run.started_ms) = (0, 0);
            }
            run.state = continued(ended_ms);
            records.push((self.keys.run(slot, epoch), encode(&run)));
        }
        self.write(records).await?;
        Slots::of(self).announce(&next).await
    }
}
