//! Outgoing requests, bounded in time and size.

use crate::clock::sleep_ms;
use crate::host::settings;
use crate::store;
use crate::variables;
use futures::StreamExt;
use handoff_wire::{
    Answer, Call, CallError, REPLY_MAX_BYTES, Reply, in_time, is_same_server, without_query,
};
use spin_sdk::http::{IncomingResponse, Method, RequestBuilder, SendError, send as host_send};
use spin_sdk::wit::wasi::http0_2_0::types::ErrorCode;

/// Sends a call and waits for the whole answer. Calls from outside are checked before:
/// [`handoff_wire::CallRequest::check`].
///
/// # Errors
/// If the host refuses the call, the receiver is unreachable or too slow, or the answer is too
/// large.
pub async fn send(call: Call) -> Result<Reply, CallError> {
    let (timeout_ms, needs_body) = (call.timeout_ms, !call.head_only);
    let whole = async { open(call).await?.whole(needs_body, REPLY_MAX_BYTES).await };
    in_time(whole, sleep_ms(timeout_ms), timeout_ms).await
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

/// Sends a call and waits for the begin of its answer, without the call's timeout.
///
/// # Errors
/// If the host refuses the call, or the receiver is unreachable.
pub async fn open(call: Call) -> Result<Answer, CallError> {
    if is_store(&call.url) {
        let reason = format!(
            "{} is the store of this application, which is not called",
            call.url
        );
        return Err(CallError::Refused(reason));
    }
    let mut headers = call.headers;
    if has_length(&call.method, &call.body) {
        headers.push(("content-length".to_owned(), call.body.len().to_string()));
    }
    let request = RequestBuilder::new(method(&call.method), &call.url)
        .headers(headers)
        .body(call.body)
        .build();
    // The receiver may need a connection before it answers, and answers may take long.
    store::rest();
    let sent = host_send(request).await;
    let response: IncomingResponse = sent.map_err(|e| not_sent(&call.url, &e))?;
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    let headers = response.headers().entries();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), text(value)));
    let (status, headers) = (response.status(), headers.collect());
    let broke_off = |e: wasi::io::error::Error| {
        CallError::Unanswered(format!("the answer broke off: {}", e.to_debug_string()))
    };
    let chunks = response.take_body_stream();
    Ok(Answer {
        status,
        headers,
        body: chunks
            .map(move |chunk| chunk.map_err(broke_off))
            .boxed_local(),
    })
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
            let url = without_query(url);
            CallError::Refused(format!("{url} may not be called: {}", settings::DENIED))
        }
        // Which of these it was, the host does not say.
        SendError::Io(e) => CallError::Unanswered(format!(
            "the request was cut off ({e}): the receiver closed the connection, or the call is not allowed, since {}",
            settings::DENIED
        )),
        SendError::Http(code) => CallError::Unanswered(words(code)),
        other => CallError::Unanswered(other.to_string()),
    }
}

/// An error in words, as far as it is a usual one.
fn words(code: &ErrorCode) -> String {
    let words = match code {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => "the host's name can't be resolved",
        ErrorCode::DestinationNotFound => "there is no such host or component",
        ErrorCode::ConnectionRefused => "the connection was refused",
        ErrorCode::ConnectionTerminated => "the connection was closed before an answer",
        ErrorCode::ConnectionTimeout => "no connection came about in time",
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            "no answer came in time"
        }
        ErrorCode::ConnectionLimitReached => "the host makes no more connections at once",
        ErrorCode::InternalError(Some(reason)) => reason,
        other => return other.to_string(),
    };
    words.to_owned()
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
