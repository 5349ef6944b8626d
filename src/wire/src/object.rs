//! Tasks and schedules as callers see them. The most important fields come first.

use crate::request::webhook;
use crate::{Duration, JsonObject, Time, redact};
use handoff_queue::{
    AttemptError, Json, LogLine, MemberView, Membership, Occurrence, QueueError, Rule, Schedule,
    ScheduleView, State, TaskId, TaskSpec, TaskView, WorkflowView,
};
use std::borrow::Cow;

fn time(ms: u64) -> Time {
    Time { ms }
}

fn attempt(error: &AttemptError) -> JsonObject {
    JsonObject::default()
        .with("attempt", error.attempt)
        .with("started_at", time(error.started_ms))
        .with("ended_at", time(error.ended_ms))
        .with("error", &error.error)
}

/// The occurrence of a task.
fn occurrence(occurrence: &Occurrence) -> JsonObject {
    JsonObject::default()
        .with("name", &occurrence.schedule)
        .with("at", time(occurrence.at_ms))
}

/// The schedule object. Its fields have the names that a put uses.
pub fn schedule(view: &ScheduleView) -> JsonObject {
    let Schedule {
        name,
        rule,
        queue,
        task,
        expires_after_ms,
        overlap,
        missed,
    } = &view.schedule;
    let mut object = JsonObject::default().with("name", name);
    match rule {
        Rule::Every(ms) => object.put("every", Duration::from_ms(*ms)),
        Rule::Cron(cron) => {
            object.put("cron", &cron.expression);
            object.put("timezone", &cron.timezone);
        }
    }
    object.put("paused", view.paused);
    object.put("next_run", view.next_ms.map(time));
    let last = view.last.as_ref();
    let last = last.map(|(at_ms, id)| {
        JsonObject::default()
            .with("at", time(*at_ms))
            .with("task_id", id.to_string())
    });
    object.put("last_run", last);
    object.put("task", &task.kind);
    object.put("args", redact::args(&task.kind, &task.args).as_ref());
    object.put("queue", queue);
    object.put_some("key", task.key.as_ref());
    object.put("priority", task.priority);
    object.put("overlap", overlap);
    object.put("missed", missed);
    object.put_some("expires", expires_after_ms.map(Duration::from_ms));
    object.put("timeout", Duration::from_ms(task.timeout_ms));
    let silence = task.heartbeat_timeout_ms.map(Duration::from_ms);
    object.put_some("heartbeat_timeout", silence);
    let retry = JsonObject::default()
        .with("attempts", task.retry.attempts)
        .with("initial", Duration::from_ms(task.retry.initial_ms))
        .with("factor", task.retry.factor)
        .with("max", Duration::from_ms(task.retry.max_ms));
    object.put("retry", retry);
    object.put("retention", Duration::from_ms(task.retention_ms));
    object.put_some("webhook", task.on_end.as_ref().and_then(webhook::url));
    object.put("put_at", time(view.put_ms));
    object
}

/// The workflow object. `base` comes before its path.
pub fn workflow(id: &TaskId, view: &WorkflowView, base: &str) -> JsonObject {
    let task = &view.task;
    let ended = &view.ended;
    let failed = task.state == State::Failed;
    let error = task.errors.last().filter(|_| failed);
    let progress = JsonObject::default()
        .with("total", view.total)
        .with("succeeded", ended.succeeded)
        .with("failed", ended.failed)
        .with("cancelled", ended.cancelled)
        .with("expired", ended.expired);
    let mut object = JsonObject::default()
        .with("id", id.to_string())
        .with("state", task.state.to_string())
        .with("workflow", view.workflow.name())
        .with("queue", id.queue())
        .with("progress", progress);
    object.put_some("result", task.result.as_ref());
    object.put_some("error", error.map(|e| &e.error));
    object.put("enqueued_at", time(task.task.enqueued_ms));
    // A workflow's own next run is an internal time, so show only a delay.
    let scheduled = task.state == State::Scheduled;
    object.put_some("next_at", task.next_ms.filter(|_| scheduled).map(time));
    object.put_some("expires_at", task.task.expires_ms.map(time));
    object.put_some("ended_at", task.ended_ms.map(time));
    object.put("retention", Duration::from_ms(task.task.retention_ms));
    let webhook = task.task.on_end.as_ref().and_then(webhook::url);
    object.put_some("webhook", webhook);
    let retry_of = task.task.retry_of.as_ref();
    object.put_some("retry_of", retry_of.map(TaskId::to_string));
    object.put("tasks", format!("{base}/v1/workflows/{id}/tasks"));
    object
}

