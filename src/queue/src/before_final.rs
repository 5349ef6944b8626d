//! What comes before a task's end.

use crate::guard::{Guard, holds};
use crate::record::RunState;
use crate::{
    Env, FollowUp, IdempotencyKey, Membership, NewTask, Once, Queue, QueueError, Run, Store, Task,
    TaskId, Trace, WORKFLOW,
};

/// What of a task matters at its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ends {
    follow_up: Option<FollowUp>,
    retention_ms: u64,
    trace: Option<Trace>,
    member_of: Option<Membership>,
    /// The task itself, if it is a workflow.
    workflow: Option<Task>,
}

impl Ends {
    /// If it is followed by anything, or has to do with a workflow.
    pub(crate) fn of(task: &Task) -> Option<Box<Self>> {
        let workflow = (task.kind == WORKFLOW).then(|| task.clone());
        if task.on_end.is_none() && task.member_of.is_none() && workflow.is_none() {
            return None;
        }
        Some(Box::new(Self {
            follow_up: task.on_end.clone(),
            retention_ms: task.retention_ms,
            trace: task.trace.clone(),
            member_of: task.member_of.clone(),
            workflow,
        }))
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Every final outcome passes here before it is written, whoever writes it: what must have happened when an end can be
    /// seen happens here, and the record says so. Who dies behind it leaves something of an end that did not come yet.
    /// A record that passed once, and is adopted or published by others, has nothing left to do here. Costs nothing unless
    /// the task failed, is followed by another, or has to do with a workflow.
    ///
    /// # Errors
    /// If the store fails; then the outcome must not be written.
    pub(crate) async fn before_final(
        &self,
        slot: u64,
        ends: Option<&Ends>,
        run: &mut Run,
    ) -> Result<(), QueueError> {
        let id = TaskId::new(self.name(), slot, &run.nonce);
        if let Some(ends) = ends {
            match self.ends(&id, ends, run).await {
                // It can't be known what was enqueued, and the task must end all the same.
                Err(e) if e.is_unreadable() => self.env.log(&e.to_string()),
                done => done?,
            }
        }
        if let RunState::Failed { listed, .. } = &mut run.state
            && listed.is_none()
        {
            *listed = Some(self.list_failed(&id).await?);
        }
        Ok(())
    }

    async fn ends(&self, id: &TaskId, ends: &Ends, run: &Run) -> Result<(), QueueError> {
        if holds(Guard::FollowBeforeOutcome) {
            self.follow(id, ends).await?;
        }
        if holds(Guard::CountBeforeOutcome) {
            self.count(ends, run).await?;
        }
        match &ends.workflow {
            Some(task) if !matches!(run.state, RunState::Succeeded { .. }) => {
                self.cancel_members(id, task, run).await
            }
            _ => Ok(()),
        }
    }

    /// Tells the workflow that a member of it ends.
    pub(crate) async fn count(&self, ends: &Ends, run: &Run) -> Result<(), QueueError> {
        match &ends.member_of {
            Some(member) => self.count_member(member, run).await,
            None => Ok(()),
        }
    }

    /// Enqueues what follows a task's end, unless it is there: a run that died in between may have done so.
    pub(crate) async fn follow(&self, id: &TaskId, ends: &Ends) -> Result<(), QueueError> {
        let Some(FollowUp {
            kind,
            args,
            timeout_ms,
            retry,
        }) = ends.follow_up.clone()
        else {
            return Ok(());
        };
        let task = NewTask {
            timeout_ms,
            retry,
            retention_ms: ends.retention_ms,
            trace: ends.trace.clone(),
            end_of: Some(id.clone()),
            ..NewTask::new(&kind, args)
        };
        // Whoever ends the task anew, after a crash, does so in this time or not at all, as far as anybody cares.
        let ttl_ms = ends.retention_ms;
        let key = IdempotencyKey::internal(&format!("end:{id}"), ttl_ms);
        match self.enqueue_once(task, &key).await? {
            Once::Created(_) | Once::Repeated(_) => Ok(()),
            // Somebody else is at it, and nothing is decided: later.
            Once::Differs | Once::Busy => Err(QueueError::TooLate),
        }
    }
}
