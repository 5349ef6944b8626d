//! An answer of lines: progress while the handler works, and the outcome at last.

use super::answer::{essence, sound};
use crate::reply::start_of;
use crate::{Answer, CallError, Context, Outcome};
use futures::stream::{LocalBoxStream, StreamExt};
use handoff_queue::{Json, Wait};
use handoff_wire::{Duration, from_slice, header};
use serde::{Deserialize, Deserializer};

/// All lines together: a report in each second of a day.
const ALL_MAX_BYTES: u64 = 16 << 20;
/// What wraps a result in a line.
const WRAPPER_BYTES: usize = 1_024;

/// A line: a report, or the outcome.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    progress: Option<Json>,
    message: Option<String>,
    log: Option<String>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Json>,
    #[serde(default, rename = "continue", deserialize_with = "present")]
    checkpoint: Option<Json>,
    snooze: Option<Duration>,
    retry: Option<String>,
    fail: Option<String>,
    /// The wait before the next part, or attempt.
    after: Option<Duration>,
}

/// A field that is there may be null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Whether an answer is of lines.
pub(super) fn has_lines(answer: &Answer) -> bool {
    let kind = header(&answer.headers, "content-type").map(essence);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-ndjson"))
}

/// Reads lines up to the outcome, whose result or checkpoint may have `max_bytes`.
///
/// # Errors
/// If the answer breaks off.
pub(super) async fn outcome(
    mut body: LocalBoxStream<'static, Result<Vec<u8>, CallError>>,
    max_bytes: usize,
    context: &Context,
) -> Result<Outcome, CallError> {
    let mut lines = Lines::new(max_bytes);
    while let Some(chunk) = body.next().await {
        if let Some(outcome) = lines.take(&chunk?, context) {
            return Ok(outcome);
        }
        // However fast they come, others are in this instance.
        _ = context.pause().await;
    }
    Ok(lines.end(context))
}

/// What has come so far.
struct Lines {
    /// The begin of a line.
    begun: Vec<u8>,
    count: u64,
    bytes: u64,
    max_bytes: usize,
}

impl Lines {
    fn new(max_bytes: usize) -> Self {
        Self {
            begun: Vec::new(),
            count: 0,
            bytes: 0,
            max_bytes,
        }
    }

    /// Takes a chunk. Returns the outcome when it has come.
    fn take(&mut self, chunk: &[u8], context: &Context) -> Option<Outcome> {
        self.bytes += chunk.len() as u64;
        if self.bytes > ALL_MAX_BYTES {
            return Some(Outcome::retry(format!(
                "its answer has more than {ALL_MAX_BYTES} bytes of lines"
            )));
        }
        let mut parts = chunk.split(|b| *b == b'\n').peekable();
        while let Some(part) = parts.next() {
            let most = self.max_bytes + WRAPPER_BYTES;
            if self.begun.len() + part.len() > most {
                let number = self.count + 1;
                return Some(Outcome::retry(format!(
                    "line {number} of its answer has more than {most} bytes"
                )));
            }
            self.begun.extend(part);
            if parts.peek().is_some()
                && let Some(outcome) = self.line(context)
            {
                return Some(outcome);
            }
        }
        None
    }

    /// The outcome of an answer that ends here.
    fn end(mut self, context: &Context) -> Outcome {
        self.line(context).unwrap_or_else(|| {
            let count = self.count;
            Outcome::retry(format!(
                "its answer ended after {count} lines without a result: the last line is one of result, continue, snooze, retry, fail"
            ))
        })
    }

    /// Acts on the line that is complete.
    fn line(&mut self, context: &Context) -> Option<Outcome> {
        let text = std::mem::take(&mut self.begun);
        if text.trim_ascii().is_empty() {
            return None;
        }
        self.count += 1;
        let wrong = |reason: String| {
            let (number, start) = (self.count, start_of(&text));
            Outcome::retry(format!(
                "line {number} of its answer can't be used: {reason}: {start}"
            ))
        };
        match from_slice::<Line>(&text) {
            Ok(line) => {
                line.report(context);
                let outcome = line.outcome(self.max_bytes);
                outcome.unwrap_or_else(|reason| Some(wrong(reason)))
            }
            Err(e) => Some(wrong(e.to_string())),
        }
    }
}

