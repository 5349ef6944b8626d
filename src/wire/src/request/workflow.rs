//! Workflows as callers describe them.

use super::kinds::Kinds;
use super::lease::lease;
use super::task::{Checked, RetryRequest, TaskRequest};
use crate::{
    Defaults, Duration, FieldError, List, Object, Time, When, Word, from_json, named, quoted,
};
use handoff_queue::{CHAIN_MAX, GROUP_MAX, Json, Member, OnFailure, Priority, Step, Workflow};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The longest name of the argument that holds a step's input, in bytes.
const INTO_MAX_BYTES: usize = 64;

/// The body of `POST /v1/workflows`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowRequest {
    chain: Option<List<Json, CHAIN_MAX>>,
    group: Option<Json>,
    then: Option<Json>,
    on_failure: Option<Word<OnFailure>>,
    queue: Option<String>,
    priority: Option<Word<Priority>>,
    delay: Option<Duration>,
    eta: Option<Time>,
    expires: Option<When>,
    retention: Option<Duration>,
    webhook: Option<String>,
    idempotency_key: Option<String>,
    idempotency_ttl: Option<Duration>,
}

/// A member of a workflow.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberRequest {
    task: String,
    args: Option<Json>,
    /// With null the member does not get the step's input.
    #[serde(default, deserialize_with = "given")]
    into: Option<Option<String>>,
    timeout: Option<Duration>,
    heartbeat_timeout: Option<Duration>,
    retry: Option<Object<RetryRequest>>,
}

/// Reads a field that may be null, and keeps that difference.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// A group of tasks that differ in their arguments only.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EachRequest {
    task: String,
    each: List<Json, GROUP_MAX>,
    timeout: Option<Duration>,
    heartbeat_timeout: Option<Duration>,
    retry: Option<Object<RetryRequest>>,
}

/// The part of a member's arguments that is added when it is enqueued.
#[derive(Clone, Copy, PartialEq)]
enum Given {
    /// Nothing is added.
    Nothing,
    /// One result is added.
    Result,
    /// All results of a group are added, and perhaps their errors.
    Results { errors: bool },
}

impl Given {
    /// The names of the added arguments. The member may choose one.
    fn names(self, into: Option<&str>) -> Vec<&str> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Result => vec![into.unwrap_or("input")],
            Self::Results { errors: false } => vec![into.unwrap_or("results")],
            Self::Results { errors: true } => vec![into.unwrap_or("results"), "errors"],
        }
    }
}

impl WorkflowRequest {
    /// The queue that the request names.
    pub fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    /// Checks everything that can be known before the workflow runs. `args_max_bytes` is the
    /// largest size of a task's arguments.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    pub fn check(
        self,
        kinds: &impl Kinds,
        key: Option<&str>,
        args_max_bytes: u64,
        now_ms: u64,
    ) -> Result<(Workflow, Checked), FieldError> {
        let wrong = |field, reason: &str| Err(FieldError::new(field, reason));
        let on_failure = self
            .on_failure
            .map_or_else(OnFailure::default, |word| word.0);
        let wait = on_failure == OnFailure::Wait;
        let steps = match (self.chain, self.group) {
            (Some(_), Some(_)) => return wrong("group", "chain and group exclude each other"),
            (None, None) => return wrong("chain", "it needs one, or `group`"),
            (Some(_), None) if self.then.is_some() => {
                return wrong(
                    "then",
                    "it goes with group; a chain has one more step instead",
                );
            }
            (Some(_), None) if self.on_failure.is_some() => {
                return wrong(
                    "on_failure",
                    "it goes with group; a chain ends at a failure",
                );
            }
            (Some(chain), None) => chain_of(chain, kinds)?,
            (None, Some(group)) => {
                let mut steps = vec![group_of(group, kinds)?];
                if let Some(then) = self.then {
                    let then = member(then, kinds, Given::Results { errors: wait });
                    steps.push(Step::One(then.map_err(|e| e.within("then"))?));
                }
                steps
            }
        };
        let workflow = Workflow {
            steps,
            on_failure,
            args_max_bytes,
        };
        let request = TaskRequest {
            priority: self.priority,
            delay: self.delay,
            eta: self.eta,
            expires: self.expires,
            retention: self.retention,
            webhook: self.webhook,
            idempotency_key: self.idempotency_key,
            idempotency_ttl: self.idempotency_ttl,
            ..TaskRequest::default()
        };
        let request = request.with_key(key)?;
        let checked = request.check_with(now_ms, |_, _| Ok(workflow.task()))?;
        Ok((workflow, checked))
    }
}

fn chain_of(chain: List<Json, CHAIN_MAX>, kinds: &impl Kinds) -> Result<Vec<Step>, FieldError> {
    let List { items, count } = chain;
    if count == 0 || count > CHAIN_MAX {
        let reason = format!("there are {count} tasks; a chain has from 1 to {CHAIN_MAX}");
        return Err(FieldError::new("chain", reason));
    }
    let step = |(i, item)| {
        let given = if i == 0 {
            Given::Nothing
        } else {
            Given::Result
        };
        let member = member(item, kinds, given);
        Ok(Step::One(
            member.map_err(|e| e.within(&format!("chain[{i}]")))?,
        ))
    };
    items.into_iter().enumerate().map(step).collect()
}

