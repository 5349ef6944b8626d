//! What a handler's answer means.

use super::lines;
use crate::reply::{answered, retry_after_ms, start_of};
use crate::{Answer, CallError, Context, Outcome, Reply};
use handoff_queue::{Json, Wait};
use handoff_wire::Duration;
use serde::Deserialize;

/// White space around a result.
const SPACE_BYTES: usize = 1_024;
/// Of an answer that is no success only so much is read, for so long: enough to tell why.
const ERROR_BYTES: usize = 16 * 1_024;
const ERROR_MS: u64 = 5_000;
/// Some programs begin JSON with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The outcome as a header: the body is a checkpoint.
const CONTINUE: &str = "handoff-continue";
/// `no`: the task failed for good.
const RETRY: &str = "handoff-retry";

/// An error by RFC 9457.
#[derive(Default, Deserialize)]
struct Problem {
    detail: Option<String>,
    title: Option<String>,
}

/// Reads an answer to its end. Everything that is no answer of the protocol is a failed attempt: it
/// may be a handler that is being deployed.
///
/// # Errors
/// If the answer breaks off, or is too large.
pub(super) async fn outcome(answer: Answer, context: &Context) -> Result<Outcome, CallError> {
    let max_bytes = context.result_max_bytes();
    match answer.status {
        200..=299 if lines::has_lines(&answer) => {
            lines::outcome(answer.body, max_bytes, context).await
        }
        200..=299 => Ok(success(
            &answer.whole(true, max_bytes + SPACE_BYTES).await?,
            max_bytes,
        )),
        _ => {
            let reply = answer.start(ERROR_BYTES, context.time(ERROR_MS)).await;
            Ok(failure(&reply, context.now_ms()))
        }
    }
}

fn success(reply: &Reply, max_bytes: usize) -> Outcome {
    let body = match body(reply).and_then(|body| sound(body, max_bytes)) {
        Ok(body) => body,
        Err(reason) => {
            let status = reply.status;
            return Outcome::retry(format!("answered {status} with a body that is {reason}"));
        }
    };
    match reply.header(CONTINUE).map(str::parse::<Duration>) {
        None => Outcome::Done(body),
        Some(Ok(after)) => Outcome::continue_after(body, after.ms),
        Some(Err(reason)) => Outcome::retry(format!("answered with {CONTINUE}: {reason}")),
    }
}

/// The body as JSON. None is null.
fn body(reply: &Reply) -> Result<Json, String> {
    let bytes = reply
        .body
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(&reply.body);
    if bytes.trim_ascii().is_empty() {
        return Ok(Json::null());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())?;
    text.parse::<Json>()
        .map_err(|e| format!("not JSON ({e}): {}", start_of(&reply.body)))
}

/// A result or checkpoint that can be stored.
pub(super) fn sound(json: Json, max_bytes: usize) -> Result<Json, String> {
    let bytes = json.bytes();
    match json.flaw() {
        Some(flaw) => Err(flaw),
        None if bytes > max_bytes as u64 => Err(format!(
            "{bytes} bytes of JSON; {max_bytes} are allowed (variable `result_max_bytes`)"
        )),
        None => Ok(json),
    }
}

fn failure(reply: &Reply, now_ms: u64) -> Outcome {
    let error = error(reply);
    let is_final = reply
        .header(RETRY)
        .is_some_and(|text| text.eq_ignore_ascii_case("no"));
    match (reply.status, retry_after_ms(reply, now_ms)) {
        (300..=399, _) => {
            let to = reply.header("location").unwrap_or("nowhere");
            Outcome::Fail(format!(
                "answered {} to {to}: redirects are not followed. Name that URL in the variable `handlers`",
                reply.status
            ))
        }
        _ if is_final => Outcome::Fail(error),
        (429 | 503, Some(ms)) => Outcome::Snooze(ms),
        (408 | 429 | 500..=599, after_ms) => Outcome::Retry {
            error,
            wait: after_ms.map_or(Wait::Policy, Wait::AtLeast),
        },
        (400..=499, _) => Outcome::Fail(error),
        _ => Outcome::retry(error),
    }
}

fn error(reply: &Reply) -> String {
    let is_problem = reply
        .header("content-type")
        .is_some_and(|kind| essence(kind).eq_ignore_ascii_case("application/problem+json"));
    let problem: Problem = match is_problem {
        true => serde_json::from_slice(&reply.body).unwrap_or_default(),
        false => Problem::default(),
    };
    let said = problem.detail.or(problem.title);
    said.unwrap_or_else(|| answered(reply))
}

