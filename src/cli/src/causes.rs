//! Why tasks failed: reads failed tasks, and groups them by their causes.

use std::collections::BTreeSet;

use handoff_client::{ErrorKind, Filter, HandoffError, Queue};
use handoff_wire::{Cause, Causes, Time};

use crate::context::Context;
use crate::failure::Failure;
use crate::filter::Fits;
use crate::output::{Style, Text};
use crate::table::Table;
use crate::times;

const PAGE: u32 = 100;

/// Calls `each` for each failed task of a queue that fits, the last failures first. Returns how
/// many there are.
pub(crate) fn read(
    queue: &Queue,
    filter: &Filter,
    mut each: impl FnMut(&handoff_client::Shown<handoff_client::TaskObject>) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let filter = filter.clone().state("failed");
    let (mut next, mut count) = (None, 0);
    loop {
        let page = queue.page(&filter, Some(PAGE), next.as_deref())?;
        for task in &page.tasks {
            each(task)?;
            count += 1;
        }
        next = page.next;
        if next.is_none() {
            return Ok(count);
        }
    }
}

/// Adds the failed tasks of a queue that fit. Returns how many there are.
pub(crate) fn add(causes: &mut Causes, queue: &Queue, filter: &Filter) -> Result<u64, Failure> {
    read(queue, filter, |task| {
        let kind = task.task.as_deref().unwrap_or_default();
        let error = task.error.as_deref().unwrap_or_default();
        let at = task.ended_at.as_deref().and_then(|at| at.parse().ok());
        causes.add(queue.name(), kind, error, at, &task.id);
        Ok(())
    })
}

/// Prints a line for each cause.
pub(crate) fn print(context: &mut Context, causes: Vec<Cause>) -> Result<(), Failure> {
    if causes.is_empty() {
        return Ok(());
    }
    let heads = [
        "COUNT", "QUEUE", "TASK", "FIRST", "LAST", "SUCH AS", "CAUSE",
    ];
    let mut table = Table::with_texts(&heads, 5, 2);
    for cause in causes {
        let time = |time: Option<Time>| time.map(|time| time.to_string());
        let first = time(cause.first).map(|first| times::moment(&first));
        let last = time(cause.last);
        let last = last.map(|last| format!("{}, {}", times::moment(&last), times::ago(&last)));
        table.row([
            Text::from(format!("{:>5}", cause.count)),
            Text::from(&cause.queue),
            Text::from(&cause.kind),
            Text::new(Style::Dim, &first.unwrap_or_default()),
            Text::new(Style::Dim, &last.unwrap_or_default()),
            Text::from(&cause.example),
            Text::new(Style::Red, &cause.error),
        ]);
    }
    table.print(&mut context.out, true)
}

/// Why a filter of failed tasks fits nothing.
pub(crate) fn nothing(context: &Context, queue: &Queue, fits: &Fits) -> Result<Failure, Failure> {
    let (task, error) = (fits.task.as_deref(), fits.error.as_deref());
    let mut causes = Causes::default();
    let count = match add(&mut causes, queue, &Filter::new()) {
        Err(Failure::Refused(_)) => return Ok(Failure::Refused("no failed task fits".to_owned())),
        count => count?,
    };
    let (name, causes) = (queue.name(), causes.list());
    let kinds: BTreeSet<_> = causes.iter().map(|cause| &*cause.kind).collect();
    let mut what = match task {
        Some(task) if !kinds.contains(task) => {
            format!("no failed task of {name} is of the kind {task}")
        }
        _ => format!("no failed task of {name} fits"),
    };
    if count > 0 {
        let kinds: Vec<_> = kinds.into_iter().collect();
        what += &format!("; there are: {}", kinds.join(", "));
    }
    if error.is_some_and(|error| !error.contains('*')) {
        what += "; --error is of the whole first line, and * in it is any text";
    }
    for (other, count) in others(context, name, &fits.filter())? {
        what += &format!("; {count} fit in {other}: --queue {other}");
    }
    Ok(Failure::Refused(what))
}

/// Other queues with failed tasks that fit, and how many there are. None if the token may not ask.
pub(crate) fn others(
    context: &Context,
    name: &str,
    filter: &Filter,
) -> Result<Vec<(String, u64)>, HandoffError> {
    let queues = match context.client.queues() {
        Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(Vec::new()),
        queues => queues?,
    };
    let mut others = Vec::new();
    for queue in queues.iter().filter(|queue| queue.name != name) {
        let count = context.queue(&queue.name).discard_failed(filter, true)?;
        others.push((queue.name.clone(), count));
    }
    others.retain(|(_, count)| *count > 0);
    Ok(others)
}

/// The causes of the failed tasks of a queue that fit, or nothing if the token may not read.
pub(crate) fn of(queue: &Queue, filter: &Filter) -> Result<Option<Causes>, Failure> {
    let mut causes = Causes::default();
    let first = queue.page(&filter.clone().state("failed"), Some(1), None);
    match first {
        Err(error) if error.kind() == ErrorKind::Forbidden => Ok(None),
        first => {
            first?;
            add(&mut causes, queue, filter)?;
            Ok(Some(causes))
        }
    }
}
