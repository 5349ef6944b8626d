//! `handoff workflows`.

use std::num::NonZeroUsize;

use handoff_client::{Shown, WorkflowObject, WorkflowOptions};

use super::{as_json, enqueue, facts, plain, s, state};
use crate::context::Context;
use crate::failure::Failure;
use crate::input;
use crate::options::Workflows;
use crate::output::{Style, Text};
use crate::table::Table;
use crate::times;

/// A request asks for so many workflows at most.
const PAGE_MAX: usize = 100;
const LIST_DEFAULT: NonZeroUsize = NonZeroUsize::new(20).unwrap();

pub(crate) fn run(context: &mut Context, command: Option<Workflows>) -> Result<(), Failure> {
    let default = || Workflows::List {
        queue: "default".to_owned(),
        limit: LIST_DEFAULT,
        all: false,
    };
    match command.unwrap_or_else(default) {
        Workflows::List { queue, limit, all } => {
            let most = if all { usize::MAX } else { limit.get() };
            list(context, &queue, most)
        }
        Workflows::Enqueue { workflow, wait } => {
            let options = WorkflowOptions::from_json(&input::json(&workflow)?)?;
            let mut workflow = context.client.enqueue_workflow(options)?;
            let Some(wait) = wait else {
                return match workflow.object() {
                    Some(shown) if context.json => context.out.json(shown.json()),
                    _ => context.out.line(workflow.id()),
                };
            };
            let result = workflow.result(wait);
            enqueue::finish(context, workflow.object(), result)
        }
        Workflows::Show { id } => {
            let mut workflow = context.client.workflow(&id);
            show(context, workflow.refresh()?)
        }
        Workflows::Tasks { id } => tasks(context, &id),
        Workflows::Cancel { id } => {
            let mut workflow = context.client.workflow(&id);
            let shown = workflow.cancel()?;
            match as_json(context, shown)? {
                true => Ok(()),
                false => context
                    .out
                    .styled(&[format!("{id}: ").into(), state(shown.state.as_str())]),
            }
        }
    }
}

fn list(context: &mut Context, queue: &str, most: usize) -> Result<(), Failure> {
    let header = [
        "ID", "STATE", "KIND", "ENDED", "FAILED", "TOTAL", "ENQUEUED", "ERROR",
    ];
    let mut table = Table::with_text(&header, 0);
    let page = u32::try_from(most.clamp(1, PAGE_MAX)).ok();
    let mut workflows = context.queue(queue).workflows(page);
    let mut found = 0;
    for workflow in workflows.by_ref().take(most) {
        let workflow = workflow?;
        found += 1;
        let Some(shown) = workflow.object() else {
            continue;
        };
        if as_json(context, shown)? {
            continue;
        }
        let progress = shown.progress.clone().unwrap_or_default();
        let done = progress.succeeded + progress.failed + progress.cancelled + progress.expired;
        let enqueued = shown.enqueued_at.as_deref().map(times::ago);
        let error = shown.error.as_deref().unwrap_or_default();
        table.row([
            Text::from(workflow.id()),
            state(shown.state.as_str()),
            Text::from(shown.workflow.as_deref().unwrap_or_default()),
            Text::from(format!("{done:>5}")),
            Text::from(format!("{:>6}", progress.failed)),
            Text::from(format!("{:>5}", progress.total)),
            Text::new(Style::Dim, &enqueued.unwrap_or_default()),
            Text::new(Style::Red, error),
        ]);
    }
    if context.json {
        return Ok(());
    }
    if !table.is_empty() {
        table.print(&mut context.out, true)?;
    }
    let goes_on = match workflows.next().is_some() {
        true => "; there are more: a larger --limit, or --all, goes on",
        false => ": that is all",
    };
    let line = format!("{found} workflow{} of {queue}{goes_on}", s(found));
    context.out.styled(&[Text::new(Style::Dim, &line)])
}

fn show(context: &mut Context, workflow: &Shown<WorkflowObject>) -> Result<(), Failure> {
    if as_json(context, workflow)? {
        return Ok(());
    }
    let time = |time: &Option<String>| plain(time.as_deref().map(times::exact));
    let progress = workflow.progress.as_ref().map(|it| {
        format!(
            "{} of {} succeeded, {} failed, {} cancelled, {} expired",
            it.succeeded, it.total, it.failed, it.cancelled, it.expired
        )
    });
    facts(
        &mut context.out,
        vec![
            ("workflow", plain(workflow.workflow.as_ref())),
            ("id", plain(Some(&workflow.id))),
            ("state", Some(state(workflow.state.as_str()))),
            (
                "error",
                workflow.error.as_deref().map(|e| Text::new(Style::Red, e)),
            ),
            (
                "result",
                plain(workflow.result.as_ref().map(|json| json.text())),
            ),
            ("progress", plain(progress)),
            ("queue", plain(workflow.queue.as_ref())),
            ("enqueued", time(&workflow.enqueued_at)),
            ("due", time(&workflow.next_at)),
            ("ended", time(&workflow.ended_at)),
            ("retry of", plain(workflow.retry_of.as_ref())),
        ],
    )
}

fn tasks(context: &mut Context, id: &str) -> Result<(), Failure> {
    let mut table = Table::with_text(&["STEP", "NUMBER", "STATE", "TASK", "ID", "ABOUT"], 4);
    for member in context.client.workflow(id).tasks(Some(100)) {
        let member = member?;
        if as_json(context, &member)? {
            continue;
        }
        let about = match (&member.error, &member.result) {
            (Some(error), _) => Text::new(Style::Red, error),
            (None, Some(result)) => Text::from(result.text()),
            (None, None) => Text::from(""),
        };
        table.row([
            Text::from(format!("{:>4}", member.step)),
            Text::from(format!("{:>6}", member.index)),
            state(
                member
                    .state
                    .as_ref()
                    .map_or("not enqueued", |state| state.as_str()),
            ),
            Text::from(member.task.as_deref().unwrap_or_default()),
            Text::from(member.id.as_deref().unwrap_or_default()),
            about,
        ]);
    }
    match context.json {
        true => Ok(()),
        false => table.print(&mut context.out, true),
    }
}
