//! What a component may ask about schedules and workflows.

use super::Queue;
use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::model::receipt::Receipt;
use crate::requests::list::{Lists, WorkflowPage};
use crate::schedule::records::Scheduler;
use crate::schedule::spec::{Put, Schedule, ScheduleView, Schedules};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::workflow::gather::Workflows;
use crate::workflow::view::{MemberView, WorkflowView};

impl<S: Store, E: Env> Queue<S, E> {
    /// Creates or replaces the schedule of this name. Putting an equal schedule changes nothing.
    /// A paused one stays paused.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The schedule may count all the same.
    pub async fn put_schedule(&self, schedule: Schedule) -> Result<Put, QueueError> {
        Scheduler::of(&self.core).put_schedule(schedule).await
    }

    /// Pauses a schedule, or resumes it with `paused` of false. Returns the receipt with
    /// which the caller wakes a keeper. The call is idempotent. Returns `None` if no schedule has this name.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The change may be made all the same.
    pub async fn pause_schedule(
        &self,
        name: &str,
        paused: bool,
    ) -> Result<Option<(ScheduleView, Receipt)>, QueueError> {
        Scheduler::of(&self.core).pause_schedule(name, paused).await
    }

    /// Deletes a schedule. Returns false if none has this name. The tasks that it enqueued stay.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The schedule may be gone all the same.
    pub async fn delete_schedule(&self, name: &str) -> Result<bool, QueueError> {
        Scheduler::of(&self.core).delete_schedule(name).await
    }

    /// Reads the schedule of this name and its progress.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn schedule(&self, name: &str) -> Result<Option<ScheduleView>, QueueError> {
        Scheduler::of(&self.core).schedule(name).await
    }

    /// Reads all schedules and their progress, in the order of their names.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn schedules(&self) -> Result<Schedules, QueueError> {
        Scheduler::of(&self.core).schedules().await
    }

    /// Reads everything about a workflow. Returns `None` if no workflow has this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn workflow(&self, id: &TaskId) -> Result<Option<WorkflowView>, QueueError> {
        Workflows::of(&self.core).workflow(id).await
    }

    /// Lists workflows, newest first: at most `most`, from a place in an earlier page on. A page may
    /// be short, or empty, without being the last one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn workflows(
        &self,
        from: Option<&[u64]>,
        most: usize,
    ) -> Result<WorkflowPage, QueueError> {
        Lists::of(&self.core).workflows(from, most).await
    }

    /// Reads `limit` members of a workflow from number `from` on, in the order of its definition.
    /// Returns fewer if they are large, and whether more follow. Returns `None` if no workflow has
    /// this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn members(
        &self,
        id: &TaskId,
        from: usize,
        limit: usize,
    ) -> Result<Option<(Vec<MemberView>, bool)>, QueueError> {
        Workflows::of(&self.core).members(id, from, limit).await
    }
}
