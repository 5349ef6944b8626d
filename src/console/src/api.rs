//! Calls of the API.

use crate::failure::{Failure, authority};
use handoff_platform::clock::sleep_ms;
use handoff_platform::http::client;
use handoff_wire::{Call, CallError, in_time};
use serde::de::DeserializeOwned;

/// The longest time for an answer: some calls work for 10 s.
const TIMEOUT_MS: u64 = 30_000;
/// The largest answer that is read: it is in memory while a page is made.
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

    /// Asks for a list. `path` makes the path for a number of entries. It is asked for fewer while
    /// the answer is too large.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: impl Fn(usize) -> String,
        limit: usize,
    ) -> Result<T, Failure> {
        let mut limit = Some(limit);
        while let Some(now) = limit {
            limit = smaller(now);
            match self.get(&path(now)).await {
                Err(Failure::TooLarge { .. }) if limit.is_some() => {}
                other => return other,
            }
        }
        Err(too_large())
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
            let answer = client::open(call).await?;
            match answer.whole(true, ANSWER_MAX_BYTES).await {
                Ok(reply) => Ok(Some(reply)),
                // Nothing else of a body is refused.
                Err(CallError::Refused(_)) => Ok(None),
                Err(other) => Err(other),
            }
        };
        let reply = in_time(whole, sleep_ms(TIMEOUT_MS), TIMEOUT_MS).await;
        let reply = reply.map_err(|e| self.unreachable(e.to_string()))?;
        let reply = reply.ok_or_else(too_large)?;
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
        let url = self.url.trim().trim_end_matches('/');
        Failure::Unreachable {
            // A reason may name what was called.
            reason: match url {
                "" => reason,
                url => reason.replace(url, authority(url)),
            },
            url: url.to_owned(),
        }
    }
}

fn too_large() -> Failure {
    Failure::TooLarge {
        max_bytes: ANSWER_MAX_BYTES,
    }
}

/// The next smaller length of a list, if there is one.
fn smaller(limit: usize) -> Option<usize> {
    (limit > 1).then(|| (limit / 4).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gets_shorter_down_to_one_entry() {
        let limits = std::iter::successors(Some(50), |limit| smaller(*limit));
        assert_eq!(limits.collect::<Vec<_>>(), [50, 12, 3, 1]);
    }
}
