//! The members of a workflow: their ids, enqueueing them once, and cancelling them.

use crate::base::config::GIVEN_UP;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::base::priority::Lane;
use crate::idempotency::enqueue::Idempotency;
use crate::model::run::Run;
use crate::model::slot::Slot;
use crate::model::task::{Membership, Task, TaskSpec};
use crate::rescue::Rescue;
use crate::runs::action::RescueAction;
use crate::runs::read::Runs;
use crate::slots::head::Head;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::encode;
use crate::timer::entry::EntryKind;
use crate::workflow::gather::{Input, Workflows};
use crate::workflow::progress::{CHUNK, Progress};
use crate::workflow::spec::Workflow;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeSet;

impl Progress {
    /// Returns a member's id, if its slot is decided. One member's id does not reveal the others'.
    pub(crate) fn member_id(&self, workflow: &TaskId, step: usize, index: usize) -> Option<TaskId> {
        let slot = self.slot(step, index)?;
        Some(TaskId::new(
            workflow.queue(),
            slot,
            &nonce(workflow, step, index),
        ))
    }
}

/// Makes a member's nonce from the workflow's own. So every turn that enqueues the member gives it
/// the same.
fn nonce(workflow: &TaskId, step: usize, index: usize) -> String {
    let digest = Sha256::digest(format!("{}.{step}.{index}", workflow.nonce()));
    digest.iter().take(12).map(|b| format!("{b:02x}")).collect()
}

/// Everything that a member is made of: the workflow and its step's input.
pub(crate) struct Maker<'a> {
    pub(crate) id: &'a TaskId,
    pub(crate) task: &'a Task,
    pub(crate) workflow: &'a Workflow,
    pub(crate) input: Option<Input>,
}

impl Maker<'_> {
    /// Makes the members of a chunk of a step, as they are enqueued at this time. Every turn makes
    /// the same.
    ///
    /// # Errors
    /// If a member can't be made. The text says why.
    pub(crate) fn chunk(&self, step: usize, chunk: usize, at_ms: u64) -> Result<Vec<Task>, String> {
        let spec = &self.workflow.steps[step];
        let indices = chunk * CHUNK..spec.len().min((chunk + 1) * CHUNK);
        indices
            .map(|index| self.member(step, index, at_ms))
            .collect()
    }

    fn member(&self, step: usize, index: usize, at_ms: u64) -> Result<Task, String> {
        let step_spec = &self.workflow.steps[step];
        let of = step_spec.len() as u64;
        let (member, args) = step_spec.member(index).ok_or("it has no such member")?;
        let input = self.input.as_ref().filter(|_| !member.ignores);
        let args = match input {
            None => args.cloned().unwrap_or_else(Json::empty_object),
            Some(input) => input.args(member, args)?,
        };
        let (bytes, most) = (args.bytes(), self.workflow.args_max_bytes);
        if input.is_some() && bytes > most {
            return Err(format!(
                "the arguments of step {step}, {}, would have {bytes} bytes of JSON with what it is given; {most} are allowed",
                member.kind
            ));
        }
        if let Some(reason) = args.flaw() {
            return Err(format!(
                "the arguments of step {step}, {}, would be {reason}",
                member.kind
            ));
        }
        let spec = TaskSpec {
            priority: self.task.priority,
            timeout_ms: member.timeout_ms,
            heartbeat_timeout_ms: member.heartbeat_timeout_ms,
            retry: member.retry,
            retention_ms: self.task.retention_ms,
            trace: self.task.trace.clone(),
            ..TaskSpec::new(&member.kind, args)
        };
        Ok(Task {
            member_of: Some(Membership {
                workflow: self.id.clone(),
                step: step as u64,
                index: index as u64,
                of,
                fail_fast: self.workflow.fails_fast(step_spec),
            }),
            ..spec.enqueued(nonce(self.id, step, index), at_ms)
        })
    }
}

