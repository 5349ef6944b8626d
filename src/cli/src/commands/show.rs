//! `handoff show` and `handoff status`.

use handoff_client::{Shown, TaskObject};
use handoff_wire::headline;

use super::{as_json, facts, plain, short, state};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Output, Style, Text};
use crate::times;

/// Shows each task. The first that is unknown ends it.
pub(crate) fn tasks(context: &mut Context, ids: &[String]) -> Result<(), Failure> {
    for (i, id) in ids.iter().enumerate() {
        if i > 0 && !context.json {
            context.out.line("")?;
        }
        task(context, id)?;
    }
    Ok(())
}

fn task(context: &mut Context, id: &str) -> Result<(), Failure> {
    let mut task = context.client.task(id);
    let shown = task.refresh()?;
    if as_json(context, shown)? {
        return Ok(());
    }
    whole(&mut context.out, shown)
}

/// Prints all of a task.
pub(super) fn whole(out: &mut Output, task: &Shown<TaskObject>) -> Result<(), Failure> {
    let time = |time: &Option<String>| time.as_deref().map(times::exact).map(Text::from);
    let attempt = task.attempt.map(|attempt| match task.attempts_max {
        Some(most) => format!("{attempt} of {most}"),
        None => attempt.to_string(),
    });
    // The attempts have all of it.
    let error = task.error.as_deref().map(headline);
    let error = error.map(|error| Text::new(Style::Red, error));
    let schedule = task.schedule.as_ref();
    let workflow = task.workflow.as_ref();
    facts(
        out,
        vec![
            ("task", plain(task.task.as_ref())),
            ("id", plain(Some(&task.id))),
            ("state", Some(state(task.state.as_str()))),
            ("error", error),
            (
                "result",
                plain(task.result.as_ref().map(|json| json.text())),
            ),
            ("progress", plain(progress(task))),
            ("args", plain(short(task.args.as_ref()))),
            ("queue", plain(task.queue.as_ref())),
            ("key", plain(task.key.as_ref())),
            (
                "priority",
                plain(task.priority.as_ref().map(|it| it.as_str())),
            ),
            ("attempt", plain(attempt)),
            ("lost runs", plain(task.runs_lost.map(|n| n.to_string()))),
            ("enqueued", time(&task.enqueued_at)),
            ("due", time(&task.next_at)),
            ("expires", time(&task.expires_at)),
            ("started", time(&task.started_at)),
            ("ended", time(&task.ended_at)),
            ("timeout", plain(task.timeout.as_ref())),
            ("retention", plain(task.retention.as_ref())),
            ("webhook", plain(task.webhook.as_ref())),
            ("run again as", plain(task.retried_as.as_ref())),
            ("retry of", plain(task.retry_of.as_ref())),
            ("end of", plain(task.end_of.as_ref())),
            (
                "schedule",
                plain(schedule.map(|it| format!("{}, due {}", it.name, times::exact(&it.at)))),
            ),
            (
                "workflow",
                plain(
                    workflow.map(|it| format!("{}, step {}, number {}", it.id, it.step, it.index)),
                ),
            ),
            ("trace", plain(task.traceparent.as_ref())),
        ],
    )?;
    attempts(out, task)?;
    logs(out, task)
}

/// Its progress, and words about it.
pub(super) fn progress(task: &TaskObject) -> Option<String> {
    match (&task.progress, &task.message) {
        (Some(progress), Some(message)) => Some(format!("{}, {message}", progress.text())),
        (Some(progress), None) => Some(progress.text().to_owned()),
        (None, message) => message.clone(),
    }
}

fn attempts(out: &mut Output, task: &TaskObject) -> Result<(), Failure> {
    if task.errors.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.styled(&[Text::new(Style::Bold, "attempts that failed")])?;
    for error in &task.errors {
        let (began, ended) = (error.started_at.as_deref(), error.ended_at.as_deref());
        let parts = [
            ended.map(times::moment),
            began
                .zip(ended)
                .and_then(|(began, ended)| times::took(began, ended)),
            ended.map(times::ago),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let what = format!("{:>3}  {}", error.attempt, parts.join(", "));
        out.styled(&[Text::new(Style::Dim, &what)])?;
        for line in error.error.lines() {
            out.line(format!("     {line}"))?;
        }
    }
    Ok(())
}

fn logs(out: &mut Output, task: &TaskObject) -> Result<(), Failure> {
    if task.logs.is_empty() {
        return Ok(());
    }
    out.line("")?;
    let dropped = task.logs_dropped.filter(|dropped| *dropped > 0);
    let dropped = dropped.map(|dropped| format!(" ({dropped} older lines are gone)"));
    let head = format!("log{}", dropped.unwrap_or_default());
    out.styled(&[Text::new(Style::Bold, &head)])?;
    for line in &task.logs {
        let what = format!("{}  {}: ", times::clock(&line.at), line.attempt);
        out.styled(&[Text::new(Style::Dim, &what), Text::from(&line.message)])?;
    }
    Ok(())
}

pub(crate) fn status(context: &mut Context, id: &str) -> Result<(), Failure> {
    let shown = context.client.status(id)?;
    if as_json(context, &shown)? {
        return Ok(());
    }
    let behind = shown
        .error
        .as_deref()
        .or(shown.result.as_ref().map(|json| json.text()));
    match behind {
        Some(behind) => context
            .out
            .styled(&[state(&shown.status), ": ".into(), behind.into()]),
        None => context.out.styled(&[state(&shown.status)]),
    }
}