fn group_of(group: Json, kinds: &impl Kinds) -> Result<Step, FieldError> {
    let sized = |count: usize, field| {
        if count == 0 || count > GROUP_MAX {
            let reason = format!("there are {count} tasks; a group has from 1 to {GROUP_MAX}");
            return Err(FieldError::new(field, reason));
        }
        Ok(())
    };
    if let Ok(List { items, count }) = group.read::<List<Json, GROUP_MAX>>() {
        sized(count, "group")?;
        let one = |(i, item)| {
            let member = member(item, kinds, Given::Nothing);
            member.map_err(|e| e.within(&format!("group[{i}]")))
        };
        let members: Result<_, _> = items.into_iter().enumerate().map(one).collect();
        return Ok(Step::Many(members?));
    }
    if !group.is_object() {
        let reason = "it is a list of tasks, or an object with `task` and `each`";
        return Err(FieldError::new("group", reason));
    }
    let each = from_json::<EachRequest>(&group).map_err(|e| e.within("group"))?;
    let List { items, count } = each.each;
    sized(count, "group.each")?;
    let common = MemberRequest {
        task: each.task,
        args: None,
        into: None,
        timeout: each.timeout,
        heartbeat_timeout: each.heartbeat_timeout,
        retry: each.retry,
    };
    kinds.known(&common.task).map_err(|e| e.within("group"))?;
    let common = common.into_member(kinds).map_err(|e| e.within("group"))?;
    for (i, args) in items.iter().enumerate() {
        let checked = kinds.check(&common.kind, args, common.timeout_ms);
        checked.map_err(|mut e| {
            let inner = e.field.as_deref().and_then(|f| f.strip_prefix("args"));
            e.field = Some(format!("group.each[{i}]{}", inner.unwrap_or_default()));
            e
        })?;
    }
    Ok(Step::Each(common, items))
}

fn member(item: Json, kinds: &impl Kinds, given: Given) -> Result<Member, FieldError> {
    let request = from_json::<MemberRequest>(&item)?;
    let ignores = given != Given::Nothing && request.into == Some(None);
    let none = Json::empty_object();
    let args = request.args.as_ref();
    if given == Given::Nothing && request.into.is_some() {
        let reason = "nothing comes before this task that it could be given";
        return Err(FieldError::new("into", reason));
    }
    if given == Given::Nothing || ignores {
        kinds.known(&request.task)?;
        let default_ms = kinds.defaults(&request.task).timeout_ms;
        let (timeout_ms, _) = lease(request.timeout, request.heartbeat_timeout, default_ms)?;
        kinds.check(&request.task, args.unwrap_or(&none), timeout_ms)?;
        return request.into_member(kinds);
    }
    kinds.known(&request.task)?;
    if let Some(args) = args {
        kinds.check_text(args)?;
        let Ok(fields) = args.read::<BTreeMap<String, IgnoredAny>>() else {
            let reason =
                "they must be an object, to which what came before is added; or leave them out";
            return Err(FieldError::new("args", reason));
        };
        let into = request.into.as_ref().and_then(Option::as_deref);
        let names = given.names(into);
        if let Some(name) = names.iter().find(|name| fields.contains_key(**name)) {
            let reason = format!(
                "what came before is put under the name {}, which is taken; choose another one by `into`",
                quoted(name)
            );
            return Err(FieldError::new(&format!("args.{}", named(name)), reason));
        }
    }
    if given.names(request.into.as_ref().and_then(Option::as_deref)) == ["errors"; 2] {
        let reason = "\"errors\" is what the errors of the group are called; choose another name";
        return Err(FieldError::new("into", reason));
    }
    request.into_member(kinds)
}

impl MemberRequest {
    fn into_member(self, kinds: &impl Kinds) -> Result<Member, FieldError> {
        if let Some(Some(into)) = &self.into
            && !(1..=INTO_MAX_BYTES).contains(&into.len())
        {
            let reason = format!(
                "it has {} bytes; a name has from 1 to {INTO_MAX_BYTES}",
                into.len()
            );
            return Err(FieldError::new("into", reason));
        }
        let Defaults { timeout_ms, retry } = kinds.defaults(&self.task);
        let (timeout_ms, heartbeat_timeout_ms) =
            lease(self.timeout, self.heartbeat_timeout, timeout_ms)?;
        let retry = match self.retry {
            Some(Object(request)) => request.check(retry).map_err(|e| e.within("retry"))?,
            None => retry,
        };
        Ok(Member {
            kind: self.task,
            args: self.args,
            ignores: self.into == Some(None),
            into: self.into.flatten(),
            timeout_ms,
            heartbeat_timeout_ms,
            retry,
        })
    }
}
