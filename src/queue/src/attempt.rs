//! One delivery of a task: how it begins and how it ends.

use crate::config::{BEGIN_MS, CLOCK_SLACK_MS, RESULT_MAX_BYTES};
use crate::record::{RunState, encode};
use crate::timer::{DUE, Entry, Inserted};
use crate::{Env, Queue, QueueError, Run, Store, StoreError, Task, TaskId};
use serde::Serialize;
use serde_json::Value;

/// The right to run a task once: (task, epoch), and what was found of earlier runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub(crate) slot: u64,
    pub(crate) epoch: u64,
    pub(crate) task: Task,
    /// This run's record: the attempt's number, earlier errors, the checkpoint to go on from.
    pub(crate) run: Run,
    /// When the ticket or claim was taken: the right to begin ends [`crate::BEGIN_MS`] later.
    pub(crate) taken_ms: u64,
}

/// What a task's run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It succeeded with this result.
    Done(Value),
    /// It failed and may be tried again, by its retry policy or after this many milliseconds.
    Retry {
        /// What went wrong.
        error: String,
        /// The wait asked for; otherwise the task's policy decides.
        after_ms: Option<u64>,
    },
    /// It failed for good.
    Fail(String),
    /// It did a part of its work: store this checkpoint and go on in another instance.
    Continue(Value),
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

    fn with(value: impl Serialize, outcome: fn(Value) -> Self) -> Self {
        match serde_json::to_value(value) {
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

impl Delivery {
    /// The task's id.
    pub fn id(&self, queue: &str) -> TaskId {
        TaskId::new(queue, self.slot, &self.task.nonce)
    }

    /// The task as it was enqueued.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// Where the last run stopped, if it stored that.
    pub fn checkpoint(&self) -> Option<&Value> {
        self.run.checkpoint.as_ref()
    }
}

/// When the lease of a run that was taken or marked at `taken_ms` is over for everybody's clock.
pub(crate) fn lease_end_ms(taken_ms: u64, timeout_ms: u64) -> u64 {
    taken_ms + BEGIN_MS + timeout_ms + CLOCK_SLACK_MS
}

/// What to do with an epoch that was just claimed.
#[derive(Debug, PartialEq)]
pub(crate) enum Begin {
    /// An earlier epoch's final outcome that nobody decided: it becomes this one's, and nothing runs.
    Adopt(Run),
    /// No attempt is left.
    Exhausted(Run),
    /// Run it.
    Start(Run),
}

/// Decides how epoch `epoch` begins, given the closest earlier epoch's record. An attempt counts only if it has a
/// record: a task that kills its instance does not use up its neighbours' attempts.
pub(crate) fn begin(task: &Task, epoch: u64, earlier: Option<Run>, now_ms: u64) -> Begin {
    let Some(mut run) = earlier else {
        return Begin::Start(Run {
            nonce: task.nonce.clone(),
            epoch,
            attempt: 1,
            started_ms: now_ms,
            // Epoch 0 left no trace, although it was to run at once.
            alone: epoch > 0 && task.not_before_ms.is_none(),
            errors: Vec::new(),
            progress: None,
            checkpoint: None,
            state: RunState::Running { beat_ms: now_ms },
        });
    };
    if run.is_final() {
        return Begin::Adopt(run);
    }
    if let RunState::Running { beat_ms } = run.state {
        let error = format!(
            "the worker was lost, or the attempt overran its timeout of {} ms; last heard of {} ms after the start",
            task.timeout_ms,
            beat_ms.saturating_sub(run.started_ms)
        );
        run.fail_attempt(now_ms, &error);
        run.alone = true;
    }
    let failed = run.errors.last().is_some_and(|e| e.attempt == run.attempt);
    run.epoch = epoch;
    if failed && run.attempt >= task.retry.attempts {
        run.state = RunState::Failed { ended_ms: now_ms };
        return Begin::Exhausted(run);
    }
    if failed {
        run.attempt += 1;
    }
    run.started_ms = now_ms;
    run.state = RunState::Running { beat_ms: now_ms };
    Begin::Start(run)
}

/// What a run's outcome means for the task. The wait is for [`RunState::Retrying`], whose time is not yet known.
fn settle_outcome(task: &Task, mut run: Run, outcome: Outcome, now_ms: u64, random: u64) -> Run {
    let too_large = |value: &Value| {
        let bytes = value.to_string().len();
        (bytes > RESULT_MAX_BYTES)
            .then(|| format!("it returned {bytes} bytes of JSON; {RESULT_MAX_BYTES} are allowed"))
    };
    let outcome = match outcome {
        Outcome::Done(ref v) | Outcome::Continue(ref v) => match too_large(v) {
            Some(error) => Outcome::Fail(error),
            None => outcome,
        },
        other => other,
    };
    run.state = match outcome {
        Outcome::Done(result) => RunState::Succeeded {
            ended_ms: now_ms,
            result,
        },
        Outcome::Continue(checkpoint) => {
            run.checkpoint = Some(checkpoint);
            RunState::Continued { ended_ms: now_ms }
        }
        Outcome::Cancelled => RunState::Cancelled,
        Outcome::Fail(error) => {
            run.fail_attempt(now_ms, &error);
            RunState::Failed { ended_ms: now_ms }
        }
        Outcome::Retry { error, after_ms } => {
            run.fail_attempt(now_ms, &error);
            if run.attempt >= task.retry.attempts {
                RunState::Failed { ended_ms: now_ms }
            } else {
                let wait = after_ms.unwrap_or_else(|| task.retry.wait_ms(run.attempt, random));
                RunState::Retrying {
                    at_ms: now_ms + wait.min(crate::DELAY_MAX_MS),
                    timer: false,
                }
            }
        }
    };
    run
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Writes a heartbeat: the task still runs, and this is its progress.
    pub(crate) async fn beat(
        &self,
        delivery: &mut Delivery,
        progress: Option<Value>,
    ) -> Result<(), StoreError> {
        delivery.run.progress = progress;
        delivery.run.state = RunState::Running {
            beat_ms: self.env.now_ms(),
        };
        let key = self.keys.run(delivery.slot, delivery.epoch);
        self.store.set(&key, &encode(&delivery.run)).await
    }

    /// Decides how a run ended, once: whatever fails later, the same bytes are written.
    pub(crate) fn ending(&self, delivery: Delivery, outcome: Outcome) -> Ending {
        let Delivery {
            slot,
            epoch,
            task,
            run,
            ..
        } = delivery;
        let now_ms = self.env.now_ms();
        let run = settle_outcome(&task, run, outcome, now_ms, self.env.random());
        Ending { slot, epoch, run }
    }

    /// Puts the next attempt into the timer if there is to be one. This comes first: an outcome "retry" promises that
    /// somebody delivers. Says whether the timer does; otherwise [`Queue::finish`] announces it.
    pub(crate) async fn schedule_retry(&self, ending: &Ending) -> Result<bool, QueueError> {
        let RunState::Retrying { at_ms, .. } = ending.run.state else {
            return Ok(false);
        };
        let entry = Entry::deliver(ending.slot, ending.epoch + 1);
        Ok(self.timer_insert(DUE, at_ms, &entry).await? == Inserted::Scheduled)
    }

    /// Ends a run. A final outcome of epoch 0 is returned to be written, together with others; everything else is
    /// written here.
    pub(crate) async fn finish(&self, ending: &Ending) -> Result<Finished, QueueError> {
        let Ending { slot, epoch, run } = ending;
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
                self.store.set(&key, &encode(run)).await?;
                self.announce(&[(slot, epoch + 1)]).await?;
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
        let next = self
            .store
            .counter(&self.keys.claim(slot, epoch + 1))
            .await?;
        if next == 0 {
            self.store.set(&self.keys.result(slot), bytes).await?;
        }
        Ok(())
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
            ..
        } in deliveries
        {
            run.state = RunState::Continued { ended_ms };
            records.push((self.keys.run(slot, epoch), encode(&run)));
            next.push((slot, epoch + 1));
        }
        self.write(records).await?;
        self.announce(&next).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RetryPolicy;
    use serde_json::json;

    fn task(attempts: u32) -> Task {
        Task {
            nonce: "n".into(),
            kind: "k".into(),
            args: json!({}),
            enqueued_ms: 1,
            not_before_ms: None,
            timeout_ms: 1_000,
            retry: RetryPolicy {
                attempts,
                ..RetryPolicy::default()
            },
            retention_ms: 1,
            retry_of: None,
        }
    }

    fn run(attempt: u32, state: RunState, errors: usize) -> Run {
        let error = |i| AttemptErrorAt(i).into();
        Run {
            nonce: "n".into(),
            epoch: 3,
            attempt,
            started_ms: 10,
            alone: false,
            errors: (1..=errors as u32).map(error).collect(),
            progress: None,
            checkpoint: None,
            state,
        }
    }

    struct AttemptErrorAt(u32);
    impl From<AttemptErrorAt> for crate::AttemptError {
        fn from(at: AttemptErrorAt) -> Self {
            Self {
                attempt: at.0,
                started_ms: 1,
                ended_ms: 2,
                error: "e".into(),
            }
        }
    }

    /// Rows: attempts allowed, the earlier epoch's record, what must become of the next one.
    #[test]
    fn how_an_epoch_begins() {
        let done = RunState::Succeeded {
            ended_ms: 5,
            result: json!(1),
        };
        let retrying = RunState::Retrying {
            at_ms: 9,
            timer: true,
        };
        let continued = RunState::Continued { ended_ms: 9 };
        let running = RunState::Running { beat_ms: 12 };
        let table = [
            (5, None, "start 1 errors 0"),
            (5, Some(run(1, done, 0)), "adopt"),
            (5, Some(run(1, RunState::Cancelled, 0)), "adopt"),
            (5, Some(run(2, retrying.clone(), 2)), "start 3 errors 2"),
            (5, Some(run(2, running.clone(), 1)), "start 3 errors 2"),
            (2, Some(run(2, running, 1)), "exhausted 2 errors 2"),
            // A continuation is not an attempt.
            (1, Some(run(1, continued.clone(), 0)), "start 1 errors 0"),
            (5, Some(run(2, continued, 1)), "start 2 errors 1"),
        ];
        for (attempts, earlier, expected) in table {
            let found = match begin(&task(attempts), 4, earlier.clone(), 20) {
                Begin::Adopt(_) => "adopt".to_owned(),
                Begin::Exhausted(r) => format!("exhausted {} errors {}", r.attempt, r.errors.len()),
                Begin::Start(r) => {
                    assert_eq!((r.epoch, r.started_ms), (4, 20));
                    format!("start {} errors {}", r.attempt, r.errors.len())
                }
            };
            assert_eq!(found, expected, "{earlier:?}");
        }
    }

    #[test]
    fn too_much_fails_with_that_reason() {
        let big = json!("x".repeat(RESULT_MAX_BYTES));
        for outcome in [Outcome::Done(big.clone()), Outcome::Continue(big)] {
            let state = RunState::Running { beat_ms: 1 };
            let run = settle_outcome(&task(5), run(1, state, 0), outcome, 7, 0);
            assert_eq!(run.state, RunState::Failed { ended_ms: 7 });
            assert!(run.errors[0].error.contains("262144 are allowed"));
        }
    }
}
