//! The handlers of a deployment: HTTP endpoints that run the tasks of some kinds.

use crate::request::task::RetryRequest;
use crate::request::webhook::WEBHOOK;
use crate::{
    Duration, FieldError, Names, Object, check_url, from_slice, named, quoted, without_query,
};
use handoff_queue::{RetryPolicy, TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS, WORKFLOW};
use serde::Deserialize;
use std::str::FromStr;

/// More handlers than any deployment has.
const HANDLERS_MAX: usize = 1_000;
/// The longest name of a kind, in bytes.
const KIND_MAX_BYTES: usize = 128;
/// Kinds that only Handoff itself enqueues.
const OWN: [&str; 2] = [WEBHOOK, WORKFLOW];
const LIMIT_BELONGS_TO_QUEUE: &str = "how much runs at once is limited by queue: give such tasks a queue of their own, and that a limit in the variable `queue_limits`";
/// The host of other components of the application, below their names.
const INSIDE: &str = ".spin.internal";

/// What tasks of a kind have unless their request says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defaults {
    /// The timeout of an attempt, in milliseconds.
    pub timeout_ms: u64,
    /// The retry policy.
    pub retry: RetryPolicy,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            timeout_ms: TIMEOUT_DEFAULT_MS,
            retry: RetryPolicy::default(),
        }
    }
}

/// An endpoint that runs tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    /// An absolute http or https URL.
    pub url: String,
    /// What its tasks have unless their request says otherwise.
    pub defaults: Defaults,
    /// Whether its calls are signed. Without this those to other servers are, if there are secrets.
    pub secret: Option<bool>,
}

impl Handler {
    /// Whether it is another component of the application, which needs no signature.
    pub fn is_inside(&self) -> bool {
        let authority = self.url.split(['/', '?']).nth(2).unwrap_or_default();
        let host = authority.split(':').next().unwrap_or_default();
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        host.ends_with(INSIDE)
    }

    /// The URL as errors show it.
    pub fn shown_url(&self) -> &str {
        without_query(&self.url)
    }
}

/// The handlers by the kinds that they run:
/// `{"resize": {"url": "http://images.spin.internal/resize", "timeout": "5m"}, "mail.*": {"url": …}}`,
/// or an empty text. A pattern ends with `*`; the longest one that fits counts.
///
/// ```
/// use handoff_wire::Handlers;
///
/// let text = r#"{"mail.*": {"url": "http://mail.spin.internal/run"}}"#;
/// let handlers: Handlers = text.parse().unwrap();
/// assert_eq!(handlers.of("mail.send").unwrap().url, "http://mail.spin.internal/run");
/// assert_eq!(handlers.of("mails"), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Handlers(Vec<(String, Handler)>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandlerRequest {
    url: String,
    timeout: Option<Duration>,
    retry: Option<Object<RetryRequest>>,
    secret: Option<bool>,
}

impl Handlers {
    /// The handler of a kind.
    pub fn of(&self, kind: &str) -> Option<&Handler> {
        if check_kind(kind).is_err() {
            return None;
        }
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == pattern,
        };
        let fitting = self.0.iter().filter(|(pattern, _)| fits(pattern));
        // A name is longer than each pattern that fits it, except for one that fits it with nothing.
        let best = fitting.max_by_key(|(pattern, _)| (pattern == kind, pattern.len()));
        best.map(|(_, handler)| handler)
    }

    /// The kinds and patterns that have a handler.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(pattern, _)| pattern.as_str())
    }

    /// The handlers, with their kinds and patterns.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Handler)> {
        self.0
            .iter()
            .map(|(pattern, handler)| (pattern.as_str(), handler))
    }

    /// The handler of a pattern, as it is written.
    pub fn named(&self, pattern: &str) -> Option<&Handler> {
        let mut all = self.all();
        all.find_map(|(other, handler)| (other == pattern).then_some(handler))
    }
}

impl FromStr for Handlers {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let read = from_slice(text.as_bytes()).map_err(|mut e| {
            let field = e.field.as_deref().unwrap_or_default();
            if field.ends_with(".concurrency") {
                e.reason = LIMIT_BELONGS_TO_QUEUE.to_owned();
            }
            e
        });
        let Names(handlers): Names<Object<HandlerRequest>, HANDLERS_MAX> = read?;
        let check = |(pattern, Object(request)): (String, Object<HandlerRequest>)| {
            let handler = check_pattern(&pattern).and_then(|()| request.check());
            match handler {
                Ok(handler) => Ok((pattern, handler)),
                Err(e) => Err(e.within(&named(&pattern))),
            }
        };
        handlers
            .into_iter()
            .map(check)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl HandlerRequest {
    fn check(self) -> Result<Handler, FieldError> {
        check_url(&self.url).map_err(|reason| {
            let shown = without_query(&self.url);
            FieldError::new("url", reason.replace(&quoted(&self.url), &quoted(shown)))
        })?;
        let mut defaults = Defaults::default();
        if let Some(timeout) = self.timeout {
            defaults.timeout_ms = timeout.between("timeout", 1, TIMEOUT_MAX_MS)?;
        }
        if let Some(Object(retry)) = self.retry {
            let retry = retry.check(RetryPolicy::default());
            defaults.retry = retry.map_err(|e| e.within("retry"))?;
        }
        Ok(Handler {
            url: self.url,
            defaults,
            secret: self.secret,
        })
    }
}

fn check_pattern(pattern: &str) -> Result<(), FieldError> {
    if pattern == "*" {
        return Ok(());
    }
    let checked = check_kind(pattern.strip_suffix('*').unwrap_or(pattern));
    checked
        .map_err(|reason| FieldError::new_at(None, format!("{reason}, or such a beginning and *")))
}

/// Whether a name can be that of a kind. The compiler can evaluate it.
pub const fn is_kind(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_alphanumeric() || matches!(bytes[i], b'.' | b'_' | b'-' | b':')) {
            return false;
        }
        i += 1;
    }
    !bytes.is_empty() && bytes.len() <= KIND_MAX_BYTES
}

