//! What every page needs to know about its request.

use crate::api::Api;
use crate::json::Patterns;
use crate::session;
use handoff_platform::http::{Method, Problem, Request};
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
    /// The path and query of this page below the base, to come back to: for a form those of the
    /// page that has it.
    pub here: String,
    /// The request changes something.
    pub is_post: bool,
    /// A page of the console itself leads here.
    pub from_here: bool,
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
        let is_post = !matches!(request.method(), Method::Get | Method::Head);
        Ok(Self {
            base: request.base(),
            api: Api {
                url: variables::text("console_api")?,
                token: session::token(&request.header_values("cookie")),
            },
            redact: variables::text("redact")?.parse().unwrap_or_default(),
            now_ms: clock::now_ms(),
            here: match is_post {
                true => parent(request.path()),
                false => format!("{}{mark}{}", request.path(), shown.join("&")),
            },
            is_post,
            from_here: request.header("sec-fetch-site").as_deref() == Some("same-origin"),
            from_elsewhere: request.header("sec-fetch-site").as_deref() == Some("cross-site"),
            query,
        })
    }

    /// A parameter of the query, or nothing.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        field(&self.query, name)
    }
}

/// The page that has the form which is sent to a path.
fn parent(path: &str) -> String {
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(kind), Some(name)) => format!("/{kind}/{name}"),
        _ => "/".to_owned(),
    }
}

/// A field of a form, or nothing.
pub(crate) fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    let found = form.iter().find(|(other, _)| other == name);
    found.map_or("", |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_its_page() {
        for (path, page) in [
            ("/queues/a%2Fb/do/pause", "/queues/a%2Fb"),
            ("/queues/default/bulk", "/queues/default"),
            ("/tasks/default-1/do/again", "/tasks/default-1"),
            ("/session", "/"),
            ("/", "/"),
        ] {
            assert_eq!(parent(path), page, "{path}");
        }
    }
}
