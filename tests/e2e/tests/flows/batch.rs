//! Many tasks in one request.

use handoff_e2e::{Host, Pair, on_every_pair, slot};
use serde_json::{Value, json};
use std::time::Duration;

on_every_pair!(valid_and_invalid_mixed);

/// Every fifth of a hundred can't be taken, in one of four ways.
fn item(i: usize) -> (Value, Option<(&'static str, u16)>) {
    match i % 20 {
        0 => (json!({"task": "echo", "argz": 1}), Some(("argz", 400))),
        5 => (json!({"task": "unknown"}), Some(("task", 400))),
        10 => (
            json!({"task": "sleep", "args": {"for": "-1s"}}),
            Some(("args.for", 400)),
        ),
        15 => (
            json!({"task": "echo", "retry": {"attempts": 0}}),
            Some(("retry.attempts", 400)),
        ),
        _ => (json!({"task": "echo", "args": i}), None),
    }
}

fn valid_and_invalid_mixed(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let (items, refused): (Vec<_>, Vec<_>) = (0..100).map(item).unzip();
    let reply = http.post("/v1/tasks:batch", &json!({"tasks": items}));
    let answer = reply.expect(202).json();
    let answers = answer["tasks"].as_array().expect("a list");
    assert_eq!(answers.len(), 100);

    let mut slots = Vec::new();
    for (i, (answer, refused)) in answers.iter().zip(&refused).enumerate() {
        let Some((field, status)) = refused else {
            let id = answer["id"].as_str().expect("an id");
            slots.push(slot(id));
            assert_eq!(answer["args"], i);
            assert_eq!(answer["state"], "queued");
            let task = http.succeeded(id, Duration::from_secs(30));
            assert_eq!(task["result"], i);
            continue;
        };
        assert_eq!(answer["error"]["status"], *status, "{answer}");
        assert_eq!(
            answer["error"]["type"],
            "urn:handoff:problem:invalid-request"
        );
        assert_eq!(answer["error"]["field"], format!("tasks[{i}].{field}"));
        assert!(answer.get("id").is_none(), "{answer}");
    }
    assert_eq!(slots.len(), 80);
    // What is refused takes no slot.
    assert!(slots.is_sorted() && slots[79] - slots[0] == 79, "{slots:?}");

    let none = json!({"tasks": []});
    http.post("/v1/tasks:batch", &none)
        .expect_problem(400, "invalid-request", Some("tasks"));
    let all_wrong = json!({"tasks": [{"task": "unknown"}, {"task": 1}]});
    http.post("/v1/tasks:batch", &all_wrong).expect_problem(
        400,
        "invalid-request",
        Some("tasks[0].task"),
    );
    let too_many = vec![json!({"task": "echo"}); 1_001];
    http.post("/v1/tasks:batch", &json!({"tasks": too_many}))
        .expect_problem(400, "invalid-request", Some("tasks"));
}
