//! What is asked of a system, and how its answers are read. There are two ways to ask: Handoff's, and that of the small
//! servers in front of the peers.

use handoff_e2e::{Connection, Reply};
use serde_json::{Value, json};

/// A request that can be sent any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// From the root.
    pub path: String,
    /// JSON; without it a GET.
    pub body: Option<String>,
    /// Whether it is answered 4xx, as a path that is not there.
    pub is_refused: bool,
}

/// A task that every system has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Returns its argument at once.
    Echo,
    /// Waits for so many seconds.
    Sleep(u32),
    /// Computes for about a second.
    Compute,
}

/// How a system is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Api {
    /// This project's.
    Handoff,
    /// Of `bench/peers`. `compute_below` is the size of a computation that takes about a second.
    Peer {
        /// Primes below this number are counted.
        compute_below: u32,
    },
}

impl Request {
    /// A GET.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            body: None,
            is_refused: false,
        }
    }

    /// A POST of JSON.
    pub(crate) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self {
            path: path.into(),
            body: Some(body.to_string()),
            is_refused: false,
        }
    }

    /// Sends it, and fails unless the answer is 2xx.
    #[track_caller]
    pub(crate) fn send(&self, connection: &mut Connection) -> Reply {
        let reply = match &self.body {
            Some(body) => connection.post(&self.path, body),
            None => connection.get(&self.path),
        };
        assert!(
            (200..300).contains(&reply.status),
            "{}: {}",
            self.path,
            reply.text()
        );
        reply
    }
}

impl Api {
    fn task(self, task: Task) -> Value {
        match (self, task) {
            (_, Task::Echo) => json!({"task": "echo", "args": 1}),
            (Self::Handoff, Task::Sleep(s)) => {
                json!({"task": "sleep", "args": {"for": format!("{s}s")}})
            }
            (Self::Handoff, Task::Compute) => {
                json!({"task": "primes.count", "args": {"below": 300_000_000}})
            }
            (Self::Peer { .. }, Task::Sleep(s)) => json!({"task": "sleep", "args": s}),
            (Self::Peer { compute_below }, Task::Compute) => {
                json!({"task": "compute", "args": compute_below})
            }
        }
    }

    /// Enqueues one task.
    pub(crate) fn enqueue(self, task: Task) -> Request {
        let path = match self {
            Self::Handoff => "/v1/tasks",
            Self::Peer { .. } => "/tasks",
        };
        Request::post(path, &self.task(task))
    }

    /// Enqueues many of a kind.
    pub(crate) fn batch(self, task: Task, count: usize) -> Request {
        let path = match self {
            Self::Handoff => "/v1/tasks:batch",
            Self::Peer { .. } => "/batch",
        };
        Request::post(path, &json!({"tasks": vec![self.task(task); count]}))
    }

    /// The article's endpoint: enqueues a task of 5 s.
    pub(crate) fn ping(self) -> Request {
        Request::get("/ping")
    }

    /// The article's other endpoint.
    pub(crate) fn status(self, id: &str) -> Request {
        Request::get(format!("/status/{id}"))
    }

    /// Is answered a second later, by the endpoint itself.
    pub(crate) fn wait(self) -> Request {
        match self {
            Self::Handoff => Request::post("/gather", &json!({"waits": ["1s"]})),
            Self::Peer { .. } => Request::get("/wait"),
        }
    }

    /// The id in an answer to [`Self::enqueue`].
    #[track_caller]
    pub(crate) fn id(self, reply: &Reply) -> String {
        let field = match self {
            Self::Handoff => "id",
            Self::Peer { .. } => "task_id",
        };
        text(&reply.json()[field])
    }

    /// The ids in an answer to [`Self::batch`].
    #[track_caller]
    pub(crate) fn ids(self, reply: &Reply) -> Vec<String> {
        let answer = reply.json();
        let (entries, field) = match self {
            Self::Handoff => (&answer["tasks"], Some("id")),
            Self::Peer { .. } => (&answer["task_ids"], None),
        };
        let entries = entries.as_array().into_iter().flatten();
        entries
            .map(|entry| text(field.map_or(entry, |field| &entry[field])))
            .collect()
    }

    /// Whether an answer to [`Self::status`] says that the task has succeeded. Fails if it ended otherwise.
    #[track_caller]
    pub(crate) fn is_done(self, reply: &Reply) -> bool {
        let answer = reply.json();
        match answer["status"].as_str() {
            Some("done") => true,
            Some("processing") => false,
            _ => panic!("a task did not succeed: {answer}"),
        }
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("an id is text, not {value}"),
    }
}
