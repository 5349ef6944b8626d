//! `handoff top`: all queues, again and again.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use handoff_client::{QueueObject, Shown};

use super::queues::{failed, open};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Text;
use crate::table::Table;

/// A queue in the look before.
struct Before {
    at: Instant,
    ended: u64,
}

pub(crate) fn run(
    context: &mut Context,
    every: Duration,
    count: Option<u64>,
) -> Result<(), Failure> {
    let mut before = BTreeMap::new();
    let (mut lines, mut looks) = (0, 0);
    let redraws = context.out.is_terminal && !context.json;
    loop {
        // A look that fails at times, as while a host restarts, does not end it.
        let table = look(context, &mut before);
        if redraws {
            context.out.back(lines)?;
        }
        lines = match table {
            Ok(Some(mut table)) => {
                // The cursor can't go back further than to the first line.
                if let Some(height) = context.out.height.filter(|_| redraws) {
                    table.shorten(height.saturating_sub(1));
                }
                table.print(&mut context.out, looks == 0 || redraws)?;
                table.height()
            }
            Ok(None) => 0,
            Err(Failure::Unavailable(what)) if looks > 0 => {
                Failure::Unavailable(what).print();
                usize::from(redraws)
            }
            Err(failure) => return Err(failure),
        };
        context.out.flush()?;
        looks += 1;
        if count.is_some_and(|count| looks >= count) {
            return Ok(());
        }
        thread::sleep(every);
    }
}

/// Looks at all queues. Returns what is to be printed, besides JSON.
fn look(
    context: &mut Context,
    before: &mut BTreeMap<String, Before>,
) -> Result<Option<Table>, Failure> {
    let heads = [
        "QUEUE", "WAITING", "OLDEST", "RUNNING", "WORKERS", "ENDED/s", "FAILED", "STATE",
    ];
    let mut table = Table::new(&heads);
    for queue in context.client.queues()? {
        let queue = context.queue(&queue.name).get()?;
        if context.json {
            context.out.json(queue.json())?;
            continue;
        }
        let ended = rate(&queue, before);
        row(&mut table, &queue, ended);
    }
    Ok(Some(table).filter(|_| !context.json))
}

fn row(table: &mut Table, queue: &Shown<QueueObject>, rate: Option<f64>) {
    let running = queue.running.map(|running| running.to_string());
    table.row([
        Text::from(&queue.name),
        Text::from(format!("{:>7}", queue.waiting)),
        Text::from(format!(
            "{:>6}",
            queue.oldest_waiting.as_deref().unwrap_or("-")
        )),
        Text::from(format!("{:>7}", running.as_deref().unwrap_or("-"))),
        Text::from(format!("{:>7}", queue.workers)),
        Text::from(rate.map_or_else(|| "      -".to_owned(), |rate| format!("{rate:>7.1}"))),
        failed(queue),
        open(queue),
    ]);
}

/// How many tasks ended a second since the look before.
fn rate(queue: &QueueObject, before: &mut BTreeMap<String, Before>) -> Option<f64> {
    let ended = queue.ended.as_ref()?;
    let parts = [
        ended.succeeded,
        ended.failed,
        ended.cancelled,
        ended.expired,
    ];
    let ended = parts.into_iter().fold(0, u64::saturating_add);
    let at = Instant::now();
    let before = before.insert(queue.name.clone(), Before { at, ended })?;
    let seconds = at.duration_since(before.at).as_secs_f64();
    (seconds > 0.0).then(|| ended.saturating_sub(before.ended) as f64 / seconds)
}
