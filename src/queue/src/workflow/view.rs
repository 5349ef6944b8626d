//! The view of a workflow.

use crate::base::config::PAGE_BYTES;
use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::model::ended::Counts;
use crate::model::task::WORKFLOW;
use crate::runs::read::Runs;
use crate::runs::view::{TaskView, Views};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::workflow::gather::{Gathered, Workflows};
use crate::workflow::progress::Progress;
use crate::workflow::spec::{Step, Workflow};

/// Everything about a workflow.
#[derive(Debug, Clone)]
pub struct WorkflowView {
    /// Its own task.
    pub task: TaskView,
    /// Its definition.
    pub workflow: Workflow,
    /// The number of tasks whose ends are counted: a chain's steps, or the tasks that a group or
    /// chord runs at once.
    pub total: u64,
    /// How many of these have ended, by how.
    pub ended: Counts,
    /// How many members were looked at for that.
    pub(crate) gathered: u64,
}

/// The view of a member.
#[derive(Debug, Clone)]
pub struct MemberView {
    /// Its step, from 0.
    pub step: usize,
    /// Its number in the step, from 0.
    pub index: usize,
    /// The task, unless it is not enqueued yet or is gone. Its records may be unreadable.
    pub task: Option<(TaskId, Result<TaskView, QueueError>)>,
}

impl<S: Store, E: Env> Workflows<'_, S, E> {
    /// Reads everything about a workflow. Returns `None` if no workflow has this id.
    pub(crate) async fn workflow(&self, id: &TaskId) -> Result<Option<WorkflowView>, QueueError> {
        let Some((task, workflow, progress)) = self.standing_of(id).await? else {
            return Ok(None);
        };
        let (mut ended, mut looked) = (Counts::default(), 0);
        let many = |step: &Step| !matches!(step, Step::One(_));
        let total = match workflow.steps.first().filter(|step| many(step)) {
            Some(first) => first.len(),
            None => workflow.steps.len(),
        };
        if let Some(counts) = progress.counts {
            ended = counts;
        } else if let Some(step) = workflow.steps.get(progress.step()) {
            let mut gathered = Gathered::new(progress.step(), step.len(), 0).of_readable();
            self.gather(id, &progress, &mut gathered, async || Ok(()))
                .await?;
            ended = gathered.counts();
            looked = step.len();
            // The earlier members of a chain succeeded, or this one would not exist.
            ended.succeeded += progress.step() as u64;
        }
        Ok(Some(WorkflowView {
            task,
            workflow,
            total: total as u64,
            ended,
            gathered: looked as u64,
        }))
    }

    /// Reads `limit` members of a workflow from number `from` on, in the order of its definition.
    /// Returns fewer if they are large, and whether more follow. Returns `None` if no workflow has
    /// this id.
    pub(crate) async fn members(
        &self,
        id: &TaskId,
        from: usize,
        limit: usize,
    ) -> Result<Option<(Vec<MemberView>, bool)>, QueueError> {
        let Some((_, workflow, progress)) = self.standing_of(id).await? else {
            return Ok(None);
        };
        let places = workflow.steps.iter().enumerate();
        let places = places.flat_map(|(step, spec)| (0..spec.len()).map(move |i| (step, i)));
        let mut places = places.skip(from);
        let mut members = Vec::new();
        let mut bytes = 0;
        while members.len() < limit && bytes < PAGE_BYTES {
            let Some((step, index)) = places.next() else {
                break;
            };
            let mut task = None;
            if let Some(member) = progress.member_id(id, step, index) {
                // One unreadable member must not hide the others.
                task = match QueueError::or_unreadable(Views::of(self).view(&member).await)? {
                    Ok(view) => view.map(|view| (member, Ok(view))),
                    Err(e) => Some((member, Err(e))),
                };
            }
            let view = task.as_ref().and_then(|(_, view)| view.as_ref().ok());
            bytes += view.map_or(0, TaskView::bytes);
            members.push(MemberView { step, index, task });
        }
        Ok(Some((members, places.next().is_some())))
    }

    async fn standing_of(
        &self,
        id: &TaskId,
    ) -> Result<Option<(TaskView, Workflow, Progress)>, QueueError> {
        let run = match Runs::of(self).final_run(id).await? {
            Some(run) => Some(run),
            None => Runs::of(self).open_run(id).await?,
        };
        let Some(task) = Runs::of(self)
            .home(id)
            .await?
            .filter(|task| task.kind == WORKFLOW)
        else {
            return Ok(None);
        };
        let checkpoint = run.as_ref().and_then(|run| run.checkpoint.as_ref());
        let Some((workflow, progress)) = Workflow::of(&task.args).zip(Progress::of(checkpoint))
        else {
            return Err(QueueError::Record {
                key: self.keys.slot(id.slot()),
                reason: "it is no workflow, or not as far as it is said to be".to_owned(),
            });
        };
        let view = Views::of(self).view_of(id, task, run).await?;
        Ok(Some((view, workflow, progress)))
    }
}
