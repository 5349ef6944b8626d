//! What is too deep or too large.

use crate::{registry, schedule, task, workflow};
use handoff_queue::JSON_DEPTH_MAX;
use handoff_wire::BatchRequest;
use handoff_wire::Fault;
use handoff_wire::from_slice;

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn what_is_too_deep_is_refused_wherever_it_is() {
    let (most, over) = (nested(JSON_DEPTH_MAX), nested(JSON_DEPTH_MAX + 1));
    let take = |args: &str| {
        [
            task(&format!(r#"{{"task":"echo","args":{args}}}"#)).map(drop),
            schedule(&format!(r#"{{"task":"echo","every":"1m","args":{args}}}"#)).map(drop),
            workflow(&format!(r#"{{"chain":[{{"task":"echo","args":{args}}}]}}"#)).map(drop),
            workflow(&format!(
                r#"{{"group":[{{"task":"echo"}},{{"task":"echo","args":{args}}}]}}"#
            ))
            .map(drop),
            workflow(&format!(
                r#"{{"group":{{"task":"echo","each":[1,{args}]}}}}"#
            ))
            .map(drop),
        ]
    };
    assert_eq!(take(&most), [(); 5].map(Ok));
    let fields = [
        "args",
        "args",
        "chain[0].args",
        "group[1].args",
        "group.each[1]",
    ];
    for (taken, field) in take(&over).into_iter().zip(fields) {
        let e = taken.expect_err(field);
        assert_eq!(e.field.as_deref(), Some(field), "{e}");
        assert!(e.reason.contains("nested 65 deep; at most 64"), "{e}");
    }
    let (open, close) = (
        r#"{"a":"#.repeat(JSON_DEPTH_MAX),
        "}".repeat(JSON_DEPTH_MAX),
    );
    let object = format!("{open}1{close}");
    let then = format!(
        r#"{{"group":[{{"task":"echo"}}],"then":{{"task":"echo","args":{{"b":{object}}}}}}}"#
    );
    let e = workflow(&then).expect_err("then");
    assert_eq!(e.field.as_deref(), Some("then.args"), "{e}");
    let body = format!(r#"{{"task":"http.request","args":{{"url":"http://x/","body":{over}}}}}"#);
    assert!(task(&body).is_err());
    for deep in [
        nested(100_000),
        nested(100_000).replace('[', r#"{"":"#).replace(']', "}"),
    ] {
        assert!(task(&format!(r#"{{"task":{deep}}}"#)).is_err());
        assert!(task(&deep).is_err());
    }
}

#[test]
fn what_is_too_large_is_said_before_it_is_read() {
    let large = format!(r#"[{}{{"":0}}]"#, r#"{"":0},"#.repeat(10_000));
    let e = task(&format!(r#"{{"task":"sleep","args":{large}}}"#)).expect_err("large");
    assert!(
        e.fault == Fault::TooLarge && e.field.as_deref() == Some("args"),
        "{e}"
    );
    // White space is dropped, and does not count.
    let spaced = format!(r#"{{"task":"echo","args":[{}]}}"#, " ".repeat(20_000));
    assert_eq!(task(&spaced).expect("it fits").args.as_str(), "[]");
    let e = workflow(&format!(
        r#"{{"chain":[{{"task":"echo"}},{{"task":"echo","args":{{"a":{large}}}}}]}}"#
    ));
    let e = e.expect_err("large");
    assert!(
        e.fault == Fault::TooLarge && e.field.as_deref() == Some("chain[1].args"),
        "{e}"
    );
    let batch: BatchRequest =
        from_slice(format!(r#"{{"tasks":{large}}}"#).as_bytes()).expect("it is a list");
    let e = batch.check(&registry(), 0).expect_err("too many");
    assert!(e.reason.contains("there are 10001 tasks"), "{e}");
}

#[test]
fn a_name_of_a_megabyte_is_not_repeated() {
    let long = "x".repeat(1 << 20);
    for body in [
        format!(r#"{{"task":"{long}"}}"#),
        format!(r#"{{"{long}":1}}"#),
        format!(r#"{{"task":"echo","priority":"{long}"}}"#),
        format!(r#"{{"task":"echo","delay":"{long}"}}"#),
        format!(r#"{{"task":"echo","eta":"{long}"}}"#),
        format!(r#"{{"task":"echo","webhook":"{long}"}}"#),
        format!(r#"{{"task":"echo","retry":{{"{long}":1}}}}"#),
        format!(r#"{{"task":"echo","retry":"{long}"}}"#),
        format!(r#"{{"task":"echo","idempotency_key":"{long}"}}"#),
    ] {
        let e = task(&body).expect_err("long");
        assert!(e.to_string().len() < 1_500, "{}", e.to_string().len());
    }
}
