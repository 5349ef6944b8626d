//! Calls of the API.

use crate::failure::Failure;
use handoff_platform::clock::sleep_ms;
use handoff_platform::http::client;
use handoff_wire::{Call, in_time};
use serde::de::DeserializeOwned;

/// The longest time for an answer: some calls work for 10 s.
const TIMEOUT_MS: u64 = 30_000;
/// The largest answer: a page of a list ends at 1 MiB, and one task more may follow.
const ANSWER_MAX_BYTES: usize = 2 << 20;

/// The way to the API.
#[derive(Debug, Default)]
pub(crate) struct Api {
    pub url: String,
    pub token: Option<String>,
}

impl Api {
    /// Asks for what a path names.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.read(self.call("GET", path)).await
    }

    /// Has something changed that the path names.
    pub(crate) async fn change<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
    ) -> Result<T, Failure> {
        self.read(self.call(method, path)).await
    }

    /// Enqueues a task.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &str,
    ) -> Result<T, Failure> {
        let mut call = self.call("POST", path);
        call.body = body.as_bytes().to_vec();
        self.read(call.header("content-type", "application/json"))
            .await
    }

    fn call(&self, method: &str, path: &str) -> Call {
        let url = format!("{}{path}", self.url.trim().trim_end_matches('/'));
        let call = Call::new(method, &url);
        match &self.token {
            Some(token) => call.header("authorization", &format!("Bearer {token}")),
            None => call,
        }
    }

    async fn read<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        let body = self.body(call).await?;
        serde_json::from_slice(&body)
            .map_err(|e| self.unreachable(format!("its answer is not the API's: {e}")))
    }

    /// The body of a good answer: apart from its type, so that it is compiled once.
    async fn body(&self, call: Call) -> Result<Vec<u8>, Failure> {
        let whole = async {
            client::open(call)
                .await?
                .whole(true, ANSWER_MAX_BYTES)
                .await
        };
        let reply = in_time(whole, sleep_ms(TIMEOUT_MS), TIMEOUT_MS).await;
        let reply = reply.map_err(|e| self.unreachable(e.to_string()))?;
        match reply.status {
            // A schedule's end is answered with nothing.
            204 => Ok(b"null".to_vec()),
            200..=299 => Ok(reply.body),
            401 => Err(Failure::SignIn {
                refused: self.token.is_some(),
            }),
            status => Err(Failure::Refused {
                status,
                problem: serde_json::from_slice(&reply.body).unwrap_or_default(),
            }),
        }
    }

    fn unreachable(&self, reason: String) -> Failure {
        Failure::Unreachable {
            url: self.url.clone(),
            reason,
        }
    }
}
