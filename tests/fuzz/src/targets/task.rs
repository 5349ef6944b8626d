//! The body of `POST /v1/tasks`.

use super::{NOW_MS, assert_names_field};
use handoff_queue::{ATTEMPTS_MAX, DELAY_MAX_MS, RETENTION_MIN_MS, TIMEOUT_MAX_MS, Task, TaskSpec};
use handoff_tasks::registry;
use handoff_wire::{Json, Kinds, TaskRequest, from_json, from_slice};
use std::collections::BTreeMap;

/// The fields that README lists.
const FIELDS: [&str; 15] = [
    "task",
    "queue",
    "args",
    "delay",
    "eta",
    "expires",
    "priority",
    "timeout",
    "heartbeat_timeout",
    "retry",
    "key",
    "retention",
    "webhook",
    "idempotency_key",
    "idempotency_ttl",
];
const RETRY_FIELDS: [&str; 4] = ["attempts", "initial", "factor", "max"];
/// What an error may name although it is not there: the kind, and an argument of it.
const MISSING: [&str; 2] = ["task", "args"];

/// A task is taken within the documented bounds, or an error names the field.
pub(crate) fn run(bytes: &[u8]) {
    let registry = registry().with_faults(|| true);
    let check = |request: TaskRequest| request.check(&registry, NOW_MS);
    match from_slice(bytes).and_then(check) {
        Ok(checked) => {
            let task = &checked.task;
            let object: BTreeMap<String, Json> =
                serde_json::from_slice(bytes).expect("it was read");
            assert_known(&object, &FIELDS);
            if let Some(Ok(retry)) = object.get("retry").map(Json::read) {
                assert_known(&retry, &RETRY_FIELDS);
            }
            assert_bounds(task);
            assert_kept(task);
            let fits = registry.check(&task.kind, &task.args, task.timeout_ms);
            assert_eq!(fits, Ok(()), "within {} ms", task.timeout_ms);
            // An item of a batch.
            let item: Json = serde_json::from_slice(bytes).expect("it was read");
            assert_eq!(from_json(&item).and_then(check), Ok(checked));
        }
        Err(error) => assert_names_field(&error, bytes, &MISSING),
    }
}

fn assert_known(object: &BTreeMap<String, Json>, fields: &[&str]) {
    let unknown = object.keys().find(|key| !fields.contains(&key.as_str()));
    assert_eq!(unknown, None);
}

/// Whatever was asked for, it is within README's bounds.
pub(crate) fn assert_bounds(task: &TaskSpec) {
    assert!(
        registry()
            .with_faults(|| true)
            .names()
            .any(|name| name == task.kind)
    );
    let later = NOW_MS + 1..=NOW_MS + DELAY_MAX_MS;
    assert!(
        task.not_before_ms
            .is_none_or(|at_ms| later.contains(&at_ms))
    );
    let due_ms = task.not_before_ms.unwrap_or(NOW_MS);
    let later = due_ms + 1..=due_ms + DELAY_MAX_MS;
    assert!(task.expires_ms.is_none_or(|at_ms| later.contains(&at_ms)));
    assert!((1..=TIMEOUT_MAX_MS).contains(&task.timeout_ms));
    assert!((RETENTION_MIN_MS..=DELAY_MAX_MS).contains(&task.retention_ms));
    let retry = &task.retry;
    assert!((1..=ATTEMPTS_MAX).contains(&retry.attempts));
    assert!((1.0..=100.0).contains(&retry.factor));
    assert!(retry.initial_ms <= DELAY_MAX_MS && retry.max_ms <= DELAY_MAX_MS);
    for attempt in [1, 2, ATTEMPTS_MAX, u32::MAX] {
        assert!(retry.wait_ms(attempt, u64::MAX) <= retry.max_ms);
    }
}

/// What is stored is read again as the same.
fn assert_kept(task: &TaskSpec) {
    let task = Task {
        nonce: "0123456789abcdef01234567".to_owned(),
        enqueued_ms: NOW_MS,
        spec: task.clone(),
        kept_until_ms: Some(NOW_MS),
        member_of: None,
    };
    let stored = serde_json::to_vec(&task).expect("its keys are text");
    assert_eq!(serde_json::from_slice::<Task>(&stored).ok(), Some(task));
}
