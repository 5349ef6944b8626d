//! `{"requests": [{"url": …}, …]}`: sends all at once.

use futures::future::join_all;
use handoff_input::{Duration, FieldError};
use handoff_platform::http::client::{Call, Reply, send};
use handoff_platform::http::{Problem, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const TIMEOUT_DEFAULT: Duration = Duration::from_ms(10_000);
const TIMEOUT_MAX: Duration = Duration::from_ms(60_000);

/// One request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Text is sent as it is, anything else as JSON.
    #[serde(default)]
    body: Value,
    timeout: Option<Duration>,
}

/// Answers in the order asked, each with its own status or error.
pub async fn gather(items: Vec<Item>) -> Result<Response, Problem> {
    let mut calls = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        calls.push(call(item).map_err(|e| e.within(&format!("requests[{i}]")))?);
    }
    let results: Vec<Value> = join_all(calls.into_iter().map(send))
        .await
        .into_iter()
        .map(result)
        .collect();
    Ok(Response::json(200, &json!({"results": results})))
}

fn call(item: Item) -> Result<Call, FieldError> {
    let timeout = item.timeout.unwrap_or(TIMEOUT_DEFAULT);
    if timeout > TIMEOUT_MAX || timeout.ms == 0 {
        let reason = format!("{timeout} is out of bounds: above 0s and at most {TIMEOUT_MAX}");
        return Err(FieldError::new("timeout", reason));
    }
    let mut headers: Vec<_> = item.headers.into_iter().collect();
    let has_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let default_method = if item.body.is_null() { "GET" } else { "POST" };
    let body = match item.body {
        Value::Null => Vec::new(),
        Value::String(text) => text.into_bytes(),
        json => {
            if !has_type {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            json.to_string().into_bytes()
        }
    };
    let call = Call {
        method: item.method.unwrap_or_else(|| default_method.to_owned()),
        url: item.url,
        headers,
        body,
        timeout_ms: timeout.ms,
    };
    call.check()
        .map_err(|(field, reason)| FieldError::new(field, reason))?;
    Ok(call)
}

fn result(reply: Result<Reply, String>) -> Value {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return json!({"error": error}),
    };
    let headers: Map<String, Value> = reply
        .headers
        .into_iter()
        .map(|(name, value)| (name, json!(value)))
        .collect();
    match String::from_utf8(reply.body) {
        Ok(text) => {
            let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
            json!({"status": reply.status, "headers": headers, "body": body})
        }
        Err(_) => {
            json!({"status": reply.status, "headers": headers, "error": "the body is not UTF-8 text"})
        }
    }
}
