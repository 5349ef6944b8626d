//! One delivery of a task: how it begins and how it ends.

use crate::before_final::Ends;
use crate::guard::{Guard, holds};
use crate::lane::Lane;
use crate::record::{RunState, encode};
use crate::timer::{DUE, Entry, Inserted, What};
use crate::transition::{continued, is_expired, running, settle_outcome};
use crate::{Env, Json, Queue, QueueError, Run, Store, StoreError, Task};
use serde::Serialize;

/// The right to run a task once: (task, epoch), and what was found of earlier runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub(crate) slot: u64,
    pub(crate) epoch: u64,
    pub(crate) task: Task,
    /// This run's record: the attempt's number, earlier errors, the checkpoint to go on from.
    pub(crate) run: Run,
    /// Nothing of the task began, as far as is known.
    pub(crate) unstarted: bool,
    /// It waited for its key, and its turn has come.
    pub(crate) called: bool,
    /// When the ticket or claim was taken: the right to begin ends [`crate::BEGIN_MS`] later.
    pub(crate) taken_ms: u64,
}

impl Delivery {
    /// How many bytes of JSON it brings.
    pub(crate) fn bytes(&self) -> u64 {
        let checkpoint = self.run.checkpoint.as_ref().map_or(0, Json::bytes);
        self.task.args.bytes() + checkpoint
    }

    /// Whether neither pauses nor limits count for it.
    pub(crate) fn is_system(&self) -> bool {
        Lane::of(self.slot).is_system()
    }
}

/// What a task's run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It succeeded with this result.
    Done(Json),
    /// It failed and may be tried again, by its retry policy or after this many milliseconds.
    Retry {
        /// What went wrong.
        error: String,
        /// The wait asked for; otherwise the task's policy decides.
        after_ms: Option<u64>,
    },
    /// It was told to come later: tried again after this many milliseconds, and not counted as an attempt.
    PutOff(u64),
    /// It failed for good.
    Fail(String),
    /// It did a part of its work: store this checkpoint and go on in another instance.
    Continue(Json),
    /// It was asked to stop and did.
    Cancelled,
}

impl Outcome {
    /// It succeeded with anything that can be written as JSON.
    pub fn done(result: impl Serialize) -> Self {
        Self::with(result, Self::Done)
    }

    /// It failed and may be tried again by its retry policy.
    pub fn retry(error: impl Into<String>) -> Self {
        let error = error.into();
        Self::Retry {
            error,
            after_ms: None,
        }
    }

    /// It did a part of its work and goes on from this checkpoint in another instance.
    pub fn go_on(checkpoint: impl Serialize) -> Self {
        Self::with(checkpoint, Self::Continue)
    }

    fn with(value: impl Serialize, outcome: fn(Json) -> Self) -> Self {
        match Json::of(&value) {
            Ok(value) => outcome(value),
            Err(e) => Self::Fail(format!("what it returned can't be written as JSON: {e}")),
        }
    }
}

/// How a run ended. It is written more than once if the store fails, with the same bytes each time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    pub(crate) slot: u64,
    pub(crate) epoch: u64,
    pub(crate) ends: Option<Box<Ends>>,
    pub(crate) run: Run,
}

impl Ending {
    /// Notes whether the timer delivers the next attempt.
    pub(crate) fn set_timer(&mut self, scheduled: bool) {
        if let RunState::Retrying { timer, .. } = &mut self.run.state {
            *timer = scheduled;
        }
    }
}

/// What is left to write when a run has ended.
#[derive(Debug)]
pub enum Finished {
    /// Everything is in the store.
    Written,
    /// The outcome of an epoch 0: this one write, which several tasks may share.
    Write(String, Vec<u8>),
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Writes a heartbeat: the task still runs, and this is what it said so far.
    pub(crate) async fn beat(&self, delivery: &mut Delivery) -> Result<(), StoreError> {
        let now_ms = self.env.now_ms();
        delivery.run.state = running(&delivery.task, delivery.run.started_ms, now_ms);
        let key = self.keys.run(delivery.slot, delivery.epoch);
        self.store.set(&key, &encode(&delivery.run)).await
    }

