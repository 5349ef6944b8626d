//! A client that any number of threads can use.

use crate::Events;
use crate::openapi::{self, Asked, Server};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, AsSendBody, Error};

/// Longer than any `?wait=` that is used here.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Talks to one application.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    address: SocketAddr,
    server: Server,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of what listens there, which is not Handoff.
    pub fn new(address: SocketAddr) -> Self {
        Self::of(Server::Foreign, address)
    }

    pub(crate) fn of(server: Server, address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIME_LIMIT))
            .max_idle_connections_per_host(16)
            .proxy(None)
            .build();
        Self {
            agent: config.into(),
            address,
            server,
        }
    }

    /// The same application at another address.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self::of(self.server, address)
    }

    /// Where the application listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The absolute URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], b"")
    }

    /// POST with a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json")];
        self.send("POST", path, &headers, body.to_string().as_bytes())
    }

    /// Any request; fails the test if no answer comes.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        match self.try_send(method, path, headers, body) {
            Ok(reply) => reply,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// Any request; fails the test if the API's document does not describe the answer.
    ///
    /// # Errors
    /// If no whole answer comes.
    #[track_caller]
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, Error> {
        // The client refuses a body, even an empty one, where HTTP gives it no meaning.
        let reply = match body.is_empty() && !matches!(method, "POST" | "PUT" | "PATCH") {
            true => self.exchange(method, path, headers, ()),
            false => self.exchange(method, path, headers, body),
        }?;
        let asked = Asked {
            server: self.server,
            method,
            target: path,
            body,
        };
        openapi::check(asked, &reply);
        Ok(reply)
    }

    /// GET of server-sent events; after those that `last` names, if it does.
    #[track_caller]
    pub fn events(&self, path: &str, last: Option<&str>) -> Events {
        let mut request = Request::get(self.url(path)).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.body(()).map_err(Error::from);
        match response.and_then(|request| self.agent.run(request)) {
            Ok(response) => {
                let head = Reply {
                    status: response.status().as_u16(),
                    headers: response.headers().clone(),
                    body: Vec::new(),
                };
                // The body of a problem comes later.
                if head.status < 400 {
                    let asked = Asked {
                        server: self.server,
                        method: "GET",
                        target: path,
                        body: b"",
                    };
                    openapi::check(asked, &head);
                }
                Events::new(response)
            }
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> Result<Reply, Error> {
        let mut request = Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.agent.run(request.body(body)?)?;
        let (head, mut body) = response.into_parts();
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.read_to_vec()?,
        })
    }
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the body of {} {:?}", self.status, self.text()),
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Fails the test unless this is the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Fails the test unless it is a problem document of this status and kind about this field.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, kind: &str, field: Option<&str>) {
        if let Err(difference) = self.is_problem(status, kind, field) {
            panic!("{difference}");
        }
    }

    /// Whether it is a problem document of this status and kind about this field.
    ///
    /// # Errors
    /// What is different.
    pub fn is_problem(&self, status: u16, kind: &str, field: Option<&str>) -> Result<(), String> {
        let text = self.text();
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let found = (
            self.status,
            self.header("content-type"),
            problem["status"].as_u64(),
            problem["type"].as_str(),
            problem["field"].as_str(),
        );
        let kind = format!("urn:handoff:problem:{kind}");
        let expected = (
            status,
            Some("application/problem+json"),
            Some(status.into()),
            Some(kind.as_str()),
            field,
        );
        if found != expected {
            return Err(format!("expected {expected:?}, found {found:?}: {text}"));
        }
        if !problem["title"].is_string() || !problem["detail"].is_string() {
            return Err(format!("no title or detail: {text}"));
        }
        Ok(())
    }
}
