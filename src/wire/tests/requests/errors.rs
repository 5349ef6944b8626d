//! The errors of tasks that are refused.

use crate::task;
use handoff_wire::FieldError;

/// A task, the field that is wrong, and a part of the error.
type Row = (&'static str, &'static str, &'static str);

const WORDS: &str = "one of \"high\", \"normal\" and \"low\"";

const FIELDS: &[Row] = &[
    (
        r#"{"task":"ecko"}"#,
        "task",
        "there is no task \"ecko\"; did you mean \"echo\"?",
    ),
    (
        r#"{"task":"http_request"}"#,
        "task",
        "did you mean \"http.request\"?",
    ),
    (
        r#"{"task":"report"}"#,
        "task",
        "there is no task \"report\"; this deployment has echo,",
    ),
    (r#"{"task":" echo"}"#, "task", "did you mean \"echo\"?"),
    (r#"{"task":""}"#, "task", "there is no task \"\""),
    (r#"{"task":null}"#, "task", "it is missing"),
    (r#"{}"#, "task", "it is missing"),
    (r#"{"task":-1}"#, "task", "it must be text, not -1"),
    (
        r#"{"task":"echo","arg":1}"#,
        "arg",
        "there is no such field; did you mean \"args\"?",
    ),
    (
        r#"{"task":"echo","task":"echo"}"#,
        "task",
        "it is there twice",
    ),
    (
        r#"{"task":"echo","t\u0061sk":"echo"}"#,
        "task",
        "it is there twice",
    ),
];

const PRIORITIES: &[Row] = &[
    (r#"{"task":"echo","priority":"urgent"}"#, "priority", WORDS),
    (
        r#"{"task":"echo","priority":"High"}"#,
        "priority",
        "did you mean \"high\"?",
    ),
    (r#"{"task":"echo","priority":""}"#, "priority", WORDS),
    (r#"{"task":"echo","priority":1}"#, "priority", WORDS),
    (
        r#"{"task":"echo","priority":{"high":null}}"#,
        "priority",
        WORDS,
    ),
];

const TIMES: &[Row] = &[
    (
        r#"{"task":"echo","delay":5}"#,
        "delay",
        "a duration such as \"5s\", not 5",
    ),
    (
        r#"{"task":"echo","delay":"5"}"#,
        "delay",
        "\"5\" is not a duration",
    ),
    (
        r#"{"task":"echo","delay":"-5s"}"#,
        "delay",
        "\"-5s\" is negative",
    ),
    (
        r#"{"task":"echo","delay":""}"#,
        "delay",
        "\"\" is not a duration",
    ),
    (
        r#"{"task":"echo","eta":1795420800}"#,
        "eta",
        "a time such as \"2026-11-23T08:00:00Z\"",
    ),
    (
        r#"{"task":"echo","eta":"9999-12-31T23:59:59Z"}"#,
        "eta",
        "it is more than 30d from now",
    ),
    (
        r#"{"task":"echo","expires":"9999-12-31T23:59:59Z"}"#,
        "expires",
        "it is more than 30d after",
    ),
    (
        r#"{"task":"echo","expires":false}"#,
        "expires",
        "a duration such as \"10m\" or a time such as",
    ),
];

const RETRIES: &[Row] = &[
    (
        r#"{"task":"echo","retry":[]}"#,
        "retry",
        "it must be a JSON object, not a list",
    ),
    (
        r#"{"task":"echo","retry":{"attempts":1.5}}"#,
        "retry.attempts",
        "a whole number from 0 to 4294967295, not 1.5",
    ),
    (
        r#"{"task":"echo","retry":{"attempts":"3"}}"#,
        "retry.attempts",
        "not \"3\"",
    ),
    (
        r#"{"task":"echo","retry":{"attempts":-1}}"#,
        "retry.attempts",
        "not -1",
    ),
    (
        r#"{"task":"echo","retry":{"attempts":99999999999999999999}}"#,
        "retry.attempts",
        "a whole number",
    ),
    (
        r#"{"task":"echo","retry":{"factor":"2"}}"#,
        "retry.factor",
        "it must be a number, not \"2\"",
    ),
    (
        r#"{"task":"echo","retry":{"factor":1e400}}"#,
        "retry.factor",
        "out of range",
    ),
    (
        r#"{"task":"echo","retry":{"factor":0.5}}"#,
        "retry.factor",
        "from 1 to 100",
    ),
    (
        r#"{"task":"echo","retry":{"initial":"2h","max":"1h"}}"#,
        "retry.initial",
        "2h is longer than `max`, which is 1h",
    ),
    (
        r#"{"task":"echo","retry":{"atempts":1}}"#,
        "retry.atempts",
        "did you mean \"attempts\"?",
    ),
];

const WEBHOOKS_AND_KEYS: &[Row] = &[
    (
        r#"{"task":"echo","webhook":"http://x:99999/"}"#,
        "webhook",
        "a port that is not a number from 1 to 65535",
    ),
    (
        r#"{"task":"echo","webhook":""}"#,
        "webhook",
        "not an absolute http or https URL",
    ),
    (
        r#"{"task":"echo","webhook":"http://a@x/"}"#,
        "webhook",
        "user name",
    ),
    (r#"{"task":"echo","key":""}"#, "key", "from 1 to 128"),
    (
        r#"{"task":"echo","key":7}"#,
        "key",
        "it must be text, not 7",
    ),
];

const ARGS: &[Row] = &[
    (
        r#"{"task":"sleep","args":{"for":5}}"#,
        "args.for",
        "a duration such as \"5s\", not 5",
    ),
    (
        r#"{"task":"sleep","args":null}"#,
        "args.for",
        "it is missing",
    ),
    (
        r#"{"task":"sleep","args":{"for":"1s","For":"1s"}}"#,
        "args.For",
        "did you mean \"for\"?",
    ),
    (
        r#"{"task":"sleep","args":"5s"}"#,
        "args",
        "it must be a JSON object, not \"5s\"",
    ),
    (
        r#"{"task":"primes.count","args":{"below":1e3}}"#,
        "args.below",
        "a whole number from 0, not 1000.0",
    ),
    (
        r#"{"task":"http.request","args":{"url":"http://x/","method":"get"}}"#,
        "args.method",
        "did you mean \"GET\"?",
    ),
    (
        r#"{"task":"http.request","args":{"url":"http://x/","headers":{"a":"1","a":"2"}}}"#,
        "args.headers",
        "\"a\" is there twice",
    ),
    (
        r#"{"task":"http.request","args":{"url":"http://x/","headers":{"host":"y"}}}"#,
        "args.headers.host",
        "belongs to the connection",
    ),
    (
        r#"{"task":"http.request","args":{"url":"http://x/","timeout":"0s"}}"#,
        "args.timeout",
        "out of bounds",
    ),
    (
        r#"{"task":"http.request","args":{"url":"http://x/","timeout":"61s"}}"#,
        "args.timeout",
        "61s is longer than the task's `timeout`, which is 1m",
    ),
    (
        r#"{"task":"http.request","args":{"url":"http://x/","timeout":"2m"},"timeout":"90s"}"#,
        "args.timeout",
        "2m is longer than the task's `timeout`, which is 90s",
    ),
    (
        r#"{"task":"echo","args":["\ud800"]}"#,
        "args",
        "half of a surrogate pair",
    ),
];

#[test]
fn errors_are_in_the_words_of_who_wrote_the_task() {
    let tables = [FIELDS, PRIORITIES, TIMES, RETRIES, WEBHOOKS_AND_KEYS, ARGS];
    for (body, field, part) in tables.into_iter().flatten() {
        let e = task(body).expect_err(body);
        assert_eq!(e.field.as_deref(), Some(*field), "{body}: {e}");
        assert!(e.reason.contains(part), "{body}: {e}");
        assert_users_words(&e);
    }
}

/// An error has no word of the implementation language.
fn assert_users_words(e: &FieldError) {
    let text = e.to_string();
    for word in [
        "u64",
        "u32",
        "usize",
        "f64",
        "struct",
        "variant",
        "invalid type",
        "column",
        "sequence",
        "map,",
    ] {
        assert!(!text.contains(word), "{text}");
    }
}
