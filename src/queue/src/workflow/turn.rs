//! One turn of a workflow: it enqueues members, and gathers how they ended.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::base::priority::Lane;
use crate::model::delivery::{Delivery, Outcome};
use crate::model::receipt::Receipt;
use crate::model::run::RunState;
use crate::model::task::Task;
use crate::model::transition::running;
use crate::runs::members::MemberCounts;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::encode;
use crate::workflow::gather::{Gathered, Input, Workflows};
use crate::workflow::members::Maker;
use crate::workflow::progress::{CHUNK, Progress};
use crate::workflow::spec::{Step, Workflow};
use serde_json::json;

/// A turn waits this long for the end of a counted member, whose writer is about to write it.
const PATIENCE_MS: u64 = 2_000;

const LOOK_EVERY_MS: u64 = 25;

/// After that it looks again this often, until rescue has found the member's fate.
const PUT_OFF_MS: u64 = 10_000;

/// A turn writes a heartbeat this often.
const MARK_MS: u64 = 5_000;

/// The end of a turn.
pub(crate) enum TurnEnd {
    /// The workflow ends, or its next turn comes without a member.
    Ends(Outcome),
    /// The workflow waits for its members, in this state.
    Waits(RunState),
    /// The next turn was claimed, since this one was taken for lost.
    Superseded,
}

/// A turn in progress.
struct Going<'a, N> {
    pub(crate) delivery: &'a mut Delivery,
    /// Called after each write of the turn's record.
    pub(crate) noted: N,
    pub(crate) id: TaskId,
    pub(crate) workflow: Workflow,
    pub(crate) progress: Progress,
}

impl<N: Fn(&Delivery)> Going<'_, N> {
    fn fails(&self, reason: impl Into<String>) -> TurnEnd {
        TurnEnd::Ends(Outcome::Fail(reason.into()))
    }

    /// Puts the progress into the run, for the next write of its record.
    pub(crate) fn keep(&mut self) {
        self.delivery.run.checkpoint = Some(self.progress.checkpoint());
    }
}

