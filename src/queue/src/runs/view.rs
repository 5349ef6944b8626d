//! The view of a task: its state, report and result.

use crate::base::config::GIVEN_UP;
use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::model::report::Report;
use crate::model::run::{AttemptError, Run, RunState};
use crate::model::state::{Phase, RunStep, State};
use crate::model::task::Task;
use crate::runs::read::Runs;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::decode_opt;

mechanism!(
    /// The views of tasks.
    Views
);

/// Everything about a task. Times are in milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct TaskView {
    /// The task as it was enqueued.
    pub task: Task,
    /// Its state.
    pub state: State,
    /// The current or last attempt, from 1; 0 if none began.
    pub attempt: u32,
    /// Failed attempts.
    pub errors: Vec<AttemptError>,
    /// How many runs were lost: the worker died, or the task computed without a pause.
    pub lost: u32,
    /// Its progress and log lines.
    pub report: Report,
    /// When the current or last attempt began, if known.
    pub started_ms: Option<u64>,
    /// When it became final, if known. Of a cancelled task it is the time of the last cancel
    /// request, or of its cancellation.
    pub ended_ms: Option<u64>,
    /// When it runs next, if it waits for a time.
    pub next_ms: Option<u64>,
    /// Its result.
    pub result: Option<Json>,
    pub(crate) step: RunStep,
}

impl TaskView {
    /// About how many bytes of JSON it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.task.args.bytes() + self.result.as_ref().map_or(0, Json::bytes)
    }

    /// The view of a task without a run.
    pub fn waiting(task: Task, state: State) -> Self {
        Self {
            next_ms: task.not_before_ms,
            task,
            state,
            attempt: 0,
            errors: Vec::new(),
            lost: 0,
            report: Report::default(),
            started_ms: None,
            ended_ms: None,
            result: None,
            step: RunStep::default(),
        }
    }
}

/// The short answer for callers that only wait for the end.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskStatus {
    /// No task has this id.
    Unknown,
    /// The task is not final.
    Open,
    /// The task is final.
    Final(Box<Run>),
}

/// Makes a task's view from its home and its latest record.
fn describe(task: Task, run: Option<Run>, ticketed: bool, now_ms: u64) -> TaskView {
    let mut view = TaskView::waiting(task, State::Queued);
    let Some(run) = run else {
        view.next_ms = view.next_ms.filter(|&at| at > now_ms);
        view.state = match view.task.not_before_ms {
            Some(_) if view.next_ms.is_some() => State::Scheduled,
            None if ticketed => State::Running,
            _ => State::Queued,
        };
        view.step.phase = match view.state {
            State::Scheduled => Phase::Scheduled,
            State::Running => Phase::Taken,
            _ => Phase::Queued,
        };
        // A given-out ticket counts as the first attempt.
        view.attempt = u32::from(view.state == State::Running);
        return view;
    };
    view.step = RunStep {
        epoch: run.epoch,
        phase: match run.state {
            RunState::Running { .. } => Phase::Running,
            _ => Phase::Ended,
        },
    };
    view.next_ms = None;
    view.ended_ms = run.ended_ms();
    view.state = match run.state {
        // While it waits, its members run.
        RunState::Running { .. } | RunState::Waiting { .. } => State::Running,
        RunState::Succeeded { result, .. } => {
            view.result = Some(result);
            State::Succeeded
        }
        RunState::Failed { .. } => State::Failed,
        RunState::Cancelled => State::Cancelled,
        RunState::Expired { .. } => State::Expired,
        RunState::Retrying { at_ms, .. } => {
            view.next_ms = Some(at_ms);
            State::Retrying
        }
        RunState::Continued { .. } => State::Queued,
    };
    view.attempt = run.attempt;
    view.errors = run.errors;
    view.lost = run.lost;
    view.report = run.report;
    view.started_ms = (run.started_ms > 0).then_some(run.started_ms);
    view
}

impl<S: Store, E: Env> Views<'_, S, E> {
    /// Reads whether a task is final, in at most 4 reads.
    pub(crate) async fn status(&self, id: &TaskId) -> Result<TaskStatus, QueueError> {
        if let Some(run) = Runs::of(self).final_run(id).await? {
            return Ok(TaskStatus::Final(Box::new(run)));
        }
        Ok(match Runs::of(self).home(id).await? {
            Some(_) => TaskStatus::Open,
            None => TaskStatus::Unknown,
        })
    }

    /// Reads everything about a task. Returns `None` if no task has this id.
    pub(crate) async fn view(&self, id: &TaskId) -> Result<Option<TaskView>, QueueError> {
        let run = Runs::of(self).final_run(id).await?;
        let Some(task) = Runs::of(self).home(id).await? else {
            return Ok(None);
        };
        Ok(Some(self.view_of(id, task, run).await?))
    }

    /// Reads a viewed task again, without its home, which never changes.
    pub(crate) async fn view_again(
        &self,
        id: &TaskId,
        view: &TaskView,
    ) -> Result<TaskView, QueueError> {
        let run = Runs::of(self).final_run(id).await?;
        self.view_of(id, view.task.clone(), run).await
    }

    pub(crate) async fn view_of(
        &self,
        id: &TaskId,
        task: Task,
        run: Option<Run>,
    ) -> Result<TaskView, QueueError> {
        let slot = id.slot();
        let run = match run {
            Some(run) => Some(run),
            None => Runs::of(self).open_run(id).await?,
        };
        let ticketed = match &run {
            Some(_) => true,
            // Nobody uses a ticket that was given up: the filler announced the task, which waits.
            None => {
                Slots::of(self).is_ticketed(slot).await?
                    && self.store.counter(&self.keys.handover(slot)).await? < GIVEN_UP
            }
        };
        let mut view = describe(task, run, ticketed, self.env.now_ms());
        if view.state == State::Cancelled {
            let key = self.keys.cancel(slot);
            view.ended_ms = decode_opt(&key, self.store.get(&key).await?)?;
        }
        Ok(view)
    }
}
