//! Workflows: tasks that belong together. A workflow is itself a task, of the kind [`WORKFLOW`], which the worker runs by
//! itself. Its steps follow each other; a step is one task or many at once, its *members*, which are tasks like any other.
//! A chain is a workflow whose steps have one member each; a group has one step with many; a chord has one more behind it.
//!
//! A turn of a workflow (`turn`) enqueues the members of a step and ends, waiting. Every member counts itself before its end
//! can be seen (`count`); who is the last announces the workflow's next turn, which looks how all have ended. So the counter
//! only wakes: what counts is how the members ended, which is final and the same however often anybody looks.

mod count;
mod gather;
mod keep;
mod members;
mod turn;
mod view;

pub(crate) use turn::Turn;
pub use view::{MemberView, WorkflowView};

use crate::config::BATCH_MAX;
use crate::record::{Sound, is_slot, is_time};
use crate::{Counts, Json, NewTask, RetryPolicy, TaskId};
use serde::{Deserialize, Serialize};

/// The kind of task that a workflow is. Nobody enqueues it as such: see [`Workflow::task`].
pub const WORKFLOW: &str = "workflow";
/// The most tasks in a group.
pub const GROUP_MAX: usize = 10_000;
/// The most steps of a chain.
pub const CHAIN_MAX: usize = 100;

/// A turn of a workflow marks anew that it runs before this time is over: one that is lost is found soon.
const TIMEOUT_MS: u64 = 20_000;
/// Turns are lost with their instances, and for no other reason.
const ATTEMPTS: u32 = 1_000;
/// So many members are enqueued at once.
const CHUNK: usize = BATCH_MAX;

/// Tasks that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// One after the other.
    pub steps: Vec<Step>,
    /// What becomes of it when one of many fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The most that the arguments of a task may have with the results that they are given, in bytes of JSON.
    pub args_max_bytes: u64,
}

/// What runs at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One task.
    One(Member),
    /// Many, none of which knows of the others.
    Many(Vec<Member>),
    /// The same with each of these arguments.
    Each(Member, Vec<Json>),
}

/// A task of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Which of the deployment's tasks it is.
    pub kind: String,
    /// Its arguments. Without any they are what the step before came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Json>,
    /// What the result of the step before is called in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// It is not given what the step before came to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignores: bool,
    /// How long one attempt may take, in milliseconds.
    #[serde(rename = "t")]
    pub timeout_ms: u64,
    /// As [`NewTask::heartbeat_timeout_ms`].
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// When a failed attempt is tried again.
    #[serde(rename = "r", default, skip_serializing_if = "RetryPolicy::is_default")]
    pub retry: RetryPolicy,
}

/// What becomes of a workflow when one of many fails. One that is cancelled or expires has failed, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It fails at once, and the others are cancelled.
    #[default]
    Fail,
    /// The others go on, and what follows is told who failed.
    Wait,
}

impl Workflow {
    /// The task that it is.
    pub fn task(&self) -> NewTask {
        // No key in it is anything but text.
        let args = Json::of(self).unwrap_or_else(|_| Json::null());
        NewTask {
            timeout_ms: TIMEOUT_MS,
            retry: RetryPolicy {
                attempts: ATTEMPTS,
                max_ms: 60_000,
                ..RetryPolicy::default()
            },
            ..NewTask::new(WORKFLOW, args)
        }
    }

    /// What it is called: chain, group or chord.
    pub fn name(&self) -> &'static str {
        match self.steps.as_slice() {
            [Step::One(_), ..] | [] => "chain",
            [_] => "group",
            _ => "chord",
        }
    }

    /// What is described by the arguments of a task of this kind.
    pub(crate) fn of(args: &Json) -> Option<Self> {
        let workflow: Self = args.read().ok()?;
        let sound = |step: &Step| (1..=GROUP_MAX).contains(&step.len());
        (!workflow.steps.is_empty() && workflow.steps.iter().all(sound)).then_some(workflow)
    }

    /// Whether a failure in this step ends it at once.
    fn fails_fast(&self, step: &Step) -> bool {
        self.on_failure == OnFailure::Fail && !matches!(step, Step::One(_))
    }
}

impl Step {
    /// How many tasks it has.
    #[allow(clippy::len_without_is_empty)] // None is.
    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(members) => members.len(),
            Self::Each(_, args) => args.len(),
        }
    }

    /// Whether any of its members is given what the step before came to.
    fn is_given(&self) -> bool {
        match self {
            Self::One(member) | Self::Each(member, _) => !member.ignores,
            Self::Many(members) => members.iter().any(|member| !member.ignores),
        }
    }

    /// A member and its arguments.
    fn member(&self, index: usize) -> Option<(&Member, Option<&Json>)> {
        match self {
            Self::One(member) => Some((member, member.args.as_ref())).filter(|_| index == 0),
            Self::Many(members) => members.get(index).map(|m| (m, m.args.as_ref())),
            Self::Each(member, args) => args.get(index).map(|args| (member, Some(args))),
        }
    }
}

/// The workflow that a task belongs to, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The workflow, in the same queue.
    pub workflow: TaskId,
    /// Its step, from 0.
    pub step: u64,
    /// Which one of the step, from 0.
    pub index: u64,
    /// How many the step has.
    of: u64,
    /// Whether it ends the workflow at once if it fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fail_fast: bool,
}

impl Sound for Membership {
    fn is_sound(&self) -> bool {
        self.workflow.is_sound() && self.of <= GROUP_MAX as u64 && self.step < CHAIN_MAX as u64
    }
}

/// How far a workflow is: its task's checkpoint. It is kept in the record of every turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// Of each step so far: the chunks in which its members were enqueued, as (first slot, when). Where they are is decided
    /// before they are written, so that whoever goes on writes the same.
    steps: Vec<Vec<(u64, u64)>>,
    /// The members of the last chunk are perhaps not all there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unfilled: bool,
    /// How many failures of this step have been looked into.
    #[serde(default)]
    seen: u64,
    /// Somebody was counted whose end could not be seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    again: bool,
    /// How the members of the first step ended, once all had and if there are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
}

impl Progress {
    /// What a record says. `None` if it can't be read.
    fn of(checkpoint: Option<&Json>) -> Option<Self> {
        let Some(checkpoint) = checkpoint else {
            return Some(Self::default());
        };
        let progress: Self = checkpoint.read().ok()?;
        let sound = |&(slot, at_ms): &(u64, u64)| is_slot(slot) && is_time(at_ms);
        progress
            .steps
            .iter()
            .flatten()
            .all(sound)
            .then_some(progress)
    }

    /// What is kept of it.
    fn checkpoint(&self) -> Json {
        Json::of(self).unwrap_or_else(|_| Json::null())
    }

    /// The step that it is in.
    fn step(&self) -> usize {
        self.steps.len().saturating_sub(1)
    }

    /// The slot of a member, if that is decided.
    fn slot(&self, step: usize, index: usize) -> Option<u64> {
        let (first, _) = self.steps.get(step)?.get(index / CHUNK)?;
        Some(first + (index % CHUNK) as u64)
    }

    /// How many chunks of this step are decided.
    fn chunks(&self) -> usize {
        self.steps.last().map_or(0, Vec::len)
    }

    fn next_step(&mut self) {
        self.steps.push(Vec::new());
        (self.seen, self.again) = (0, false);
    }
}
