//! `/v1/queues`: the queues of this deployment, and what an operator does to them.

use super::Answer;
use crate::{HostQueue, limits};
use handoff_platform::http::{Problem, Response};
use handoff_queue::{Depth, Env};
use serde_json::{Value, json};

/// A purge of more than this many milliseconds is answered with what it came to so far.
const PURGE_MS: u64 = 10_000;

/// `GET /v1/queues`: all of them.
pub async fn list(queue: &HostQueue) -> Result<Answer, Problem> {
    let mut queues = Vec::new();
    for name in limits::queues()?.names() {
        queues.push(object(&queue.named(name)?).await?);
    }
    Ok(Answer::new(Response::json(200, &json!({"queues": queues}))))
}

/// `GET /v1/queues/{queue}`: one of them.
pub async fn show(queue: &HostQueue, name: &str) -> Result<Answer, Problem> {
    known(name)?;
    Ok(Answer::new(Response::json(200, &object(queue).await?)))
}

/// `POST /v1/queues/{queue}/pause`, `resume` or `purge`: does it, and answers how the queue stands then.
pub async fn operate(queue: &HostQueue, name: &str, what: &str) -> Result<Answer, Problem> {
    known(name)?;
    let purged = match what {
        "pause" => queue.pause().await.map(|()| None)?,
        "resume" => queue.resume().await.map(|()| None)?,
        _ => Some(purge(queue).await?),
    };
    let mut object = object(queue).await?;
    if let Some(purged) = purged {
        object["purged"] = json!(purged);
    }
    Ok(Answer::new(Response::json(200, &object)))
}

async fn purge(queue: &HostQueue) -> Result<u64, Problem> {
    let end_ms = queue.env().now_ms() + PURGE_MS;
    // What comes meanwhile stays.
    let waiting = queue.depth().await?.waiting;
    let mut purged = 0;
    while purged < waiting && queue.env().now_ms() < end_ms {
        match queue.purge(waiting - purged).await? {
            0 => break,
            some => purged += some,
        }
    }
    Ok(purged)
}

/// Refuses what is no queue of this deployment.
pub fn known(name: &str) -> Result<(), Problem> {
    let queues = limits::queues()?;
    if queues.has(name) {
        return Ok(());
    }
    Err(Problem::new(
        404,
        "unknown-queue",
        "There is no such queue",
        format!(
            "No queue here is named {name:?}. This deployment has {} (variable `queues`).",
            queues.names().join(", ")
        ),
    ))
}

async fn object(queue: &HostQueue) -> Result<Value, Problem> {
    let Depth {
        waiting,
        paused,
        workers,
        computing,
    } = queue.depth().await?;
    Ok(json!({
        "name": queue.name(),
        "paused": paused,
        "waiting": waiting,
        "workers": workers,
        "computing": computing,
    }))
}
