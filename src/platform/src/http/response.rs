//! A response. Its body is complete before its head is sent, or at least its begin is.

use super::stream::Stream;
use crate::log::say;
use serde::Serialize;
use spin_sdk::http::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasi::io::streams::{OutputStream, StreamError};

/// No proxy may keep a response, since everything here changes at any moment.
const NO_STORE: &str = "no-store";

/// A response with a small body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Response {
    /// A response with a JSON body.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        const JSON: &str = "application/json";
        match serde_json::to_vec(body) {
            Ok(body) => Self::of(status, JSON, body),
            Err(e) => {
                let title = "The answer can't be written as JSON";
                let body = format!("{{\"title\":\"{title}\",\"detail\":\"{e}\"}}");
                Self::of(500, JSON, body)
            }
        }
    }

    /// A response with a body of this type.
    pub fn of(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let response = Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        response
            .header("content-type", content_type)
            .header("cache-control", NO_STORE)
    }

    /// A response with no body.
    pub fn empty(status: u16) -> Self {
        let response = Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        };
        response.header("cache-control", NO_STORE)
    }

    /// Names a header of the request on which the response depends.
    #[must_use]
    pub fn varies(mut self, name: &str) -> Self {
        match self.headers.iter_mut().find(|(known, _)| known == "vary") {
            Some((_, value)) => value.extend(format!(", {name}").bytes()),
            None => return self.header("vary", name),
        }
        self
    }

    /// Sets a header, in place of an earlier one of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers
            .push((name.to_owned(), value.into().into_bytes()));
        self
    }

    /// Puts what a caller has to put before a path of the application before that in `location`.
    #[must_use]
    pub fn below(mut self, base: &str) -> Self {
        for (name, value) in &mut self.headers {
            if name == "location" {
                value.splice(..0, base.bytes());
            }
        }
        self
    }

    /// Sends the response. On return the host has all of it, so the instance may go on with other
    /// work.
    ///
    /// The body is written before the head is set. A host without TCP_NODELAY would otherwise send
    /// the head alone. On a kept-alive connection the client's delayed ACK would then cost 40 ms.
    pub fn send(self, out: ResponseOutparam) {
        let mut headers = self.headers;
        // RFC 9110 forbids it for 204.
        if self.status != 204 {
            let length = self.body.len().to_string();
            headers.push(("content-length".to_owned(), length.into_bytes()));
        }
        let Ok(headers) = Fields::from_list(&headers) else {
            // Only names and values of this crate are set. If the host still refuses one, it
            // answers 500.
            return say("the host refused a response's headers");
        };
        let response = OutgoingResponse::new(headers);
        if response.set_status_code(self.status).is_err() {
            return say(&format!("the host refused the status {}", self.status));
        }
        let Ok(body) = response.body() else {
            return say("the host gave no response body");
        };
        let Ok(stream) = body.write() else {
            return say("the host's response body can't be written");
        };
        let fits = stream
            .check_write()
            .unwrap_or(0)
            .min(self.body.len() as u64) as usize;
        let (now, later) = self.body.split_at(fits);
        let mut written = stream.write(now);
        let mut response = Some((response, out));
        if !later.is_empty() {
            // The host takes no more ahead: it must have the head to go on.
            set(&mut response);
            written = written.and_then(|()| write_all(&stream, later));
        }
        drop(stream);
        if written.is_ok() {
            _ = OutgoingBody::finish(body, None);
        }
        set(&mut response);
    }
}

/// A response without a body whose head is sent. It is complete when this is dropped.
pub struct Held(Option<OutgoingBody>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(body) = self.0.take() {
            _ = OutgoingBody::finish(body, None);
        }
    }
}

impl Response {
    /// Sends the head, and leaves the response open. Returns `None` if that fails.
    pub fn hold(self, out: ResponseOutparam) -> Option<Held> {
        let Some((response, body)) = self.head() else {
            say("the host refused a response's head");
            return None;
        };
        out.set(response);
        Some(Held(Some(body)))
    }

    /// Sends the head and the begin of a body of unknown length. Returns `None` if that fails.
    pub async fn start(self, out: ResponseOutparam, first: &[u8]) -> Option<Stream> {
        let (response, body) = self.head()?;
        let stream = body.write().ok()?;
        // Together with the head, as in `send`.
        let fits = stream.check_write().ok()?.min(first.len() as u64) as usize;
        let (now, later) = first.split_at(fits);
        stream.write(now).ok()?;
        out.set(response);
        let stream = Stream::new(stream, body);
        stream.write(later).await.ok()?;
        Some(stream)
    }

    /// A response whose body has no known length.
    fn head(self) -> Option<(OutgoingResponse, OutgoingBody)> {
        let response = OutgoingResponse::new(Fields::from_list(&self.headers).ok()?);
        response.set_status_code(self.status).ok()?;
        let body = response.body().ok()?;
        Some((response, body))
    }
}

fn set(response: &mut Option<(OutgoingResponse, ResponseOutparam)>) {
    if let Some((response, out)) = response.take() {
        out.set(response);
    }
}

fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room = stream.check_write()? as usize;
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    Ok(())
}