/// Checks whether tasks with a handler may be of a kind.
///
/// # Errors
/// Why not.
pub fn check_kind(name: &str) -> Result<(), String> {
    if OWN.contains(&name) {
        return Err(format!(
            "tasks of kind {name:?} are Handoff's own: choose another name"
        ));
    }
    if is_kind(name) {
        return Ok(());
    }
    let shown = quoted(name);
    Err(format!(
        "{shown} is no kind of tasks: write 1 to {KIND_MAX_BYTES} letters, digits and . _ - :"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handlers(text: &str) -> Handlers {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn the_longest_pattern_that_fits_counts() {
        let text = r#"{"*":{"url":"http://any/"},"mail.*":{"url":"http://mail/"},"mail.send":{"url":"http://send/"},
            "mail.send*":{"url":"http://sends/"},"mail.*.x":{"url":"http://never/"}}"#;
        let wrong = text.parse::<Handlers>().expect_err("a * in the middle");
        assert_eq!(wrong.field.as_deref(), Some("mail.*.x"));
        let handlers = handlers(&text.replace(r#","mail.*.x":{"url":"http://never/"}"#, ""));
        for (kind, url) in [
            ("mail.send", Some("http://send/")),
            ("mail.sends", Some("http://sends/")),
            ("mail.", Some("http://mail/")),
            ("mail.read", Some("http://mail/")),
            ("mail", Some("http://any/")),
            ("Other:kind-1_2", Some("http://any/")),
            ("workflow", None),
            ("webhook", None),
            ("", None),
            ("a b", None),
            ("a\n", None),
            ("é", None),
            (&"x".repeat(128), Some("http://any/")),
            (&"x".repeat(129), None),
        ] {
            let found = handlers.of(kind).map(|handler| handler.url.as_str());
            assert_eq!(found, url, "{kind:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, field) in [
            (r#"{"a":{}}"#, Some("a.url")),
            (r#"{"a":{"url":"images"}}"#, Some("a.url")),
            (
                r#"{"a":{"url":"http://handoff-worker.spin.internal/"}}"#,
                Some("a.url"),
            ),
            (
                r#"{"a":{"url":"http://x/","timeout":"2d"}}"#,
                Some("a.timeout"),
            ),
            (
                r#"{"a":{"url":"http://x/","timeout":"0s"}}"#,
                Some("a.timeout"),
            ),
            (
                r#"{"a":{"url":"http://x/","retry":{"attempts":0}}}"#,
                Some("a.retry.attempts"),
            ),
            (
                r#"{"a":{"url":"http://x/","secret":"yes"}}"#,
                Some("a.secret"),
            ),
            (r#"{"a":{"url":"http://x/","urls":1}}"#, Some("a.urls")),
            (
                r#"{"a":{"url":"http://x/","concurrency":4}}"#,
                Some("a.concurrency"),
            ),
            (r#"{"a":"http://x/"}"#, Some("a")),
            (r#"{"a b":{"url":"http://x/"}}"#, Some("a b")),
            (r#"{"":{"url":"http://x/"}}"#, Some("")),
            (r#"{"workflow":{"url":"http://x/"}}"#, Some("workflow")),
            (r#"{"a":{"url":"http://x/"},"a":{"url":"http://y/"}}"#, None),
            ("[]", None),
            ("{", None),
        ] {
            let e = text.parse::<Handlers>().expect_err(text);
            assert_eq!(e.field.as_deref(), field, "{text}: {e}");
        }
        assert_eq!(handlers(" "), Handlers::default());
        assert_eq!(handlers("{}"), Handlers::default());
    }

    #[test]
    fn other_components_are_inside() {
        for (url, inside) in [
            ("http://images.spin.internal/a", true),
            ("http://IMAGES.Spin.Internal", true),
            ("http://images.spin.internal.example.org/", false),
            ("http://images.spin.internal:80/", true),
            ("http://images.spin.internal./", true),
            ("http://example.org?x.spin.internal", false),
            ("http://spin.internal/", false),
            ("https://example.org/x.spin.internal", false),
        ] {
            let text = format!(r#"{{"a":{{"url":"{url}"}}}}"#);
            let handlers = handlers(&text);
            assert_eq!(
                handlers.of("a").map(Handler::is_inside),
                Some(inside),
                "{url}"
            );
        }
    }
}
