//! Seeing that nothing was stored.

use handoff_e2e::{Host, slot};
use serde_json::json;
use std::time::Duration;

/// Does something between two tasks, whose slots must be neighbours: nothing else was stored.
pub(crate) fn changes_nothing(host: &Host, act: impl FnOnce(&Host)) {
    let http = host.http();
    let enqueue = || {
        let id = http.enqueue(&json!({"task": "echo"}));
        http.succeeded(&id, Duration::from_secs(20));
        slot(&id)
    };
    let before = enqueue();
    act(host);
    assert_eq!(enqueue(), before + 1, "something was enqueued");
}
