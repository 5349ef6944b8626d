//! `handoff enqueue`.

use handoff_client::{BatchItem, BatchOptions, EnqueueOptions, HandoffError, Json, Retry, Task};

use super::{as_json, s};
use crate::context::Context;
use crate::failure::Failure;
use crate::input;
use crate::options::Enqueue;

/// A request takes so many items,
const ITEMS_MAX: usize = 1_000;
/// and about so many bytes: half of what a body may have.
const BYTES_MAX: usize = 1 << 19;

pub(crate) fn run(context: &mut Context, options: &Enqueue) -> Result<(), Failure> {
    if let Some(file) = &options.batch {
        return batch(context, options, file);
    }
    let kind = options.task.as_deref().unwrap_or_default();
    let args = options.args.as_deref().map(input::json).transpose()?;
    let args = args.unwrap_or_else(Json::null);
    let mut fields = fields(options);
    if let Some(queue) = &options.queue {
        fields = fields.queue(queue);
    }
    let mut task = context.client.enqueue_with(kind, args, fields)?;
    let Some(wait) = options.wait else {
        if let Some(shown) = task.object()
            && as_json(context, shown)?
        {
            return Ok(());
        }
        return context.out.line(task.id());
    };
    let result = task.result(wait);
    finish(context, task.object(), result)
}

/// Prints the result of what was waited for.
pub(super) fn finish<T>(
    context: &mut Context,
    shown: Option<&handoff_client::Shown<T>>,
    result: Result<Json, HandoffError>,
) -> Result<(), Failure> {
    if context.json {
        if let Some(shown) = shown {
            context.out.json(shown.json())?;
        }
        return Ok(result.map(drop)?);
    }
    let result = result?;
    context.out.json(&result)
}

/// The fields of each task.
fn fields(options: &Enqueue) -> EnqueueOptions {
    let mut fields = EnqueueOptions::new();
    let set = [
        ("key", &options.key),
        ("priority", &options.priority),
        ("delay", &options.delay),
        ("eta", &options.eta),
        ("expires", &options.expires),
        ("timeout", &options.timeout),
        ("retention", &options.retention),
        ("webhook", &options.webhook),
        ("idempotency_key", &options.idempotency_key),
    ];
    for (name, value) in set {
        if let Some(Ok(json)) = value.as_ref().map(Json::of) {
            fields = fields.field(name, json);
        }
    }
    match options.attempts {
        Some(attempts) => fields.retry(Retry::new().attempts(attempts)),
        None => fields,
    }
}

/// Enqueues the lines of a file. What each line sets stands above what the options set for all.
fn batch(context: &mut Context, options: &Enqueue, file: &str) -> Result<(), Failure> {
    let (common, queue) = (fields(options), &options.queue);
    let (mut items, mut numbers, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut counts = Counts::default();
    for line in input::lines(file)? {
        let (number, line) = line?;
        let item = Json::from_text(&line).and_then(|json| BatchItem::from_json(&json));
        let item = item.map_err(|e| Failure::Usage(format!("{file}, line {number}: {e}")))?;
        if items.len() == ITEMS_MAX || bytes + line.len() > BYTES_MAX {
            send(context, &mut items, &mut numbers, queue, &mut counts)?;
            bytes = 0;
        }
        bytes += line.len();
        items.push(item.or(common.clone()));
        numbers.push(number);
    }
    send(context, &mut items, &mut numbers, queue, &mut counts)?;
    match counts.refused {
        0 => Ok(()),
        refused => {
            let done = counts.enqueued;
            let what = format!("{refused} line{} refused, {done} enqueued", s(refused));
            Err(Failure::Refused(what))
        }
    }
}

#[derive(Default)]
struct Counts {
    enqueued: u64,
    refused: u64,
}

fn send(
    context: &mut Context,
    items: &mut Vec<BatchItem>,
    numbers: &mut Vec<usize>,
    queue: &Option<String>,
    counts: &mut Counts,
) -> Result<(), Failure> {
    if items.is_empty() {
        return Ok(());
    }
    let options = BatchOptions {
        // A batch names it beside the tasks.
        queue: queue.clone(),
        ..BatchOptions::default()
    };
    let entries = context.client.batch(std::mem::take(items), &options);
    for (number, entry) in std::mem::take(numbers).into_iter().zip(entries?) {
        match entry {
            Ok(task) => {
                counts.enqueued += 1;
                enqueued(context, &task)?;
            }
            Err(error) => {
                counts.refused += 1;
                Failure::Refused(format!("line {number}: {error}")).print();
            }
        }
    }
    context.out.flush()
}

fn enqueued(context: &mut Context, task: &Task) -> Result<(), Failure> {
    match task.object() {
        Some(shown) if context.json => context.out.json(shown.json()),
        _ => context.out.line(task.id()),
    }
}
