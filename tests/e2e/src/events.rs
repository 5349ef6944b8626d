//! Server-sent events, read as they come.

use crate::openapi;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use ureq::http::{HeaderMap, Response};
use ureq::{Body, BodyReader};

/// An answer whose body is a stream of events. Dropping it closes the connection.
pub struct Events {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    lines: BufReader<BodyReader<'static>>,
}

/// One block of a stream. What is not in it is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What to resume with.
    pub id: String,
    /// Its data, as JSON.
    pub data: Value,
    /// When to connect again, in milliseconds.
    pub retry: String,
    /// A comment.
    pub comment: String,
}

impl Events {
    pub(crate) fn new(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            lines: BufReader::new(body.into_reader()),
        }
    }
}

impl Iterator for Events {
    type Item = Event;

    /// The next block; `None` at the end.
    fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        let mut any = false;
        loop {
            let mut line = String::new();
            let length = self
                .lines
                .read_line(&mut line)
                .expect("a line of the stream");
            if length == 0 {
                assert!(!any, "the stream broke off within {event:?}");
                return None;
            }
            let line = line.trim_end_matches('\n');
            let (field, value) = line.split_once(": ").unwrap_or((line, ""));
            match field {
                "" if line.is_empty() && any => {
                    if !event.name.is_empty() {
                        openapi::check_event(&event.name, &event.data);
                    }
                    return Some(event);
                }
                "" => event.comment = value.to_owned(),
                "event" => event.name = value.to_owned(),
                "id" => event.id = value.to_owned(),
                "retry" => event.retry = value.to_owned(),
                "data" => event.data = serde_json::from_str(value).expect("data is JSON"),
                other => panic!("{other:?} is no field of an event"),
            }
            any = true;
        }
    }
}
