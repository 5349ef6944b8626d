//! `/v1/queues`: the queues of this deployment, and an operator's requests for them.

use super::{After, Answer};
use crate::HostQueue;
use handoff_platform::http::{Problem, Response};
use handoff_platform::variables;
use handoff_queue::{Depth, Env, Percentiles, Waiting};
use handoff_wire::{Duration, JsonObject, Rate, did_you_mean, quoted};

/// A purge that takes longer than this many milliseconds answers with its result so far.
const PURGE_MS: u64 = 10_000;

/// `GET /v1/queues`: lists all queues.
pub(crate) async fn list(queue: &HostQueue) -> Result<Answer, Problem> {
    let mut queues = Vec::new();
    for name in variables::queues()?.names() {
        queues.push(object(&queue.named(name)?).await?);
    }
    Ok(Answer::new(Response::json(
        200,
        &JsonObject::default().with("queues", queues),
    )))
}

/// `GET /v1/queues/{queue}`: shows one queue with its statistics.
pub(crate) async fn show(queue: &HostQueue, name: &str) -> Result<Answer, Problem> {
    known(name)?;
    let found = queue.statistics().await?;
    let mut object = standing(queue, found.depth);
    let oldest = found.oldest_waiting_ms.map(Duration::from_ms);
    object.put("oldest_waiting", oldest);
    object.put("running", found.running);
    object.put("failed", found.failed);
    object.put("keeper_lag", Duration::from_ms(found.keeper_lag_ms));
    let mut ended = JsonObject::default();
    for (state, count) in found.ended.by_state() {
        ended.put(state, count);
    }
    object.put("ended", ended);
    let limits = variables::queue_limits()?.of(name);
    let per_key = limits.per_key.0;
    let limit = |concurrency: Option<u64>, rate: Option<Rate>| {
        JsonObject::default()
            .with("concurrency", concurrency)
            .with("rate", rate.map(|rate| rate.to_string()))
    };
    let per_key = limit(per_key.concurrency, per_key.rate);
    let limits = limit(limits.concurrency, limits.rate).with("per_key", per_key);
    object.put("limits", limits);
    object.put("latency", found.latency.map(percentiles));
    object.put("run", found.run.map(percentiles));
    Ok(Answer::new(Response::json(200, &object)))
}

fn percentiles(found: Percentiles) -> JsonObject {
    let [p50, p90, p99] = [found.p50_ms, found.p90_ms, found.p99_ms].map(Duration::from_ms);
    JsonObject::default()
        .with("p50", p50)
        .with("p90", p90)
        .with("p99", p99)
}

/// `POST /v1/queues/{queue}/pause`, `resume` or `purge`: does it, and answers with the queue's
/// depth afterwards.
pub(crate) async fn operate(queue: &HostQueue, name: &str, what: &str) -> Result<Answer, Problem> {
    known(name)?;
    let purged = match what {
        "pause" => queue.pause().await.map(|()| None)?,
        "resume" => queue.resume().await.map(|()| None)?,
        _ => Some(purge(queue).await?),
    };
    let mut object = object(queue).await?;
    if let Some(purged) = purged {
        object.put("purged", purged);
    }
    Ok(Answer {
        response: Response::json(200, &object),
        // The follow-ups of the purged tasks wait.
        after: After::Push { waits: true },
    })
}

async fn purge(queue: &HostQueue) -> Result<u64, Problem> {
    let end_ms = queue.env().now_ms() + PURGE_MS;
    // Tasks that come meanwhile stay.
    let mut left = queue.depth().await?.each();
    let mut purged = 0;
    while queue.env().now_ms() < end_ms {
        let part = queue.purge(&mut left).await?;
        if part == 0 {
            break;
        }
        purged += part;
    }
    Ok(purged)
}

/// Refuses a queue that this deployment does not have.
pub(crate) fn known(name: &str) -> Result<(), Problem> {
    let queues = variables::queues()?;
    if queues.has(name) {
        return Ok(());
    }
    Err(Problem::new(
        404,
        "unknown-queue",
        "There is no such queue",
        format!(
            "No queue here is named {}{}. This deployment has {} (variable `queues`).",
            quoted(name),
            did_you_mean(name, queues.names().iter().map(String::as_str)),
            queues.names().join(", ")
        ),
    ))
}

async fn object(queue: &HostQueue) -> Result<JsonObject, Problem> {
    Ok(standing(queue, queue.depth().await?))
}

fn standing(queue: &HostQueue, depth: Depth) -> JsonObject {
    let mut object = JsonObject::default()
        .with("name", queue.name())
        .with("paused", depth.paused)
        .with("waiting", depth.waiting);
    if let Some(waiting) = depth.by_priority {
        let Waiting { high, normal, low } = waiting;
        let each = JsonObject::default()
            .with("high", high)
            .with("normal", normal)
            .with("low", low);
        object.put("waiting_by_priority", each);
    }
    if let Some(system) = depth.system {
        object.put("system_waiting", system);
    }
    object.put("workers", depth.workers);
    object.put("computing", depth.computing);
    object
}