impl Line {
    fn report(&self, context: &Context) {
        match (&self.progress, &self.message) {
            (Some(progress), Some(message)) => context.progress_with(progress, message),
            (Some(progress), None) => context.progress(progress),
            (None, Some(message)) => context.control().set_message(message),
            (None, None) => {}
        }
        if let Some(log) = &self.log {
            context.log(log);
        }
    }

    /// The outcome, if the line has one.
    fn outcome(self, max_bytes: usize) -> Result<Option<Outcome>, String> {
        let checked = |json: Option<Json>| json.map(|json| sound(json, max_bytes)).transpose();
        let (result, checkpoint) = (checked(self.result)?, checked(self.checkpoint)?);
        let after_ms = self.after.map(|after| after.ms);
        let mut outcomes = [
            result.map(Outcome::Done),
            checkpoint.map(|checkpoint| Outcome::continue_after(checkpoint, after_ms.unwrap_or(0))),
            self.snooze.map(|snooze| Outcome::Snooze(snooze.ms)),
            self.retry.map(|error| Outcome::Retry {
                error,
                wait: after_ms.map_or(Wait::Policy, Wait::Exactly),
            }),
            self.fail.map(Outcome::Fail),
        ]
        .into_iter()
        .flatten();
        let outcome = outcomes.next();
        if outcomes.next().is_some() {
            return Err("it has several of result, continue, snooze, retry, fail".to_owned());
        }
        let may_wait = matches!(
            outcome,
            Some(Outcome::Continue { .. } | Outcome::Retry { .. })
        );
        if after_ms.is_some() && !may_wait {
            return Err("`after` goes with continue or retry".to_owned());
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(line: &str) -> Result<Option<Outcome>, String> {
        let line = from_slice::<Line>(line.as_bytes()).map_err(|e| e.to_string())?;
        line.outcome(100)
    }

    #[test]
    fn the_last_line_is_the_outcome() {
        let retry = |wait| Outcome::Retry {
            error: "busy".to_owned(),
            wait,
        };
        let table = [
            (r#"{"result":null}"#, Outcome::done(())),
            (r#"{"result":[1],"progress":1}"#, Outcome::done([1])),
            (r#"{"continue":{"at":3}}"#, {
                Outcome::Continue {
                    checkpoint: r#"{"at":3}"#.parse().expect("JSON"),
                    after_ms: 0,
                }
            }),
            (
                r#"{"continue":null,"after":"10m"}"#,
                Outcome::continue_after((), 600_000),
            ),
            (r#"{"snooze":"1.5s"}"#, Outcome::Snooze(1_500)),
            (r#"{"retry":"busy"}"#, retry(Wait::Policy)),
            (
                r#"{"retry":"busy","after":"1m"}"#,
                retry(Wait::Exactly(60_000)),
            ),
            (r#"{"fail":"no"}"#, Outcome::Fail("no".to_owned())),
        ];
        for (line, expected) in table {
            assert_eq!(outcome(line), Ok(Some(expected)), "{line}");
        }
        for report in [
            r#"{"progress":0.4}"#,
            r#"{"log":"a"}"#,
            r#"{"message":"b"}"#,
            "{}",
        ] {
            assert_eq!(outcome(report), Ok(None), "{report}");
        }
        for wrong in [
            r#"{"result":1,"fail":"no"}"#,
            r#"{"result":1,"after":"1m"}"#,
            r#"{"after":"1m"}"#,
            r#"{"snooze":7}"#,
            r#"{"snooze":"1s","after":"1m"}"#,
            r#"{"retry":true}"#,
            r#"{"result":1}{"result":2}"#,
            r#"[1]"#,
            r#"{"Result":1}"#,
            &format!("{{\"result\":{}1{}}}", "[".repeat(65), "]".repeat(65)),
            &format!("{{\"continue\":\"{}\"}}", "x".repeat(99)),
        ] {
            assert!(outcome(wrong).is_err(), "{wrong}");
        }
    }
}
