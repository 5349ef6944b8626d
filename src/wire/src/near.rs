//! Suggesting the word that a caller may have meant.

/// An error repeats so many characters of a caller's text.
const SHOWN_MAX: usize = 80;
/// A longer word is no typing error, in bytes.
const WORD_MAX: usize = 64;

/// A caller's text as an error repeats it: in quotes, with control characters escaped, and cut.
///
/// ```
/// assert_eq!(handoff_wire::quoted("a\n\u{9b}b"), r#""a\n\u{9b}b""#);
/// assert!(handoff_wire::quoted(&"x".repeat(1_000_000)).len() < 100);
/// ```
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{:?} …", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The name of a field as an error repeats it: without quotes, otherwise as [`quoted`].
pub fn named(name: &str) -> String {
    let short = name.char_indices().nth(SHOWN_MAX);
    let short_name = short.map_or(name, |(end, _)| &name[..end]);
    let mut shown = visible(short_name);
    if short.is_some() {
        shown.push('…');
    }
    shown
}

/// A text with control characters escaped. So are characters that turn the direction of writing or
/// begin a line, since they change how others are shown.
///
/// ```
/// assert_eq!(handoff_wire::visible("a\u{9b}b\u{202e}c"), "a\\u{9b}b\\u{202e}c");
/// ```
pub fn visible(text: &str) -> String {
    escaped(text, |c| c.escape_unicode().to_string())
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => shown.push_str(&escape(c)),
            false => shown.push(c),
        }
    }
    shown
}

/// Whether a character is escaped by [`visible`].
fn is_hidden(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || turns
}

/// The same for a text of JSON, with JSON's escapes.
///
/// ```
/// assert_eq!(handoff_wire::visible_json("[\"a\u{feff}\u{7f}\"]"), "[\"a\\ufeff\\u007f\"]");
/// ```
pub fn visible_json(json: &str) -> String {
    // None of these takes two units of UTF-16.
    escaped(json, |c| format!("\\u{:04x}", u32::from(c)))
}

/// The known word closest to a caller's word, if it is close.
///
/// ```
/// use handoff_wire::near;
///
/// assert_eq!(near("ecko", ["echo", "sleep"]), Some("echo"));
/// assert_eq!(near("HIGH", ["high", "low"]), Some("high"));
/// assert_eq!(near("report", ["echo", "sleep"]), None);
/// ```
pub fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.trim();
    if word.is_empty() || word.len() > WORD_MAX {
        return None;
    }
    let lower = word.to_lowercase();
    let far = |other: &str| match other.to_lowercase() == lower {
        true => 0,
        false => 1 + strsim::osa_distance(word, other),
    };
    // One typing error in a short word, two in a longer one. Of a word of two letters nothing would
    // be left.
    let slips = |other: &str| match word.chars().count().max(other.chars().count()) {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    let known = known.into_iter().filter(|other| other.len() <= WORD_MAX);
    let far = known.map(|other| (far(other), other));
    let close =
        far.filter(|(distance, other)| *distance <= 1 + slips(other) || is_begin(&lower, other));
    let closest = close.min_by_key(|(distance, _)| *distance);
    closest.map(|(_, other)| other)
}

/// Whether one word is a sufficiently long begin of the other.
fn is_begin(word: &str, other: &str) -> bool {
    let other = other.to_lowercase();
    word.len() >= 4 && other.len() >= 4 && (other.starts_with(word) || word.starts_with(&other))
}

/// Makes `"; did you mean \"echo\"?"`, or an empty text.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    near(word, known).map_or_else(String::new, |other| format!("; did you mean {other:?}?"))
}

/// Makes `"\"a\", \"b\" and \"c\""`.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("{word:?}")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_others_are_not() {
        let known = ["echo", "sleep", "primes.count", "http.request", "in"];
        for (word, expected) in [
            ("ecko", Some("echo")),
            ("ehco", Some("echo")),
            ("Echo", Some("echo")),
            (" echo ", Some("echo")),
            ("primes", Some("primes.count")),
            ("http_request", Some("http.request")),
            ("http.reqeust", Some("http.request")),
            ("is", None),
            ("", None),
            ("send", None),
            ("éçhö", None),
        ] {
            assert_eq!(near(word, known), expected, "{word}");
        }
        assert_eq!(near(&"echo".repeat(1_000_000), known), None);
    }

    #[test]
    fn nothing_long_or_invisible_is_repeated() {
        let long = "\u{85}".repeat(1_000_000);
        for shown in [quoted(&long), named(&long)] {
            assert!(shown.len() < 1_000, "{}", shown.len());
            assert!(!shown.contains('\u{85}'), "{shown}");
        }
        for hidden in [
            "\u{80}", "\u{9f}", "\u{7f}", "\u{202e}", "\u{2066}", "\u{2028}", "\0", "\r\n",
        ] {
            for shown in [quoted(hidden), named(hidden), visible(hidden)] {
                assert!(shown.is_ascii() && !shown.contains(hidden), "{shown}");
            }
        }
        assert_eq!(named("a b"), "a b");
        assert_eq!(list(["a"]), "\"a\"");
        assert_eq!(list(["a", "b", "c"]), "\"a\", \"b\" and \"c\"");
    }
}
