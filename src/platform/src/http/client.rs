//! Outgoing requests, bounded in time and size.

use crate::clock::sleep_ms;
use crate::host::settings;
use crate::variables;
use futures::StreamExt;
use futures::future::{Either, select};
use handoff_wire::{Call, CallError, Reply, is_same_server};
use spin_sdk::http::{IncomingResponse, Method, RequestBuilder, SendError, send as host_send};
use spin_sdk::wit::wasi::http0_2_0::types::ErrorCode;
use std::pin::pin;

/// A response body with more bytes is an error.
pub const REPLY_MAX_BYTES: usize = 256 * 1024;

/// Sends a call and waits for the whole answer. Calls from outside are checked before:
/// [`handoff_wire::CallRequest::check`].
///
/// # Errors
/// If the host refuses the call, the receiver is unreachable or too slow, or the answer is too
/// large.
pub async fn send(call: Call) -> Result<Reply, CallError> {
    if is_store(&call.url) {
        let reason = format!(
            "{} is the store of this application, which is not called",
            call.url
        );
        return Err(CallError::Refused(reason));
    }
    let timeout_ms = call.timeout_ms;
    let exchange = pin!(exchange(call));
    match select(exchange, pin!(sleep_ms(timeout_ms))).await {
        Either::Left((reply, _)) => reply,
        Either::Right(_) => Err(CallError::Unanswered(format!(
            "no complete answer within {timeout_ms} ms"
        ))),
    }
}

/// Sends a call of `/gather`, whose caller may be anybody.
///
/// # Errors
/// As for [`send`], and if this host leaves it to the application what `/gather` may call.
pub async fn send_gathered(call: Call) -> Result<Reply, CallError> {
    settings::check_gathered(&call.url).map_err(CallError::Refused)?;
    send(call).await
}

/// Whether a URL names the store that the components reach themselves. The host must let them reach
/// it, for the queue's sake.
fn is_store(url: &str) -> bool {
    variables::text("store").is_ok_and(|store| is_same_server(url, &store))
}

async fn exchange(call: Call) -> Result<Reply, CallError> {
    let head_only = call.head_only;
    let mut headers = call.headers;
    if has_length(&call.method, &call.body) {
        headers.push(("content-length".to_owned(), call.body.len().to_string()));
    }
    let request = RequestBuilder::new(method(&call.method), &call.url)
        .headers(headers)
        .body(call.body)
        .build();
    let sent = host_send(request).await;
    let response: IncomingResponse = sent.map_err(|e| not_sent(&call.url, &e))?;
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
        let broke_off = |e: wasi::io::error::Error| {
            CallError::Unanswered(format!("the answer broke off: {}", e.to_debug_string()))
        };
        let chunk = chunk.map_err(broke_off)?;
        if reply.body.len() + chunk.len() > REPLY_MAX_BYTES {
            return Err(CallError::Refused(format!(
                "the answer, of status {}, has more than {REPLY_MAX_BYTES} bytes",
                reply.status
            )));
        }
        reply.body.extend(chunk);
    }
    Ok(reply)
}

/// Whether a request states the length of its body. Without it a host sends the body in chunks,
/// which some receivers read as no body. A request without a body, whose method expects none,
/// states no length: RFC 9110, 8.6.
fn has_length(method: &str, body: &[u8]) -> bool {
    !body.is_empty() || !matches!(method, "GET" | "HEAD")
}

fn not_sent(url: &str, error: &SendError) -> CallError {
    match error {
        SendError::Http(ErrorCode::HttpRequestDenied) => {
            CallError::Refused(format!("{url} may not be called: {}", settings::DENIED))
        }
        other => CallError::Unanswered(other.to_string()),
    }
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
