//! A span, and its form in OTLP.

use handoff_wire::TraceParent;
use serde_json::{Value, json};

/// The attributes of a span, in OTLP's form.
#[derive(Default)]
pub(crate) struct Attributes(Vec<Value>);

impl Attributes {
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.0
            .push(json!({"key": key, "value": {"stringValue": value}}));
    }

    /// Whole numbers are texts in OTLP's JSON.
    pub(crate) fn number(&mut self, key: &str, value: u64) {
        let value = value.to_string();
        self.0
            .push(json!({"key": key, "value": {"intValue": value}}));
    }
}

/// A span.
pub(crate) struct Span {
    /// The span that it belongs to, if any.
    pub parent: Option<TraceParent>,
    /// Its trace, and its own id.
    pub id: TraceParent,
    /// Its `tracestate`.
    pub state: Option<String>,
    pub name: String,
    pub kind: u8,
    pub start_ms: u64,
    pub end_ms: u64,
    pub attributes: Attributes,
    /// The span that caused it.
    pub link: Option<TraceParent>,
    pub error: Option<String>,
}

impl Span {
    pub(crate) const PRODUCER: u8 = 4;
    pub(crate) const CONSUMER: u8 = 5;
    /// The status of a failed span.
    const ERROR: u8 = 2;

    pub(crate) fn json(&self) -> Value {
        let trace = |of: TraceParent| format!("{:032x}", of.trace_id());
        let span = |of: TraceParent| format!("{:016x}", of.parent_id());
        let nanoseconds = |ms: u64| format!("{ms}000000");
        let mut json = json!({
            "traceId": trace(self.id),
            "spanId": span(self.id),
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": nanoseconds(self.start_ms),
            "endTimeUnixNano": nanoseconds(self.end_ms.max(self.start_ms)),
            "attributes": self.attributes.0,
        });
        if let Some(parent) = self.parent {
            json["parentSpanId"] = span(parent).into();
        }
        if let Some(state) = &self.state {
            json["traceState"] = state.as_str().into();
        }
        if let Some(link) = self.link {
            json["links"] = json!([{"traceId": trace(link), "spanId": span(link)}]);
        }
        if let Some(error) = &self.error {
            json["status"] = json!({"code": Self::ERROR, "message": error});
        }
        json
    }
}
