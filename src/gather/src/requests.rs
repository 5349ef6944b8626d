//! `{"requests": [{"url": …}, …]}`: sends all at once.

use futures::future::join_all;
use handoff_input::{Call, CallError, Reply};
use handoff_platform::http::Response;
use handoff_platform::http::client::send;
use serde_json::{Map, Value, json};

/// Answers in the order asked, each with its own status or error.
pub async fn gather(calls: Vec<Call>) -> Response {
    let results: Vec<Value> = join_all(calls.into_iter().map(send))
        .await
        .into_iter()
        .map(result)
        .collect();
    Response::json(200, &json!({"results": results}))
}

fn result(reply: Result<Reply, CallError>) -> Value {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return json!({"error": error.to_string()}),
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
