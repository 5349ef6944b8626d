//! Lines for the operator about runs, as the variable `log` asks for them.

use handoff_queue::{Run, RunState, TaskId};
use handoff_wire::{Duration, JsonObject, Time};

/// What happened to a run. Texts of users are not cleaned yet.
pub(crate) struct Event<'a> {
    task: &'a TaskId,
    run: &'a Run,
    /// One word, for JSON.
    name: &'static str,
    /// The sentence, without the task that begins it.
    text: String,
    /// When it happened, if known.
    at_ms: Option<u64>,
    /// How long the attempt took, when the next one begins, and its error.
    took_ms: Option<u64>,
    again_ms: Option<u64>,
    error: Option<&'a str>,
}

impl<'a> Event<'a> {
    fn new(task: &'a TaskId, run: &'a Run, name: &'static str, text: String) -> Self {
        Self {
            task,
            run,
            name,
            text,
            at_ms: None,
            took_ms: None,
            again_ms: None,
            error: None,
        }
    }

    /// The begin of an attempt.
    pub(crate) fn began(task: &'a TaskId, run: &'a Run) -> Self {
        let mut text = format!("begins{}", attempt(run));
        if run.part > 0 {
            text.push_str(&format!(", after {} parts", run.part));
        }
        // A precaution: what is known of a loss is among the errors.
        if run.alone {
            text.push_str(", alone, since an earlier run may be lost");
        }
        let mut event = Self::new(task, run, "began", text);
        event.at_ms = Some(run.started_ms);
        event
    }

    /// The end of a run, or `None` if that is nothing to tell.
    pub(crate) fn ended(task: &'a TaskId, run: &'a Run) -> Option<Self> {
        let failed = run.failure();
        let new = |name, text| Self::new(task, run, name, text);
        let (mut event, ended_ms) = match &run.state {
            RunState::Running { .. } | RunState::Waiting { .. } => return None,
            RunState::Succeeded { ended_ms, .. } => {
                let text = format!("succeeded{}{}", after(run, *ended_ms), attempt(run));
                (new("succeeded", text), Some(*ended_ms))
            }
            RunState::Failed { ended_ms, .. } => {
                let text = format!("failed for good{}{}", after(run, *ended_ms), attempt(run));
                (new("failed", text), Some(*ended_ms))
            }
            RunState::Cancelled => (new("cancelled", "was cancelled".to_owned()), None),
            RunState::Expired { ended_ms } => {
                let text = "expired before it began".to_owned();
                (new("expired", text), Some(*ended_ms))
            }
            RunState::Retrying { at_ms, .. } => match failed {
                Some(failed) => {
                    let again = Duration::from_ms(at_ms.saturating_sub(failed.ended_ms));
                    let took = after(run, failed.ended_ms);
                    let text = format!("failed{took}{}; tries again in {again}", attempt(run));
                    let mut event = new("retries", text);
                    event.again_ms = Some(*at_ms);
                    (event, Some(failed.ended_ms))
                }
                None => {
                    let mut event = new("waits", "waits before it goes on".to_owned());
                    event.again_ms = Some(*at_ms);
                    (event, None)
                }
            },
            RunState::Continued { ended_ms, .. } => {
                let text = format!("goes on after {} parts", run.part);
                (new("continues", text), Some(*ended_ms))
            }
        };
        event.at_ms = ended_ms;
        event.took_ms = ended_ms.and_then(|ms| took_ms(run, ms));
        let failed = failed.filter(|_| is_error(run));
        event.error = failed.map(|e| e.error.as_str());
        Some(event)
    }

    pub(crate) fn line(&self) -> String {
        let Self { task, text, .. } = self;
        let kind = match self.run.kind.as_str() {
            "" => "task",
            kind => kind,
        };
        let error = self.error.map(|error| format!(": {error}"));
        format!("{kind} {task} {text}{}", error.unwrap_or_default())
    }

