//! What the clients and whoever kills share: the way to the application, and what happened so far.

use handoff_e2e::{Client, Reply};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

/// Longer than any request may take, although hosts and stores die and are started again meanwhile.
const EVENT_TIME: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) struct Shared {
    state: Mutex<State>,
    happened: Condvar,
    /// Requests that got no answer, or half of one.
    pub unanswered: AtomicUsize,
    /// Requests that were answered 503.
    pub refused: AtomicUsize,
}

struct State {
    http: Client,
    events: u64,
    ended: bool,
}

/// Ends the clients when it is dropped, also by a panic.
pub(crate) struct Ends<'a>(pub &'a Shared);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
    }
}

impl Shared {
    pub(crate) fn new(http: Client) -> Self {
        let state = State {
            http,
            events: 0,
            ended: false,
        };
        Self {
            state: Mutex::new(state),
            happened: Condvar::new(),
            unanswered: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to the host that runs now, until the clients are to end.
    pub(crate) fn http(&self) -> Option<Client> {
        let state = self.lock();
        (!state.ended).then(|| state.http.clone())
    }

    /// Says that the host was started again.
    pub(crate) fn restarted(&self, http: Client) {
        self.lock().http = http;
    }

    /// Says that something was acknowledged or a question was answered.
    pub(crate) fn happened(&self) {
        self.lock().events += 1;
        self.happened.notify_all();
    }

    /// Returns when as many more things happened.
    pub(crate) fn wait_for(&self, events: u64) {
        let mut state = self.lock();
        let end = state.events + events;
        while state.events < end {
            let (next, waited) = self
                .happened
                .wait_timeout(state, EVENT_TIME)
                .unwrap_or_else(PoisonError::into_inner);
            assert!(!waited.timed_out(), "nothing is acknowledged any more");
            state = next;
        }
    }

    /// An answer that may be relied on. `None` if the host was killed meanwhile, or its store.
    pub(crate) fn ask(
        &self,
        http: &Client,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Option<Reply> {
        let headers = [("content-type", "application/json")];
        let (headers, body) = match body {
            Value::Null => (&headers[..0], Vec::new()),
            body => (&headers[..], body.to_string().into_bytes()),
        };
        match http.try_send(method, path, headers, &body) {
            Ok(reply) if reply.status == 503 => {
                reply.expect_problem(503, "store-unavailable", None);
                assert!(reply.header("retry-after").is_some(), "{}", reply.text());
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
            Ok(reply) => return Some(reply),
            Err(error) => {
                let error = error.to_string();
                assert!(!error.contains("timeout"), "{method} {path}: {error}");
                self.unanswered.fetch_add(1, Ordering::SeqCst);
            }
        }
        sleep(PAUSE);
        None
    }
}
