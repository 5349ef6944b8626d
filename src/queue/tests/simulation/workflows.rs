//! Workflows: requests, and checks of the tasks that they enqueue.

use super::load::{Asked, Load};
use super::model::never_twice;
use crate::support::{self, Sim, SimQueue, run_name, value};
use handoff_queue::{
    Counts, Json, Member, MemberView, OnFailure, RETENTION_MIN_MS, RetryPolicy, Run, RunState,
    State, Step, TaskSpec, TaskView, Workflow, WorkflowView,
};
use serde_json::{Value, json};

const ARGS_MAX: u64 = 10_000;

/// A member of a workflow, whose runs are found by its name.
fn member(sim: &Sim, name: String, step: usize) -> Member {
    let world = &sim.world;
    let mut args = match world.below(14) {
        0 => json!({"fail_times": 1 + world.below(3)}),
        1 => json!({"fail_times": 1, "after_ms": world.below(3_000)}),
        2 => json!({"fatal": "no use"}),
        3 => json!({"continues": 1 + world.below(3)}),
        _ => json!({}),
    };
    args["sleep_ms"] = [0, 0, 0, 5, 100, 1_500][world.below(6) as usize].into();
    match step {
        // Every run returns another result: only a final one may go to the next step.
        0 => args["unique"] = json!(true),
        _ => args["echo"] = json!("input"),
    }
    Member {
        into: Some("input".to_owned()),
        retry: RetryPolicy {
            attempts: 3,
            max_ms: 10_000,
            ..RetryPolicy::default()
        },
        ..support::member(&name, args)
    }
}

/// Whether a task of this name is a member of a workflow, or its retry.
pub(crate) fn is_member(name: &str) -> bool {
    name.starts_with('w')
}

/// A chain, a group or a chord.
pub(crate) fn random(sim: &Sim, name: &str) -> TaskSpec {
    let world = &sim.world;
    let one = |step| Step::One(member(sim, format!("{name}.{step}.0"), step));
    let many = |of: u64| {
        let name = |i| format!("{name}.0.{i}");
        Step::Many((0..of).map(|i| member(sim, name(i), 0)).collect())
    };
    let steps = match world.below(3) {
        0 => (0..1 + world.below(4) as usize).map(one).collect(),
        1 => vec![many(1 + world.below(12))],
        _ => vec![many(1 + world.below(12)), one(1)],
    };
    let on_failure = [OnFailure::Fail, OnFailure::Wait][world.below(2) as usize];
    workflow(steps, on_failure)
}

/// A workflow whose members do what these `args` say.
pub(crate) fn of(steps: &[&[Value]], on_failure: OnFailure) -> TaskSpec {
    let one = |step: usize, i: usize, args: &Value| {
        let mut args = args.clone();
        args["name"] = format!("w.{step}.{i}").into();
        if step > 0 {
            args["echo"] = json!("input");
        }
        Member {
            kind: "io".to_owned(),
            args: Some(args.into()),
            into: Some("input".to_owned()),
            ignores: false,
            timeout_ms: 3_000,
            heartbeat_timeout_ms: None,
            retry: RetryPolicy::default(),
        }
    };
    let step = |(step, many): (usize, &&[Value])| match many {
        [args] => Step::One(one(step, 0, args)),
        many => Step::Many((0..).zip(*many).map(|(i, a)| one(step, i, a)).collect()),
    };
    workflow(steps.iter().enumerate().map(step).collect(), on_failure)
}

fn workflow(steps: Vec<Step>, on_failure: OnFailure) -> TaskSpec {
    let workflow = Workflow {
        steps,
        on_failure,
        args_max_bytes: ARGS_MAX,
    };
    TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..workflow.task()
    }
}

/// A member, as a client sees it at the end.
struct Seen {
    step: usize,
    view: TaskView,
}

impl Seen {
    fn failed(&self) -> bool {
        self.view.state != State::Succeeded
    }
}