/// The arguments of a task, as callers see them.
pub fn shown_args(task: &TaskSpec) -> Cow<'_, Json> {
    redact::args(&task.kind, &task.args)
}

/// The object of a workflow's member. A member that is not enqueued yet has no id and no state.
pub fn member(member: &MemberView) -> JsonObject {
    let object = match &member.task {
        Some((id, Ok(view))) => task(id, view),
        Some((id, Err(e))) => unreadable(Some(id), e),
        None => JsonObject::default(),
    };
    object.with("step", member.step).with("index", member.index)
}

/// The object of a task in a list whose records can't be read.
pub fn unreadable(id: Option<&TaskId>, error: &QueueError) -> JsonObject {
    let mut object = JsonObject::default();
    object.put_some("id", id.map(TaskId::to_string));
    object.put_some("queue", id.map(TaskId::queue));
    object.with("error", error.to_string())
}

/// The membership of a task.
fn membership(member: &Membership) -> JsonObject {
    JsonObject::default()
        .with("id", member.workflow.to_string())
        .with("step", member.step)
        .with("index", member.index)
}

/// A log line.
pub fn log_line(line: &LogLine) -> JsonObject {
    JsonObject::default()
        .with("at", time(line.at_ms))
        .with("attempt", line.attempt)
        .with("message", &line.message)
}

/// The part of the task object that changes with the state.
pub fn state(view: &TaskView) -> JsonObject {
    let mut object = JsonObject::default()
        .with("state", view.state.to_string())
        .with("attempt", view.attempt);
    // The reason for the retry.
    let retries = view.state == State::Retrying;
    // A part or a snooze waits without an error of its attempt.
    let of_this = |e: &&AttemptError| retries && e.attempt == view.attempt;
    let last_error = view.errors.last().filter(of_this);
    object.put_some("error", last_error.map(|e| &e.error));
    object.put_some("started_at", view.started_ms.map(time));
    object.put_some("next_at", view.next_ms.map(time));
    object
}

/// The task object. Fields that do not apply are omitted.
pub fn task(id: &TaskId, view: &TaskView) -> JsonObject {
    let task = &view.task;
    let failed = view.state == State::Failed;
    let mut object = JsonObject::default()
        .with("id", id.to_string())
        .with("state", view.state.to_string())
        .with("task", &task.kind)
        .with("args", redact::args(&task.kind, &task.args).as_ref());
    object.put_some("result", view.result.as_ref());
    let last_error = view.errors.last().filter(|_| failed);
    object.put_some("error", last_error.map(|e| &e.error));
    let report = &view.report;
    object.put_some("progress", report.progress.as_ref());
    object.put_some("message", report.message.as_ref());
    object.put("queue", id.queue());
    object.put_some("key", task.key.as_ref());
    object.put("priority", task.priority);
    object.put("attempt", view.attempt);
    object.put("attempts_max", task.retry.attempts);
    object.put(
        "errors",
        view.errors.iter().map(attempt).collect::<Vec<_>>(),
    );
    object.put_some("runs_lost", (view.lost > 0).then_some(view.lost));
    let logs = report.logs.iter().map(log_line).collect::<Vec<_>>();
    object.put_some("logs", (!logs.is_empty()).then_some(logs));
    let dropped = report.logs_dropped;
    object.put_some("logs_dropped", (dropped > 0).then_some(dropped));
    object.put("enqueued_at", time(task.enqueued_ms));
    object.put_some("next_at", view.next_ms.map(time));
    object.put_some("expires_at", task.expires_ms.map(time));
    object.put_some("started_at", view.started_ms.map(time));
    object.put_some("ended_at", view.ended_ms.map(time));
    object.put("timeout", Duration::from_ms(task.timeout_ms));
    let silence = task.heartbeat_timeout_ms.map(Duration::from_ms);
    object.put_some("heartbeat_timeout", silence);
    object.put("retention", Duration::from_ms(task.retention_ms));
    object.put_some("webhook", task.on_end.as_ref().and_then(webhook::url));
    object.put_some("end_of", task.end_of.as_ref().map(TaskId::to_string));
    object.put_some("retry_of", task.retry_of.as_ref().map(TaskId::to_string));
    object.put_some("workflow", task.member_of.as_ref().map(membership));
    object.put_some("schedule", task.occurrence.as_ref().map(occurrence));
    object.put_some("traceparent", task.trace.as_ref().map(|t| &t.parent));
    object
}
