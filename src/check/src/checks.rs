//! What a handler must do, and what it had better do.

use crate::target::{Target, Tried};
use handoff_kinds::Outcome;
use serde_json::json;
use std::thread;

/// So many calls come at once.
const AT_ONCE: usize = 8;
/// The headers of Handoff's calls.
const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/json"),
    ("idempotency-key", "check-1-000000000000000000000001.0"),
    ("handoff-protocol", "1"),
];

/// One of the checks.
pub(crate) struct Check {
    pub name: &'static str,
    pub run: fn(&Target) -> Found,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It is as it must be.
    Right(String),
    /// It is nothing that Handoff needs, and worth a thought.
    Note(String),
    /// It must be otherwise.
    Wrong(String),
}

/// All checks. Each calls the handler.
pub(crate) const CHECKS: [Check; 7] = [
    Check {
        name: "runs",
        run: runs,
    },
    Check {
        name: "again",
        run: runs_again,
    },
    Check {
        name: "at once",
        run: runs_at_once,
    },
    Check {
        name: "new fields",
        run: takes_new_fields,
    },
    Check {
        name: "not JSON",
        run: refuses_what_is_not_json,
    },
    Check {
        name: "unknown kind",
        run: refuses_unknown_kinds,
    },
    Check {
        name: "others",
        run: refuses_others,
    },
];

fn runs(target: &Target) -> Found {
    let tried = target.run(target.attempt());
    match failure(&tried) {
        Some(error) => Found::Wrong(format!("a task that should succeed does not: {error}")),
        None => {
            let lines = tried.report.logs.len();
            let reports = match &tried.report.progress {
                Some(progress) => format!(", progress {progress} and {lines} log lines"),
                None => String::new(),
            };
            Found::Right(format!("{}{reports}", shown(&tried.outcome)))
        }
    }
}

fn runs_again(target: &Target) -> Found {
    let first = target.attempt();
    let mut second = first.clone();
    (second.number, second.fence) = (2, 1);
    second.last_error = Some("the worker was lost".to_owned());
    let tried = [first, second].map(|attempt| target.run(attempt));
    match failure(&tried[1]) {
        Some(error) => Found::Wrong(format!(
            "the same task a second time, with the same idempotency-key, fails: {error}. A task runs at least once"
        )),
        None if tried[0].outcome == tried[1].outcome => {
            Found::Right("a second attempt with the same idempotency-key gives the same".to_owned())
        }
        None => Found::Note(
            "a second attempt with the same idempotency-key gives another result: see that nothing is done twice"
                .to_owned(),
        ),
    }
}

fn runs_at_once(target: &Target) -> Found {
    let failures: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..AT_ONCE)
            .map(|_| scope.spawn(|| failure(&target.run(target.attempt()))))
            .collect();
        let ended = calls.into_iter().map(|call| call.join());
        ended
            .filter_map(|failure| failure.unwrap_or_default())
            .collect()
    });
    match failures.first() {
        None => Found::Right(format!("{AT_ONCE} tasks at once are run")),
        Some(error) => Found::Wrong(format!(
            "of {AT_ONCE} tasks at once {} fail: {error}",
            failures.len()
        )),
    }
}

fn takes_new_fields(target: &Target) -> Found {
    let body = target.body(&json!({"a_field_of_later": {"x": 1}}));
    match target.post(&HEADERS, &body) {
        Ok(200..=299 | 429 | 503) => {
            Found::Right("a field that it does not know is ignored".to_owned())
        }
        Ok(status) => Found::Wrong(format!(
            "a field that it does not know is answered with {status}: ignore it, for a later Handoff sends more"
        )),
        Err(e) => Found::Wrong(e),
    }
}

fn refuses_what_is_not_json(target: &Target) -> Found {
    match target.post(&HEADERS, b"{\"id\": ") {
        Ok(status @ 400..=499) => Found::Right(format!("half a body is answered with {status}")),
        Ok(status @ 200..=299) => Found::Wrong(format!(
            "half a body is answered with {status}: a task was run that nobody asked for"
        )),
        Ok(status) => Found::Note(format!(
            "half a body is answered with {status}; 400 says whose fault it is"
        )),
        Err(e) => Found::Wrong(format!("half a body is not answered: {e}")),
    }
}

fn refuses_unknown_kinds(target: &Target) -> Found {
    let tried = target.run_kind("handoff.check.unknown", target.attempt());
    match tried.outcome {
        Outcome::Fail(error) => Found::Right(format!("it fails for good: {error}")),
        Outcome::Retry { error, .. } => Found::Wrong(format!(
            "a kind that it can't know is tried again and again: answer 404 or 422, not {error:?}"
        )),
        _ => Found::Note("it runs tasks of every kind: `handlers` must not name others".to_owned()),
    }
}

