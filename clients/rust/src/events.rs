//! Following a task by its events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::error::HandoffError;
use crate::http::{Call, Http, Unread};
use crate::json::Shown;
use crate::objects::{LogLine, ProgressData, StateData, TaskObject};
use crate::sse::{EventParser, Message};
use crate::transport::Reply;

/// A stream that ended is asked for again after this time, unless it named another.
const RECONNECT: Duration = Duration::from_secs(1);
const RECONNECT_MAX: Duration = Duration::from_secs(30);
/// While nothing happens a stream has a comment every so often.
const COMMENT: Duration = Duration::from_secs(15);

/// An event of a task. [`Task::events_behind`](crate::Task::events_behind) takes its `id`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TaskEvent {
    /// The task's state changed, or it continues in another instance.
    State {
        /// The event's id.
        id: String,
        /// The new state.
        data: Shown<StateData>,
    },
    /// The task reported progress.
    Progress {
        /// The event's id.
        id: String,
        /// What it reported.
        data: Shown<ProgressData>,
    },
    /// The task logged a line.
    Log {
        /// The event's id.
        id: String,
        /// The line.
        data: Shown<LogLine>,
    },
    /// The task is final.
    End {
        /// The event's id.
        id: String,
        /// The task.
        data: Box<Shown<TaskObject>>,
    },
}

impl TaskEvent {
    /// The event's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::State { id, .. }
            | Self::Progress { id, .. }
            | Self::Log { id, .. }
            | Self::End { id, .. } => id,
        }
    }

    /// The event of a message, or `None` for one that this client does not know.
    fn of(message: Message) -> Result<Option<Self>, HandoffError> {
        let Message { id, name, data } = message;
        Ok(Some(match name.as_str() {
            "state" => Self::State {
                id,
                data: read(&name, &data)?,
            },
            "progress" => Self::Progress {
                id,
                data: read(&name, &data)?,
            },
            "log" => Self::Log {
                id,
                data: read(&name, &data)?,
            },
            "end" => Self::End {
                id,
                data: Box::new(read(&name, &data)?),
            },
            _ => return Ok(None),
        }))
    }
}

fn read<T: DeserializeOwned>(name: &str, data: &str) -> Result<Shown<T>, HandoffError> {
    serde_json::from_str(data).map_err(|error| {
        HandoffError::other(format!(
            "the data of the event {name} can't be read: {error}"
        ))
    })
}

/// The events of a task. It ends after the event `end`, and after an error.
#[derive(Debug)]
pub struct Events {
    http: Arc<Http>,
    path: Result<String, HandoffError>,
    last: String,
    stream: Option<Stream>,
    over: bool,
}

struct Stream {
    reply: Reply,
    parser: EventParser,
    read: VecDeque<Message>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

impl Events {
    pub(crate) fn new(http: &Arc<Http>, path: Result<String, HandoffError>, last: &str) -> Self {
        Self {
            http: Arc::clone(http),
            path,
            last: last.to_owned(),
            stream: None,
            over: false,
        }
    }

    /// The next event, or `None` if there are no more.
    fn advance(&mut self) -> Result<Option<TaskEvent>, HandoffError> {
        loop {
            let Some(stream) = &mut self.stream else {
                if !self.connect()? {
                    return Ok(None);
                }
                continue;
            };
            if let Some(message) = stream.read.pop_front() {
                match TaskEvent::of(message)? {
                    Some(event) => return Ok(Some(event)),
                    None => continue,
                }
            }
            match stream.reply.piece() {
                Ok(piece) if !piece.is_empty() => stream.read.extend(stream.parser.feed(&piece)),
                _ => self.disconnect(),
            }
        }
    }

    /// Opens the stream. Returns whether there is one.
    fn connect(&mut self) -> Result<bool, HandoffError> {
        let mut call = Call::new(Method::GET, self.path.clone()?, "id");
        call.headers = vec![("accept", "text/event-stream".to_owned())];
        // An id that no header can have is not one of Handoff's.
        if !self.last.is_empty() && self.last.bytes().all(|byte| byte.is_ascii_graphic()) {
            call.headers.push(("last-event-id", self.last.clone()));
        }
        call.held = COMMENT;
        let reply = self.http.send(&call, |mut reply| {
            if reply.status == 204 {
                return Ok(None);
            }
            let kind = reply.header("content-type").unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            if !kind.eq_ignore_ascii_case("text/event-stream") {
                let text = reply.text(None)?;
                return Err(Unread::Error(self.http.foreign(&call, &reply, &text)));
            }
            Ok(Some(reply))
        })?;
        self.stream = reply.flatten().map(|reply| Stream {
            reply,
            parser: EventParser::new(&self.last),
            read: VecDeque::new(),
        });
        Ok(self.stream.is_some())
    }

    /// Closes a stream that ended or broke, and waits before the next one.
    fn disconnect(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        let pause = stream
            .parser
            .retry_ms
            .map_or(RECONNECT, Duration::from_millis);
        self.last = stream.parser.last_event_id;
        drop(stream.reply);
        self.http.sleep(pause.min(RECONNECT_MAX));
    }
}

impl Iterator for Events {
    type Item = Result<TaskEvent, HandoffError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(ref event)) if !matches!(event, TaskEvent::End { .. })) {
            self.over = true;
            self.stream = None;
        }
        next
    }
}
