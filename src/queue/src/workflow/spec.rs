//! The definition of a workflow.

use crate::base::config::GROUP_MAX;
use crate::base::json::Json;
use crate::base::retry::RetryPolicy;
use crate::model::task::{TaskSpec, WORKFLOW};
use serde::Deserialize;
use serde::Serialize;

/// A turn writes a heartbeat before this time is over, so a lost one is found soon.
const TIMEOUT_MS: u64 = 20_000;

/// A turn fails only if its instance dies, so this bound is high.
const ATTEMPTS: u32 = 1_000;

/// Tasks that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// The steps, one after the other.
    pub steps: Vec<Step>,
    /// The effect of one failed member among many.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The most bytes of JSON that a member's arguments may have, together with its input.
    pub args_max_bytes: u64,
}

/// The members of one step, which run at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One task.
    One(Member),
    /// Many independent tasks.
    Many(Vec<Member>),
    /// The same task once for each of these arguments.
    Each(Member, Vec<Json>),
}

/// A member of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The task kind.
    pub kind: String,
    /// The arguments. Without any the step's input takes their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Json>,
    /// The field of the arguments that holds the step's input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// The member does not get the step's input.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignores: bool,
    /// How long one attempt may take, in milliseconds.
    #[serde(rename = "t")]
    pub timeout_ms: u64,
    /// As [`TaskSpec::heartbeat_timeout_ms`].
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// The retry policy.
    #[serde(rename = "r", default, skip_serializing_if = "RetryPolicy::is_default")]
    pub retry: RetryPolicy,
}

/// The effect of one failed member among many. A cancelled or expired member counts as failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The workflow fails at once, and the other members are cancelled.
    #[default]
    Fail,
    /// The other members go on, and the next step learns which ones failed.
    Wait,
}

impl Workflow {
    /// Makes the workflow's own task.
    pub fn task(&self) -> TaskSpec {
        // All its keys are text.
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

    /// Its name: chain, group or chord.
    pub fn name(&self) -> &'static str {
        match self.steps.as_slice() {
            [Step::One(_), ..] | [] => "chain",
            [_] => "group",
            _ => "chord",
        }
    }

    /// Reads the definition from the arguments of a workflow's task.
    pub(crate) fn of(args: &Json) -> Option<Self> {
        let workflow: Self = args.read().ok()?;
        let sound = |step: &Step| (1..=GROUP_MAX).contains(&step.len());
        (!workflow.steps.is_empty() && workflow.steps.iter().all(sound)).then_some(workflow)
    }

    /// Whether a failure in this step ends the workflow at once.
    pub(crate) fn fails_fast(&self, step: &Step) -> bool {
        self.on_failure == OnFailure::Fail && !matches!(step, Step::One(_))
    }
}

impl Step {
    /// The number of tasks.
    #[allow(clippy::len_without_is_empty)] // No workflow is empty.
    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(members) => members.len(),
            Self::Each(_, args) => args.len(),
        }
    }

    /// Whether any member gets the results of the step before.
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
