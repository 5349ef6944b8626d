//! How a task stands.

use crate::config::GIVEN_UP;
use crate::guard::{Guard, holds};
use crate::presence::{KEEPER, WORKERS};
use crate::record::{RunState, Slot, decode_opt};
use crate::watch::{Phase, Step};
use crate::{
    AttemptError, Env, Json, Queue, QueueError, Report, Run, Store, StoreError, Task, TaskId, Wake,
};
use std::fmt;

/// The states of a task. `Succeeded`, `Failed`, `Cancelled` and `Expired` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for its time.
    Scheduled,
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Failed, and waits for its next attempt.
    Retrying,
    /// Final, with a result.
    Succeeded,
    /// Final, with an error.
    Failed,
    /// Final: it was asked to stop.
    Cancelled,
    /// Final: it did not begin in time.
    Expired,
}

impl State {
    /// Whether it never changes.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Expired
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        })
    }
}

/// Everything there is to know about a task. Times are in milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct TaskView {
    /// The task as it was enqueued.
    pub task: Task,
    /// How it stands.
    pub state: State,
    /// The current or last attempt, from 1; 0 if none began.
    pub attempt: u32,
    /// Failed attempts.
    pub errors: Vec<AttemptError>,
    /// What it said while it ran.
    pub report: Report,
    /// When the current or last attempt began, as far as it is known.
    pub started_ms: Option<u64>,
    /// When it became final, as far as it is known; of a cancelled task, when that was asked for or seen to.
    pub ended_ms: Option<u64>,
    /// When it runs next, if it waits for a time.
    pub next_ms: Option<u64>,
    /// What it returned.
    pub result: Option<Json>,
    pub(crate) step: Step,
}

impl TaskView {
    /// How many bytes of JSON it has, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.task.args.bytes() + self.result.as_ref().map_or(0, Json::bytes)
    }

    /// A task of which nothing ran yet.
    pub fn waiting(task: Task, state: State) -> Self {
        Self {
            next_ms: task.not_before_ms,
            task,
            state,
            attempt: 0,
            errors: Vec::new(),
            report: Report::default(),
            started_ms: None,
            ended_ms: None,
            result: None,
            step: Step::default(),
        }
    }
}

/// A short answer, for callers that only wait for the end.
#[derive(Debug, Clone, PartialEq)]
pub enum Brief {
    /// No such task.
    Unknown,
    /// Not final.
    Open,
    /// Final.
    Final(Box<Run>),
}

impl<S: Store, E: Env> Queue<S, E> {
    /// The final record of a task, if it is final: 1 to 3 reads, and no look at the task itself.
    pub(crate) async fn final_run(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        Ok(self.final_record(id).await?.map(|(run, _)| run))
    }

    /// The same, and whether that could be seen at once: epoch 0 wrote it, and nobody had to decide.
    pub(crate) async fn final_record(
        &self,
        id: &TaskId,
    ) -> Result<Option<(Run, bool)>, QueueError> {
        match self.first_final(id).await? {
            Some(run) => Ok(Some((run, true))),
            None => Ok(self.decided(id).await?.map(|run| (run, false))),
        }
    }

    /// The final record of epoch 0, if no later epoch was claimed.
    pub(crate) async fn first_final(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        let slot = id.slot();
        let key = self.keys.run(slot, 0);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        let Some(run) = run.filter(|r| r.is_final() && r.nonce == id.nonce()) else {
            return Ok(None);
        };
        let next = self.store.counter(&self.keys.claim(slot, 1)).await?;
        Ok((next == 0 || !holds(Guard::CheckFirstClaim)).then_some(run))
    }

    /// The final record that a later epoch decided.
    pub(crate) async fn decided(&self, id: &TaskId) -> Result<Option<Run>, QueueError> {
        let result = self.keys.result(id.slot());
        let run: Option<Run> = decode_opt(&result, self.store.get(&result).await?)?;
        Ok(run.filter(|r| r.nonce == id.nonce()))
    }

