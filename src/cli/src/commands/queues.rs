//! `handoff queues`, `queue`, `pause`, `resume` and `purge`.

use handoff_client::{Json, Percentiles, QueueObject, Shown};
use serde_json::Value;

use super::{as_json, facts, plain, s};
use crate::confirm::confirm;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Style, Text};
use crate::table::Table;

pub(crate) fn list(context: &mut Context) -> Result<(), Failure> {
    let heads = [
        "QUEUE",
        "WAITING",
        "WORKERS",
        "COMPUTING",
        "FAILED",
        "STATE",
    ];
    let mut table = Table::new(&heads);
    for queue in context.client.queues()? {
        let queue = context.queue(&queue.name).get()?;
        if as_json(context, &queue)? {
            continue;
        }
        table.row([
            Text::from(&queue.name),
            Text::from(format!("{:>7}", queue.waiting)),
            Text::from(format!("{:>7}", queue.workers)),
            Text::from(format!("{:>9}", queue.computing)),
            failed(&queue),
            open(&queue),
        ]);
    }
    match context.json {
        true => Ok(()),
        false => table.print(&mut context.out, true),
    }
}

/// How many failed tasks wait to be retried or discarded.
pub(super) fn failed(queue: &QueueObject) -> Text {
    let failed = queue.failed.unwrap_or(0);
    let style = if failed > 0 { Style::Red } else { Style::Plain };
    Text::new(style, &format!("{failed:>6}"))
}

/// Whether it is paused.
pub(super) fn open(queue: &QueueObject) -> Text {
    match queue.paused {
        true => Text::new(Style::Yellow, "paused"),
        false => Text::from("open"),
    }
}

pub(crate) fn show(context: &mut Context, name: &str) -> Result<(), Failure> {
    let queue = context.queue(name).get()?;
    if as_json(context, &queue)? {
        return Ok(());
    }
    let number = |number: Option<u64>| plain(number.map(|number| number.to_string()));
    let priorities = queue.waiting_by_priority.as_ref();
    let priorities =
        priorities.map(|by| format!("{} high, {} normal, {} low", by.high, by.normal, by.low));
    let ended = queue.ended.as_ref().map(|ended| {
        format!(
            "{} succeeded, {} failed, {} cancelled, {} expired; counted after 10 to 15 s",
            ended.succeeded, ended.failed, ended.cancelled, ended.expired
        )
    });
    facts(
        &mut context.out,
        vec![
            ("queue", plain(Some(&queue.name))),
            ("state", Some(open(&queue))),
            ("waiting", number(Some(queue.waiting))),
            ("by priority", plain(priorities)),
            ("oldest waits", plain(queue.oldest_waiting.as_ref())),
            ("system waits", number(queue.system_waiting)),
            ("running", number(queue.running)),
            ("workers", number(Some(queue.workers))),
            ("computing", number(Some(queue.computing))),
            ("failed", number(queue.failed)),
            ("keeper's lag", plain(queue.keeper_lag.as_ref())),
            ("ended", plain(ended)),
            ("latency", plain(queue.latency.as_ref().map(percentiles))),
            ("run", plain(queue.run.as_ref().map(percentiles))),
            ("limits", plain(queue.limits.as_ref().and_then(limits))),
        ],
    )
}

/// The limits that are set, in words.
fn limits(json: &Json) -> Option<String> {
    let limits: Value = json.parse().ok()?;
    let mut words = Vec::new();
    for (of, limits) in [("", &limits), ("per key ", &limits["per_key"])] {
        if let Some(most) = limits["concurrency"].as_u64() {
            words.push(format!("{of}{most} at once"));
        }
        if let Some(rate) = limits["rate"].as_str() {
            words.push(format!("{of}{rate}"));
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}

fn percentiles(of: &Percentiles) -> String {
    let parts = [("half", &of.p50), ("90 %", &of.p90), ("99 %", &of.p99)];
    let parts = parts
        .iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
    format!("{} at most", parts.collect::<Vec<_>>().join(", "))
}

pub(crate) fn pause(context: &mut Context, name: &str) -> Result<(), Failure> {
    let queue = context.queue(name).pause()?;
    changed(context, &queue, "paused")
}

pub(crate) fn resume(context: &mut Context, name: &str) -> Result<(), Failure> {
    let queue = context.queue(name).resume()?;
    changed(context, &queue, "resumed")
}

pub(crate) fn purge(context: &mut Context, name: &str, yes: bool) -> Result<(), Failure> {
    let queue = context.queue(name);
    if !yes {
        let waiting = queue.get()?.waiting;
        confirm(
            &format!("cancel {waiting} waiting task{} of {name}", s(waiting)),
            false,
        )?;
    }
    let purged = queue.purge()?;
    let count = purged.purged.unwrap_or_default();
    changed(context, &purged, &format!("{count} cancelled"))
}

fn changed(context: &mut Context, queue: &Shown<QueueObject>, what: &str) -> Result<(), Failure> {
    if as_json(context, queue)? {
        return Ok(());
    }
    let line = format!("{}: {what}, {} waiting", queue.name, queue.waiting);
    context.out.line(line)
}
