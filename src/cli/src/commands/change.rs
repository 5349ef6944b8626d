//! `handoff retry`, `discard` and `cancel`: by ids, or by a filter.

use handoff_client::{Bulk, Client, Filter, HandoffError, Json, Queue, Shown, TaskObject};

use super::s;
use crate::causes;
use crate::confirm::confirm;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::Change;
use crate::output::{Style, Text};
use crate::progress::Progress;

/// A change of tasks.
struct Action {
    /// Its name, such as `retry`.
    verb: &'static str,
    /// Its object, such as `failed task`.
    what: &'static str,
    /// Its participle, such as `retried`.
    done: &'static str,
    one: fn(&Client, &str) -> Result<Shown<TaskObject>, HandoffError>,
    all: Bulk,
}

pub(crate) fn retry(context: &mut Context, options: &Change) -> Result<(), Failure> {
    let action = Action {
        verb: "retry",
        what: "failed task",
        done: "retried",
        one: |client, id| {
            let retried = client.task(id).retry()?;
            retried
                .object()
                .cloned()
                .map_or_else(|| retried_anew(client, retried.id()), Ok)
        },
        all: Bulk::Retry,
    };
    run(context, options, &options.which.filter(), &action)
}

fn retried_anew(client: &Client, id: &str) -> Result<Shown<TaskObject>, HandoffError> {
    client.task(id).refresh().cloned()
}

pub(crate) fn discard(context: &mut Context, options: &Change) -> Result<(), Failure> {
    let action = Action {
        verb: "discard",
        what: "failed task",
        done: "discarded",
        one: |client, id| client.task(id).discard().cloned(),
        all: Bulk::Discard,
    };
    run(context, options, &options.which.filter(), &action)
}

pub(crate) fn cancel(
    context: &mut Context,
    options: &Change,
    state: Option<&str>,
) -> Result<(), Failure> {
    let action = Action {
        verb: "cancel",
        what: "open task",
        done: "cancelled",
        one: |client, id| client.task(id).cancel().cloned(),
        all: Bulk::Cancel,
    };
    let filter = match state {
        Some(state) => options.which.filter().state(state),
        None => options.which.filter(),
    };
    run(context, options, &filter, &action)
}

fn run(
    context: &mut Context,
    options: &Change,
    filter: &Filter,
    action: &Action,
) -> Result<(), Failure> {
    if !options.ids.is_empty() {
        return by_id(context, &options.ids, action);
    }
    if filter.is_empty() && !options.all {
        let what = format!(
            "name ids, a filter, or --all to {} every {}",
            action.verb, action.what
        );
        return Err(Failure::Usage(what));
    }
    let queue = context.queue(&options.which.queue);
    let (verb, done) = (action.verb, action.done);
    let tasks = |count| format!("{count} {}{} of {}", action.what, s(count), queue.name());
    let would = match options.yes && !options.dry_run {
        true => None,
        false => Some(would(context, &queue, filter, action)?),
    };
    if let Some(would) = would {
        if would == 0 && !filter.is_empty() && action.all != Bulk::Cancel {
            return nothing(context, options, &queue);
        }
        if options.dry_run {
            counted(context, &format!("would {verb}"), would, &tasks(would))?;
            return elsewhere(context, &queue, filter, action);
        }
        if would == 0 {
            return counted(context, done, 0, &tasks(0));
        }
        context.out.flush()?;
        confirm(&format!("{verb} {}", tasks(would)), false)?;
    }
    let progress = Progress::new(done, would);
    let (mut count, mut calls) = (0_u64, queue.bulk(action.all, filter, false));
    while let Some(more) = calls.next().transpose()? {
        count = count.saturating_add(more);
        progress.show(count)?;
    }
    progress.end()?;
    if count == 0 && would.is_none() && !filter.is_empty() && action.all != Bulk::Cancel {
        return nothing(context, options, &queue);
    }
    counted(context, done, count, &tasks(count))?;
    elsewhere(context, &queue, filter, action)
}

/// Names other queues with failed tasks that fit. `handoff failed` shows those of all queues.
fn elsewhere(
    context: &mut Context,
    queue: &Queue,
    filter: &Filter,
    action: &Action,
) -> Result<(), Failure> {
    if context.json || action.all == Bulk::Cancel {
        return Ok(());
    }
    for (name, count) in causes::others(context, queue.name(), filter)? {
        let line = format!("{count} more in {name}: --queue {name}");
        context.out.styled(&[Text::new(Style::Dim, &line)])?;
    }
    Ok(())
}

/// Counts what would be changed. Failed tasks are listed by their causes.
fn would(
    context: &mut Context,
    queue: &Queue,
    filter: &Filter,
    action: &Action,
) -> Result<u64, Failure> {
    if action.all != Bulk::Cancel
        && let Some(causes) = causes::of(queue, filter)?
    {
        let count = causes.count();
        if !context.json {
            causes::print(context, causes.list())?;
        }
        return Ok(count);
    }
    let counts: Result<Vec<_>, _> = queue.bulk(action.all, filter, true).collect();
    Ok(counts?.into_iter().fold(0, u64::saturating_add))
}

fn nothing(context: &Context, options: &Change, queue: &Queue) -> Result<(), Failure> {
    let fits = &options.which.fits;
    Err(causes::nothing(context, queue, fits)?)
}

/// Says how many tasks were changed.
fn counted(context: &mut Context, done: &str, count: u64, tasks: &str) -> Result<(), Failure> {
    if context.json {
        let name = done.replace(' ', "_");
        let json = Json::of(&serde_json::json!({name: count}))?;
        return context.out.json(&json);
    }
    context.out.line(format!("{done} {tasks}"))
}

/// Changes each task. All of them are tried, whatever becomes of the others.
fn by_id(context: &mut Context, ids: &[String], action: &Action) -> Result<(), Failure> {
    let mut failed = None;
    for id in ids {
        match (action.one)(&context.client, id) {
            Ok(shown) if context.json => context.out.json(shown.json())?,
            Ok(shown) if action.verb == "retry" => {
                context.out.line(format!("{id}: retried as {}", shown.id))?;
            }
            Ok(shown) if action.verb == "cancel" && !shown.state.is_final() => {
                let state = &shown.state;
                context.out.line(format!(
                    "{id}: {state}, sees the request at its next checkpoint"
                ))?;
            }
            Ok(shown) if action.verb == "cancel" => {
                context.out.line(format!("{id}: {}", shown.state))?;
            }
            Ok(_) => context.out.line(format!("{id}: {}", action.done))?,
            Err(error) => {
                let one = Failure::from(error).about(id);
                one.print();
                // It may have happened: that is said whatever else failed.
                if !matches!(failed, Some(Failure::Unavailable(_))) {
                    failed = Some(one);
                }
            }
        }
    }
    match failed {
        None => Ok(()),
        Some(Failure::Unavailable(_)) => Err(Failure::SaidUnavailable),
        Some(_) => Err(Failure::Said),
    }
}
