//! Requests of callers: which ones are accepted, and the errors of the others.

use handoff_input::{FieldError, Json, Object, from_json, from_slice};
use handoff_queue::{JSON_DEPTH_MAX, TaskSpec, Workflow};
use handoff_tasks::{
    BatchRequest, Registry, ScheduleRequest, TaskRequest, WorkflowRequest, object,
};
use serde_json::{Value, json};

const ARGS_MAX: u64 = 10_000;

fn registry() -> Registry {
    handoff_tasks::registry(false).with_args_max(ARGS_MAX)
}

fn task(body: &str) -> Result<TaskSpec, FieldError> {
    let request: TaskRequest = from_slice(body.as_bytes())?;
    Ok(request.check(&registry(), 0)?.task)
}

fn workflow(body: &str) -> Result<Workflow, FieldError> {
    let request: WorkflowRequest = from_slice(body.as_bytes())?;
    let checked = request.check(&registry(), None, ARGS_MAX, 0)?;
    Ok(checked.0)
}

fn schedule(body: &str) -> Result<handoff_queue::Schedule, FieldError> {
    let request: ScheduleRequest = from_slice(body.as_bytes())?;
    request.check("report", "default", &registry())
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn null_is_not_given_in_any_field() {
    let plain = task(r#"{"task":"echo"}"#).expect("it is one");
    for field in [
        "queue",
        "args",
        "delay",
        "eta",
        "expires",
        "priority",
        "timeout",
        "heartbeat_timeout",
        "retry",
        "retention",
        "webhook",
        "key",
        "idempotency_key",
        "idempotency_ttl",
    ] {
        let found = task(&format!(r#"{{"task":"echo","{field}":null}}"#));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    for field in ["attempts", "initial", "factor", "max"] {
        let found = task(&format!(r#"{{"task":"echo","retry":{{"{field}":null}}}}"#));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    for field in ["method", "headers", "body", "timeout"] {
        let args = format!(r#"{{"url":"http://x/","{field}":null}}"#);
        let found = task(&format!(r#"{{"task":"http.request","args":{args}}}"#));
        assert!(found.is_ok(), "{field}: {found:?}");
    }
    let plain = schedule(r#"{"task":"echo","every":"1m"}"#).expect("it is one");
    for field in [
        "cron",
        "timezone",
        "overlap",
        "missed",
        "queue",
        "args",
        "expires",
        "priority",
        "timeout",
        "retry",
        "retention",
        "webhook",
        "key",
        "name",
        "next_run",
        "last_run",
        "put_at",
    ] {
        let found = schedule(&format!(r#"{{"task":"echo","every":"1m","{field}":null}}"#));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    let plain = workflow(r#"{"group":[{"task":"echo"}]}"#).expect("it is one");
    for field in [
        "chain",
        "then",
        "on_failure",
        "queue",
        "priority",
        "delay",
        "eta",
        "expires",
        "retention",
        "webhook",
        "idempotency_key",
        "idempotency_ttl",
    ] {
        let found = workflow(&format!(
            r#"{{"group":[{{"task":"echo"}}],"{field}":null}}"#
        ));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
    for field in ["args", "timeout", "retry"] {
        let found = workflow(&format!(
            r#"{{"group":[{{"task":"echo","{field}":null}}]}}"#
        ));
        assert_eq!(found.as_ref(), Ok(&plain), "{field}");
    }
}

/// Rows: a task, the field that is wrong, and a part of the error.
#[test]
fn errors_are_in_the_words_of_who_wrote_the_task() {
    let words = "one of \"high\", \"normal\" and \"low\"";
    let table = [
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
        (r#"{"task":"echo","priority":"urgent"}"#, "priority", words),
        (
            r#"{"task":"echo","priority":"High"}"#,
            "priority",
            "did you mean \"high\"?",
        ),
        (r#"{"task":"echo","priority":""}"#, "priority", words),
        (r#"{"task":"echo","priority":1}"#, "priority", words),
        (
            r#"{"task":"echo","priority":{"high":null}}"#,
            "priority",
            words,
        ),
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
    for (body, field, part) in table {
        let e = task(body).expect_err(body);
        assert_eq!(e.field.as_deref(), Some(field), "{body}: {e}");
        assert!(e.reason.contains(part), "{body}: {e}");
        assert_users_words(&e);
    }
}

/// Rows: a request, and the field of a call whose timeout is longer than that of its task's
/// attempt.
#[test]
fn a_call_may_take_no_longer_than_its_attempt() {
    let call = r#""task":"http.request","args":{"url":"http://x/","timeout":"2m"}"#;
    let each =
        r#""task":"http.request","each":[{"url":"http://x/"},{"url":"http://x/","timeout":"2m"}]"#;
    for (timeout, refused) in [
        ("", true),
        (r#","timeout":"119s""#, true),
        (r#","timeout":"2m""#, false),
    ] {
        let one = format!("{{{call}{timeout}}}");
        let after =
            |given: &str| format!(r#"{{"chain":[{{"task":"echo"}},{{{call}{timeout}{given}}}]}}"#);
        let of_schedule = format!(r#"{{{call}{timeout},"every":"1m"}}"#);
        let found = [
            task(&one).err(),
            schedule(&of_schedule).err(),
            workflow(&format!(r#"{{"chain":[{one}]}}"#)).err(),
            workflow(&format!(r#"{{"group":[{one}]}}"#)).err(),
            workflow(&after(r#","into":null"#)).err(),
            workflow(&format!(r#"{{"group":{{{each}{timeout}}}}}"#)).err(),
        ];
        let fields = [
            "args.timeout",
            "args.timeout",
            "chain[0].args.timeout",
            "group[0].args.timeout",
            "chain[1].args.timeout",
            "group.each[1].timeout",
        ];
        for (error, field) in found.into_iter().zip(fields) {
            let found = error.as_ref().and_then(|e| e.field.as_deref());
            assert_eq!(found, refused.then_some(field), "{timeout}: {error:?}");
        }
        // The step before may still add another one. The call's timeout is cut when it runs.
        assert_eq!(workflow(&after("")).err(), None, "{timeout}");
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

#[test]
fn an_attempts_wait_is_never_cut_silently() {
    let retry = |fields: &str| {
        let task = task(&format!(r#"{{"task":"echo","retry":{{{fields}}}}}"#));
        task.map(|task| (task.retry.initial_ms, task.retry.max_ms))
    };
    assert_eq!(retry(r#""initial":"2h""#), Ok((7_200_000, 7_200_000)));
    assert_eq!(retry(r#""max":"100ms""#), Ok((100, 100)));
    assert_eq!(
        retry(r#""initial":"10s","max":"10s""#),
        Ok((10_000, 10_000))
    );
    assert_eq!(retry(""), Ok((1_000, 3_600_000)));
}

/// Rows: arguments, and how they are kept.
#[test]
fn numbers_keep_their_digits() {
    for args in [
        "123456789012345678901234567890",
        "-18446744073709551617",
        "1e400",
        "1.10",
        "-0",
        "0.1000000000000000055511151231257827",
        "[1E+2,1e-400]",
        r#"{"b":1.0,"a":"\u00e9","b":2}"#,
    ] {
        let task = task(&format!(r#"{{"task":"echo","args":{args}}}"#)).expect(args);
        assert_eq!(task.args.as_str(), args);
    }
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
    let object = r#"{"a":"#.repeat(JSON_DEPTH_MAX) + "1" + &"}".repeat(JSON_DEPTH_MAX);
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

#[test]
fn what_is_too_large_is_said_before_it_is_read() {
    let large = format!(r#"[{}{{"":0}}]"#, r#"{"":0},"#.repeat(10_000));
    let e = task(&format!(r#"{{"task":"sleep","args":{large}}}"#)).expect_err("large");
    assert!(e.too_large && e.field.as_deref() == Some("args"), "{e}");
    // White space is dropped, and does not count.
    let spaced = format!(r#"{{"task":"echo","args":[{}]}}"#, " ".repeat(20_000));
    assert_eq!(task(&spaced).expect("it fits").args.as_str(), "[]");
    let e = workflow(&format!(
        r#"{{"chain":[{{"task":"echo"}},{{"task":"echo","args":{{"a":{large}}}}}]}}"#
    ));
    let e = e.expect_err("large");
    assert!(
        e.too_large && e.field.as_deref() == Some("chain[1].args"),
        "{e}"
    );
    let batch: BatchRequest =
        from_slice(format!(r#"{{"tasks":{large}}}"#).as_bytes()).expect("it is a list");
    let e = batch.check(&registry(), 0).expect_err("too many");
    assert!(e.reason.contains("there are 10001 tasks"), "{e}");
}

/// A schedule that `GET` shows can be put unchanged.
#[test]
fn a_schedule_that_is_shown_can_be_put() {
    let body = r#"{"task":"http.request","args":{"url":"http://x/"},"cron":"0 6 * * *","timezone":"Europe/Berlin",
        "overlap":"skip","missed":"all","expires":"30s","priority":"low","timeout":"5s","key":"a",
        "retry":{"attempts":3,"initial":"2h"},"retention":"2h","webhook":"https://x/hook"}"#;
    let schedule_of = schedule(body).expect("it is one");
    let view = handoff_queue::ScheduleView {
        schedule: schedule_of.clone(),
        put_ms: 1_795_420_800_000,
        next_ms: Some(1_795_420_860_000),
        last: None,
    };
    let shown = object::schedule(&view).to_string();
    assert_eq!(schedule(&shown), Ok(schedule_of), "{shown}");
    let other = shown.replace(r#""name":"report""#, r#""name":"other""#);
    assert_eq!(
        schedule(&other).expect_err("another name").field.as_deref(),
        Some("name")
    );
}

/// Documents that a JSON parser must accept, must refuse, or may treat either way, by the rules of
/// <https://github.com/nst/JSONTestSuite>. An accepted document is kept so that it can be read
/// again.
#[test]
fn any_document_is_taken_whole_or_refused() {
    let taken = [
        "[[]   ]",
        "[]",
        "[\"\"]",
        "[\"a\"]",
        "[false]",
        "[null, 1, \"1\", {}]",
        "[null]",
        "[1\n]",
        "[1,null,null,null,2]",
        "[2] ",
        " [1]",
        "[123e65]",
        "[0e+1]",
        "[0e1]",
        "[ 4]",
        "[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
        "[20e1]",
        "[-0]",
        "[-123]",
        "[-1]",
        "[1E22]",
        "[1E-2]",
        "[1E+2]",
        "[123e45]",
        "[123.456e78]",
        "[1e-2]",
        "[1e+2]",
        "[123.456789]",
        "{\"asd\":\"sdf\", \"dfg\":\"fgh\"}",
        "{\"asd\":\"sdf\"}",
        "{\"a\":\"b\",\"a\":\"c\"}",
        "{\"a\":\"b\",\"a\":\"b\"}",
        "{}",
        "{\"\":0}",
        "{\"foo\\u0000bar\": 42}",
        "{ \"min\": -1.0e+28, \"max\": 1.0e+28 }",
        "{\"a\":[]}",
        "[\"\\u0060\\u012a\\u12AB\"]",
        "[\"\\uD801\\udc37\"]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\\\\u0000\"]",
        "[\"\\\"\"]",
        "[\"a/*b*/c/*d//e\"]",
        "[\"\\uFFFF\"]",
        "[\"\u{7f}\"]",
        "[\"\u{2028}\"]",
        "[\"\\u0000\"]",
        "[\"\u{1f600}\"]",
        "\"\"",
        "42",
        "-0.1",
        "null",
        "true",
        // A parser may accept or refuse these.
        "[1e400]",
        "[-1e+9999]",
        "[1.5e+9999]",
        "[123123e100000]",
        "[0.4e00669999999999999999999999999999999]",
        "[100000000000000000000]",
    ];
    for json in taken {
        let kept = task(&format!("{{\"task\":\"echo\",\"args\":{json}}}"))
            .expect(json)
            .args;
        assert_eq!(Json::of(&kept).expect(json), kept, "{json}");
        let again: Json = kept.as_str().parse().expect(json);
        assert_eq!(again, kept, "{json}");
    }
    let refused = [
        "[1 true]",
        "[\"\": 1]",
        "[\"\"],",
        "[,1]",
        "[1,,2]",
        "[\"x\",,]",
        "[\"x\"]]",
        "[\"\",]",
        "[\"x\"",
        "[x",
        "[3[4]]",
        "[1:2]",
        "[,]",
        "[-]",
        "[   , \"\"]",
        "[1,",
        "[1,]",
        "[*]",
        "[fals]",
        "[nul]",
        "[tru]",
        "[++1234]",
        "[+1]",
        "[+Inf]",
        "[-01]",
        "[-1.0.]",
        "[-2.]",
        "[-NaN]",
        "[.-1]",
        "[.2e-3]",
        "[0.1.2]",
        "[0.3e+]",
        "[0.3e]",
        "[0.e1]",
        "[0E+]",
        "[0e]",
        "[1.0e+]",
        "[1 000.0]",
        "[1eE2]",
        "[2.e+3]",
        "[9.e+]",
        "[Inf]",
        "[NaN]",
        "[1+2]",
        "[0x1]",
        "[0x42]",
        "[Infinity]",
        "[-Infinity]",
        "[-foo]",
        "[- 1]",
        "[-012]",
        "[012]",
        "[1ea]",
        "[\u{ff11}]",
        "{\"x\", null}",
        "{\"x\"::\"b\"}",
        "{\"a\":\"a\" 123}",
        "{key: 'value'}",
        "{\"a\" b}",
        "{:\"b\"}",
        "{\"a\" \"b\"}",
        "{\"a\":",
        "{\"a\"",
        "{1:1}",
        "{null:null}",
        "{\"id\":0,,,,,}",
        "{'a':0}",
        "{\"id\":0,}",
        "{\"a\":\"b\"}/**/",
        "{\"a\":\"b\"}#",
        "{a: \"b\"}",
        "{\"a\":\"a",
        "[\"\\x00\"]",
        "[\"\\\\\\\"]",
        "[\"\\uD800\\u\"]",
        "[\"\\u00A\"]",
        "[\"\\uD834\\uDd\"]",
        "[\"\\a\"]",
        "[\"\\uqqqq\"]",
        "[\"new\nline\"]",
        "[\"\t\"]",
        "abc",
        "'a'",
        "<.>",
        "[a\u{e5}]",
        "[True]",
        "",
        "{}}",
        "{\"\":",
        "{\"a\":/*comment*/\"b\"}",
        "[\u{c}]",
        "\u{feff}[]",
        "[\u{a0}]",
        "\u{2060}",
        // A parser may accept or refuse these: half of a pair is no text.
        "[\"\\uDADA\"]",
        "[\"\\uD888\\u1234\"]",
        "[\"\\uDd1e\\uD834\"]",
        "[\"\\ud800abc\"]",
        "[\"\\uDFAA\"]",
    ];
    for json in refused {
        let e = task(&format!("{{\"task\":\"echo\",\"args\":{json}}}")).expect_err(json);
        assert!(!e.to_string().contains(char::is_control), "{json}: {e}");
    }
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

/// Values that tests write are read as bodies are.
#[test]
fn an_object_is_no_list_of_its_fields() {
    let Object(fields): Object<Value> = Object(json!({"a": 1}));
    assert_eq!(fields["a"], 1);
    assert!(from_json::<TaskRequest>(&json!(["echo"]).into()).is_err());
}
