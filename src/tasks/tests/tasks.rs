//! The tasks of Handoff, run as a worker runs them, on a host with its own clock.

use futures::executor::block_on;
use futures::future::{FutureExt, LocalBoxFuture, ready};
use handoff_queue::{Attempt, Control};
use handoff_tasks::{
    Answer, Call, CallError, Context, Host, Outcome, TaskId, TaskView, Trace, WebhookSecrets,
    registry,
};
use handoff_wire::Kinds;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A host whose time passes by sleeping, and by 10 ms at each look at the clock.
#[derive(Default)]
struct TestHost {
    now_ms: Rc<Cell<u64>>,
    random: Cell<u64>,
    calls: RefCell<Vec<Call>>,
}

impl Host for TestHost {
    fn now_ms(&self) -> u64 {
        self.now_ms.set(self.now_ms.get() + 10);
        self.now_ms.get()
    }

    fn random(&self) -> u64 {
        self.random.set(self.random.get() + 1);
        self.random.get()
    }

    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        let now_ms = self.now_ms.clone();
        async move { now_ms.set(now_ms.get() + ms) }.boxed_local()
    }

    fn open(&self, call: Call) -> LocalBoxFuture<'static, Result<Answer, CallError>> {
        self.calls.borrow_mut().push(call);
        ready(Err(CallError::Unanswered("unreachable".to_owned()))).boxed_local()
    }

    fn task(&self, _: TaskId) -> LocalBoxFuture<'static, Result<Option<TaskView>, String>> {
        ready(Ok(None)).boxed_local()
    }

    fn webhook_secrets(&self) -> Result<WebhookSecrets, String> {
        Ok(WebhookSecrets::default())
    }

    fn reach(&self, _: String) -> LocalBoxFuture<'static, Result<(), String>> {
        ready(Ok(())).boxed_local()
    }

    fn result_max_bytes(&self) -> u64 {
        1_000
    }
}

/// The first attempt of a task.
fn attempt(deadline_ms: u64) -> Attempt {
    let id = "default-1-000000000000000000000001";
    Attempt::first(id.parse().expect("an id"), deadline_ms)
}

fn run_with(name: &str, args: Value, control: Control, host: Rc<TestHost>) -> Outcome {
    let context = Context::new(Rc::new(control), host);
    block_on(registry(|| true).run(name, args.into(), context))
}

fn run(name: &str, args: Value) -> Outcome {
    let control = Control::new(attempt(60_000));
    run_with(name, args, control, Rc::default())
}

#[test]
fn echo_returns_its_arguments() {
    for args in [json!(null), json!([1, "two"]), json!({"a": {"b": 1.5}})] {
        assert_eq!(run("echo", args.clone()), Outcome::done(args));
    }
}

#[test]
fn sleep_takes_as_long_as_asked() {
    let host = Rc::new(TestHost::default());
    let control = Control::new(attempt(60_000));
    let outcome = run_with("sleep", json!({"for": "5s"}), control, host.clone());
    assert_eq!(outcome, Outcome::done("Task Done."));
    let slept_ms = host.now_ms.get();
    assert!((5_000..6_000).contains(&slept_ms), "{slept_ms}");
}

#[test]
fn counting_goes_on_from_its_checkpoint() {
    let args = json!({"below": 10_000_000});
    let mut checkpoint = None;
    for instance in 1.. {
        // Each instance has no time left, so it stops after its first slice.
        let control = Control::new(Attempt {
            yield_at_ms: 0,
            checkpoint: checkpoint.take(),
            ..attempt(60_000)
        });
        match run_with("primes.count", args.clone(), control, Rc::default()) {
            Outcome::Continue {
                checkpoint: stored, ..
            } => checkpoint = Some(stored),
            outcome => {
                assert_eq!(
                    outcome,
                    Outcome::done(json!({"below": 10_000_000, "primes": 664_579}))
                );
                assert!(instance > 3, "it was done in {instance} instances");
                return;
            }
        }
    }
}

#[test]
fn an_unanswered_request_is_tried_again() {
    let host = Rc::new(TestHost::default());
    let args = json!({"url": "http://example.org/x", "body": {"a": 1}, "headers": {"x-y": "z"}});
    let control = Control::new(attempt(60_000));
    let outcome = run_with("http.request", args, control, host.clone());
    assert_eq!(outcome, Outcome::retry("unreachable"));
    let call = host.calls.borrow()[0].clone();
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

/// Rows: the task's own headers, and the trace that is sent with them.
#[test]
fn a_timeout_that_is_cut_is_told() {
    let outcome = |timeout: &str, left_ms: u64| {
        let host = Rc::new(TestHost::default());
        let args = json!({"url": "http://example.org/", "timeout": timeout});
        let control = Control::new(attempt(left_ms + 10));
        let outcome = run_with("http.request", args, control, host.clone());
        (outcome, host.calls.borrow()[0].timeout_ms)
    };
    let whole = Outcome::retry("unreachable");
    assert_eq!(outcome("5s", 5_000), (whole, 5_000));
    let cut = "unreachable; of its timeout, 5s, the attempt had only 2s left";
    assert_eq!(outcome("5s", 2_000), (Outcome::retry(cut), 2_000));
}

#[test]
fn a_request_goes_on_with_its_trace() {
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let trace = Trace {
        parent: format!("00-{trace_id}-00f067aa0ba902b7-01"),
        state: Some("a=1".to_owned()),
    };
    let parent = |id: u64| Some(format!("00-{trace_id}-{id:016x}-01"));
    let own = Some("own".to_owned());
    let state = Some("a=1".to_owned());
    let host = Rc::new(TestHost::default());
    for (headers, expected) in [
        (json!({}), (parent(1), state.clone())),
        // The next attempt has another parent.
        (json!({"x-y": "z"}), (parent(2), state)),
        (json!({"TraceParent": "own"}), (own.clone(), None)),
        (json!({"tracestate": "own"}), (parent(4), own)),
    ] {
        let args = json!({"url": "http://example.org/", "headers": headers});
        let control = Control::new(Attempt {
            trace: Some(trace.clone()),
            ..attempt(60_000)
        });
        run_with("http.request", args, control, host.clone());
        let call = host.calls.borrow_mut().pop().expect("it was sent");
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
        ("sleep", json!({}), "args.for"),
        ("sleep", json!({"for": "-5s"}), "args.for"),
        ("sleep", json!({"for": 5}), "args.for"),
        ("sleep", json!({"for": "5s", "extra": 1}), "args.extra"),
        ("sleep", json!([]), "args"),
        ("primes.count", json!({"below": -1}), "args.below"),
        ("primes.count", json!({"below": 1e30}), "args.below"),
        (
            "primes.count",
            json!({"below": 1_000_000_000_001_u64}),
            "args.below",
        ),
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
    for (task, args, field) in table {
        let e = registry(|| true)
            .check(task, &args.clone().into(), 60_000)
            .expect_err(task);
        assert_eq!(e.field.as_deref(), Some(field), "{task} {args}: {e}");
    }
    assert!(
        registry(|| false)
            .check("fault", &json!({"how": "panic"}).into(), 60_000)
            .is_err()
    );
}
