//! The trace that a task's requests continue.

use crate::Trace;

/// The headers of a trace.
pub(crate) fn trace_headers(trace: Option<Trace>) -> Vec<(String, String)> {
    let Some(Trace { parent, state }) = trace else {
        return Vec::new();
    };
    let state = state.map(|state| ("tracestate".to_owned(), state));
    let parent = ("traceparent".to_owned(), parent);
    state.into_iter().chain([parent]).collect()
}
