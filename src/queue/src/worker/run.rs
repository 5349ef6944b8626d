//! One attempt, from its begin to its written outcome.

use crate::base::config::{BEAT_MS, FIRST_BEAT_MS, OUTCOMES_BYTES};
use crate::base::env::{Env, Wake};
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::completion::Completion;
use crate::failed::list::FailedList;
use crate::model::delivery::{Delivery, Finished, Outcome, RunEnd};
use crate::model::run::RunState;
use crate::model::task::WORKFLOW;
use crate::runs::attempt::Attempts;
use crate::runs::read::{CancelBlocks, Runs};
use crate::store::contract::Store;
use crate::worker::control::{Attempt, Control};
use crate::worker::state::InProgress;
use crate::worker::state::Runner;
use crate::worker::state::Worker;
use futures::future::Either;
use futures::future::poll_fn;
use futures::future::select;
use std::pin::pin;
use std::rc::Rc;

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Runs one delivery and writes its outcome.
    pub(crate) async fn run(&self, delivery: Delivery) {
        let key = self.hold(&delivery, None);
        let workflow = delivery.task.kind == WORKFLOW;
        let mut work = pin!(async {
            match workflow {
                true => self.turn(delivery).await,
                false => self.attempt(delivery).await,
            }
        });
        // Note during each poll which task runs, in case it panics.
        poll_fn(|cx| {
            self.current.set(Some(key));
            let polled = work.as_mut().poll(cx);
            self.current.set(None);
            polled
        })
        .await;
        self.in_progress.borrow_mut().remove(&key);
    }

    /// Notes a delivery as this instance's, so that a panic puts it back.
    pub(crate) fn hold(&self, delivery: &Delivery, control: Option<Rc<Control>>) -> (u64, u64) {
        let key = (delivery.slot, delivery.epoch);
        let runs = InProgress::Runs(Box::new(delivery.clone()), control);
        self.in_progress.borrow_mut().insert(key, runs);
        key
    }

    /// Runs one attempt, from its begin to its written outcome.
    pub(crate) async fn attempt(&self, mut delivery: Delivery) {
        if let Some(ending) = Attempts::of(&self.queue).expiry(&delivery) {
            return self.ended(ending).await;
        }
        let control = self.begin_attempt(&mut delivery);
        let outcome = self.run_to_outcome(&mut delivery, &control).await;
        let outcome = self.check_overrun(&delivery, outcome);
        delivery.run.report = control.report().unwrap_or(delivery.run.report);
        self.end(delivery, outcome).await;
    }

    /// Notes that an attempt begins now, and makes its control.
    fn begin_attempt(&self, delivery: &mut Delivery) -> Rc<Control> {
        let began_ms = self.queue.env().now_ms();
        delivery.unstarted = false;
        delivery.run.started_ms = began_ms;
        if delivery.run.began_ms == 0 {
            delivery.run.began_ms = began_ms;
        }
        let timeout_ms = delivery.task.timeout_ms;
        let deadline_ms = began_ms + timeout_ms;
        let (task, run) = (&delivery.task, &delivery.run);
        let id = TaskId::new(self.queue.name(), delivery.slot, &task.nonce);
        self.runner.began(&id, task, run);
        let attempt = Attempt {
            id,
            key: task.key.clone(),
            number: run.attempt,
            attempts_max: task.retry.attempts,
            alone: run.alone,
            part: run.part,
            fence: delivery.epoch,
            checkpoint: run.checkpoint.clone(),
            last_error: run.errors.last().map(|e| e.error.clone()),
            deadline_ms,
            // Early enough to store a checkpoint before the timeout.
            yield_at_ms: (deadline_ms - timeout_ms / 4)
                .min(self.started_ms + self.limits.budget_ms),
            trace: task.trace.clone(),
            end_of: task.end_of.clone(),
        };
        let control = Rc::new(Control::new(attempt).with(run.report.clone()));
        self.hold(delivery, Some(control.clone()));
        control
    }

    /// Runs the task's code until it returns or its timeout is over. Writes heartbeats, and passes
    /// a cancel request on to the task.
    async fn run_to_outcome(&self, delivery: &mut Delivery, control: &Rc<Control>) -> Outcome {
        let env = self.queue.env();
        let began_ms = delivery.run.started_ms;
        let deadline_ms = control.attempt().deadline_ms;
        let kind = delivery.task.kind.clone();
        let args = delivery.task.args.clone();
        // The task is dropped with this function: after an overrun it must not stay while its
        // outcome is written.
        let mut task = Box::pin(self.runner.run(&kind, args, control.clone()));
        let mut beat_at_ms = began_ms + FIRST_BEAT_MS;
        loop {
            let tick_at_ms = (env.now_ms() + FIRST_BEAT_MS).min(deadline_ms);
            let tick = pin!(env.sleep_ms(tick_at_ms.saturating_sub(env.now_ms())));
            if let Either::Left((outcome, _)) = select(task.as_mut(), tick).await {
                return outcome;
            }
            let now_ms = env.now_ms();
            if now_ms >= deadline_ms {
                return overran(delivery.task.timeout_ms, now_ms - began_ms);
            }
            let mut blocks = CancelBlocks::new();
            let cancelled = Runs::of(&self.queue)
                .is_cancelled(delivery.slot, &mut blocks)
                .await;
            if matches!(cancelled, Ok(true)) {
                control.cancel();
            }
            // A clock that is set back must not silence the run.
            let is_set_back = now_ms + BEAT_MS < beat_at_ms;
            if now_ms >= beat_at_ms || is_set_back || control.has_news_since(&delivery.run.report) {
                delivery.run.report = control.report().unwrap_or_default();
                match Attempts::of(&self.queue).beat(delivery).await {
                    Ok(()) => beat_at_ms = now_ms + BEAT_MS,
                    // The next tick tries again, since silence would make the run count as lost.
                    Err(e) => {
                        self.hold(delivery, Some(control.clone()));
                        env.log(&e.to_string());
                    }
                }
            }
        }
    }

    /// Returns the outcome, or a failure if the task computed past its timeout. A task that never
    /// awaits can't be stopped in time, and its lease may be over.
    fn check_overrun(&self, delivery: &Delivery, outcome: Outcome) -> Outcome {
        // A clock may be set back meanwhile.
        let now_ms = self.queue.env().now_ms();
        let took_ms = now_ms.saturating_sub(delivery.run.started_ms);
        let timeout_ms = delivery.task.timeout_ms;
        match outcome {
            Outcome::Retry { .. } => outcome,
            _ if took_ms > timeout_ms => overran(timeout_ms, took_ms),
            outcome => outcome,
        }
    }

    /// Ends a run: its outcome is written now, or with the next [`Worker::flush`].
    pub(crate) async fn end(&self, mut delivery: Delivery, outcome: Outcome) {
        if !delivery.unsure || !enabled(Guard::LeaveUnsureRecord) {
            return self.end_here(delivery, outcome).await;
        }
        // A heartbeat that failed may come over an outcome in this record, even over one that
        // everybody has seen. Nothing overwrites the record of the next epoch.
        match Attempts::of(&self.queue).leave_record(&mut delivery).await {
            Ok(true) => {
                let key = (delivery.slot, delivery.epoch);
                self.end_here(delivery, outcome).await;
                self.in_progress.borrow_mut().remove(&key);
            }
            Ok(false) => {}
            // Rescue takes this run for lost.
            Err(e) => self.queue.env().log(&e.to_string()),
        }
    }

    async fn end_here(&self, delivery: Delivery, outcome: Outcome) {
        let mut ending =
            Attempts::of(&self.queue).ending(delivery, outcome, self.limits.result_max_bytes);
        if matches!(ending.run.state, RunState::Retrying { .. }) {
            self.registration.timed.set(true);
            if !enabled(Guard::TimerBeforeOutcome) {
                ending.set_timer(true);
                self.write_ending(&ending).await;
            }
            match self
                .retry_write(async || Attempts::of(&self.queue).schedule_retry(&ending).await)
                .await
            {
                Some(scheduled) => ending.set_timer(scheduled),
                // No timer entry would deliver the next attempt. Without an outcome rescue takes
                // this run for lost, and announces.
                None => return,
            }
        }
        self.ended(ending).await;
    }

    pub(crate) async fn ended(&self, mut ending: RunEnd) {
        self.note_ending(&ending);
        if ending.run.is_final() {
            let (slot, ends) = (ending.slot, ending.ends.as_deref());
            let run = &mut ending.run;
            let ready =
                self.retry_write(async || Completion::of(&self.queue).apply(slot, ends, run).await);
            if ready.await.is_none() {
                // The completion effects can't be written. Without an outcome rescue takes this run
                // for lost.
                return;
            }
            self.note_ending(&ending);
        }
        self.write_ending(&ending).await;
        self.sabotaged(&ending).await;
    }

    /// Writes what sabotaged guards have moved behind the outcome.
    async fn sabotaged(&self, ending: &RunEnd) {
        let id = TaskId::new(self.queue.name(), ending.slot, &ending.run.nonce);
        if !enabled(Guard::ListBeforeOutcome) {
            self.flush().await;
            if let Some(i) = ending.run.listed() {
                self.retry_write(async || FailedList::of(&self.queue).enter_failed(i, &id).await)
                    .await;
            }
        }
        if !enabled(Guard::CountBeforeOutcome) && ending.run.is_final() {
            self.flush().await;
            if let Some(ends) = ending.ends.as_deref() {
                self.retry_write(async || {
                    Completion::of(&self.queue)
                        .count_in_workflow(ends, &ending.run)
                        .await
                })
                .await;
            }
        }
        if !enabled(Guard::FollowBeforeOutcome) && ending.run.is_final() {
            self.flush().await;
            if let Some(ends) = ending.ends.as_deref() {
                self.retry_write(async || {
                    Completion::of(&self.queue)
                        .enqueue_follow_up(&id, ends)
                        .await
                })
                .await;
            }
        }
    }

    fn note_ending(&self, ending: &RunEnd) {
        let ended = InProgress::Ended(Box::new(ending.clone()));
        let key = (ending.slot, ending.epoch);
        self.in_progress.borrow_mut().insert(key, ended);
    }

    async fn write_ending(&self, ending: &RunEnd) {
        let finish = async || Attempts::of(&self.queue).finish(ending).await;
        let finished = self.retry_write(finish).await;
        if finished.is_some() {
            let id = TaskId::new(self.queue.name(), ending.slot, &ending.run.nonce);
            self.runner.ended(&id, &ending.run);
        }
        if let Some(Finished::Write(key, value)) = finished {
            self.outcomes.borrow_mut().push((key, value));
            let bytes: usize = self.outcomes.borrow().iter().map(|o| o.1.len()).sum();
            if bytes >= OUTCOMES_BYTES {
                self.flush().await;
            }
        }
    }

    /// Hands over after a panic of the running task, which ends this instance. It writes the failed
    /// attempt and puts the other tasks back, so none waits for the end of a lease.
    pub async fn panicked(&self, message: &str) {
        let in_progress = self
            .in_progress
            .try_borrow()
            .map(|p| p.clone())
            .unwrap_or_default();
        let current = self.current.take();
        self.flush().await;
        let mut others = Vec::new();
        for (key, run) in in_progress {
            let (mut delivery, control) = match run {
                InProgress::Ended(ending) => {
                    self.ended(*ending).await;
                    continue;
                }
                InProgress::Runs(delivery, control) => (*delivery, control),
            };
            if let Some(report) = control.and_then(|control| control.report()) {
                delivery.run.report = report;
            }
            if Some(key) == current {
                let outcome = Outcome::retry(format!("panicked: {message}"));
                self.end(delivery, outcome).await;
            } else {
                others.push(delivery);
            }
        }
        self.flush().await;
        if let Err(e) = Attempts::of(&self.queue).put_back(others).await {
            self.queue.env().log(&e.to_string());
        }
        self.in_progress
            .try_borrow_mut()
            .iter_mut()
            .for_each(|p| p.clear());
        if let Err(e) = self.renew_key_permits().await {
            self.queue.env().log(&e.to_string());
        }
        if let Err(e) = self.free_unused(&[]).await {
            self.queue.env().log(&e.to_string());
        }
        if let Err(e) = self.leave().await.and(self.leave_keeper().await) {
            self.queue.env().log(&e.to_string());
        }
        self.queue.wake(Wake::Keep).await;
    }
}

fn overran(timeout_ms: u64, took_ms: u64) -> Outcome {
    Outcome::retry(format!(
        "overran its timeout of {timeout_ms} ms: stopped after {took_ms} ms"
    ))
}
