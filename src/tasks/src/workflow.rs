//! Workflows as callers describe them.

use crate::Registry;
use crate::lease::lease;
use crate::request::{Checked, RetryRequest, TaskRequest};
use handoff_input::{
    Duration, FieldError, List, Object, Time, When, Word, from_json, named, quoted,
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
        registry: &Registry,
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
            (Some(chain), None) => chain_of(chain, registry)?,
            (None, Some(group)) => {
                let mut steps = vec![group_of(group, registry)?];
                if let Some(then) = self.then {
                    let then = member(then, registry, Given::Results { errors: wait });
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

fn chain_of(chain: List<Json, CHAIN_MAX>, registry: &Registry) -> Result<Vec<Step>, FieldError> {
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
        let member = member(item, registry, given);
        Ok(Step::One(
            member.map_err(|e| e.within(&format!("chain[{i}]")))?,
        ))
    };
    items.into_iter().enumerate().map(step).collect()
}

fn group_of(group: Json, registry: &Registry) -> Result<Step, FieldError> {
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
            let member = member(item, registry, Given::Nothing);
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
    registry
        .known(&common.task)
        .map_err(|e| e.within("group"))?;
    let common = common.into_member().map_err(|e| e.within("group"))?;
    for (i, args) in items.iter().enumerate() {
        let checked = registry.check(&common.kind, args, common.timeout_ms);
        checked.map_err(|mut e| {
            let inner = e.field.as_deref().and_then(|f| f.strip_prefix("args"));
            e.field = Some(format!("group.each[{i}]{}", inner.unwrap_or_default()));
            e
        })?;
    }
    Ok(Step::Each(common, items))
}

fn member(item: Json, registry: &Registry, given: Given) -> Result<Member, FieldError> {
    let request = from_json::<MemberRequest>(&item)?;
    let ignores = given != Given::Nothing && request.into == Some(None);
    let none = Json::empty_object();
    let args = request.args.as_ref();
    if given == Given::Nothing && request.into.is_some() {
        let reason = "nothing comes before this task that it could be given";
        return Err(FieldError::new("into", reason));
    }
    if given == Given::Nothing || ignores {
        let (timeout_ms, _) = lease(request.timeout, request.heartbeat_timeout)?;
        registry.check(&request.task, args.unwrap_or(&none), timeout_ms)?;
        return request.into_member();
    }
    registry.known(&request.task)?;
    if let Some(args) = args {
        registry.check_text(args)?;
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
    request.into_member()
}

impl MemberRequest {
    fn into_member(self) -> Result<Member, FieldError> {
        if let Some(Some(into)) = &self.into
            && !(1..=INTO_MAX_BYTES).contains(&into.len())
        {
            let reason = format!(
                "it has {} bytes; a name has from 1 to {INTO_MAX_BYTES}",
                into.len()
            );
            return Err(FieldError::new("into", reason));
        }
        let (timeout_ms, heartbeat_timeout_ms) = lease(self.timeout, self.heartbeat_timeout)?;
        let retry = match self.retry {
            Some(Object(retry)) => retry.check().map_err(|e| e.within("retry"))?,
            None => Default::default(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use serde_json::{Value, json};

    fn check(body: Value) -> Result<Workflow, FieldError> {
        let request = from_json::<WorkflowRequest>(&body.into())?;
        let checked = request.check(&registry(false), None, 1_000, 0);
        checked.map(|(workflow, _)| workflow)
    }

    #[test]
    fn what_can_be_used_is_taken() {
        let echo = json!({"task": "echo"});
        let taken = [
            json!({"chain": [echo, {"task": "sleep", "into": "for"}]}),
            json!({"chain": [echo, {"task": "sleep", "args": {"for": "1s"}, "into": null}]}),
            json!({"group": [echo, {"task": "sleep", "args": {"for": "1s"}, "timeout": "5s"}]}),
            json!({"chain": [{"task": "echo", "timeout": "1h", "heartbeat_timeout": "30m"}]}),
            json!({"group": {"task": "echo", "each": [1, "a", null]}, "then": echo, "on_failure": "wait"}),
            json!({"group": {"task": "echo", "each": vec![1; GROUP_MAX]}, "retention": "2h", "delay": "1m"}),
        ];
        for body in taken {
            let workflow = check(body.clone());
            assert!(workflow.is_ok(), "{body}: {workflow:?}");
        }
        let workflow =
            check(json!({"group": {"task": "echo", "each": [1, 2]}})).expect("it is one");
        assert_eq!(workflow.on_failure, OnFailure::Fail);
        assert_eq!(workflow.steps[0].len(), 2);
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        let echo = json!({"task": "echo"});
        let table = [
            (json!({}), "chain"),
            (json!({"chain": [echo], "group": [echo]}), "group"),
            (json!({"chain": []}), "chain"),
            (json!({"chain": vec![echo.clone(); 101]}), "chain"),
            (json!({"chain": [echo], "then": echo}), "then"),
            (json!({"chain": [echo], "on_failure": "wait"}), "on_failure"),
            (
                json!({"chain": [echo, {"task": "no.such"}]}),
                "chain[1].task",
            ),
            (json!({"chain": [echo, {"args": 1}]}), "chain[1].task"),
            (
                json!({"chain": [echo, {"task": "echo", "args": 1}]}),
                "chain[1].args",
            ),
            (
                json!({"chain": [echo, {"task": "echo", "into": ""}]}),
                "chain[1].into",
            ),
            (
                json!({"chain": [{"task": "echo", "into": "a"}]}),
                "chain[0].into",
            ),
            (json!({"chain": [{"task": "sleep"}]}), "chain[0].args.for"),
            (
                json!({"chain": [{"task": "echo", "delay": "1s"}]}),
                "chain[0].delay",
            ),
            (
                json!({"chain": [{"task": "echo", "heartbeat_timeout": "2m"}]}),
                "chain[0].heartbeat_timeout",
            ),
            (
                json!({"chain": [{"task": "echo", "timeout": "0s"}]}),
                "chain[0].timeout",
            ),
            (
                json!({"chain": [echo, {"task": "sleep", "into": null}]}),
                "chain[1].args.for",
            ),
            (
                json!({"group": [{"task": "echo", "into": null}]}),
                "group[0].into",
            ),
            (json!({"group": []}), "group"),
            (json!({"group": "echo"}), "group"),
            (json!({"group": [echo, 1]}), "group[1]"),
            (
                json!({"group": [{"task": "echo", "retry": {"attempts": 0}}]}),
                "group[0].retry.attempts",
            ),
            (json!({"group": {"task": "echo"}}), "group.each"),
            (json!({"group": {"task": "echo", "each": []}}), "group.each"),
            (
                json!({"group": {"task": "echo", "each": vec![0; GROUP_MAX + 1]}}),
                "group.each",
            ),
            (
                json!({"group": {"task": "no.such", "each": [1]}}),
                "group.task",
            ),
            (
                json!({"group": {"task": "sleep", "each": [{"for": "1s"}, {"for": 1}]}}),
                "group.each[1].for",
            ),
            (
                json!({"group": {"task": "sleep", "each": [1]}}),
                "group.each[0]",
            ),
            (
                json!({"group": [echo], "then": {"task": "no.such"}}),
                "then.task",
            ),
            (
                json!({"group": [echo], "then": {"task": "echo", "args": []}}),
                "then.args",
            ),
            (
                json!({"group": [echo], "on_failure": "ignore"}),
                "on_failure",
            ),
            (json!({"group": [echo], "retention": "1s"}), "retention"),
            (json!({"group": [echo], "timeout": "1s"}), "timeout"),
            (
                json!({"group": [echo], "idempotency_ttl": "1h"}),
                "idempotency_ttl",
            ),
        ];
        for (body, field) in table {
            let e = check(body.clone()).expect_err(&body.to_string());
            assert_eq!(e.field.as_deref(), Some(field), "{body}: {e}");
        }
    }
}
