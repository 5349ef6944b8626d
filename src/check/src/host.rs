//! The means of a task where no application is: this machine's clock and network.

use futures::future::{FutureExt, LocalBoxFuture, pending, ready};
use futures::stream::{self, StreamExt};
use handoff_kinds::{Answer, Call, CallError, Host, TaskId, TaskView, WebhookSecrets};
use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// As by default in an application.
const RESULT_MAX_BYTES: u64 = 256 << 10;

/// One thread that waits for each answer. Time limits are the client's.
pub(crate) struct ThisMachine;

impl Host for ThisMachine {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64)
    }

    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        match ms {
            0 => ready(()).boxed_local(),
            _ => pending().boxed_local(),
        }
    }

    fn open(&self, call: Call) -> LocalBoxFuture<'static, Result<Answer, CallError>> {
        async move { send(&call) }.boxed_local()
    }

    fn reach(&self, _: String) -> LocalBoxFuture<'static, Result<(), String>> {
        ready(Ok(())).boxed_local()
    }

    fn task(&self, _: TaskId) -> LocalBoxFuture<'static, Result<Option<TaskView>, String>> {
        ready(Ok(None)).boxed_local()
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        Err(format!(
            "there is no application here to have a variable {name:?}"
        ))
    }

    fn webhook_secrets(&self) -> Result<WebhookSecrets, String> {
        Ok(WebhookSecrets::default())
    }

    fn result_max_bytes(&self) -> u64 {
        RESULT_MAX_BYTES
    }
}

/// Sends a request as it is, and returns the begin of its answer.
pub(crate) fn send(call: &Call) -> Result<Answer, CallError> {
    let unanswered = |e: &dyn std::fmt::Display| CallError::Unanswered(e.to_string());
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_millis(call.timeout_ms)))
        .build()
        .new_agent();
    let mut request = ureq::http::Request::builder()
        .method(call.method.as_str())
        .uri(&call.url);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(call.body.clone())
        .map_err(|e| unanswered(&e))?;
    let response = agent.run(request).map_err(|e| unanswered(&e))?;
    let (head, body) = response.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    let chunks = stream::unfold(Some(body.into_reader()), |reader| async move {
        let mut reader = reader?;
        let mut chunk = vec![0; 8_192];
        match reader.read(&mut chunk) {
            Ok(0) => None,
            Ok(bytes) => {
                chunk.truncate(bytes);
                Some((Ok(chunk), Some(reader)))
            }
            Err(e) => {
                let broke_off = CallError::Unanswered(format!("the answer broke off: {e}"));
                Some((Err(broke_off), None))
            }
        }
    });
    Ok(Answer {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: chunks.boxed_local(),
    })
}
