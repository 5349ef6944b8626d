//! Tasks and schedules as callers see them.

use crate::webhook;
use handoff_input::{Duration, Time};
use handoff_queue::{
    AttemptError, LogLine, MemberView, Membership, Occurrence, Rule, Schedule, ScheduleView, State,
    TaskId, TaskView, WorkflowView,
};
use serde_json::{Map, Value, json};

fn time(ms: u64) -> Value {
    json!(Time { ms })
}

fn attempt(error: &AttemptError) -> Value {
    json!({
        "attempt": error.attempt,
        "started_at": time(error.started_ms),
        "ended_at": time(error.ended_ms),
        "error": error.error,
    })
}

/// The occurrence of a schedule that a task is for.
fn occurrence(occurrence: &Occurrence) -> Value {
    json!({"name": occurrence.schedule, "at": time(occurrence.at_ms)})
}

/// How a schedule stands. What can be put is named as it is there.
pub fn schedule(view: &ScheduleView) -> Value {
    let Schedule {
        name,
        rule,
        queue,
        task,
        expires_after_ms,
        overlap,
        missed,
    } = &view.schedule;
    let duration = |ms| json!(Duration::from_ms(ms));
    let mut object = json!({
        "name": name,
        "task": task.kind,
        "args": task.args,
        "queue": queue,
        "overlap": overlap,
        "missed": missed,
        "priority": task.priority,
        "timeout": duration(task.timeout_ms),
        "retry": {
            "attempts": task.retry.attempts,
            "initial": duration(task.retry.initial_ms),
            "factor": task.retry.factor,
            "max": duration(task.retry.max_ms),
        },
        "retention": duration(task.retention_ms),
        "put_at": time(view.put_ms),
        "next_run": view.next_ms.map(time),
        "last_run": view.last.as_ref().map(|(at_ms, id)| {
            json!({"at": time(*at_ms), "task_id": id.to_string()})
        }),
    });
    match rule {
        Rule::Every(ms) => object["every"] = duration(*ms),
        Rule::Cron(cron) => {
            object["cron"] = json!(cron.expression);
            object["timezone"] = json!(cron.timezone);
        }
    }
    if let Some(url) = task.on_end.as_ref().and_then(webhook::url) {
        object["webhook"] = url.clone();
    }
    if let Some(key) = &task.key {
        object["key"] = json!(key);
    }
    if let Some(ms) = expires_after_ms {
        object["expires"] = duration(*ms);
    }
    object
}

/// How a workflow stands.
pub fn workflow(id: &TaskId, view: &WorkflowView) -> Value {
    let task = &view.task;
    let ended = &view.ended;
    let mut object = json!({
        "id": id.to_string(),
        "queue": id.queue(),
        "workflow": view.workflow.name(),
        "state": task.state.to_string(),
        "progress": {
            "total": view.total,
            "succeeded": ended.succeeded,
            "failed": ended.failed,
            "cancelled": ended.cancelled,
            "expired": ended.expired,
        },
        "enqueued_at": time(task.task.enqueued_ms),
        "retention": Duration::from_ms(task.task.retention_ms),
        "tasks": format!("/v1/workflows/{id}/tasks"),
    });
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object[name] = value;
        }
    };
    let failed = task.state == State::Failed;
    let error = task.errors.last().filter(|_| failed);
    put("result", task.result.clone());
    put("error", error.map(|e| json!(e.error)));
    // While it runs that is when it looks again, which is nobody's business.
    let scheduled = task.state == State::Scheduled;
    put("next_at", task.next_ms.filter(|_| scheduled).map(time));
    put("expires_at", task.task.expires_ms.map(time));
    put("ended_at", task.ended_ms.map(time));
    let webhook = task.task.on_end.as_ref().and_then(webhook::url);
    put("webhook", webhook.cloned());
    let retry_of = task.task.retry_of.as_ref();
    put("retry_of", retry_of.map(|id| json!(id.to_string())));
    object
}

/// A task of a workflow. One that is not enqueued yet has no id and no state.
pub fn member(member: &MemberView) -> Value {
    let mut object = match &member.task {
        Some((id, view)) => task(id, view),
        None => json!({}),
    };
    object["step"] = json!(member.step);
    object["index"] = json!(member.index);
    object
}

/// The workflow that a task belongs to.
fn membership(member: &Membership) -> Value {
    json!({"id": member.workflow.to_string(), "step": member.step, "index": member.index})
}

/// A line that a task logged.
pub fn log_line(line: &LogLine) -> Value {
    json!({"at": time(line.at_ms), "attempt": line.attempt, "message": line.message})
}

/// The task object. What is not known or does not apply is left out.
pub fn task(id: &TaskId, view: &TaskView) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    let last_error = view.errors.last().map(|e| json!(e.error));
    put("id", Some(json!(id.to_string())));
    put("queue", Some(json!(id.queue())));
    put("task", Some(json!(view.task.kind)));
    put("args", Some(view.task.args.clone()));
    put("priority", Some(json!(view.task.priority)));
    put("state", Some(json!(view.state.to_string())));
    put("result", view.result.clone());
    put("error", last_error.filter(|_| view.state == State::Failed));
    put("attempt", Some(json!(view.attempt)));
    put("attempts_max", Some(json!(view.task.retry.attempts)));
    put("errors", Some(view.errors.iter().map(attempt).collect()));
    let report = &view.report;
    put("progress", report.progress.clone());
    put("message", report.message.as_ref().map(|m| json!(m)));
    let logs = (!report.logs.is_empty()).then(|| report.logs.iter().map(log_line).collect());
    put("logs", logs);
    let dropped = (report.logs_dropped > 0).then(|| json!(report.logs_dropped));
    put("logs_dropped", dropped);
    put("enqueued_at", Some(time(view.task.enqueued_ms)));
    put("next_at", view.next_ms.map(time));
    put("expires_at", view.task.expires_ms.map(time));
    put("started_at", view.started_ms.map(time));
    put("ended_at", view.ended_ms.map(time));
    put(
        "timeout",
        Some(json!(Duration::from_ms(view.task.timeout_ms))),
    );
    put(
        "retention",
        Some(json!(Duration::from_ms(view.task.retention_ms))),
    );
    let retry_of = view.task.retry_of.as_ref();
    let webhook = view.task.on_end.as_ref().and_then(webhook::url);
    put("webhook", webhook.cloned());
    put("key", view.task.key.as_ref().map(|key| json!(key)));
    let end_of = view.task.end_of.as_ref();
    put("end_of", end_of.map(|id| json!(id.to_string())));
    put("retry_of", retry_of.map(|id| json!(id.to_string())));
    put("workflow", view.task.member_of.as_ref().map(membership));
    put("schedule", view.task.occurrence.as_ref().map(occurrence));
    put(
        "traceparent",
        view.task.trace.as_ref().map(|t| json!(t.parent)),
    );
    Value::Object(object)
}