    pub(crate) fn json(&self) -> JsonObject {
        let time = |ms| Time { ms };
        let mut object = JsonObject::default().with("event", self.name);
        object.put_some("at", self.at_ms.map(time));
        if !self.run.kind.is_empty() {
            object.put("task", &self.run.kind);
        }
        object.put("id", self.task.to_string());
        object.put("attempt", self.run.attempt);
        object.put_some("took_ms", self.took_ms);
        object.put_some("again_at", self.again_ms.map(time));
        object.put_some("error", self.error);
        object
    }
}

/// Whether a run's end is an error.
pub(crate) fn is_error(run: &Run) -> bool {
    match run.state {
        RunState::Failed { .. } => true,
        RunState::Retrying { .. } => run.failure().is_some(),
        _ => false,
    }
}

/// The number of an attempt, from the second on.
fn attempt(run: &Run) -> String {
    match run.attempt {
        0 | 1 => String::new(),
        attempt => format!(", attempt {attempt}"),
    }
}

fn took_ms(run: &Run, ended_ms: u64) -> Option<u64> {
    (run.started_ms > 0).then(|| ended_ms.saturating_sub(run.started_ms))
}

fn after(run: &Run, ended_ms: u64) -> String {
    let took = took_ms(run, ended_ms).map(Duration::from_ms);
    took.map_or_else(String::new, |took| format!(" after {took}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use handoff_queue::{AttemptError, Report};

    fn run(attempt: u32, errors: &[&str], state: RunState) -> Run {
        let error = |(i, error): (usize, &&str)| AttemptError {
            attempt: i as u32 + 1,
            started_ms: 1_000,
            ended_ms: 1_250,
            error: (*error).to_owned(),
        };
        Run {
            nonce: "n".to_owned(),
            kind: "mail".to_owned(),
            epoch: 0,
            ticket: 0,
            attempt,
            started_ms: 1_000,
            began_ms: 0,
            due_ms: 900,
            alone: false,
            part: 0,
            snoozes: 0,
            lost: 0,
            errors: errors.iter().enumerate().map(error).collect(),
            report: Report::default(),
            checkpoint: None,
            state,
        }
    }

    fn line(run: &Run) -> Option<(String, bool)> {
        let id: TaskId = "emails-7-0123456789abcdef01234567".parse().expect("an id");
        let event = Event::ended(&id, run)?;
        let line = event.line().replace(&id.to_string(), "ID");
        Some((line, is_error(run)))
    }

    #[test]
    fn each_end_is_a_sentence() {
        let ended_ms = 1_250;
        let retrying = |at_ms| RunState::Retrying { at_ms, timer: true };
        let waiting = RunState::Waiting {
            ended_ms,
            step: 0,
            of: 1,
            seen: None,
        };
        let failed = RunState::Failed {
            ended_ms,
            listed: None,
        };
        let succeeded = RunState::Succeeded {
            ended_ms,
            result: "1".parse().expect("JSON"),
        };
        let table = [
            (
                run(1, &[], succeeded),
                Some(("mail ID succeeded after 0.25s", false)),
            ),
            (
                run(1, &["no \u{1b}[31m"], retrying(3_250)),
                Some((
                    "mail ID failed after 0.25s; tries again in 2s: no \u{1b}[31m",
                    true,
                )),
            ),
            (
                run(2, &["no"], retrying(3_250)),
                Some(("mail ID waits before it goes on", false)),
            ),
            (
                run(2, &["no", "never"], failed),
                Some((
                    "mail ID failed for good after 0.25s, attempt 2: never",
                    true,
                )),
            ),
            (
                run(1, &[], RunState::Cancelled),
                Some(("mail ID was cancelled", false)),
            ),
            (run(1, &[], waiting), None),
        ];
        for (run, expected) in table {
            let expected = expected.map(|(line, is_error)| (line.to_owned(), is_error));
            assert_eq!(line(&run), expected, "{run:?}");
        }
    }
}
