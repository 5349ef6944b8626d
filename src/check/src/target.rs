//! The handler that is tried.

use crate::host::{ThisMachine, send};
use futures::executor::block_on;
use handoff_kinds::{Call, Context, Handlers, Host, Outcome, Registry};
use handoff_queue::{Attempt, Control, Report};
use serde_json::{Value, json};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long each attempt may take, in milliseconds.
const TIMEOUT_MS: u64 = 30_000;

/// An endpoint, and a task that it runs.
pub(crate) struct Target {
    handlers: String,
    url: String,
    kind: String,
    args: Value,
    next: AtomicU64,
}

/// One attempt: what came of it, and what it reported.
pub(crate) struct Tried {
    pub outcome: Outcome,
    pub report: Report,
}

impl Target {
    pub(crate) fn new(url: &str, kind: &str, args: Value) -> anyhow::Result<Self> {
        let handlers = json!({"*": {"url": url}}).to_string();
        let checked: Result<Handlers, _> = handlers.parse();
        checked.map_err(|e| anyhow::anyhow!("{e}"))?;
        Ok(Self {
            handlers,
            url: url.to_owned(),
            kind: kind.to_owned(),
            args,
            next: AtomicU64::new(1),
        })
    }

    /// The first attempt of another task.
    pub(crate) fn attempt(&self) -> Attempt {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("check-{number:x}-{:024x}", ThisMachine.now_ms());
        let id = id.parse().expect("it is an id");
        let mut attempt = Attempt::first(id, ThisMachine.now_ms() + TIMEOUT_MS);
        attempt.attempts_max = 5;
        attempt
    }

    /// Runs an attempt of the task that succeeds, as a worker does.
    pub(crate) fn run(&self, attempt: Attempt) -> Tried {
        self.run_kind(&self.kind, attempt)
    }

    pub(crate) fn run_kind(&self, kind: &str, attempt: Attempt) -> Tried {
        let handlers = self.handlers.clone();
        let read = move || {
            handlers
                .parse()
                .map_err(|_| "it was checked before".to_owned())
        };
        let registry = Registry::default().with_handlers(read);
        let control = Rc::new(Control::new(attempt));
        let context = Context::new(control.clone(), Rc::new(ThisMachine));
        let outcome = block_on(registry.run(kind, self.args.clone().into(), context));
        let report = control.report().unwrap_or_default();
        Tried { outcome, report }
    }

    /// The status of an answer to anything; `Err` says why there was none.
    pub(crate) fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Result<u16, String> {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let call = Call {
            method: "POST".to_owned(),
            url: self.url.clone(),
            headers: headers.collect(),
            body: body.to_vec(),
            timeout_ms: TIMEOUT_MS,
            head_only: true,
        };
        send(&call)
            .map(|answer| answer.status)
            .map_err(|e| e.to_string())
    }

    /// The body of a call, with more fields.
    pub(crate) fn body(&self, more: &Value) -> Vec<u8> {
        let mut body = json!({
            "id": "check-1-000000000000000000000001", "task": self.kind, "queue": "check",
            "key": null, "args": self.args, "attempt": 1, "attempts_max": 5, "part": 0,
            "checkpoint": null, "last_error": null, "fence": 0,
            "deadline": "2030-01-01T00:00:00Z", "left_ms": TIMEOUT_MS,
        });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        body.to_string().into_bytes()
    }
}
