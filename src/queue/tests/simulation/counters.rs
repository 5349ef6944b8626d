//! The counters of the metrics: none ever falls, whatever happens.

use super::load::Load;
use super::model::Wrong;
use crate::support::SimQueue;
use futures::FutureExt;
use handoff_queue::{Durations, Metrics};
use std::collections::BTreeMap;

/// All counters by name.
type Counters = BTreeMap<String, u64>;

/// Reads the counters, and compares them with those that were read before.
pub(crate) fn look(queue: &SimQueue, load: &Load) -> Result<(), Wrong> {
    let metrics = queue.metrics().now_or_never();
    let metrics = metrics.expect("no fault reaches it").unwrap();
    let counters = counters(&metrics);
    let before = load.counters.replace(counters.clone());
    for (name, before) in before {
        let now = counters.get(&name).copied().unwrap_or(0);
        if now < before {
            return Err((
                None,
                format!("the counter {name} falls from {before} to {now}"),
            ));
        }
    }
    Ok(())
}

fn counters(metrics: &Metrics) -> Counters {
    let mut all = Counters::new();
    for (kind, counts) in &metrics.kinds {
        let mut put = |name: &str, count| all.insert(format!("{kind} {name}"), count);
        put("enqueued", counts.enqueued);
        put("succeeded", counts.ended.succeeded);
        put("failed", counts.ended.failed);
        put("cancelled", counts.ended.cancelled);
        put("expired", counts.ended.expired);
        put("attempts failed", counts.attempts_failed);
        put("runs lost", counts.runs_lost);
        let mut put = |name: &str, durations: &Durations| {
            put(&format!("{name} sum"), durations.sum_ms());
            put(&format!("{name} all"), durations.total());
            for (bound, count) in durations.cumulative() {
                put(&format!("{name} to {bound} ms"), count);
            }
        };
        put("wait", &counts.wait);
        put("run", &counts.run);
        put("latency", &counts.latency);
    }
    let missed = metrics.missed.iter();
    all.extend(missed.map(|(schedule, count)| (format!("{schedule} missed"), *count)));
    all
}
