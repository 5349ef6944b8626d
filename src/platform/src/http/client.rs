//! Outgoing requests, bounded in time and size.

use crate::env::sleep_ms;
use futures::StreamExt;
use futures::future::{Either, select};
use handoff_input::{Call, Reply};
use spin_sdk::http::{IncomingResponse, Method, RequestBuilder, send as host_send};
use std::pin::pin;

/// Response bodies beyond this many bytes are an error.
pub const REPLY_MAX_BYTES: usize = 256 * 1024;

/// Sends a call and waits for all of the answer. Calls that somebody outside asked for are checked before:
/// [`handoff_input::CallRequest::check`].
///
/// # Errors
/// In words: refused by the host, unreachable, timed out, or answered with too much.
pub async fn send(call: Call) -> Result<Reply, String> {
    let timeout_ms = call.timeout_ms;
    let exchange = pin!(exchange(call));
    match select(exchange, pin!(sleep_ms(timeout_ms))).await {
        Either::Left((reply, _)) => reply,
        Either::Right(_) => Err(format!("no complete answer within {timeout_ms} ms")),
    }
}

async fn exchange(call: Call) -> Result<Reply, String> {
    let head_only = call.head_only;
    let request = RequestBuilder::new(method(&call.method), &call.url)
        .headers(call.headers)
        .body(call.body)
        .build();
    let response: IncomingResponse = host_send(request).await.map_err(|e| e.to_string())?;
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    let headers = response.headers().entries();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), text(value)));
    let mut reply = Reply {
        status: response.status(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    if head_only && (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let mut stream = response.take_body_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|e| format!("the answer broke off: {}", e.to_debug_string()))?;
        if reply.body.len() + chunk.len() > REPLY_MAX_BYTES {
            return Err(format!("the answer has more than {REPLY_MAX_BYTES} bytes"));
        }
        reply.body.extend(chunk);
    }
    Ok(reply)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}
