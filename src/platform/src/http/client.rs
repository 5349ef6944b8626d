//! Outgoing requests, bounded in time and size.

use crate::env::sleep_ms;
use futures::StreamExt;
use futures::future::{Either, select};
use spin_sdk::http::{IncomingResponse, Method, RequestBuilder, send as host_send};
use std::pin::pin;

/// Response bodies beyond this many bytes are an error.
pub const REPLY_MAX_BYTES: usize = 256 * 1024;

/// Headers that belong to the connection, not to the caller.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET`, `POST` …
    pub method: String,
    /// An absolute http or https URL.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long head and body of the answer may take together, in milliseconds.
    pub timeout_ms: u64,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Call {
    /// A POST without a body.
    pub fn post(url: String, timeout_ms: u64) -> Self {
        Self {
            method: "POST".to_owned(),
            url,
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms,
        }
    }

    /// What is wrong with it: (field, reason).
    ///
    /// # Errors
    /// If the URL is not absolute, a method or header is malformed, or a header is the connection's own.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        check_url(&self.url).map_err(|reason| ("url", reason))?;
        if self.method.parse::<http::Method>().is_err() {
            return Err(("method", format!("{:?} is not an HTTP method", self.method)));
        }
        for (name, value) in &self.headers {
            if name.parse::<http::HeaderName>().is_err()
                || value.parse::<http::HeaderValue>().is_err()
            {
                return Err(("headers", format!("{name:?}: {value:?} is not a header")));
            }
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(("headers", format!("{name:?} is set by the host")));
            }
        }
        Ok(())
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let bad = || format!("{url:?} is not an absolute http or https URL");
    let uri: http::Uri = url.parse().map_err(|_| bad())?;
    let scheme = uri.scheme_str().ok_or_else(bad)?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
    if !["http", "https"].contains(&scheme)
        || uri.authority().is_some_and(|a| a.as_str().contains('@'))
    {
        return Err(bad());
    }
    if host.eq_ignore_ascii_case(crate::env::WORKER_HOST) {
        return Err(format!("{host} is private to the application"));
    }
    Ok(())
}

/// Sends a call and waits for all of the answer.
///
/// # Errors
/// In words: refused by the host, unreachable, timed out, or answered with too much.
pub async fn send(call: Call) -> Result<Reply, String> {
    call.check()
        .map_err(|(field, reason)| format!("{field}: {reason}"))?;
    deliver(call).await
}

/// Sends a call of the application's own, to whomever.
pub(crate) async fn deliver(call: Call) -> Result<Reply, String> {
    let timeout_ms = call.timeout_ms;
    let exchange = pin!(exchange(call));
    match select(exchange, pin!(sleep_ms(timeout_ms))).await {
        Either::Left((reply, _)) => reply,
        Either::Right(_) => Err(format!("no complete answer within {timeout_ms} ms")),
    }
}

async fn exchange(call: Call) -> Result<Reply, String> {
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
