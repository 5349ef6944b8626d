//! What comes before a task's end.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::failed::list::FailedList;
use crate::idempotency::enqueue::Idempotency;
use crate::idempotency::key::{IdempotencyKey, Once};
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::model::task::{FollowUp, TaskSpec};
use crate::runs::members::MemberCounts;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::workflow::gather::Workflows;

mechanism!(
    /// What must happen before a task ends.
    Completion
);

impl<S: Store, E: Env> Completion<'_, S, E> {
    /// Every final outcome passes here before it is written, whoever writes it: what must have happened when an end can be
    /// seen happens here, and the record says so. Who dies behind it leaves something of an end that did not come yet.
    /// A record that passed once, and is adopted or published by others, has nothing left to do here. Costs nothing unless
    /// the task failed, is followed by another, or has to do with a workflow.
    ///
    /// # Errors
    /// If the store fails; then the outcome must not be written.
    pub(crate) async fn apply(
        &self,
        slot: u64,
        ends: Option<&CompletionEffects>,
        run: &mut Run,
    ) -> Result<(), QueueError> {
        let id = TaskId::new(self.name(), slot, &run.nonce);
        if let Some(ends) = ends {
            match self.apply_effects(&id, ends, run).await {
                // It can't be known what was enqueued, and the task must end all the same.
                Err(e) if e.is_unreadable() => self.env.log(&e.to_string()),
                done => done?,
            }
        }
        if let RunState::Failed { listed, .. } = &mut run.state
            && listed.is_none()
        {
            *listed = Some(FailedList::of(self).list_failed(&id).await?);
        }
        Ok(())
    }

    async fn apply_effects(
        &self,
        id: &TaskId,
        ends: &CompletionEffects,
        run: &Run,
    ) -> Result<(), QueueError> {
        if enabled(Guard::FollowBeforeOutcome) {
            self.enqueue_follow_up(id, ends).await?;
        }
        if enabled(Guard::CountBeforeOutcome) {
            self.count_in_workflow(ends, run).await?;
        }
        match &ends.workflow {
            Some(task) if !matches!(run.state, RunState::Succeeded { .. }) => {
                Workflows::of(self).cancel_members(id, task, run).await
            }
            _ => Ok(()),
        }
    }

    /// Tells the workflow that a member of it ends.
    pub(crate) async fn count_in_workflow(
        &self,
        ends: &CompletionEffects,
        run: &Run,
    ) -> Result<(), QueueError> {
        match &ends.member_of {
            Some(member) => MemberCounts::of(self).count_member(member, run).await,
            None => Ok(()),
        }
    }

    /// Enqueues what follows a task's end, unless it is there: a run that died in between may have done so.
    pub(crate) async fn enqueue_follow_up(
        &self,
        id: &TaskId,
        ends: &CompletionEffects,
    ) -> Result<(), QueueError> {
        let Some(FollowUp {
            kind,
            args,
            timeout_ms,
            retry,
        }) = ends.follow_up.clone()
        else {
            return Ok(());
        };
        let task = TaskSpec {
            timeout_ms,
            retry,
            retention_ms: ends.retention_ms,
            trace: ends.trace.clone(),
            end_of: Some(id.clone()),
            ..TaskSpec::new(&kind, args)
        };
        // Whoever ends the task anew, after a crash, does so in this time or not at all, as far as anybody cares.
        let ttl_ms = ends.retention_ms;
        let key = IdempotencyKey::internal(&format!("end:{id}"), ttl_ms);
        match Idempotency::of(self).enqueue_once(task, &key).await? {
            Once::Created(_) | Once::Repeated(_) => Ok(()),
            // Somebody else is at it, and nothing is decided: later.
            Once::Differs | Once::Busy => Err(QueueError::TooLate),
        }
    }
}
