//! Nothing of a host is left when a test is over.

use handoff_e2e::{Host, Pair, group_lives, on_every_pair};
use serde_json::json;

on_every_pair!(no_process_is_left);

fn no_process_is_left(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    host.http()
        .enqueue(&json!({"task": "sleep", "args": {"for": "30s"}}));
    let first = host.group();
    assert!(group_lives(first));
    host.kill9();
    assert!(!group_lives(first));
    host.restart();
    let second = host.group();
    assert!(group_lives(second));
    host.http().get("/healthz").expect(200);
    drop(host);
    assert!(!group_lives(second));
}
