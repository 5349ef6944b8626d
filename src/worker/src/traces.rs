//! Traces: a span for each attempt, sent to a collector by OTLP over HTTP in JSON.
//!
//! Tasks do not wait for the collector. Spans are sent beside them, once a second. What it does not
//! take in time is dropped.

use crate::span::{Attributes, Span};
use futures::future::{Either, select};
use handoff_kinds::Call;
use handoff_kinds::span::{enqueue_span_id, run_span_id, trace_id};
use handoff_platform::HostEnv;
use handoff_platform::clock::sleep_ms;
use handoff_platform::http::client;
use handoff_queue::{Env, Run, RunState, Task, TaskId};
use handoff_wire::{Collector, TraceParent};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;

/// Spans are sent this often.
const EVERY_MS: u64 = 1_000;
/// The longest time that the collector may take.
const TIMEOUT_MS: u64 = 2_000;
/// So many spans wait to be sent, at most.
const WAITING_MAX: usize = 1_000;

/// What is known of an attempt that began here.
struct Begun {
    parent: TraceParent,
    state: Option<String>,
}

/// The spans of one worker.
pub(crate) struct Traces {
    collector: Collector,
    spans: RefCell<Vec<Span>>,
    begun: RefCell<BTreeMap<(String, u64), Begun>>,
    dropped: Cell<u64>,
    /// Whether it was said that the collector takes none.
    said: Cell<bool>,
}

impl Traces {
    pub(crate) fn to(collector: Collector) -> Self {
        Self {
            collector,
            spans: RefCell::default(),
            begun: RefCell::default(),
            dropped: Cell::new(0),
            said: Cell::new(false),
        }
    }

    /// Notes that a run begins. Its first attempt also has the span in which it was enqueued.
    pub(crate) fn began(&self, id: &TaskId, task: &Task, run: &Run) {
        let given = task.trace.as_ref();
        let caller = given.and_then(|trace| trace.parent.parse::<TraceParent>().ok());
        if caller.is_some_and(|caller| !caller.is_sampled()) {
            return;
        }
        let own = enqueue_span_id(id);
        let parent = match caller {
            Some(caller) => caller.with_parent(own),
            None => TraceParent::new(trace_id(id), own),
        };
        let state = given.and_then(|trace| trace.state.clone());
        let is_first = run.attempt == 1 && run.part == 0 && run.snoozes == 0;
        if is_first && run.errors.is_empty() && !run.alone {
            self.push(Span {
                parent: caller,
                id: parent,
                state: state.clone(),
                name: format!("enqueue {}", id.queue()),
                kind: Span::PRODUCER,
                start_ms: task.enqueued_ms,
                end_ms: task.enqueued_ms,
                attributes: about(id, &task.kind, "enqueue", "send"),
                link: None,
                error: None,
            });
        }
        let begun = Begun { parent, state };
        let key = (id.to_string(), run.epoch);
        self.begun.borrow_mut().insert(key, begun);
    }

    /// Notes that a run ended.
    pub(crate) fn ended(&self, id: &TaskId, run: &Run) {
        let begun = self.begun.borrow_mut().remove(&(id.to_string(), run.epoch));
        let Some(Begun { parent, state }) = begun else {
            return;
        };
        let failed = run.failure();
        let outcome = match run.state {
            RunState::Succeeded { .. } => "succeeded",
            RunState::Failed { .. } => "failed",
            RunState::Cancelled => "cancelled",
            RunState::Retrying { .. } if failed.is_some() => "retries",
            _ => "continues",
        };
        let error = failed.filter(|_| matches!(outcome, "failed" | "retries"));
        let mut attributes = about(id, &run.kind, "process", "process");
        attributes.number("handoff.attempt", run.attempt.into());
        attributes.text("handoff.outcome", outcome);
        if error.is_some() {
            attributes.text("error.type", "attempt_failed");
        }
        self.push(Span {
            parent: Some(parent),
            id: parent.with_parent(run_span_id(id, run.epoch)),
            state,
            name: format!("process {}", id.queue()),
            kind: Span::CONSUMER,
            start_ms: run.started_ms,
            end_ms: run.ended_ms().unwrap_or_else(|| HostEnv.now_ms()),
            attributes,
            link: Some(parent),
            error: error.map(|error| error.error.clone()),
        });
    }

    fn push(&self, span: Span) {
        let mut spans = self.spans.borrow_mut();
        match spans.len() < WAITING_MAX {
            true => spans.push(span),
            false => self.dropped.set(self.dropped.get() + 1),
        }
    }

    /// Sends spans while `work` goes on, and the last ones afterwards.
    pub(crate) async fn send_beside<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let ended = loop {
            let pause = pin!(sleep_ms(EVERY_MS));
            if let Either::Left((ended, _)) = select(work.as_mut(), pause).await {
                break ended;
            }
            let sending = pin!(self.send());
            if let Either::Left((ended, sending)) = select(work.as_mut(), sending).await {
                sending.await;
                break ended;
            }
        };
        self.send().await;
        if self.dropped.get() > 0 {
            HostEnv.log(&format!(
                "{} spans of traces were dropped",
                self.dropped.get()
            ));
        }
        ended
    }

    /// Sends the spans that wait.
    pub(crate) async fn send(&self) {
        let spans = self.spans.take();
        if spans.is_empty() {
            return;
        }
        let name = &self.collector.service;
        let service = json!([{"key": "service.name", "value": {"stringValue": name}}]);
        let scope = json!({"name": "handoff", "version": env!("CARGO_PKG_VERSION")});
        let spans_of_scope: Vec<_> = spans.iter().map(Span::json).collect();
        let body = json!({"resourceSpans": [{
            "resource": {"attributes": service},
            "scopeSpans": [{"scope": scope, "spans": spans_of_scope}],
        }]});
        let mut call = Call {
            body: body.to_string().into_bytes(),
            ..Call::new("POST", &self.collector.url)
        };
        call = call.header("content-type", "application/json");
        for (name, value) in &self.collector.headers {
            call = call.header(name, value);
        }
        let sent = client::send(call.timeout_ms(TIMEOUT_MS)).await;
        let reason = match sent {
            Ok(reply) if (200..300).contains(&reply.status) => return,
            Ok(reply) => format!("it answered {}", reply.status),
            Err(e) => e.to_string(),
        };
        // It will go on like this.
        if !self.said.replace(true) {
            HostEnv.log(&format!("the collector of traces takes no spans: {reason}"));
        }
        self.dropped.set(self.dropped.get() + spans.len() as u64);
    }
}

/// The attributes of messaging, by OpenTelemetry's conventions.
fn about(id: &TaskId, kind: &str, operation: &str, operation_type: &str) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.text("messaging.system", "handoff");
    attributes.text("messaging.operation.name", operation);
    attributes.text("messaging.operation.type", operation_type);
    attributes.text("messaging.destination.name", id.queue());
    attributes.text("messaging.message.id", &id.to_string());
    attributes.text("handoff.task", kind);
    attributes
}
