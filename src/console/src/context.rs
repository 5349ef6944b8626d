//! What every page needs to know about its request.

use crate::api::Api;
use crate::json::Patterns;
use crate::session;
use handoff_platform::http::{Problem, Request};
use handoff_platform::{clock, variables};

/// What every page needs to know about its request.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// What comes before a path of the console.
    pub base: String,
    pub api: Api,
    /// Names of values that are not shown.
    pub redact: Patterns,
    pub now_ms: u64,
    pub query: Vec<(String, String)>,
    /// The path and query of this page below the base, to come back to.
    pub here: String,
    /// A page of another site links here: the browser sent no cookie, though it may have one.
    pub from_elsewhere: bool,
}

impl Context {
    pub(crate) fn of(request: &Request) -> Result<Self, Problem> {
        // One that can't be read is refused before it matters.
        let query = request.query().unwrap_or_default();
        let shown = query.iter().map(|(name, value)| {
            let encode = handoff_wire::encode;
            format!("{}={}", encode(name), encode(value))
        });
        let shown: Vec<_> = shown.collect();
        let mark = if shown.is_empty() { "" } else { "?" };
        Ok(Self {
            base: request.base(),
            api: Api {
                url: variables::text("console_api")?,
                token: session::token(&request.header_values("cookie")),
            },
            redact: variables::text("redact")?.parse().unwrap_or_default(),
            now_ms: clock::now_ms(),
            here: format!("{}{mark}{}", request.path(), shown.join("&")),
            from_elsewhere: request.header("sec-fetch-site").as_deref() == Some("cross-site"),
            query,
        })
    }

    /// A parameter of the query, or nothing.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        field(&self.query, name)
    }
}

/// A field of a form, or nothing.
pub(crate) fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    let found = form.iter().find(|(other, _)| other == name);
    found.map_or("", |(_, value)| value)
}