/// Checks that a final workflow ended as it had to, given the ends of its members.
pub(crate) fn judge(sim: &Sim, load: &Load, asked: &Asked, run: &Run) -> Result<(), String> {
    each_once(sim, asked)?;
    let id = asked.id.clone();
    let look = |queue: SimQueue| async move {
        let view = queue.workflow(&id).await.unwrap();
        let members = queue.members(&id, 0, 1_000).await.unwrap();
        view.zip(members.map(|members| members.0))
    };
    let Some((view, members)) = sim.wait(look) else {
        // It was final when it was first seen, and is gone.
        return Ok(());
    };
    let places = members.len();
    let seen: Vec<_> = members
        .into_iter()
        .filter_map(|MemberView { step, task, .. }| Some((step, task?.1.ok()?)))
        .map(|(step, view)| Seen { step, view })
        .collect();
    for member in &seen {
        // The runs of tasks that one request retried together can't be told apart.
        if member.view.task.trace.is_some() {
            continue;
        }
        let name = run_name(&member.view.task.args, None);
        never_twice(sim, &sim.began(&name)).map_err(|e| format!("{name}: {e}"))?;
    }
    let is_cancelled = asked.cancel_ms.get().is_some() || load.purges();
    match &run.state {
        RunState::Succeeded { result, .. } => {
            if seen.len() != places {
                return Err(format!("{} of {places} members are there", seen.len()));
            }
            succeeded(&view, &seen, result)
        }
        RunState::Failed { .. } => failed(&view, &seen),
        RunState::Cancelled if is_cancelled => Ok(()),
        _ => Err(format!("it ended wrongly: {run:?}")),
    }?;
    given(&view.workflow, &seen)
}

/// Checks that no member has two homes, whichever instance died.
fn each_once(sim: &Sim, asked: &Asked) -> Result<(), String> {
    for (which, slots) in sim.world.ledger.members(&asked.id.to_string()) {
        if slots.len() > 1 {
            return Err(format!("member {which:?} is in the slots {slots:?}"));
        }
    }
    Ok(())
}

fn succeeded(view: &WorkflowView, seen: &[Seen], result: &Json) -> Result<(), String> {
    let many = |step: &Step| !matches!(step, Step::One(_));
    let waits = view.workflow.on_failure == OnFailure::Wait;
    let last = view.workflow.steps.len() - 1;
    for member in seen.iter().filter(|m| m.failed()) {
        let may = waits && many(&view.workflow.steps[member.step]) && last > 0;
        if !may {
            return Err(format!(
                "it succeeded, and a member did not: {:?}",
                member.view
            ));
        }
    }
    let mut counts = Counts::default();
    let counted = if many(&view.workflow.steps[0]) {
        0
    } else {
        last
    };
    for member in seen.iter().filter(|m| m.step <= counted) {
        match member.view.state {
            State::Succeeded => counts.succeeded += 1,
            State::Failed => counts.failed += 1,
            State::Cancelled => counts.cancelled += 1,
            other => return Err(format!("it succeeded, and a member is {other}")),
        }
    }
    if view.ended != counts {
        return Err(format!("{:?} are counted of {counts:?}", view.ended));
    }
    let expected = if many(&view.workflow.steps[last]) {
        Some(json!({"succeeded": view.total}).into())
    } else {
        let last = seen.iter().find(|m| m.step == last);
        last.and_then(|m| m.view.result.clone())
    };
    match expected == Some(result.clone()) {
        true => Ok(()),
        false => Err(format!("it returned {result}, not {expected:?}")),
    }
}

fn failed(view: &WorkflowView, seen: &[Seen]) -> Result<(), String> {
    // One member of the last enqueued step failed, and nothing was enqueued after that.
    let step = seen.iter().map(|m| m.step).max().unwrap_or(0);
    if seen.iter().any(|m| m.step == step && m.failed()) {
        return Ok(());
    }
    Err(format!("nothing explains that it failed: {view:?}"))
}

/// Checks that every member got the final results of the step before.
fn given(workflow: &Workflow, seen: &[Seen]) -> Result<(), String> {
    for member in seen.iter().filter(|m| m.step > 0) {
        let before = || seen.iter().filter(|m| m.step + 1 == member.step);
        let results: Vec<_> = before()
            .map(|m| m.view.result.clone().unwrap_or_else(Json::null))
            .collect();
        let expected = match &workflow.steps[member.step - 1] {
            Step::One(_) => results.first().cloned(),
            _ => Some(Json::of(&results).expect("JSON")),
        };
        let input = Json::from(value(&member.view.task.args)["input"].clone());
        if expected.as_ref() != Some(&input) {
            return Err(format!("a member was given {input}, not {expected:?}"));
        }
    }
    Ok(())
}
