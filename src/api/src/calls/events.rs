//! `GET /v1/tasks/{id}` with `Accept: text/event-stream`: streams a task's events.

use super::{After, Answer, parse_id, unknown};
use crate::{HostQueue, limits};
use handoff_platform::http::{Gone, Problem, Request, Response, ResponseOutparam, Stream};
use handoff_queue::{Env, Event, QueueError, Seen, TaskId, Watch};
use handoff_wire::{FieldError, JsonObject, object};

/// A client whose stream ended reconnects after this time.
const RETRY_MS: u64 = 1_000;
/// After this time without an event a comment shows the client and proxies that the stream is
/// alive.
const QUIET_MS: u64 = 15_000;
/// How often the stream checks that the client is still connected.
const CHECK_MS: u64 = 1_000;

/// A stream of events that is about to begin.
pub(crate) struct Events {
    watch: Watch,
    /// The longest time of a stream. Then the client reconnects, and continues from the last id
    /// that it saw.
    most_ms: u64,
}

/// The reason why a stream ended before its task did.
enum Broken {
    Gone,
    Store(QueueError),
}

impl From<Gone> for Broken {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<QueueError> for Broken {
    fn from(e: QueueError) -> Self {
        Self::Store(e)
    }
}

pub(crate) async fn call(
    queue: &HostQueue,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    if let Some((name, _)) = request.query()?.first() {
        let reason = "a stream of events takes no parameters: it ends with the task";
        return Err(FieldError::new(&handoff_wire::named(name), reason).into());
    }
    let last = request.header("last-event-id");
    let seen = last.and_then(|last| seen(&id, &last));
    // An EventSource never reconnects after a 4xx, so an unreadable id begins anew.
    let Some(watch) = queue.watch(&id, seen.unwrap_or_default()).await? else {
        return Err(unknown(&id.to_string()));
    };
    if watch.is_over() {
        // A 204 tells the client not to reconnect.
        return Ok(Answer::new(Response::empty(204)));
    }
    let response = Response::empty(200)
        .header("content-type", "text/event-stream")
        .varies("Accept");
    if request.is_head() {
        return Ok(Answer::new(response));
    }
    let most_ms = limits::events_max_ms()?;
    Ok(Answer {
        response,
        after: After::Follow(Box::new(Events { watch, most_ms })),
    })
}

/// Makes the id of an event. It names the task, since a position in another task's events means
/// nothing here.
fn event_id(id: &TaskId, at: Seen) -> String {
    format!("{id}.{at}")
}

/// The position that an event's id names, if it belongs to this task.
fn seen(id: &TaskId, event_id: &str) -> Option<Seen> {
    let (task, at) = event_id.rsplit_once('.')?;
    at.parse().ok().filter(|_| task == id.to_string())
}

impl Events {
    /// Sends the head and the events so far, and then further events. It ends when the task is
    /// final, the client is gone or the time is over.
    pub(crate) async fn send(mut self, queue: &HostQueue, head: Response, out: ResponseOutparam) {
        let end_ms = queue.env().now_ms() + self.most_ms;
        let mut first = format!("retry: {RETRY_MS}\n\n");
        match self.more(queue, 0).await {
            Ok(known) => first.push_str(&known),
            Err(e) => queue.env().log(&e.to_string()),
        }
        let Some(stream) = head.start(out, first.as_bytes()).await else {
            return;
        };
        match self.follow(queue, &stream, end_ms).await {
            // The client reconnects by itself.
            Ok(()) => stream.finish(),
            Err(Broken::Store(e)) => {
                queue.env().log(&e.to_string());
                stream.finish();
            }
            Err(Broken::Gone) => {}
        }
    }

    async fn follow(
        &mut self,
        queue: &HostQueue,
        stream: &Stream,
        end_ms: u64,
    ) -> Result<(), Broken> {
        let mut quiet_ms = 0;
        while !self.watch.is_over() {
            let now_ms = queue.env().now_ms();
            if now_ms >= end_ms {
                break;
            }
            stream.check()?;
            let mut text = self.more(queue, CHECK_MS.min(end_ms - now_ms)).await?;
            quiet_ms += queue.env().now_ms().saturating_sub(now_ms);
            if text.is_empty() && quiet_ms >= QUIET_MS {
                text.push_str(": nothing new\n\n");
            }
            if !text.is_empty() {
                quiet_ms = 0;
                stream.write(text.as_bytes()).await?;
            }
        }
        Ok(())
    }

    /// Returns the new events within that time, as text to send.
    async fn more(&mut self, queue: &HostQueue, wait_ms: u64) -> Result<String, QueueError> {
        let id = self.watch.id().clone();
        let events = self.watch.next(queue, wait_ms).await?;
        Ok(events
            .into_iter()
            .map(|(at, event)| text(&id, at, event))
            .collect())
    }
}

fn text(id: &TaskId, at: Seen, event: Event<'_>) -> String {
    let (name, data) = match event {
        Event::State(view) if view.state.is_final() => ("end", object::task(id, view)),
        Event::State(view) => ("state", object::state(view)),
        Event::Progress(report) => {
            let mut data = JsonObject::default().with("progress", &report.progress);
            data.put_some("message", report.message.as_ref());
            ("progress", data)
        }
        Event::Log(line) => ("log", object::log_line(line)),
    };
    let event_id = event_id(id, at);
    format!("id: {event_id}\nevent: {name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_for_its_own_task_only() {
        let task = |text: &str| text.parse::<TaskId>().unwrap_or_else(|_| panic!("{text}"));
        let own = task("default-1f-0123456789abcdef01234567");
        let at: Seen = "7-3-12-104".parse().expect("a position");
        let last = event_id(&own, at);
        assert_eq!(last, "default-1f-0123456789abcdef01234567.7-3-12-104");
        assert_eq!(seen(&own, &last), Some(at));
        for other in [
            "default-1f-0123456789abcdef01234568",
            "default-1e-0123456789abcdef01234567",
            "emails-1f-0123456789abcdef01234567",
        ] {
            assert_eq!(seen(&task(other), &last), None, "{other}");
        }
        for unreadable in [
            "",
            "7-3-12-104",
            ".7-3-12-104",
            &format!("{own}."),
            &own.to_string(),
        ] {
            assert_eq!(seen(&own, unreadable), None, "{unreadable}");
        }
    }
}
