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

/// Lines of a file that are sent together.
#[derive(Default)]
struct Chunk {
    items: Vec<BatchItem>,
    /// The number of each one's line.
    lines: Vec<usize>,
    bytes: usize,
}

#[derive(Default)]
struct Counts {
    enqueued: u64,
    refused: u64,
}

/// Enqueues the lines of a file. What a line sets stands above what the options set for all.
fn batch(context: &mut Context, options: &Enqueue, file: &str) -> Result<(), Failure> {
    let (common, queue) = (fields(options), options.queue.as_deref());
    let (mut chunk, mut counts) = (Chunk::default(), Counts::default());
    for line in input::lines(file)? {
        let (number, line) = line?;
        let item = Json::from_text(&line).and_then(|json| BatchItem::from_json(&json));
        let item = match item {
            Ok(item) => item.or(common.clone()),
            Err(error) => {
                refused(&format!("line {number}"), error, 1, &mut counts);
                continue;
            }
        };
        if chunk.items.len() == ITEMS_MAX || chunk.bytes + line.len() > BYTES_MAX {
            send(context, std::mem::take(&mut chunk), queue, &mut counts)?;
        }
        chunk.items.push(item);
        chunk.lines.push(number);
        chunk.bytes += line.len();
    }
    send(context, chunk, queue, &mut counts)?;
    match counts.refused {
        0 => Ok(()),
        refused => {
            let done = counts.enqueued;
            let what = format!("{refused} line{} refused, {done} enqueued", s(refused));
            Err(Failure::Refused(what))
        }
    }
}

/// Names what was refused.
fn refused(lines: &str, error: HandoffError, count: usize, counts: &mut Counts) {
    counts.refused += count as u64;
    Failure::Refused(error.to_string()).about(lines).print();
}

fn send(
    context: &mut Context,
    chunk: Chunk,
    queue: Option<&str>,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let (Some(first), Some(last)) = (chunk.lines.first(), chunk.lines.last()) else {
        return Ok(());
    };
    let lines = format!("lines {first} to {last}");
    let options = BatchOptions {
        // A batch names it beside the tasks.
        queue: queue.map(str::to_owned),
        ..BatchOptions::default()
    };
    let entries = match context.client.batch(chunk.items, &options) {
        Ok(entries) => entries,
        // None of them is valid.
        Err(error) if error.status() == Some(400) => {
            refused(&lines, error, chunk.lines.len(), counts);
            return Ok(());
        }
        Err(error) => return Err(Failure::from(error).about(&lines)),
    };
    for (number, entry) in chunk.lines.into_iter().zip(entries) {
        match entry {
            Ok(task) => {
                counts.enqueued += 1;
                enqueued(context, &task)?;
            }
            Err(error) => refused(&format!("line {number}"), error, 1, counts),
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
