//! `handoff list`.

use handoff_client::{Shown, TaskObject};

use super::{s, short, state};
use crate::context::Context;
use crate::failure::Failure;
use crate::options::List;
use crate::output::{Style, Text};
use crate::table::Table;
use crate::times;

/// A request asks for so many tasks at most.
const PAGE_MAX: usize = 100;
/// So many pages may have nothing before a list that does not go on by itself ends.
const LOOKS_MAX: usize = 10;

/// How far a list looked.
#[derive(Default)]
struct Searched {
    slots: u64,
    back_to: Option<String>,
}

pub(crate) fn run(context: &mut Context, options: &List) -> Result<(), Failure> {
    let mut filter = options.which.filter();
    if let Some(state) = &options.state {
        filter = filter.state(state.as_str());
    }
    let queue = context.queue(&options.which.queue);
    let (mut found, mut looks, mut next) = (0, 0, None);
    let mut searched = Searched::default();
    loop {
        let left = match options.all {
            true => PAGE_MAX,
            false => options.limit.saturating_sub(found).min(PAGE_MAX),
        };
        let limit = u32::try_from(left.max(1)).ok();
        let page = queue.page(&filter, limit, next.as_deref())?;
        if let Some(more) = page.searched {
            searched.slots = searched.slots.saturating_add(more.slots);
            searched.back_to = more.back_to.or(searched.back_to);
        }
        // `next` has the limit of the first page.
        let tasks = &page.tasks[..page.tasks.len().min(left)];
        print(context, tasks, found == 0)?;
        found += tasks.len();
        looks += 1;
        next = page.next;
        let enough = !options.all && (found >= options.limit || looks >= LOOKS_MAX);
        if next.is_none() || enough {
            break;
        }
    }
    if !context.json {
        end(context, options, found, &searched, next.is_some())?;
    }
    Ok(())
}

fn print(context: &mut Context, tasks: &[Shown<TaskObject>], first: bool) -> Result<(), Failure> {
    if context.json {
        return tasks
            .iter()
            .try_for_each(|task| context.out.json(task.json()));
    }
    if tasks.is_empty() {
        return Ok(());
    }
    let mut table = Table::with_text(&["ID", "STATE", "TASK", "TRY", "WHEN", "ABOUT"], 0);
    for task in tasks {
        let attempt = task.attempt.map(|attempt| attempt.to_string());
        let ago = when(task).map(times::ago);
        table.row([
            Text::from(&task.id),
            state(task.state.as_str()),
            Text::from(task.task.as_deref().unwrap_or_default()),
            Text::from(attempt.unwrap_or_default()),
            Text::new(Style::Dim, &ago.unwrap_or_default()),
            about(task),
        ]);
    }
    table.print(&mut context.out, first)?;
    context.out.flush()
}

/// The time that says most in this state.
fn when(task: &TaskObject) -> Option<&str> {
    let times = [
        &task.ended_at,
        &task.next_at,
        &task.started_at,
        &task.enqueued_at,
    ];
    times.into_iter().find_map(|time| time.as_deref())
}

/// The error, the progress or the arguments.
fn about(task: &TaskObject) -> Text {
    if let Some(error) = task
        .error
        .as_deref()
        .or(task.errors.last().map(|e| e.error.as_str()))
    {
        return Text::new(Style::Red, error);
    }
    let progress = super::show::progress(task).filter(|_| !task.state.is_final());
    let args = || short(task.args.as_ref()).map(str::to_owned);
    Text::from(progress.or_else(args).unwrap_or_default())
}

fn end(
    context: &mut Context,
    options: &List,
    found: usize,
    searched: &Searched,
    more: bool,
) -> Result<(), Failure> {
    let queue = &options.which.queue;
    let mut line = format!("{found} task{} of {queue}", s(found as u64));
    if searched.slots > 0 {
        line += &format!(", searched {} places", searched.slots);
        if let Some(back_to) = &searched.back_to {
            line += &format!(" back to {}", times::exact(back_to));
        }
    }
    line += if more {
        "; there may be more: a larger --limit, or --all, goes on"
    } else {
        ": that is all"
    };
    context.out.styled(&[Text::new(Style::Dim, &line)])
}
