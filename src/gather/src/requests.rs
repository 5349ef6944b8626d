//! `{"requests": [{"url": …}, …]}`: sends all at once.

use futures::future::join_all;
use handoff_input::{Call, CallRequest, Duration, FieldError, Object, Reply};
use handoff_platform::http::client::send;
use handoff_platform::http::{Problem, Response};
use serde_json::{Map, Value, json};

const TIMEOUT_DEFAULT: Duration = Duration::from_ms(10_000);
const TIMEOUT_MAX: Duration = Duration::from_ms(60_000);

/// Answers in the order asked, each with its own status or error.
pub async fn gather(items: Vec<Object<CallRequest>>) -> Result<Response, Problem> {
    let mut calls = Vec::with_capacity(items.len());
    for (i, Object(item)) in items.into_iter().enumerate() {
        calls.push(call(item).map_err(|e| e.within(&format!("requests[{i}]")))?);
    }
    let results: Vec<Value> = join_all(calls.into_iter().map(send))
        .await
        .into_iter()
        .map(result)
        .collect();
    Ok(Response::json(200, &json!({"results": results})))
}

fn call(request: CallRequest) -> Result<Call, FieldError> {
    request.check()?;
    let timeout = request.timeout().unwrap_or(TIMEOUT_DEFAULT);
    if timeout > TIMEOUT_MAX || timeout.ms == 0 {
        let reason = format!("{timeout} is out of bounds: above 0s and at most {TIMEOUT_MAX}");
        return Err(FieldError::new("timeout", reason));
    }
    Ok(request.into_call(timeout.ms))
}

fn result(reply: Result<Reply, String>) -> Value {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return json!({"error": error}),
    };
    let body = reply.body_json();
    let headers = reply
        .headers
        .into_iter()
        .map(|(name, value)| (name, json!(value)));
    let headers: Map<String, Value> = headers.collect();
    match body {
        Some(body) => json!({"status": reply.status, "headers": headers, "body": body}),
        None => {
            json!({"status": reply.status, "headers": headers, "error": "the body is not UTF-8 text"})
        }
    }
}
