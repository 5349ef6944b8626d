//! A task's arguments, its checkpoint and the answer to its request, one a line: the kind, the arguments, the
//! checkpoint, the status, the header retry-after, the answer's body.

use super::gather::assert_sendable;
use super::{NOW_MS, lines, text};
use futures::future::{LocalBoxFuture, pending, ready};
use futures::{FutureExt, StreamExt, stream};
use handoff_kinds::{
    Answer, Call, CallError, Context, FieldError, Host, Reply, TaskId, TaskView, WebhookSecrets,
};
use handoff_queue::{Attempt, Control, Json, Outcome};
use handoff_tasks::registry;
use handoff_wire::Kinds;
use std::cell::Cell;
use std::rc::Rc;

/// Counting more takes longer than an input should.
const BELOW_MAX: u64 = 100_000;
const TIMEOUT_MS: u64 = 60_000;

#[derive(serde::Deserialize)]
struct Below {
    below: u64,
}

/// Arguments are refused by name, or the task runs to an outcome or until its time is over.
pub(crate) fn run(bytes: &[u8]) {
    let Some([kind, args, checkpoint, status, retry_after, body]) = text(bytes).map(lines) else {
        return;
    };
    let Ok(args) = args.parse::<Json>() else {
        return;
    };
    let registry = registry().with_handlers(|| {
        let handlers = r#"{"h*": {"url": "http://h.spin.internal/"}}"#;
        handlers.parse().map_err(|e: FieldError| e.to_string())
    });
    // A workflow's task may be given another timeout than its attempt has: that is cut, and no error.
    let checked = registry.check(kind, &args, u64::MAX);
    if let Err(error) = &checked {
        assert!(
            error
                .field
                .as_ref()
                .is_some_and(|f| f == "task" || f.starts_with("args"))
        );
        assert!(!error.reason.is_empty());
    }
    let counts = args.read::<Below>();
    if counts.is_ok_and(|args| args.below > BELOW_MAX) {
        return;
    }
    let host = World {
        now_ms: Cell::new(NOW_MS),
        reply: Reply {
            status: status.parse().unwrap_or(200),
            headers: headers(kind, retry_after),
            body: body.as_bytes().to_vec(),
        },
    };
    let deadline_ms = NOW_MS + TIMEOUT_MS;
    let id = "q-1-0123456789abcdef01234567".parse().expect("an id");
    let control = Control::new(Attempt {
        checkpoint: checkpoint.parse().ok(),
        ..Attempt::first(id, deadline_ms)
    });
    let context = Context::new(Rc::new(control), Rc::new(host));
    // A worker gives arguments that are refused to it, too: of another version.
    let outcome = registry.run(kind, args, context).now_or_never();
    if checked.is_err() {
        // A kind that is not there may be another worker's.
        let is_refused = matches!(outcome, Some(Outcome::Fail(_) | Outcome::Retry { .. }));
        assert!(is_refused, "{outcome:?}");
    }
}

/// The kind decides what the given header is, and what the body is of.
fn headers(kind: &str, given: &str) -> Vec<(String, String)> {
    let name = match kind {
        "h.continue" => "handoff-continue",
        _ => "retry-after",
    };
    let content_type = match kind {
        "h.lines" => "application/x-ndjson",
        _ => "application/json",
    };
    let headers = [(name, given), ("content-type", content_type)];
    headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// Answers every request in the same way; time passes only by sleeping.
struct World {
    now_ms: Cell<u64>,
    reply: Reply,
}

impl Host for World {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        self.now_ms.set(self.now_ms.get() + ms);
        if self.now_ms.get() > NOW_MS + TIMEOUT_MS {
            return pending().boxed_local();
        }
        ready(()).boxed_local()
    }

    fn open(&self, call: Call) -> LocalBoxFuture<'static, Result<Answer, CallError>> {
        assert_sendable(&call);
        assert!(call.timeout_ms <= TIMEOUT_MS);
        let reply = self.reply.clone();
        // It comes in small pieces.
        let chunks: Vec<_> = reply
            .body
            .chunks(7)
            .map(|chunk| Ok(chunk.to_vec()))
            .collect();
        let answer = Answer {
            status: reply.status,
            headers: reply.headers,
            body: stream::iter(chunks).boxed_local(),
        };
        ready(Ok(answer)).boxed_local()
    }

    fn task(&self, _: TaskId) -> LocalBoxFuture<'static, Result<Option<TaskView>, String>> {
        ready(Ok(None)).boxed_local()
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        Err(format!("no variable {name:?}"))
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