/// A media type without its parameters.
pub(super) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_795_420_797_000;

    fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Reply {
            status,
            headers: headers.collect(),
            body: body.to_vec(),
        }
    }

    fn done(json: &str) -> Outcome {
        Outcome::Done(json.parse().expect("JSON"))
    }

    #[test]
    fn a_success_is_a_result_or_a_checkpoint() {
        let table = [
            (reply(200, &[], b"{\"a\": 1}"), done("{\"a\": 1}")),
            (reply(200, &[], b"null"), done("null")),
            (reply(201, &[], b" [1]\n"), done("[1]")),
            (reply(204, &[], b""), done("null")),
            (reply(200, &[], b"\xef\xbb\xbf{}\n"), done("{}")),
            (reply(200, &[], b""), done("null")),
            (
                reply(200, &[("handoff-continue", "0s")], b"7"),
                Outcome::continue_from(7),
            ),
            (
                reply(200, &[("handoff-continue", "10m")], b"{}"),
                Outcome::continue_after(Json::empty_object(), 600_000),
            ),
            // An error's header says nothing about a success.
            (reply(200, &[("handoff-retry", "no")], b"1"), done("1")),
        ];
        for (reply, expected) in table {
            assert_eq!(success(&reply, 100), expected, "{reply:?}");
        }
    }

    #[test]
    fn garbage_is_a_failed_attempt_that_says_what_came() {
        let deep = ["[".repeat(100), "]".repeat(100)].concat();
        let table = [
            (reply(200, &[], b"<html>Hello"), "not JSON"),
            (reply(200, &[], b"<html>Hello"), "<html>Hello"),
            (reply(200, &[], b"ok"), "not JSON"),
            (reply(200, &[], b"{\"a\": 1"), "not JSON"),
            (reply(200, &[], b"1 2"), "not JSON"),
            (reply(200, &[], b"\xff\xfe1\x00"), "not UTF-8"),
            (reply(200, &[], deep.as_bytes()), "nested"),
            (reply(200, &[], &[b'7'; 101]), "101 bytes"),
            (
                reply(200, &[("handoff-continue", "soon")], b"1"),
                "handoff-continue",
            ),
            (
                reply(200, &[("handoff-continue", "-1s")], b"1"),
                "handoff-continue",
            ),
        ];
        for (reply, part) in table {
            match success(&reply, 100) {
                Outcome::Retry { error, wait } => {
                    assert!(error.contains(part), "{reply:?}: {error}");
                    assert_eq!(wait, Wait::Policy);
                }
                other => panic!("{reply:?}: {other:?}"),
            }
        }
    }

    fn retry(error: &str, wait: Wait) -> Outcome {
        let error = error.to_owned();
        Outcome::Retry { error, wait }
    }

    fn fail(error: &str) -> Outcome {
        Outcome::Fail(error.to_owned())
    }

    #[test]
    fn a_problem_says_what_is_wrong() {
        let problem = ("content-type", "application/problem+json; charset=utf-8");
        let table = [
            (
                reply(
                    422,
                    &[problem],
                    br#"{"title":"T","detail":"no such image"}"#,
                ),
                fail("no such image"),
            ),
            (
                reply(500, &[problem], br#"{"title":"T"}"#),
                retry("T", Wait::Policy),
            ),
            (
                reply(500, &[problem], b"{}"),
                retry("answered 500: {}", Wait::Policy),
            ),
            (
                reply(500, &[problem], b"{"),
                retry("answered 500: {", Wait::Policy),
            ),
        ];
        for (reply, expected) in table {
            assert_eq!(failure(&reply, NOW_MS), expected, "{reply:?}");
        }
    }

    #[test]
    fn the_status_says_what_a_failure_means() {
        let after = |text: &'static str| ("retry-after", text);
        let table = [
            (reply(429, &[after("7")], b""), Outcome::Snooze(7_000)),
            (reply(503, &[after("0")], b""), Outcome::Snooze(0)),
            (
                reply(503, &[after("Mon, 23 Nov 2026 08:00:00 GMT")], b""),
                Outcome::Snooze(3_000),
            ),
            (
                reply(503, &[after("7"), ("handoff-retry", "no")], b"x"),
                fail("answered 503: x"),
            ),
            (
                reply(503, &[after("soon")], b"x"),
                retry("answered 503: x", Wait::Policy),
            ),
            (
                reply(429, &[], b"x"),
                retry("answered 429: x", Wait::Policy),
            ),
            (
                reply(500, &[after("7")], b"x"),
                retry("answered 500: x", Wait::AtLeast(7_000)),
            ),
            (
                reply(408, &[], b""),
                retry("answered 408 without a body", Wait::Policy),
            ),
            (
                reply(599, &[], b""),
                retry("answered 599 without a body", Wait::Policy),
            ),
            (
                reply(500, &[("handoff-retry", "No")], b"x"),
                fail("answered 500: x"),
            ),
            (
                reply(500, &[("handoff-retry", "yes")], b"x"),
                retry("answered 500: x", Wait::Policy),
            ),
            (reply(404, &[], b"x"), fail("answered 404: x")),
            (reply(404, &[after("7")], b"x"), fail("answered 404: x")),
            (
                reply(302, &[("location", "/elsewhere")], b""),
                fail(
                    "answered 302 to /elsewhere: redirects are not followed. Name that URL in the variable `handlers`",
                ),
            ),
            (
                reply(304, &[("handoff-retry", "no")], b""),
                fail(
                    "answered 304 to nowhere: redirects are not followed. Name that URL in the variable `handlers`",
                ),
            ),
            (
                reply(600, &[], b"x"),
                retry("answered 600: x", Wait::Policy),
            ),
        ];
        for (reply, expected) in table {
            assert_eq!(failure(&reply, NOW_MS), expected, "{reply:?}");
        }
    }
}
