//! Sends requests, and repeats those that may be repeated.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::Agent;
use ureq::http::Method;

use crate::error::{ErrorKind, HandoffError};
use crate::json::{Json, Shown};
use crate::transport::{self, Lost, Parts, Reply};
use crate::url::{base, encoded, is_token};
use crate::{random, times};

/// The first pause is at most so long; each further one at most twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// The answer to a wait may take so long on its way.
const GRACE: Duration = Duration::from_secs(1);

/// No server is waited for longer. A time so far away can still be computed.
const SILENCE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

pub(crate) type Query = Vec<(String, String)>;
type Sleep = dyn Fn(Duration) + Send + Sync;

/// A request, until it is answered for good.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Encoded, without the URL's own path.
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// Whether it may be sent again when it is not known what became of it.
    pub(crate) repeat: bool,
    /// Whether a 404 to a repetition means that an earlier attempt did it.
    pub(crate) gone_is_done: bool,
    /// How long the server was asked to wait, or may do so by itself.
    pub(crate) held: Duration,
    /// No repetition begins after this time. An answer that is not whole soon after it is a timeout.
    pub(crate) until: Option<Instant>,
    /// A field of Handoff's answer. Without it the answer is another application's.
    pub(crate) answer: &'static str,
}

impl Call {
    pub(crate) fn new(method: Method, path: String, answer: &'static str) -> Self {
        Self {
            method,
            path,
            query: Query::new(),
            headers: Vec::new(),
            body: None,
            repeat: true,
            gone_is_done: false,
            held: Duration::ZERO,
            until: None,
            answer,
        }
    }
}

/// An attempt that failed.
struct Failed {
    error: HandoffError,
    again: bool,
    after: Duration,
}

/// Why an answer can't be used.
pub(crate) enum Unread {
    Lost(Lost),
    Error(HandoffError),
}

impl From<Lost> for Unread {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// How requests are sent.
pub(crate) struct Options {
    pub(crate) token: Option<String>,
    pub(crate) roots: Option<Vec<u8>>,
    pub(crate) attempts: u32,
    pub(crate) within: Duration,
    pub(crate) timeout: Duration,
    pub(crate) sleep: Box<Sleep>,
}

/// Sends requests to one deployment.
pub(crate) struct Http {
    agent: Agent,
    base: String,
    options: Options,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the token.
        f.debug_struct("Http").field("url", &self.base).finish()
    }
}

impl Http {
    pub(crate) fn new(url: &str, options: Options) -> Result<Self, HandoffError> {
        if options
            .token
            .as_deref()
            .is_some_and(|token| !is_token(token))
        {
            let what = "the token is empty, or has a character that no token can have";
            return Err(HandoffError::invalid(what));
        }
        let base = base(url)?;
        if cfg!(not(feature = "tls")) && base.starts_with("https") {
            let what = "this client is built without https: it is the feature tls";
            return Err(HandoffError::invalid(what));
        }
        Ok(Self {
            agent: transport::agent(options.roots.as_deref())?,
            base,
            options,
        })
    }

    /// Whether requests are repeated at all.
    pub(crate) fn repeats(&self) -> bool {
        self.options.attempts > 1
    }

    pub(crate) fn sleep(&self, duration: Duration) {
        (self.options.sleep)(duration);
    }

    /// Sends a request and returns the JSON of its answer; `None` for a 204.
    pub(crate) fn json(&self, call: &Call) -> Result<Option<Json>, HandoffError> {
        let read = |mut reply: Reply| {
            let text = reply.text(after(call.until))?;
            if reply.status == 204 {
                return Ok(None);
            }
            let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(&text);
            match fields {
                Ok(fields) if fields.contains_key(call.answer) => Ok(Json::from_text(&text).ok()),
                _ => Err(Unread::Error(self.foreign(call, &reply, &text))),
            }
        };
        Ok(self.send(call, read)?.flatten())
    }

    /// Sends a request and returns the object that is its answer.
    pub(crate) fn object<T: DeserializeOwned>(&self, call: &Call) -> Result<T, HandoffError> {
        let json = self.json(call)?;
        let json = json.ok_or_else(|| {
            HandoffError::other(format!("{}: an answer without a body", self.shown(call)))
        })?;
        serde_json::from_str(json.text()).map_err(|error| {
            let error = self.clean(&error.to_string());
            let what = format!("{}: the answer can't be read: {error}", self.shown(call));
            HandoffError::other(what)
        })
    }

    /// The same, with its JSON.
    pub(crate) fn see<T: DeserializeOwned>(&self, call: &Call) -> Result<Shown<T>, HandoffError> {
        self.object(call)
    }

    /// Sends a request, again if it may be, until there is an answer to read. Returns `None` if an
    /// earlier attempt did what was asked for.
    pub(crate) fn send<T>(
        &self,
        call: &Call,
        read: impl Fn(Reply) -> Result<T, Unread>,
    ) -> Result<Option<T>, HandoffError> {
        let begin = Instant::now();
        let end = begin.checked_add(self.options.within);
        let end = end.into_iter().chain(call.until).min();
        let mut number = 1;
        loop {
            let failed = match self.attempt(call, begin, number, &read) {
                Ok(value) => return Ok(Some(value)),
                Err(failed) => failed,
            };
            if call.gone_is_done && number > 1 && failed.error.kind() == ErrorKind::NotFound {
                return Ok(None);
            }
            // Full jitter, behind the time that the server asks for.
            let most = PAUSE
                .saturating_mul(1 << (number - 1).min(16))
                .min(PAUSE_MAX);
            let pause = failed
                .after
                .saturating_add(most.mul_f64(random::fraction()));
            let may = failed.again && call.repeat && number < self.options.attempts;
            let next = Instant::now().checked_add(pause);
            if !may || next.is_none_or(|next| end.is_some_and(|end| next > end)) {
                return Err(failed.error);
            }
            self.sleep(pause);
            number += 1;
        }
    }

