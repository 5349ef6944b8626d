//! Headers that are lists of items with parameters: Accept, Prefer, Content-Type, Content-Encoding.

/// Splits a text at separators outside quoted strings.
pub(crate) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let within = quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == separator && !within
    })
    .map(str::trim)
}

/// The value of a parameter of an item, without its quotes.
pub(crate) fn parameter<'a>(item: &'a str, name: &str) -> Option<&'a str> {
    split(item, ';').skip(1).find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        let found = found.trim().eq_ignore_ascii_case(name);
        found.then(|| value.trim().trim_matches('"'))
    })
}

/// Whether the values of the header Accept prefer server-sent events to JSON: RFC 9110, 12.5.1. If
/// both are equally welcome, events must be named.
///
/// ```
/// use handoff_wire::accepts_events;
///
/// assert!(accepts_events(["text/event-stream"]));
/// assert!(!accepts_events(["*/*"]));
/// assert!(!accepts_events(["application/json, text/event-stream;q=0.5"]));
/// ```
pub fn accepts_events<'a>(values: impl IntoIterator<Item = &'a str>) -> bool {
    prefers(values, ("text", "event-stream"), ("application", "json"))
}

/// Whether a request prefers metrics in the format OpenMetrics to the older text of Prometheus,
/// given the values of its headers `Accept`. Without the header it does not.
///
/// ```
/// use handoff_wire::accepts_openmetrics;
///
/// let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4";
/// assert!(accepts_openmetrics([prometheus]));
/// assert!(!accepts_openmetrics(["*/*"]));
/// ```
pub fn accepts_openmetrics<'a>(values: impl IntoIterator<Item = &'a str>) -> bool {
    prefers(
        values,
        ("application", "openmetrics-text"),
        ("text", "plain"),
    )
}

/// Whether one type is more welcome than another, or as welcome and named.
fn prefers<'a>(
    values: impl IntoIterator<Item = &'a str>,
    wanted: (&str, &str),
    other: (&str, &str),
) -> bool {
    let items: Vec<_> = values
        .into_iter()
        .flat_map(|value| split(value, ','))
        .collect();
    let [first, second] = [wanted, other].map(|(kind, subtype)| welcome(&items, kind, subtype));
    let named = items.iter().any(|item| is(item, wanted.0, wanted.1));
    first > 0 && (first > second || first == second && named)
}

fn is(item: &str, kind: &str, subtype: &str) -> bool {
    let range = split(item, ';').next().unwrap_or_default();
    let (found, found_subtype) = range.split_once('/').unwrap_or((range, ""));
    found.eq_ignore_ascii_case(kind) && found_subtype.eq_ignore_ascii_case(subtype)
}

/// How welcome a type is, in thousandths, by the most exact range that covers it.
fn welcome(items: &[&str], kind: &str, subtype: &str) -> u32 {
    let ranges = [(kind, subtype), (kind, "*"), ("*", "*")];
    let found = ranges
        .iter()
        .find_map(|(kind, subtype)| items.iter().find(|item| is(item, kind, subtype)));
    let quality = |item: &&str| match parameter(item, "q").map(str::parse::<f32>) {
        // An unreadable quality is ignored.
        None | Some(Err(_)) => 1_000,
        Some(Ok(quality)) => (quality.clamp(0.0, 1.0) * 1_000.0) as u32,
    };
    found.map_or(0, quality)
}

/// Whether a body of this content type is read as JSON. The type that curl's -d sends counts too.
pub fn may_be_json(content_type: &str) -> bool {
    let kind = split(content_type, ';').next().unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json"
        || (kind.starts_with("application/") && kind.ends_with("+json"))
        || kind == "application/x-www-form-urlencoded"
}

/// The character set of a content type, if it is not JSON's.
pub fn other_charset(content_type: &str) -> Option<&str> {
    let charset = parameter(content_type, "charset")?;
    let known = ["utf-8", "utf8", "us-ascii"];
    let known = known
        .iter()
        .any(|known| known.eq_ignore_ascii_case(charset));
    (!known).then_some(charset)
}

