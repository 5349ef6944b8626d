//! Patterns in which `*` stands for any text.

/// Stands for an error without a text.
const EMPTY: &str = "(empty)";

/// The line of an error that says what is wrong: the first that is not blank.
///
/// ```
/// assert_eq!(handoff_wire::headline("\n  no answer \n at line 7"), "no answer");
/// assert_eq!(handoff_wire::headline(" "), "(empty)");
/// ```
pub fn headline(error: &str) -> &str {
    let mut lines = error.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or(EMPTY)
}

/// Whether a text is what a pattern with `*` says.
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// The filter `error`: a pattern of the [`headline`] of errors, in upper or lower case.
///
/// ```
/// let pattern = handoff_wire::ErrorPattern::new("smtp answered 503 (request *)");
/// assert!(pattern.fits("SMTP answered 503 (request 8f2e01aa)\nat 12:00"));
/// assert!(!pattern.fits("smtp answered 550 (request 8f2e01aa)"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPattern(String);

impl ErrorPattern {
    /// Reads a pattern.
    pub fn new(pattern: &str) -> Self {
        Self(pattern.trim().to_lowercase())
    }

    /// Whether an error is one of those that are meant.
    pub fn fits(&self, error: &str) -> bool {
        fits(&self.0, &headline(error).to_lowercase())
    }
}
