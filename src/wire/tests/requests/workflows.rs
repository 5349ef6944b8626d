//! Workflows: arguments of members.

use crate::workflow;

/// Rows: a workflow, and the field whose name is taken.
#[test]
fn what_came_before_overwrites_no_argument() {
    let table = [
        (
            r#"{"chain":[{"task":"echo"},{"task":"echo","args":{"input":1}}]}"#,
            Some("chain[1].args.input"),
        ),
        (
            r#"{"chain":[{"task":"echo"},{"task":"echo","args":{"\u0069nput":1}}]}"#,
            Some("chain[1].args.input"),
        ),
        (
            r#"{"chain":[{"task":"echo"},{"task":"echo","into":"a","args":{"a":1}}]}"#,
            Some("chain[1].args.a"),
        ),
        (
            r#"{"chain":[{"task":"echo"},{"task":"echo","into":"a","args":{"input":1}}]}"#,
            None,
        ),
        (
            r#"{"chain":[{"task":"echo"},{"task":"echo","into":null,"args":{"input":1}}]}"#,
            None,
        ),
        (r#"{"chain":[{"task":"echo","args":{"input":1}}]}"#, None),
        (
            r#"{"group":[{"task":"echo"}],"then":{"task":"echo","args":{"results":1}}}"#,
            Some("then.args.results"),
        ),
        (
            r#"{"group":[{"task":"echo"}],"then":{"task":"echo","args":{"input":1,"errors":2}}}"#,
            None,
        ),
        (
            r#"{"group":[{"task":"echo"}],"on_failure":"wait","then":{"task":"echo","args":{"errors":1}}}"#,
            Some("then.args.errors"),
        ),
        (
            r#"{"group":[{"task":"echo"}],"on_failure":"wait","then":{"task":"echo","into":"errors"}}"#,
            Some("then.into"),
        ),
    ];
    for (body, field) in table {
        let found = workflow(body).err().and_then(|e| e.field);
        assert_eq!(found.as_deref(), field, "{body}");
    }
}
