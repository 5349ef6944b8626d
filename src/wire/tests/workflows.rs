//! Workflows of callers: which ones are taken, and what is wrong with the others.

use handoff_queue::{GROUP_MAX, OnFailure, Workflow};
use handoff_tasks::registry;
use handoff_wire::{FieldError, WorkflowRequest, from_json};
use serde_json::{Value, json};

fn check(body: Value) -> Result<Workflow, FieldError> {
    let request = from_json::<WorkflowRequest>(&body.into())?;
    let checked = request.check(&registry(), None, 1_000, 0);
    checked.map(|(workflow, _)| workflow)
}

#[test]
fn what_can_be_used_is_taken() {
    let echo = json!({"task": "echo"});
    let taken = [
        json!({"chain": [echo, {"task": "sleep", "into": "for"}]}),
        json!({"chain": [echo, {"task": "sleep", "args": {"for": "1s"}, "into": null}]}),
        json!({"group": [echo, {"task": "sleep", "args": {"for": "1s"}, "timeout": "5s"}]}),
        json!({"chain": [{"task": "echo", "timeout": "1h", "heartbeat_timeout": "30m"}]}),
        json!({"group": {"task": "echo", "each": [1, "a", null]}, "then": echo, "on_failure": "wait"}),
        json!({"group": {"task": "echo", "each": vec![1; GROUP_MAX]}, "retention": "2h", "delay": "1m"}),
    ];
    for body in taken {
        let workflow = check(body.clone());
        assert!(workflow.is_ok(), "{body}: {workflow:?}");
    }
    let workflow = check(json!({"group": {"task": "echo", "each": [1, 2]}})).expect("it is one");
    assert_eq!(workflow.on_failure, OnFailure::Fail);
    assert_eq!(workflow.steps[0].len(), 2);
}

fn assert_named(table: impl IntoIterator<Item = (Value, &'static str)>) {
    for (body, field) in table {
        let e = check(body.clone()).expect_err(&body.to_string());
        assert_eq!(e.field.as_deref(), Some(field), "{body}: {e}");
    }
}

#[test]
fn what_can_not_be_used_of_a_chain_is_named() {
    let echo = json!({"task": "echo"});
    assert_named([
        (json!({}), "chain"),
        (json!({"chain": [echo], "group": [echo]}), "group"),
        (json!({"chain": []}), "chain"),
        (json!({"chain": vec![echo.clone(); 101]}), "chain"),
        (json!({"chain": [echo], "then": echo}), "then"),
        (json!({"chain": [echo], "on_failure": "wait"}), "on_failure"),
        (
            json!({"chain": [echo, {"task": "no.such"}]}),
            "chain[1].task",
        ),
        (json!({"chain": [echo, {"args": 1}]}), "chain[1].task"),
        (
            json!({"chain": [echo, {"task": "echo", "args": 1}]}),
            "chain[1].args",
        ),
        (
            json!({"chain": [echo, {"task": "echo", "into": ""}]}),
            "chain[1].into",
        ),
        (
            json!({"chain": [{"task": "echo", "into": "a"}]}),
            "chain[0].into",
        ),
        (json!({"chain": [{"task": "sleep"}]}), "chain[0].args.for"),
        (
            json!({"chain": [{"task": "echo", "delay": "1s"}]}),
            "chain[0].delay",
        ),
        (
            json!({"chain": [{"task": "echo", "heartbeat_timeout": "2m"}]}),
            "chain[0].heartbeat_timeout",
        ),
        (
            json!({"chain": [{"task": "echo", "timeout": "0s"}]}),
            "chain[0].timeout",
        ),
        (
            json!({"chain": [echo, {"task": "sleep", "into": null}]}),
            "chain[1].args.for",
        ),
    ]);
}

#[test]
fn what_can_not_be_used_of_a_group_is_named() {
    let echo = json!({"task": "echo"});
    assert_named([
        (
            json!({"group": [{"task": "echo", "into": null}]}),
            "group[0].into",
        ),
        (json!({"group": []}), "group"),
        (json!({"group": "echo"}), "group"),
        (json!({"group": [echo, 1]}), "group[1]"),
        (
            json!({"group": [{"task": "echo", "retry": {"attempts": 0}}]}),
            "group[0].retry.attempts",
        ),
        (json!({"group": {"task": "echo"}}), "group.each"),
        (json!({"group": {"task": "echo", "each": []}}), "group.each"),
        (
            json!({"group": {"task": "echo", "each": vec![0; GROUP_MAX + 1]}}),
            "group.each",
        ),
        (
            json!({"group": {"task": "no.such", "each": [1]}}),
            "group.task",
        ),
        (
            json!({"group": {"task": "sleep", "each": [{"for": "1s"}, {"for": 1}]}}),
            "group.each[1].for",
        ),
        (
            json!({"group": {"task": "sleep", "each": [1]}}),
            "group.each[0]",
        ),
        (
            json!({"group": [echo], "then": {"task": "no.such"}}),
            "then.task",
        ),
        (
            json!({"group": [echo], "then": {"task": "echo", "args": []}}),
            "then.args",
        ),
        (
            json!({"group": [echo], "on_failure": "ignore"}),
            "on_failure",
        ),
        (json!({"group": [echo], "retention": "1s"}), "retention"),
        (json!({"group": [echo], "timeout": "1s"}), "timeout"),
        (
            json!({"group": [echo], "idempotency_ttl": "1h"}),
            "idempotency_ttl",
        ),
    ]);
}
