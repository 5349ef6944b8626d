//! A request's head, as far as it is read here.

/// A request's path and query, as sent: nothing that is used here needs decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    path: String,
    query: String,
}

impl Target {
    /// Splits `/path?query`.
    pub fn new(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        Self {
            path: path.to_owned(),
            query: query.to_owned(),
        }
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query's parameters.
    pub fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        let parts = self.query.split('&').filter(|part| !part.is_empty());
        parts.map(|part| part.split_once('=').unwrap_or((part, "")))
    }
}

/// Whether a header Accept asks for server-sent events.
///
/// ```
/// assert!(handoff_input::accepts_events("text/event-stream"));
/// assert!(!handoff_input::accepts_events("*/*"));
/// ```
pub fn accepts_events(accept: &str) -> bool {
    let mut kinds = accept.split(',').filter_map(|part| part.split(';').next());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Whether a body of this content type is read as JSON: as what curl's -d says of anything, too.
pub fn may_be_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    kind == "application/json"
        || (kind.starts_with("application/") && kind.ends_with("+json"))
        || kind == "application/x-www-form-urlencoded"
}
