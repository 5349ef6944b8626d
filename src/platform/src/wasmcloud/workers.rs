//! Waking workers by messages.

use super::bindings::wasmcloud::messaging::consumer::{BrokerMessage, publish, request};
use crate::clock::{now_ms, sleep_ms};
use crate::count::counted;
use crate::http::problem::Problem;
use crate::log::say;
use crate::store::HostStore;
use crate::usable;
use handoff_probe::{ASK_TIMEOUT_MS, Lifetime, LifetimeProbe, Unready, is_probe_key};
use handoff_queue::{Env, Store};
use wasi::random::random::get_random_u64;

/// The remedy if no worker answers.
pub(crate) const HOW_TO_REACH_WORKERS: &str = "See that the host provides wasmcloud:messaging, and that the workload subscribes to \"handoff.>\".";

/// The subject of a request that wakes a worker for the path in its body. The answer is empty, or
/// says why none works.
pub const WORK: &str = "handoff.work";
/// The subject of a message that makes an instance count for `/readyz`.
pub const PROBE: &str = "handoff.probe";

/// Counting instances begin together, this long after their message. One after the other any
/// increment looks atomic.
const BEGIN_MS: u64 = 100;
/// How often to look for the answer to a probe.
const LOOK_MS: u64 = 5;

/// Wakes a worker for a path. Returns when the worker is registered.
pub(crate) async fn wake(path: &str, timeout_ms: u64) -> Result<(), String> {
    // The interface offers only a blocking call.
    let answer = request(WORK, path.as_bytes(), timeout_ms as u32)?;
    match answer.body.as_slice() {
        b"" => Ok(()),
        reason => Err(String::from_utf8_lossy(reason).into_owned()),
    }
}

/// Answers the request that woke a worker.
pub fn reply(to: Option<String>, started: &Result<(), Problem>) {
    let Some(subject) = to else { return };
    let reason = started.as_ref().err().map(|problem| &problem.detail);
    let sent = publish(&BrokerMessage {
        subject,
        body: reason
            .map(|reason| reason.as_bytes().to_vec())
            .unwrap_or_default(),
        reply_to: None,
    });
    if let Err(e) = sent {
        say(&format!("an answer could not be sent: {e}"));
    }
}

/// Checks the variables of a worker, which has this instance's environment. Returns the faults.
pub(crate) async fn worker_variables() -> Vec<String> {
    usable::worker()
}

/// A worker is the same component here, with the same variables.
#[allow(clippy::unused_async)]
pub(crate) async fn differing(_shared: &[String]) -> Vec<String> {
    Vec::new()
}

/// A worker's instance lives as long as the message that woke it is handled.
#[allow(clippy::unused_async)]
pub(crate) async fn lifetime(
    _store: &HostStore,
    _env: &impl Env,
) -> Result<Option<Lifetime>, Unready> {
    Ok(None)
}

/// No instance is asked how long it lives.
#[allow(clippy::unused_async)]
pub(crate) async fn start(_probe: LifetimeProbe) -> Result<(), String> {
    Ok(())
}

/// Wakes a worker for a path: its message holds it.
pub(crate) async fn hold(path: &str, timeout_ms: u64) -> Result<(), String> {
    wake(path, timeout_ms).await
}

/// No handler is a component of the application here.
///
/// # Errors
/// None: the other host has some.
#[allow(clippy::unused_async)]
pub(crate) async fn reach(_kind: &str) -> Result<(), String> {
    Ok(())
}

/// Makes an instance increment the key. A request would block this instance, but several must count
/// at once. So the answer comes through the store.
pub(crate) async fn ask(key: &str) -> Result<Vec<u64>, Unready> {
    let store = HostStore::open().map_err(|problem| Unready::Store(problem.detail))?;
    let answer = format!("{key}.{}", get_random_u64());
    let begin_ms = now_ms() + BEGIN_MS;
    let sent = publish(&BrokerMessage {
        subject: PROBE.to_owned(),
        body: format!("{key} {answer} {begin_ms}").into_bytes(),
        reply_to: None,
    });
    sent.map_err(Unready::Worker)?;
    let end_ms = begin_ms + ASK_TIMEOUT_MS;
    while now_ms() < end_ms {
        if let Some(counted) = store.get(&answer).await? {
            store.delete_many(&[answer]).await?;
            return serde_json::from_slice(&counted).unwrap_or_else(|e| {
                Err(Unready::Worker(format!("its answer can't be read: {e}")))
            });
        }
        sleep_ms(LOOK_MS).await;
    }
    Err(Unready::Worker(format!(
        "no instance answered a message within {ASK_TIMEOUT_MS} ms"
    )))
}

/// Counts for a message.
///
/// # Errors
/// If the message can't be read, or the store does not take the answer.
pub async fn count(message: &[u8]) -> Result<(), String> {
    let message = String::from_utf8_lossy(message);
    let words: Vec<_> = message.split(' ').collect();
    let [key, answer, begin_ms] = words[..] else {
        return Err(format!("{message:?} does not say what to count, and when"));
    };
    if !is_probe_key(key) || !answer.starts_with(key) {
        return Err(format!("{message:?} names no probe's key"));
    }
    let begin_ms: u64 = begin_ms.parse().map_err(|e| format!("{message:?}: {e}"))?;
    sleep_ms(begin_ms.saturating_sub(now_ms()).min(BEGIN_MS)).await;
    let counted = serde_json::to_vec(&counted(key).await).unwrap_or_default();
    let store = HostStore::open().map_err(|problem| problem.detail)?;
    store.set(answer, &counted).await.map_err(|e| e.to_string())
}