impl<S: Store, E: Env> Workflows<'_, S, E> {
    /// Runs a turn until the workflow ends, it waits for its members, or `yield_at_ms` comes. It
    /// adds what it enqueued to `receipt`, so that the caller can wake a worker. In any case the
    /// delivery's run holds the progress.
    ///
    /// # Errors
    /// If the store fails. Then the next turn goes on.
    pub(crate) async fn turn(
        &self,
        delivery: &mut Delivery,
        yield_at_ms: u64,
        receipt: &mut Receipt,
        noted: impl Fn(&Delivery),
    ) -> Result<TurnEnd, QueueError> {
        let id = TaskId::new(self.name(), delivery.slot, &delivery.task.nonce);
        let workflow = Workflow::of(&delivery.task.args);
        let progress = Progress::of(delivery.run.checkpoint.as_ref());
        let (Some(workflow), Some(mut progress)) = (workflow, progress) else {
            let reason = "how it goes on can't be read: was it made by another version?";
            return Ok(TurnEnd::Ends(Outcome::Fail(reason.to_owned())));
        };
        if progress.steps.is_empty() {
            progress.next_step();
        }
        let mut going = Going {
            delivery,
            noted,
            id,
            workflow,
            progress,
        };
        let turned = self.steps(&mut going, yield_at_ms, receipt).await;
        going.keep();
        turned
    }

    async fn steps(
        &self,
        going: &mut Going<'_, impl Fn(&Delivery)>,
        yield_at_ms: u64,
        receipt: &mut Receipt,
    ) -> Result<TurnEnd, QueueError> {
        let mut before = None;
        loop {
            let step = going.progress.step();
            let Some(spec) = going.workflow.steps.get(step) else {
                return Ok(going.fails("it has no such step: was it made by another version?"));
            };
            let (one, of) = (matches!(spec, Step::One(_)), spec.len());
            let fails_fast = going.workflow.fails_fast(spec);
            if let Some(turn) = self
                .enqueue_step(going, yield_at_ms, before.take(), receipt)
                .await?
            {
                return Ok(turn);
            }
            let counted = MemberCounts::of(self)
                .counted(going.id.slot(), step as u64)
                .await?;
            let failed = fails_fast && counted.failed > going.progress.seen;
            if counted.ended < of as u64 && !failed && !going.progress.again {
                return Ok(self.waits(going, step, of, fails_fast));
            }
            let gathered = self.gather_patiently(going).await?;
            let failure = gathered.failure(&going.id, &going.progress);
            if let Some(failure) = failure.clone().filter(|_| fails_fast || one) {
                return Ok(going.fails(failure));
            }
            if !gathered.is_complete() {
                // A counted member may have died, or an owner that did not fail may have superseded
                // it. Look again when that is decided.
                let again = counted.ended >= of as u64 || !going.progress.again;
                going.progress.again = again;
                going.progress.seen = counted.failed;
                return Ok(match again {
                    true => TurnEnd::Ends(Outcome::Snooze(PUT_OFF_MS)),
                    false => self.waits(going, step, of, fails_fast),
                });
            }
            if step == 0 && !one {
                going.progress.counts = Some(gathered.counts());
            }
            if step + 1 == going.workflow.steps.len() {
                return Ok(self.last(going, &gathered, failure, one));
            }
            let next = going.workflow.steps.get(step + 1);
            if gathered.overflows() && next.is_some_and(Step::is_given) {
                let most = going.workflow.args_max_bytes;
                let reason = format!(
                    "the results of step {step} have more than {most} bytes of JSON, which the next one may have as arguments"
                );
                return Ok(going.fails(reason));
            }
            before = Some(gathered);
            going.progress.next_step();
        }
    }

    fn last(
        &self,
        going: &Going<'_, impl Fn(&Delivery)>,
        gathered: &Gathered,
        failure: Option<String>,
        one: bool,
    ) -> TurnEnd {
        if one {
            return TurnEnd::Ends(Outcome::Done(gathered.result()));
        }
        let counts = gathered.counts();
        let of = going.workflow.steps[gathered.step].len() as u64;
        match failure {
            None => TurnEnd::Ends(Outcome::done(json!({"succeeded": counts.succeeded}))),
            Some(first) => {
                let failed = of - counts.succeeded;
                going.fails(format!("{failed} of {of} did not succeed; {first}"))
            }
        }
    }

    fn waits(
        &self,
        going: &mut Going<'_, impl Fn(&Delivery)>,
        step: usize,
        of: usize,
        fails_fast: bool,
    ) -> TurnEnd {
        TurnEnd::Waits(RunState::Waiting {
            ended_ms: self.env.now_ms(),
            step: step as u64,
            of: of as u64,
            seen: fails_fast.then_some(going.progress.seen),
        })
    }

    /// Enqueues the members of a step that do not exist yet. Their slots are written before their
    /// homes, and count only if the next turn is unclaimed then. A later owner of that turn finds
    /// the slots and writes the same homes.
    async fn enqueue_step(
        &self,
        going: &mut Going<'_, impl Fn(&Delivery)>,
        yield_at_ms: u64,
        before: Option<Gathered>,
        receipt: &mut Receipt,
    ) -> Result<Option<TurnEnd>, QueueError> {
        let step = going.progress.step();
        let of = going.workflow.steps[step].len();
        let chunks = of.div_ceil(CHUNK);
        if going.progress.chunks() == chunks && !going.progress.unfilled {
            return Ok(None);
        }
        let before = match before {
            Some(before) => Some(before),
            None => {
                self.gather_before(&going.id, &going.workflow, &going.progress, step)
                    .await?
            }
        };
        let (workflow, task) = (going.workflow.clone(), going.delivery.task.clone());
        let id = going.id.clone();
        let maker = Maker {
            id: &id,
            task: &task,
            workflow: &workflow,
            input: before.map(|before| Input::of(&workflow, &before)),
        };
        if going.progress.unfilled {
            if self.is_superseded(id.slot(), going.delivery.epoch).await? {
                return Ok(Some(TurnEnd::Superseded));
            }
            self.adopt_last(&maker, &going.progress).await?;
            going.progress.unfilled = false;
        }
        while going.progress.chunks() < chunks {
            let at_ms = self.env.now_ms();
            if at_ms >= yield_at_ms {
                going.keep();
                let checkpoint = going.progress.checkpoint();
                let outcome = Outcome::continue_from(checkpoint);
                return Ok(Some(TurnEnd::Ends(outcome)));
            }
            let tasks = match maker.chunk(step, going.progress.chunks(), at_ms) {
                Ok(tasks) => tasks,
                Err(reason) => return Ok(Some(going.fails(reason))),
            };
            if !self.enqueue_chunk(going, tasks, at_ms, receipt).await? {
                return Ok(Some(TurnEnd::Superseded));
            }
        }
        Ok(None)
    }

    /// Enqueues the next chunk of a step's members. Returns false if the next turn was claimed
    /// meanwhile: that turn enqueues them.
    async fn enqueue_chunk(
        &self,
        going: &mut Going<'_, impl Fn(&Delivery)>,
        tasks: Vec<Task>,
        at_ms: u64,
        receipt: &mut Receipt,
    ) -> Result<bool, QueueError> {
        let count = tasks.len() as u64;
        let lane = Lane::from(going.delivery.task.priority);
        Slots::of(self).open_lane(lane).await?;
        let last = Slots::of(self).take_slots(lane, count).await?;
        let first = last - count + 1;
        if let Some(chunks) = going.progress.steps.last_mut() {
            chunks.push((first, at_ms));
        }
        going.progress.unfilled = true;
        going.keep();
        if enabled(Guard::NoteMembersFirst) {
            self.mark(going).await?;
        }
        let (slot, epoch) = (going.id.slot(), going.delivery.epoch);
        if self.is_superseded(slot, epoch).await? {
            return Ok(false);
        }
        let head = self.fill(first, tasks).await?;
        going.progress.unfilled = false;
        receipt.merge(Receipt {
            backlog: last.saturating_sub(head.taken),
            pausable: head.pausable,
            ..Receipt::default()
        });
        Ok(true)
    }

    /// Writes the turn's progress as a heartbeat, which renews its lease.
    async fn mark(&self, going: &mut Going<'_, impl Fn(&Delivery)>) -> Result<(), QueueError> {
        let now_ms = self.env.now_ms();
        let run = &mut going.delivery.run;
        run.started_ms = now_ms;
        run.state = running(&going.delivery.task, now_ms, now_ms);
        let key = self.keys.run(going.delivery.slot, going.delivery.epoch);
        let written = self.store.set(&key, &encode(&going.delivery.run)).await;
        going.delivery.unsure |= written.is_err();
        (going.noted)(going.delivery);
        Ok(written?)
    }

    /// Gathers how the members of the step have ended. If the counter says that all have, or that
    /// one failed, it waits until that is visible.
    async fn gather_patiently(
        &self,
        going: &mut Going<'_, impl Fn(&Delivery)>,
    ) -> Result<Gathered, QueueError> {
        let step = going.progress.step();
        let spec = &going.workflow.steps[step];
        let fails_fast = going.workflow.fails_fast(spec);
        // If no next step takes results, keep only the workflow's own.
        let keep = match (going.workflow.steps.get(step + 1), spec) {
            (None, Step::One(_)) => u64::MAX,
            (Some(next), _) if next.is_given() => going.workflow.args_max_bytes,
            _ => 0,
        };
        let mut gathered = Gathered::new(step, spec.len(), keep);
        let until_ms = self.env.now_ms() + PATIENCE_MS;
        loop {
            let (id, progress) = (going.id.clone(), going.progress.clone());
            let mut marked = async || {
                self.env.sleep_ms(0).await;
                let run_ms = going.delivery.run.started_ms;
                if self.env.now_ms() >= run_ms + MARK_MS {
                    self.mark(going).await?;
                }
                Ok(())
            };
            self.gather(&id, &progress, &mut gathered, &mut marked)
                .await?;
            let failed = gathered.counts().succeeded < gathered.ended();
            let known = gathered.is_complete() || (fails_fast && failed);
            if known || self.env.now_ms() >= until_ms {
                return Ok(gathered);
            }
            self.env.sleep_ms(LOOK_EVERY_MS).await;
        }
    }
}
