//! Tasks, as callers see them.

use crate::{Client, Reply};
use jiff::Timestamp;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Short, so that a host may stop long requests.
const WAIT_MAX: Duration = Duration::from_secs(4);

/// A time of a task, in milliseconds since 1970.
#[track_caller]
pub fn time_ms(task: &Value, field: &str) -> u64 {
    let time = task[field].as_str().and_then(|text| text.parse().ok());
    let since_1970 = time.map(|time: Timestamp| time.as_millisecond().try_into());
    match since_1970 {
        Some(Ok(ms)) => ms,
        _ => panic!("{field} is no time in {task}"),
    }
}

/// The slot that an id names: ids are QUEUE-SLOT-NONCE, the slot in hexadecimal.
#[track_caller]
pub fn slot(id: &str) -> u64 {
    let slot = id.split('-').nth(1);
    let slot = slot.and_then(|slot| u64::from_str_radix(slot, 16).ok());
    slot.unwrap_or_else(|| panic!("{id:?} is no id"))
}

impl Client {
    /// Enqueues a task, and returns its id.
    #[track_caller]
    pub fn enqueue(&self, task: &Value) -> String {
        let reply = self.post("/v1/tasks", task);
        accepted(&reply)
    }

    /// The task object.
    #[track_caller]
    pub fn task(&self, id: &str) -> Value {
        self.get(&format!("/v1/tasks/{id}")).expect(200).json()
    }

    /// The task object once it is final.
    #[track_caller]
    pub fn finished(&self, id: &str, limit: Duration) -> Value {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let wait_ms = left.min(WAIT_MAX).as_millis();
            let path = format!("/v1/tasks/{id}?wait={wait_ms}ms");
            let task = self.get(&path).expect(200).json();
            if is_final(&task) {
                return task;
            }
            assert!(
                !left.is_zero(),
                "not final within {} s: {task:#}",
                limit.as_secs()
            );
        }
    }

    /// The task object once it succeeded.
    #[track_caller]
    pub fn succeeded(&self, id: &str, limit: Duration) -> Value {
        let task = self.finished(id, limit);
        assert_eq!(task["state"], "succeeded", "{task:#}");
        task
    }
}

/// The id in an answer that takes a task.
#[track_caller]
pub(crate) fn accepted(reply: &Reply) -> String {
    let text = reply.text();
    assert_eq!(reply.status, 202, "{text}");
    let task = reply.json();
    let id = task["id"].as_str().unwrap_or_default().to_owned();
    let location = format!("/v1/tasks/{id}");
    assert_eq!(reply.header("location"), Some(location.as_str()), "{text}");
    id
}

pub(crate) fn is_final(task: &Value) -> bool {
    let state = task["state"].as_str().unwrap_or_default();
    matches!(state, "succeeded" | "failed" | "cancelled" | "expired")
}