    fn attempt<T>(
        &self,
        call: &Call,
        begin: Instant,
        number: u32,
        read: impl Fn(Reply) -> Result<T, Unread>,
    ) -> Result<T, Failed> {
        self.exchange(call, read)
            .map_err(|(unread, after)| match unread {
                Unread::Error(error) => Failed {
                    again: error.is_transient(),
                    error,
                    after,
                },
                Unread::Lost(lost) => self.failed(call, &lost, begin, number),
            })
    }

    /// One request and its answer. A failure comes with the time that the server asks for.
    fn exchange<T>(
        &self,
        call: &Call,
        read: impl Fn(Reply) -> Result<T, Unread>,
    ) -> Result<T, (Unread, Duration)> {
        let at_once = |unread: Unread| (unread, Duration::ZERO);
        let mut reply = self.open(call).map_err(|lost| at_once(lost.into()))?;
        if (200..300).contains(&reply.status) {
            return read(reply).map_err(at_once);
        }
        let text = reply.text(after(call.until));
        let text = text.map_err(|lost| at_once(lost.into()))?;
        let wait = reply.header("retry-after").map(times::retry_after);
        let failure = self.failure(call, &reply, &text);
        Err((Unread::Error(failure), wait.unwrap_or_default()))
    }

    /// The failure of an attempt without a whole answer.
    fn failed(&self, call: &Call, lost: &Lost, begin: Instant, number: u32) -> Failed {
        let attempts = match number {
            1 => "1 attempt".to_owned(),
            number => format!("{number} attempts"),
        };
        let effort = format!("{attempts} in {:.1} s", begin.elapsed().as_secs_f64());
        let reason = self.clean(&lost.reason);
        let message = format!("{}: no answer: {reason} ({effort})", self.shown(call));
        let over = call.until.is_some_and(|until| Instant::now() >= until);
        let (kind, again) = match lost.silent && over {
            true => (ErrorKind::Timeout, false),
            false => (ErrorKind::Unavailable, true),
        };
        Failed {
            error: HandoffError::new(kind, message),
            again,
            after: Duration::ZERO,
        }
    }

    fn open(&self, call: &Call) -> Result<Reply, Lost> {
        let mut url = format!("{}{}", self.base, call.path);
        let mut mark = '?';
        for (name, value) in &call.query {
            url += &format!("{mark}{}={}", encoded(name), encoded(value));
            mark = '&';
        }
        let mut headers = call.headers.clone();
        if !headers.iter().any(|(name, _)| *name == "accept") {
            headers.push(("accept", "application/json".to_owned()));
        }
        if let Some(token) = &self.options.token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        if call.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let silence = self.options.timeout.saturating_add(call.held);
        let mut silence = silence.min(SILENCE_MAX);
        if let Some(until) = call.until {
            let left = until.saturating_duration_since(Instant::now());
            silence = silence.min(left.saturating_add(GRACE));
        }
        let parts = Parts {
            method: call.method.clone(),
            url: &url,
            headers,
            body: call.body.as_deref(),
            silence,
        };
        transport::open(&self.agent, parts)
    }

    fn failure(&self, call: &Call, reply: &Reply, text: &str) -> HandoffError {
        if (300..400).contains(&reply.status) {
            // A redirected POST would become a GET.
            let to = self.clean(reply.header("location").unwrap_or("another URL"));
            let message = format!("the URL redirects to {to}: use that one");
            return HandoffError::other(message).with_status(reply.status);
        }
        let problem = serde_json::from_str(text).ok();
        let problem = problem.and_then(|value| self.problem(&value));
        problem.unwrap_or_else(|| self.foreign(call, reply, text))
    }

    /// The error that a problem document describes, or `None` if `value` is none.
    pub(crate) fn problem(&self, value: &Value) -> Option<HandoffError> {
        HandoffError::of_problem(value, |text| self.clean(text))
    }

    /// The error for an answer that is not Handoff's.
    pub(crate) fn foreign(&self, call: &Call, reply: &Reply, text: &str) -> HandoffError {
        let content_type = self.clean(reply.header("content-type").unwrap_or("an untyped body"));
        let text = self.clean(text);
        HandoffError::foreign(&self.shown(call), reply.status, &content_type, &text)
    }

    /// A request, for messages.
    fn shown(&self, call: &Call) -> String {
        self.clean(&format!("{} {}{}", call.method, self.base, call.path))
    }

    /// Leaves out the token, which a server may send back, or a path may have.
    fn clean(&self, text: &str) -> String {
        match &self.options.token {
            Some(token) => text
                .replace(token, "[token]")
                .replace(&encoded(token), "[token]"),
            None => text.to_owned(),
        }
    }
}

/// When an answer that was due at `until` is lost.
fn after(until: Option<Instant>) -> Option<Instant> {
    until?.checked_add(GRACE)
}