fn refuses_others(target: &Target) -> Found {
    match target.post(&HEADERS[..1], &target.body(&json!({}))) {
        Ok(status @ 400..=499) => {
            Found::Right(format!("without handoff-protocol it answers {status}"))
        }
        Ok(_) => Found::Note(
            "it serves requests without handoff-protocol: whoever reaches it can have tasks run"
                .to_owned(),
        ),
        Err(e) => Found::Wrong(e),
    }
}

/// Why an attempt came to nothing, if it did.
fn failure(tried: &Tried) -> Option<String> {
    match &tried.outcome {
        Outcome::Retry { error, .. } => Some(error.clone()),
        Outcome::Fail(error) => Some(format!("{error} (for good)")),
        Outcome::Cancelled => Some("it was cancelled".to_owned()),
        Outcome::Done(_) | Outcome::Snooze(_) | Outcome::Continue { .. } => None,
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(result) => format!("succeeded with {}", cut(result.as_str())),
        Outcome::Snooze(ms) => format!("snoozed for {ms} ms"),
        Outcome::Continue {
            checkpoint,
            after_ms,
        } => {
            format!(
                "goes on after {after_ms} ms from {}",
                cut(checkpoint.as_str())
            )
        }
        other => format!("{other:?}"),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handoff_e2e::{Answer, Received, TestServer};
    use serde_json::Value;

    /// The names of the checks that find something wrong.
    fn wrong(handler: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Vec<&'static str> {
        let server = TestServer::start(handler);
        let target = Target::new(&server.url("/run"), "sum", json!([1, 2])).expect("a target");
        let found = CHECKS
            .iter()
            .map(|check| (check.name, (check.run)(&target)));
        let wrong = found.filter(|(_, found)| matches!(found, Found::Wrong(_)));
        wrong.map(|(name, _)| name).collect()
    }

    /// A handler that is right.
    fn right(request: &Received) -> Answer {
        if !request.headers.contains_key("handoff-protocol") {
            return Answer::new(403, "");
        }
        let Ok(task) = serde_json::from_slice::<Value>(&request.body) else {
            return Answer::new(400, "");
        };
        match task["task"].as_str() {
            Some("sum") => Answer::new(200, "3"),
            _ => Answer::new(404, "there is no such task"),
        }
    }

    #[test]
    fn nothing_is_wrong_with_a_right_handler() {
        assert_eq!(wrong(right), [""; 0]);
        let lines = |request: &Received| match right(request) {
            _ if request.body.len() < 20 => right(request),
            _ => Answer::new(200, "{\"progress\": 1}\n{\"result\": 3}\n")
                .header("content-type", "application/x-ndjson"),
        };
        assert_eq!(wrong(lines), [""; 0]);
        assert_eq!(
            wrong(|request| match right(request) {
                _ if request.body.len() < 20 => right(request),
                _ => Answer::new(503, "").header("retry-after", "1"),
            }),
            [""; 0]
        );
    }

    #[test]
    fn each_wrong_handler_is_found_out() {
        let all = ["runs", "again", "at once", "new fields"];
        let text = |_: &Received| Answer::new(200, "ok");
        assert_eq!(
            wrong(text),
            ["runs", "again", "at once", "not JSON", "unknown kind"]
        );
        let fails = |_: &Received| Answer::new(500, "no");
        assert_eq!(wrong(fails), [&all[..], &["unknown kind"]].concat());
        let elsewhere = |_: &Received| Answer::new(302, "").header("location", "/");
        assert_eq!(wrong(elsewhere), all);
        let strict = |request: &Received| match String::from_utf8_lossy(&request.body) {
            body if body.contains("a_field_of_later") => Answer::new(422, ""),
            _ => right(request),
        };
        assert_eq!(wrong(strict), ["new fields"]);
        let takes_all = |_: &Received| Answer::new(200, "3");
        assert_eq!(wrong(takes_all), ["not JSON"]);
        let once = |request: &Received| match serde_json::from_slice::<Value>(&request.body) {
            Ok(task) if task["attempt"] == 2 => Answer::new(409, "it was here before"),
            _ => right(request),
        };
        assert_eq!(wrong(once), ["again"]);
        let tries = |request: &Received| match right(request) {
            _ if String::from_utf8_lossy(&request.body).contains("check.unknown") => {
                Answer::new(500, "KeyError")
            }
            answer => answer,
        };
        assert_eq!(wrong(tries), ["unknown kind"]);
        let cut_short = |request: &Received| match request.body.len() {
            ..20 => right(request),
            _ => Answer::new(200, "{\"progress\": 1}\n")
                .header("content-type", "application/x-ndjson"),
        };
        assert_eq!(
            wrong(cut_short),
            ["runs", "again", "at once", "unknown kind"]
        );
    }
}