impl<S: Store, E: Env> Workflows<'_, S, E> {
    /// Fills slots that were taken for these members, for the first time as far as is known. An
    /// owner of the next turn may do the same, if it takes this turn for lost.
    pub(crate) async fn fill(&self, first: u64, tasks: Vec<Task>) -> Result<Head, QueueError> {
        let Some(enqueued_ms) = tasks.first().map(|task| task.enqueued_ms) else {
            return Ok(Slots::of(self).head().await?);
        };
        self.in_time(enqueued_ms)?;
        let leases: Vec<_> = tasks.iter().map(Task::lease).collect();
        let home = |(slot, task)| (self.keys.slot(slot), encode(&Slot::Task(Box::new(task))));
        self.write((first..).zip(tasks).map(home).collect()).await?;
        let head = Slots::of(self).head_of(Lane::of(first)).await?;
        let mut actions = Vec::new();
        for (slot, lease) in (first..=head.taken).zip(leases) {
            let handover = self.store.increment(&self.keys.handover(slot), 1).await?;
            if handover < GIVEN_UP {
                continue;
            }
            actions.push(if handover % GIVEN_UP == 1 {
                RescueAction::Announce(slot, 1)
            } else {
                // Another filler counts on the ticket, announces, or died before it did.
                let lost_ms = lease.unmarked_lost_ms(self.env.now_ms());
                RescueAction::Later(slot, 0, EntryKind::Look, lost_ms)
            });
        }
        Rescue::of(self).apply(&actions, None).await?;
        Ok(head)
    }

    /// Fills slots that an earlier turn took. That turn may have filled some or all of them.
    pub(crate) async fn adopt(&self, first: u64, tasks: Vec<Task>) -> Result<(), QueueError> {
        for (slot, task) in (first..).zip(tasks) {
            Idempotency::of(self).ensure_member(slot, task).await?;
        }
        Ok(())
    }

    /// Whether the next turn is claimed: then that turn decides the members' slots.
    pub(crate) async fn is_superseded(&self, slot: u64, epoch: u64) -> Result<bool, QueueError> {
        let next = self
            .store
            .counter(&self.keys.claim(slot, epoch + 1))
            .await?;
        Ok(next > 0 && enabled(Guard::DecideMembersIfNotClaimed))
    }

    /// Cancels the members of a workflow that is about to end without success, as far as they may
    /// still run.
    pub(crate) async fn cancel_members(
        &self,
        id: &TaskId,
        task: &Task,
        run: &Run,
    ) -> Result<(), QueueError> {
        let (Some(workflow), Some(progress)) = (
            Workflow::of(&task.args),
            Progress::of(run.checkpoint.as_ref()),
        ) else {
            return Ok(());
        };
        let step = progress.step();
        let Some(spec) = workflow.steps.get(step) else {
            return Ok(());
        };
        if progress.unfilled {
            // The turn that took their slots may be dead.
            if self.is_superseded(id.slot(), run.epoch).await? {
                return Err(QueueError::TooLate);
            }
            let before = self.gather_before(id, &workflow, &progress, step).await?;
            let input = before.map(|before| Input::of(&workflow, &before));
            let maker = Maker {
                id,
                task,
                workflow: &workflow,
                input,
            };
            self.adopt_last(&maker, &progress).await?;
        }
        for chunk in 0..progress.chunks() {
            let members = chunk * CHUNK..spec.len().min((chunk + 1) * CHUNK);
            let members: Vec<_> = members
                .filter_map(|i| progress.member_id(id, step, i))
                .collect();
            self.cancel_each(&members).await?;
        }
        Ok(())
    }

    /// Fills the last chunk of a workflow, if its members can be made. They could when its slots
    /// were taken.
    pub(crate) async fn adopt_last(
        &self,
        maker: &Maker<'_>,
        progress: &Progress,
    ) -> Result<(), QueueError> {
        let (step, chunk) = (progress.step(), progress.chunks().saturating_sub(1));
        if let Some(&(first, at_ms)) = progress.steps.last().and_then(|chunks| chunks.last())
            && let Ok(tasks) = maker.chunk(step, chunk, at_ms)
        {
            self.adopt(first, tasks).await?;
        }
        Ok(())
    }

    /// Requests the cancellation of members. Their claimers see that at once, and running members
    /// at their next `await`.
    async fn cancel_each(&self, members: &[TaskId]) -> Result<(), QueueError> {
        if let [member] = members
            && Runs::of(self).final_run(member).await?.is_some()
        {
            return Ok(());
        }
        let slots = || members.iter().map(TaskId::slot);
        // Write in a canceller's order: claimers take their ticket first and read the counter then.
        let blocks: BTreeSet<_> = slots().map(|slot| self.keys.cancel_block(slot)).collect();
        for block in blocks {
            self.store.increment(&block, 1).await?;
        }
        let asked_ms = encode(&self.env.now_ms());
        let flags = slots().map(|slot| (self.keys.cancel(slot), asked_ms.clone()));
        self.write(flags.collect()).await?;
        if !enabled(Guard::EndUntakenMembers) {
            return Ok(());
        }
        let Some(first) = slots().next() else {
            return Ok(());
        };
        // Every later claimer of these members sees the request. So end them here, with the bytes
        // that a claimer would write. They end in a paused queue too.
        let taken = Slots::of(self).last_ticket(Lane::of(first)).await?;
        let untaken = members.iter().filter(|member| member.slot() > taken);
        let ended = untaken.map(|member| {
            let run = Run::cancelled_before_start(member.nonce());
            (self.keys.run(member.slot(), 0), encode(&run))
        });
        Ok(self.write(ended.collect()).await?)
    }
}
