//! Gathering: how the members of a step have ended.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::base::json::Json;
use crate::base::priority::Lane;
use crate::model::ended::Counts;
use crate::model::run::{Run, RunState};
use crate::runs::read::{CancelBlocks, Runs};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::workflow::progress::Progress;
use crate::workflow::spec::{Member, OnFailure, Step, Workflow};
use serde_json::json;

mechanism!(
    /// Workflows and their members.
    Workflows
);

/// The end of a member.
#[derive(Debug, Clone)]
struct End {
    /// Its result, unless results are not kept.
    pub(crate) result: Json,
    /// Why it did not succeed: its state and, if it failed, the last error.
    pub(crate) failure: Option<(&'static str, Option<String>)>,
}

/// The ends of a step's members, as far as they are known.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) step: usize,
    ends: Vec<Option<End>>,
    /// The bound in bytes up to which results are kept, and the bytes of these.
    keep_bytes: u64,
    pub(crate) bytes: u64,
    /// Members with unreadable records count as not ended. Otherwise they are an error.
    only_readable: bool,
}

impl Gathered {
    /// Makes this for a step of whose members nothing is known.
    pub(crate) fn new(step: usize, len: usize, keep_bytes: u64) -> Self {
        Self {
            step,
            ends: vec![None; len],
            keep_bytes,
            bytes: 0,
            only_readable: false,
        }
    }

    /// Makes unreadable members count as not ended.
    pub(crate) fn of_readable(self) -> Self {
        Self {
            only_readable: true,
            ..self
        }
    }

    pub(crate) fn add(&mut self, index: usize, run: Run) {
        let error = run.errors.last().map(|e| e.error.clone());
        let (mut result, failure) = match run.state {
            RunState::Succeeded { result, .. } => (result, None),
            RunState::Failed { .. } => (Json::null(), Some(("failed", error))),
            RunState::Expired { .. } => (Json::null(), Some(("expired", None))),
            _ => (Json::null(), Some(("cancelled", None))),
        };
        let error = failure.as_ref().and_then(|f| f.1.as_ref());
        self.bytes += result.bytes() + error.map_or(0, |e| e.len() as u64);
        if self.bytes > self.keep_bytes {
            result = Json::null();
        }
        self.ends[index] = Some(End { result, failure });
    }

    /// Counts the ended members by how they ended.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for end in self.ends.iter().flatten() {
            match end.failure.as_ref().map(|f| f.0) {
                None => counts.succeeded += 1,
                Some("failed") => counts.failed += 1,
                Some("expired") => counts.expired += 1,
                Some(_) => counts.cancelled += 1,
            }
        }
        counts
    }

    /// The number of ended members.
    pub(crate) fn ended(&self) -> u64 {
        self.ends.iter().flatten().count() as u64
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.ends.iter().all(Option::is_some)
    }

    /// Whether the results exceed the bound.
    pub(crate) fn overflows(&self) -> bool {
        self.bytes > self.keep_bytes
    }

    /// Describes the first member that did not succeed.
    pub(crate) fn failure(&self, id: &TaskId, progress: &Progress) -> Option<String> {
        let failed = |end: &Option<End>| end.as_ref().is_some_and(|end| end.failure.is_some());
        let index = self.ends.iter().position(failed)?;
        let (state, error) = self.ends[index].as_ref()?.failure.as_ref()?;
        let member = progress.member_id(id, self.step, index)?;
        let which = if self.ends.len() > 1 {
            format!("task {index} of {}", self.ends.len())
        } else {
            format!("step {}", self.step)
        };
        let error = error.as_ref().map_or(String::new(), |e| format!(": {e}"));
        Some(format!("{which}, {member}, {state}{error}"))
    }

    /// Makes the input of the next step.
    fn input(&self, step: &Step, wait: bool) -> Input {
        let ends = || self.ends.iter().flatten();
        if let Step::One(_) = step {
            return Input::Result(
                ends()
                    .next()
                    .map_or_else(Json::null, |end| end.result.clone()),
            );
        }
        let error = |end: &End| match &end.failure {
            None => Json::null(),
            Some((state, None)) => json!({"state": state}).into(),
            Some((state, Some(error))) => json!({"state": state, "error": error}).into(),
        };
        Input::Results {
            results: ends().map(|end| end.result.clone()).collect(),
            errors: wait.then(|| ends().map(error).collect()),
        }
    }

    /// The only member's result.
    pub(crate) fn result(&self) -> Json {
        let end = self.ends.first().and_then(Option::as_ref);
        end.map_or_else(Json::null, |end| end.result.clone())
    }
}

