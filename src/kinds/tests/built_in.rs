//! The kinds that every deployment has, run as a worker runs them.

use handoff_kinds::span::run_span_id;
use handoff_kinds::test::{Attempt, Ran};
use handoff_kinds::{Call, Context, Outcome, Registry, Reply, Task, Trace};
use handoff_wire::Kinds;
use serde_json::{Value, json};

fn request(args: Value) -> Attempt {
    Attempt::within(Registry::default(), "http.request", args)
}

#[test]
fn an_unanswered_request_is_tried_again() {
    let args = json!({"url": "http://example.org/x", "body": {"a": 1}, "headers": {"x-y": "z"}});
    let Ran { outcome, calls, .. } = request(args).run();
    assert_eq!(outcome, Outcome::retry("nobody answers in a test"));
    let call = &calls[0];
    assert_eq!(
        (call.method.as_str(), call.body.as_slice()),
        ("POST", &br#"{"a":1}"#[..])
    );
    let json_type = ("content-type".to_owned(), "application/json".to_owned());
    assert_eq!(
        call.headers,
        [("x-y".to_owned(), "z".to_owned()), json_type]
    );
}

#[test]
fn an_answer_is_the_result() {
    let attempt = request(json!({"url": "http://example.org/x"})).answers(|call| {
        assert_eq!(call.url, "http://example.org/x");
        Ok(Reply {
            status: 200,
            headers: Vec::new(),
            body: b"[1]".to_vec(),
        })
    });
    let expected = json!({"status": 200, "body": [1]});
    assert_eq!(attempt.run().result(), Some(expected));
}

#[test]
fn a_timeout_that_is_cut_is_told() {
    let outcome = |timeout: &str, left_ms: u64| {
        let args = json!({"url": "http://example.org/", "timeout": timeout});
        let Ran { outcome, calls, .. } = request(args).timeout_ms(left_ms).run();
        (outcome, calls[0].timeout_ms)
    };
    let whole = Outcome::retry("nobody answers in a test");
    assert_eq!(outcome("5s", 5_000), (whole, 5_000));
    let cut = "nobody answers in a test; of its timeout, 5s, the attempt had only 2s left";
    assert_eq!(outcome("5s", 2_000), (Outcome::retry(cut), 2_000));
}

/// Rows: the task's own headers, and the trace that is sent with them.
#[test]
fn a_request_goes_on_with_its_trace() {
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let trace = Trace {
        parent: format!("00-{trace_id}-00f067aa0ba902b7-01"),
        state: Some("a=1".to_owned()),
    };
    // Not the parent of the request that enqueued the task, but the span of this run.
    let id = "test-1-000000000000000000000001".parse().expect("an id");
    let parent = Some(format!("00-{trace_id}-{:016x}-01", run_span_id(&id, 0)));
    let own = Some("own".to_owned());
    let state = Some("a=1".to_owned());
    for (headers, expected) in [
        (json!({}), (parent.clone(), state.clone())),
        (json!({"x-y": "z"}), (parent.clone(), state)),
        (json!({"TraceParent": "own"}), (own.clone(), None)),
        (json!({"tracestate": "own"}), (parent, own)),
    ] {
        let args = json!({"url": "http://example.org/", "headers": headers});
        let ran = request(args).trace(trace.clone()).run();
        let call = &ran.calls[0];
        let header = |wanted: &str| {
            let mut all = call
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(wanted));
            let first = all.next().map(|(_, value)| value.clone());
            assert_eq!(all.next(), None, "{wanted} is there twice");
            first
        };
        assert_eq!(
            (header("traceparent"), header("tracestate")),
            expected,
            "{headers}"
        );
    }
}

/// Rows: task, arguments, the field that the error names.
#[test]
fn wrong_arguments_are_refused_by_name() {
    let table = [
        ("nope", json!({}), "task"),
        ("http.request", json!({"url": "ftp://x/"}), "args.url"),
        ("http.request", json!({"url": "/x"}), "args.url"),
        (
            "http.request",
            json!({"url": "http://handoff-worker.spin.internal/work"}),
            "args.url",
        ),
        (
            "http.request",
            json!({"url": "http://x/", "timeout": "soon"}),
            "args.timeout",
        ),
        ("fault", json!({"how": "nicely"}), "args.how"),
    ];
    let registry = Registry::default().with_faults(|| true);
    for (task, args, field) in table {
        let e = registry
            .check(task, &args.clone().into(), 60_000)
            .expect_err(task);
        assert_eq!(e.field.as_deref(), Some(field), "{task} {args}: {e}");
    }
    let without = Registry::default().with_faults(|| false);
    let panic = json!({"how": "panic"}).into();
    assert!(without.check("fault", &panic, 60_000).is_err());
}

#[test]
fn names_that_can_not_be_used_are_found() {
    use handoff_kinds::name::check;
    check(&["greet", "mail.Send", "a:b_c-d"]);
    let long = "x".repeat(129);
    let wrong: [(&[&str], &str); 6] = [
        (&[""], "letters, digits"),
        (&["two words"], "letters, digits"),
        (&["mail.*"], "letters, digits"),
        (&[&long], "letters, digits"),
        (&["a", "b", "a"], "same NAME"),
        (&["http.request"], "built into"),
    ];
    for (names, reason) in wrong {
        let panic = std::panic::catch_unwind(|| check(names)).expect_err(reason);
        let said = panic.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(said.contains(reason), "{names:?}: {said}");
    }
}

/// A task of an application, which sends what it is given.
struct Sends;

impl Task for Sends {
    const NAME: &'static str = "sends";
    type Args = std::collections::BTreeMap<String, String>;

    async fn run(args: Self::Args, context: Context) -> Outcome {
        match context.send(Call::new("POST", &args["url"])).await {
            Ok(reply) => Outcome::done(reply.status),
            Err(error) => error.into(),
        }
    }
}

#[test]
fn no_task_calls_a_worker_or_nowhere() {
    for url in [
        "http://handoff-worker.spin.internal/work/default",
        "http://HANDOFF-WORKER.spin.internal:80/keep/default",
        "/relative",
        "not a url",
    ] {
        let attempt = Attempt::of::<Sends>(json!({"url": url}));
        let ran = attempt.answers(|_| Ok(Reply::new(200))).run();
        let refused = matches!(&ran.outcome, Outcome::Fail(reason) if reason.contains(url));
        assert!(refused && ran.calls.is_empty(), "{url}: {ran:?}");
    }
    let attempt = Attempt::of::<Sends>(json!({"url": "https://example.org/"}));
    let ran = attempt.answers(|_| Ok(Reply::new(200))).run();
    assert_eq!(ran.result(), Some(json!(200)));
}
