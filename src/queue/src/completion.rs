//! The effects that must exist before a task's end is visible.

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
    /// The effects that must exist before a task's end is visible.
    Completion
);

impl<S: Store, E: Env> Completion<'_, S, E> {
    /// Applies the completion effects of a final outcome, before its writer writes it. The record
    /// notes them. A writer that dies afterwards leaves effects of an end that did not come yet.
    ///
    /// A record that passed here once, and that others adopt or publish, has nothing left to do. A
    /// task without effects costs nothing here, unless it fails.
    ///
    /// # Errors
    /// If the store fails. Then the caller must not write the outcome.
    pub(crate) async fn apply(
        &self,
        slot: u64,
        ends: Option<&CompletionEffects>,
        run: &mut Run,
    ) -> Result<(), QueueError> {
        let id = TaskId::new(self.name(), slot, &run.nonce);
        if let Some(ends) = ends {
            match self.apply_effects(&id, ends, run).await {
                // An unreadable record hides what was enqueued, and the task must end all the same.
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

    /// Counts the member in its workflow.
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

    /// Enqueues the follow-up, unless it exists: a run that died may have enqueued it.
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
        // A later owner that ends the task again, after a crash, does so within this time. After
        // that the follow-up comes twice.
        let ttl_ms = ends.retention_ms;
        let key = IdempotencyKey::internal(&format!("end:{id}"), ttl_ms);
        match Idempotency::of(self).enqueue_once(task, &key).await? {
            Once::Created(_) | Once::Repeated(_) => Ok(()),
            // Another enqueuer holds the key, and nothing is decided: try again later.
            Once::Differs | Once::Busy => Err(QueueError::TooLate),
        }
    }
}
