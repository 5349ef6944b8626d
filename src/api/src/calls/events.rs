//! `GET /v1/tasks/{id}` with `Accept: text/event-stream`: what happens to a task, as it happens.

use super::{After, Answer, parse_id, unknown};
use crate::{HostQueue, limits};
use handoff_input::{FieldError, JsonObject};
use handoff_platform::http::{Gone, Problem, Request, Response, ResponseOutparam, Stream};
use handoff_queue::{Env, Event, QueueError, Seen, TaskId, Watch};
use handoff_tasks::object;

/// A client whose stream ended connects again after this time.
const RETRY_MS: u64 = 1_000;
/// While nothing happens, a comment tells the client and what is in between that the stream is alive.
const QUIET_MS: u64 = 15_000;
/// How often it is seen whether the client is still there.
const CHECK_MS: u64 = 1_000;

/// A stream of events that is to begin.
pub struct Events {
    watch: Watch,
    /// How long it may take: then the client connects again, and goes on from the last id that it saw.
    most_ms: u64,
}

/// Why a stream ended before its task did.
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

pub async fn call(queue: &HostQueue, id: &str, request: &Request) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    if let Some((name, _)) = request.query()?.first() {
        let reason = "a stream of events takes no parameters: it ends with the task";
        return Err(FieldError::new(&handoff_input::named(name), reason).into());
    }
    // An EventSource never connects again after a 4xx: what can't be read begins anew.
    let seen = request.header("last-event-id");
    let seen: Seen = seen.and_then(|id| id.parse().ok()).unwrap_or_default();
    let Some(watch) = queue.watch(&id, seen).await? else {
        return Err(unknown(&id.to_string()));
    };
    if watch.is_over() {
        // So a client learns that it need not connect again.
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

impl Events {
    /// Sends the head and what is known, and then what happens, until the task is final, the client is gone or the time
    /// is over.
    pub async fn send(mut self, queue: &HostQueue, head: Response, out: ResponseOutparam) {
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
            // The client connects again by itself.
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

    /// What is new within that time, as it is sent.
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
    format!("id: {at}\nevent: {name}\ndata: {data}\n\n")
}
