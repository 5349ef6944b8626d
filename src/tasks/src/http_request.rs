//! Delivers an HTTP request, so that a handler can be written in any language.

use crate::{Context, Duration, FieldError, HttpCall, HttpReply, Outcome, Task};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `{"task": "http.request", "args": {"url": "…", "method": "POST", "headers": {…}, "body": …}}`.
///
/// A 2xx answer is success, with `{"status": …, "body": …}`. 429 and 503 are tried again after what their Retry-After
/// says, other 5xx, 408 and failures to get an answer by the task's retry policy. Any other answer fails the task.
pub struct HttpRequest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Text is sent as it is, anything else as JSON.
    #[serde(default)]
    body: Value,
    timeout: Option<Duration>,
}

impl Task for HttpRequest {
    const NAME: &'static str = "http.request";
    type Args = Args;

    fn check(args: &Args) -> Result<(), FieldError> {
        let parsed: Result<http::Uri, _> = args.url.parse();
        let absolute = |uri: http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|h| !h.is_empty())
        };
        if parsed.is_ok_and(absolute) {
            return Ok(());
        }
        let reason = format!("{:?} is not an absolute http or https URL", args.url);
        Err(FieldError::new("url", reason))
    }

    async fn run(args: Args, context: Context) -> Outcome {
        let call = call(args, context.left_ms());
        if let Err(refused) = context.check(&call) {
            return Outcome::Fail(refused);
        }
        match context.send(call).await {
            Ok(reply) => judge(&reply),
            Err(error) => Outcome::retry(error),
        }
    }
}

fn call(args: Args, left_ms: u64) -> HttpCall {
    let mut headers: Vec<_> = args.headers.into_iter().collect();
    let has_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let has_body = !args.body.is_null();
    let body = match args.body {
        Value::Null => Vec::new(),
        Value::String(text) => text.into_bytes(),
        json => {
            if !has_type {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            json.to_string().into_bytes()
        }
    };
    let method = args
        .method
        .unwrap_or_else(|| if has_body { "POST" } else { "GET" }.to_owned());
    HttpCall {
        method,
        url: args.url,
        headers,
        body,
        timeout_ms: args.timeout.map_or(left_ms, |t| t.ms.min(left_ms)),
    }
}

fn judge(reply: &HttpReply) -> Outcome {
    let text = String::from_utf8_lossy(&reply.body);
    let error = || {
        let start: String = text.chars().take(500).collect();
        format!("answered {}: {start}", reply.status)
    };
    match reply.status {
        200..=299 => {
            let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
            Outcome::done(json!({"status": reply.status, "body": body}))
        }
        429 | 503 => Outcome::Retry {
            error: error(),
            after_ms: retry_after_ms(reply),
        },
        408 | 500..=599 => Outcome::retry(error()),
        _ => Outcome::Fail(error()),
    }
}

/// Retry-After in seconds. Its other form, a date, is left to the retry policy.
fn retry_after_ms(reply: &HttpReply) -> Option<u64> {
    let (_, value) = reply
        .headers
        .iter()
        .find(|(name, _)| name == "retry-after")?;
    Some(value.trim().parse::<u64>().ok()?.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged() {
        let reply = |status, retry_after: &str| HttpReply {
            status,
            headers: vec![("retry-after".into(), retry_after.into())],
            body: b"{\"a\":1}".to_vec(),
        };
        let after = |outcome| match outcome {
            Outcome::Retry { after_ms, .. } => after_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            judge(&reply(200, "")),
            Outcome::Done(json!({"status": 200, "body": {"a": 1}}))
        );
        assert_eq!(after(judge(&reply(429, "7"))), Some(7_000));
        assert_eq!(
            after(judge(&reply(503, "Mon, 23 Nov 2026 08:00:00 GMT"))),
            None
        );
        assert_eq!(after(judge(&reply(500, "7"))), None);
        for status in [301, 400, 401, 404, 410, 422] {
            assert!(
                matches!(judge(&reply(status, "")), Outcome::Fail(_)),
                "{status}"
            );
        }
    }
}