/// The milliseconds of the first preference `wait` in the values of the header Prefer, as in
/// `respond-async, wait=10`: RFC 7240. An unreadable preference is ignored, as the RFC asks.
///
/// ```
/// use handoff_wire::preferred_wait_ms;
///
/// assert_eq!(preferred_wait_ms(["respond-async, wait=10"]), Some(10_000));
/// assert_eq!(preferred_wait_ms(["wait=soon"]), None);
/// ```
pub fn preferred_wait_ms<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<u64> {
    let mut preferences = values.into_iter().flat_map(|value| split(value, ','));
    let wait = preferences.find_map(|preference| {
        let preference = split(preference, ';').next()?;
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        is_wait.then(|| value.trim().trim_matches('"'))
    })?;
    if wait.is_empty() || !wait.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // A number that is too large to count is long enough.
    let seconds: u64 = wait.parse().unwrap_or(u64::MAX);
    Some(seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_for_whom_they_are_more_welcome_than_json() {
        let table: [(&[&str], bool); 22] = [
            (&[], false),
            (&[""], false),
            (&["*/*"], false),
            (&["application/json"], false),
            (&["text/event-stream"], true),
            (&["Text/Event-Stream ; charset=utf-8"], true),
            (&["text/event-stream, */*"], true),
            (&["application/json, text/event-stream"], true),
            (&["application/json", "text/event-stream"], true),
            (&["text/event-stream;q=0"], false),
            (&["text/event-stream; Q=0.000, */*"], false),
            (&["*/*, text/event-stream;q=0"], false),
            (&["text/event-stream;q=0.5, application/json"], false),
            (&["text/event-stream;q=0.5, application/json;q=0.4"], true),
            (&["text/event-stream;q=0.5, */*;q=0.8"], false),
            (&["application/json;q=0, */*;q=0.1"], true),
            (&["text/*"], true),
            (&["text/*;q=0, */*"], false),
            (&["text/html, application/xhtml+xml, */*;q=0.8"], false),
            (&["a/b;x=\"text/event-stream, c\""], false),
            (&["text/event-stream;x=\"a;q=0\""], true),
            (&["text/event-stream;q=high"], true),
        ];
        for (values, expected) in table {
            assert_eq!(
                accepts_events(values.iter().copied()),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn content_types() {
        let table = [
            ("application/json", true, None),
            ("Application/JSON; charset=UTF-8", true, None),
            ("application/json;charset=\"utf-8\"", true, None),
            ("application/json; charset=utf-16", true, Some("utf-16")),
            (
                "application/json; charset=iso-8859-1",
                true,
                Some("iso-8859-1"),
            ),
            ("application/problem+json", true, None),
            ("application/x-www-form-urlencoded", true, None),
            ("text/plain", false, None),
            ("text/json", false, None),
            ("", false, None),
        ];
        for (text, is_json, charset) in table {
            assert_eq!(may_be_json(text), is_json, "{text}");
            assert_eq!(other_charset(text), charset, "{text}");
        }
    }

    #[test]
    fn waits() {
        let table: [(&[&str], Option<u64>); 18] = [
            (&[], None),
            (&[""], None),
            (&["wait=10"], Some(10_000)),
            (&["Wait = 10"], Some(10_000)),
            (&["wait=\"10\""], Some(10_000)),
            (&["respond-async, wait=10; x=y, wait=20"], Some(10_000)),
            (&["respond-async", "wait=0"], Some(0)),
            (&["wait=99999999999999999999"], Some(u64::MAX)),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=-1"], None),
            (&["wait=1.5"], None),
            // Only the first one counts, even if it can't be read.
            (&["wait=soon, wait=10"], None),
            (&["waiter=10", "handling=strict"], None),
            // From RFC 7240, and separators inside quotes.
            (&["foo; bar=\"\", wait=10"], Some(10_000)),
            (&["foo=\"a, wait=5\", wait=10"], Some(10_000)),
            (&["foo=\"a\\\", wait=5\", wait=10"], Some(10_000)),
            (&["respond-async; wait=5"], None),
        ];
        for (values, expected) in table {
            let found = preferred_wait_ms(values.iter().copied());
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