    /// Decides how a run ended, once: whatever fails later, the same bytes are written.
    pub(crate) fn ending(&self, delivery: Delivery, outcome: Outcome, result_max: u64) -> Ending {
        let Delivery {
            slot,
            epoch,
            task,
            run,
            ..
        } = delivery;
        let now_ms = self.env.now_ms();
        let run = settle_outcome(&task, run, outcome, result_max, now_ms, self.env.random());
        let ends = Ends::of(&task);
        Ending {
            slot,
            epoch,
            ends,
            run,
        }
    }

    /// The end of a delivery whose task may not begin any more, although it could when it was taken.
    pub(crate) fn expiry(&self, delivery: &Delivery) -> Option<Ending> {
        let now_ms = self.env.now_ms();
        let (slot, epoch, task) = (delivery.slot, delivery.epoch, &delivery.task);
        (delivery.unstarted && is_expired(task, now_ms)).then(|| Ending {
            slot,
            epoch,
            ends: Ends::of(task),
            run: Run {
                ticket: delivery.run.ticket,
                ..Run::expired_before_start(&task.nonce, epoch, now_ms)
            },
        })
    }

    /// Puts the next attempt into the timer if there is to be one. This comes first: an outcome "retry" promises that
    /// somebody delivers. Says whether the timer does; otherwise [`Queue::finish`] announces it.
    pub(crate) async fn schedule_retry(&self, ending: &Ending) -> Result<bool, QueueError> {
        let RunState::Retrying { at_ms, .. } = ending.run.state else {
            return Ok(false);
        };
        let entry = Entry::new(ending.slot, ending.epoch + 1, What::Retry);
        Ok(self.timer_insert(DUE, at_ms, &entry).await? == Inserted::Scheduled)
    }

    /// Ends a run. A final outcome of epoch 0 is returned to be written, together with others; everything else is
    /// written here.
    pub(crate) async fn finish(&self, ending: &Ending) -> Result<Finished, QueueError> {
        let Ending {
            slot, epoch, run, ..
        } = ending;
        let (slot, epoch) = (*slot, *epoch);
        let key = self.keys.run(slot, epoch);
        match run.state {
            RunState::Retrying { timer, .. } => {
                self.store.set(&key, &encode(run)).await?;
                if !timer {
                    self.announce(&[(slot, epoch + 1)]).await?;
                }
            }
            RunState::Continued { .. } => {
                // The checkpoint first, or the next owner would start without it. Should we die in between, rescue
                // finds the epoch after us unclaimed.
                if !holds(Guard::CheckpointBeforeAnnouncing) {
                    self.announce(&[(slot, epoch + 1)]).await?;
                }
                self.store.set(&key, &encode(run)).await?;
                self.announce(&[(slot, epoch + 1)]).await?;
            }
            RunState::Waiting { .. } => {
                self.store.set(&key, &encode(run)).await?;
                // Those who counted themselves before found it running.
                if holds(Guard::LookAfterWaiting) && self.may_go_on(slot, &run.state).await? {
                    self.announce(&[(slot, epoch + 1)]).await?;
                }
            }
            _ if epoch == 0 => return Ok(Finished::Write(key, encode(run))),
            _ => self.decide(slot, epoch, run).await?,
        }
        Ok(Finished::Written)
    }

    /// Writes the final outcome of an epoch from 1, and decides the task with it unless the next epoch is claimed.
    /// Who claims that later finds our outcome and adopts it; who claimed it before decides without us.
    pub(crate) async fn decide(&self, slot: u64, epoch: u64, run: &Run) -> Result<(), QueueError> {
        let bytes = encode(run);
        self.store.set(&self.keys.run(slot, epoch), &bytes).await?;
        self.publish(slot, epoch, &bytes).await
    }

    /// The second half of deciding, which anybody may repeat who finds it undone: the bytes are the same.
    pub(crate) async fn publish(
        &self,
        slot: u64,
        epoch: u64,
        bytes: &[u8],
    ) -> Result<(), QueueError> {
        if !self.is_overtaken(slot, epoch).await? {
            self.store.set(&self.keys.result(slot), bytes).await?;
        }
        Ok(())
    }

    /// Whether the next epoch is claimed, so that its owner decides. Who claims it later finds what is written of this one.
    pub(crate) async fn is_overtaken(&self, slot: u64, epoch: u64) -> Result<bool, StoreError> {
        let next = self.keys.claim(slot, epoch + 1);
        Ok(self.store.counter(&next).await? > 0 && holds(Guard::CheckNextClaim))
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
        self.announce(&next).await
    }
}
