//! What a workflow is made of.

use crate::base::config::GROUP_MAX;
use crate::base::json::Json;
use crate::base::retry::RetryPolicy;
use crate::model::task::{TaskSpec, WORKFLOW};
use serde::Deserialize;
use serde::Serialize;

/// A turn of a workflow marks anew that it runs before this time is over: one that is lost is found soon.
const TIMEOUT_MS: u64 = 20_000;

/// Turns are lost with their instances, and for no other reason.
const ATTEMPTS: u32 = 1_000;

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
    /// As [`TaskSpec::heartbeat_timeout_ms`].
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
    pub fn task(&self) -> TaskSpec {
        // No key in it is anything but text.
        let args = Json::of(self).unwrap_or_else(|_| Json::null());
        TaskSpec {
            timeout_ms: TIMEOUT_MS,
            retry: RetryPolicy {
                attempts: ATTEMPTS,
                max_ms: 60_000,
                ..RetryPolicy::default()
            },
            ..TaskSpec::new(WORKFLOW, args)
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
    pub(crate) fn fails_fast(&self, step: &Step) -> bool {
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
    pub(crate) fn is_given(&self) -> bool {
        match self {
            Self::One(member) | Self::Each(member, _) => !member.ignores,
            Self::Many(members) => members.iter().any(|member| !member.ignores),
        }
    }

    /// A member and its arguments.
    pub(crate) fn member(&self, index: usize) -> Option<(&Member, Option<&Json>)> {
        match self {
            Self::One(member) => Some((member, member.args.as_ref())).filter(|_| index == 0),
            Self::Many(members) => members.get(index).map(|m| (m, m.args.as_ref())),
            Self::Each(member, args) => args.get(index).map(|args| (member, Some(args))),
        }
    }
}
