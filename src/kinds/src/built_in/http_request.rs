//! Sends one HTTP request to a URL that the task names.

use crate::reply::{answered, retry_after_ms};
use crate::trace_headers::trace_headers;
use crate::{
    CallError, CallRequest, Context, Duration, FieldError, Outcome, Reply, SendError, Task, Trace,
};
use handoff_queue::TIMEOUT_MAX_MS;
use handoff_wire::{HTTP_REQUEST, JsonObject};

/// `{"task": "http.request", "args": {"url": "…", "method": "POST", "headers": {…}, "body": …}}`.
///
/// A 2xx answer is success, with `{"status": …, "body": …}`. 429 and 503 with Retry-After snooze
/// the task for that time, without a failed attempt. Without Retry-After, and for other 5xx, 408
/// and missing answers, the retry policy decides. Any other answer fails the task.
///
/// The request continues the trace of the request that enqueued the task, unless its own headers
/// have `traceparent`.
pub(crate) struct HttpRequest;

impl Task for HttpRequest {
    const NAME: &'static str = HTTP_REQUEST;
    type Args = CallRequest;

    fn check(args: &CallRequest) -> Result<(), FieldError> {
        if let Some(timeout) = args.timeout() {
            timeout.between("timeout", 1, TIMEOUT_MAX_MS)?;
        }
        args.check()
    }

    /// Checks the timeouts. An attempt that ends earlier would cut the call's own timeout.
    fn check_timeout(args: &CallRequest, timeout_ms: u64) -> Result<(), FieldError> {
        match args.timeout() {
            Some(timeout) if timeout.ms > timeout_ms => {
                let most = Duration::from_ms(timeout_ms);
                let reason = format!(
                    "{timeout} is longer than the task's `timeout`, which is {most}; make that longer, or this one shorter"
                );
                Err(FieldError::new("timeout", reason))
            }
            _ => Ok(()),
        }
    }

    async fn run(args: CallRequest, context: Context) -> Outcome {
        let left_ms = context.left_ms();
        let asked = args.timeout();
        let timeout_ms = asked.map_or(left_ms, |t| t.ms.min(left_ms));
        let mut call = args.into_call(timeout_ms);
        carry(&mut call.headers, context.trace());
        match context.send(call).await {
            Ok(reply) => judge(&reply, context.now_ms()),
            Err(SendError::Call(CallError::Unanswered(error))) => Outcome::retry(match asked {
                Some(asked) if asked.ms > left_ms => {
                    let left = Duration::from_ms(left_ms);
                    format!("{error}; of its timeout, {asked}, the attempt had only {left} left")
                }
                _ => error,
            }),
            Err(error) => error.into(),
        }
    }
}

/// Adds the trace, unless the task's own headers name one.
fn carry(headers: &mut Vec<(String, String)>, trace: Option<Trace>) {
    let own = |headers: &[(String, String)], wanted: &str| {
        let mut names = headers.iter().map(|(name, _)| name);
        names.any(|name| name.eq_ignore_ascii_case(wanted))
    };
    if own(headers, "traceparent") {
        return;
    }
    let mut carried = trace_headers(trace);
    carried.retain(|(name, _)| !own(headers, name));
    headers.extend(carried);
}

pub(crate) fn judge(reply: &Reply, now_ms: u64) -> Outcome {
    let error = || answered(reply);
    match reply.status {
        200..=299 => match reply.body_json() {
            Ok(body) => Outcome::done(
                JsonObject::default()
                    .with("status", reply.status)
                    .with("body", body),
            ),
            Err(flaw) => Outcome::Fail(format!(
                "answered {} with a body that is {flaw}",
                reply.status
            )),
        },
        429 | 503 => match retry_after_ms(reply, now_ms) {
            Some(ms) => Outcome::Snooze(ms),
            None => Outcome::retry(error()),
        },
        408 | 500..=599 => Outcome::retry(error()),
        _ => Outcome::Fail(error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handoff_queue::Wait;

    #[test]
    fn answers_are_judged() {
        let reply = |status, retry_after: &str| Reply {
            status,
            headers: vec![("retry-after".into(), retry_after.into())],
            body: b"{\"a\":1}".to_vec(),
        };
        let judge = |reply: &Reply| judge(reply, 1_795_420_797_000);
        let retries = |outcome| {
            matches!(
                outcome,
                Outcome::Retry {
                    wait: Wait::Policy,
                    ..
                }
            )
        };
        assert_eq!(
            judge(&reply(200, "")),
            Outcome::Done(r#"{"status":200,"body":{"a":1}}"#.parse().expect("JSON"))
        );
        assert_eq!(judge(&reply(429, "7")), Outcome::Snooze(7_000));
        assert_eq!(judge(&reply(503, "0")), Outcome::Snooze(0));
        // 3 s later, and some time before.
        let (later, before) = (
            "Mon, 23 Nov 2026 08:00:00 GMT",
            "Sun, 22 Nov 2026 08:00:00 GMT",
        );
        assert_eq!(judge(&reply(503, later)), Outcome::Snooze(3_000));
        assert_eq!(judge(&reply(429, before)), Outcome::Snooze(0));
        assert!(retries(judge(&reply(503, "soon"))));
        assert!(retries(judge(&reply(429, ""))));
        assert!(retries(judge(&reply(500, "7"))));
        for status in [301, 400, 401, 404, 410, 422] {
            assert!(
                matches!(judge(&reply(status, "")), Outcome::Fail(_)),
                "{status}"
            );
        }
    }
}