/// The input of a step: the results of the step before it.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Result(Json),
    Results {
        results: Vec<Json>,
        errors: Option<Vec<Json>>,
    },
}

impl Input {
    pub(crate) fn of(workflow: &Workflow, gathered: &Gathered) -> Self {
        let wait = workflow.on_failure == OnFailure::Wait;
        gathered.input(&workflow.steps[gathered.step], wait)
    }

    /// Makes the arguments of a member with this input. The arguments have no field of the input's
    /// name: a request with one is refused.
    ///
    /// # Errors
    /// If they can't be put together. The text says why.
    pub(crate) fn args(&self, member: &Member, args: Option<&Json>) -> Result<Json, String> {
        if let (None, None, Self::Result(result)) = (args, &member.into, self) {
            return Ok(result.clone());
        }
        let args = args.cloned().unwrap_or_else(Json::empty_object);
        let into = member.into.as_deref().unwrap_or(match self {
            Self::Result(_) => "input",
            Self::Results { .. } => "results",
        });
        let given = match self {
            Self::Result(result) => args.with(into, result),
            Self::Results { results, errors } => match errors {
                None => args.with(into, results),
                Some(errors) => args
                    .with(into, results)
                    .and_then(|args| args.with("errors", errors)),
            },
        };
        given.map_err(|e| format!("{into:?} can't be added to its arguments: {e}"))
    }
}

impl<S: Store, E: Env> Workflows<'_, S, E> {
    /// Reads the members whose end is not known yet. Only final outcomes count: the outcome of a
    /// superseded run is not the member's end. It does not read members whose ticket no claimer has
    /// taken, in blocks without cancel requests. It calls `now_and_then` in between.
    pub(crate) async fn gather(
        &self,
        id: &TaskId,
        progress: &Progress,
        gathered: &mut Gathered,
        mut now_and_then: impl AsyncFnMut() -> Result<(), QueueError>,
    ) -> Result<(), QueueError> {
        const NOW_AND_THEN: usize = 100;
        // All members of a step are in one lane.
        let first = progress.member_id(id, gathered.step, 0);
        let lane = first.map_or(Lane::Normal, |first| Lane::of(first.slot()));
        let head = Slots::of(self).last_ticket(lane).await?;
        let mut cancels = CancelBlocks::new();
        for index in 0..gathered.ends.len() {
            if index % NOW_AND_THEN == NOW_AND_THEN - 1 {
                now_and_then().await?;
            }
            let Some(member) = progress.member_id(id, gathered.step, index) else {
                break;
            };
            let waits = member.slot() > head;
            if gathered.ends[index].is_some()
                || (waits
                    && !Runs::of(self)
                        .any_cancelled(member.slot(), &mut cancels)
                        .await)
            {
                continue;
            }
            match self.member_end(&member).await {
                Ok(Some(run)) => gathered.add(index, run),
                Err(e) if !(gathered.only_readable && e.is_unreadable()) => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    async fn member_end(&self, member: &TaskId) -> Result<Option<Run>, QueueError> {
        if enabled(Guard::TakeOnlyFinalResults) {
            return Runs::of(self).final_run(member).await;
        }
        // Take the closest record that looks final.
        let mut epoch = Runs::of(self).latest_epoch(member.slot()).await? + 1;
        while let Some(run) = Runs::of(self).closest_run(member.slot(), epoch).await? {
            if run.is_final() {
                return Ok(Some(run));
            }
            epoch = run.epoch;
        }
        Ok(None)
    }

    /// Gathers the step before this one, whose members have all ended.
    pub(crate) async fn gather_before(
        &self,
        id: &TaskId,
        workflow: &Workflow,
        progress: &Progress,
        step: usize,
    ) -> Result<Option<Gathered>, QueueError> {
        let Some(before) = step.checked_sub(1) else {
            return Ok(None);
        };
        let len = workflow.steps[before].len();
        let mut gathered = Gathered::new(before, len, workflow.args_max_bytes);
        self.gather(id, progress, &mut gathered, async || Ok(()))
            .await?;
        if gathered.is_complete() {
            return Ok(Some(gathered));
        }
        // They were final, and stay while the workflow is open. A stale announcement hides an end
        // for a moment.
        Err(QueueError::TooLate)
    }
}