    /// Whether a task is final, in at most 4 reads.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn brief(&self, id: &TaskId) -> Result<Brief, QueueError> {
        if let Some(run) = self.final_run(id).await? {
            return Ok(Brief::Final(Box::new(run)));
        }
        Ok(match self.home(id).await? {
            Some(_) => Brief::Open,
            None => Brief::Unknown,
        })
    }

    /// Everything about a task; `None` if there is none with this id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn view(&self, id: &TaskId) -> Result<Option<TaskView>, QueueError> {
        let run = self.final_run(id).await?;
        let Some(task) = self.home(id).await? else {
            return Ok(None);
        };
        Ok(Some(self.view_of(id, task, run).await?))
    }

    /// The same of a task that was viewed before: its home never changes.
    pub(crate) async fn view_again(
        &self,
        id: &TaskId,
        view: &TaskView,
    ) -> Result<TaskView, QueueError> {
        let run = self.final_run(id).await?;
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
            None => self.open_run(slot).await?,
        };
        let ticketed = match &run {
            Some(_) => true,
            // A ticket that was given up is nobody's: the task was announced, and waits.
            None => {
                self.is_ticketed(slot).await?
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

    /// The latest record of a task that is not decided.
    pub(crate) async fn open_run(&self, slot: u64) -> Result<Option<Run>, QueueError> {
        let latest = self.latest_epoch(slot).await?;
        let mut run = self.closest_run(slot, latest + 1).await?;
        if let Some(run) = run.as_mut().filter(|run| run.is_final()) {
            // An outcome that its successor may or may not adopt: nothing is known but that it runs.
            run.state = RunState::Running {
                beat_ms: run.started_ms,
                lost_ms: run.started_ms,
            };
        }
        Ok(run)
    }

    pub(crate) async fn home(&self, id: &TaskId) -> Result<Option<Task>, QueueError> {
        let key = self.keys.slot(id.slot());
        Ok(match decode_opt(&key, self.store.get(&key).await?)? {
            Some(Slot::Task(task)) if task.nonce == id.nonce() => Some(*task),
            _ => None,
        })
    }

    /// The highest epoch that was claimed; 0 if none was. Epochs are claimed in order, so that doubling and halving
    /// finds it in few reads however many there are.
    pub(crate) async fn latest_epoch(&self, slot: u64) -> Result<u64, StoreError> {
        let (mut claimed, mut step) = (0, 1);
        while self
            .store
            .counter(&self.keys.claim(slot, claimed + step))
            .await?
            > 0
        {
            claimed += step;
            step *= 2;
        }
        while step > 1 {
            step /= 2;
            if self
                .store
                .counter(&self.keys.claim(slot, claimed + step))
                .await?
                > 0
            {
                claimed += step;
            }
        }
        Ok(claimed)
    }

    /// Wakes a worker if nothing pushes the queue along: no keeper's pass in this window, or, if somebody asked for a
    /// task that is not final (`waits`), slots that wait while no worker is registered. Called after any request was
    /// answered, so that nothing depends on a resident process. Says whether nobody was there.
    ///
    /// # Errors
    /// If the store fails; then the next request tries again.
    pub async fn push_along(&self, waits: bool) -> Result<bool, QueueError> {
        let unkept = self.presence(KEEPER).await?.joined() == 0;
        let idle = unkept || (waits && self.is_stuck().await?);
        if idle {
            self.wake(Wake::Work).await;
        }
        Ok(idle)
    }

    async fn is_stuck(&self) -> Result<bool, StoreError> {
        if self.presence(WORKERS).await?.present() > 0 {
            return Ok(false);
        }
        let waits = self.takeable().await?;
        Ok(waits.system > 0 || (waits.user > 0 && !self.is_full().await?))
    }
}

/// A task's view from its home and its latest record.
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
        // Its ticket is that of the first run.
        view.attempt = u32::from(view.state == State::Running);
        return view;
    };
    view.step = Step {
        epoch: run.epoch,
        phase: match run.state {
            RunState::Running { .. } => Phase::Running,
            _ => Phase::Ended,
        },
    };
    view.next_ms = None;
    view.ended_ms = run.ended_ms();
    view.state = match run.state {
        // Its members run.
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
    view.report = run.report;
    view.started_ms = (run.started_ms > 0).then_some(run.started_ms);
    view
}
