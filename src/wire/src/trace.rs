//! W3C Trace Context: the trace of a request.

use std::fmt;
use std::str::FromStr;

/// The kept length of a `tracestate`, in characters, as the specification asks.
const STATE_MAX: usize = 512;
/// If there is too much, longer entries go first.
const ENTRY_LONG: usize = 128;
const ENTRIES_MAX: usize = 32;
/// The flags of the specification: sampled, and random. Others are not passed on.
const FLAGS: u8 = 0b11;

/// A `traceparent`. Versions after 00 are read by the specification's rules, and written as 00.
///
/// ```
/// use handoff_wire::TraceParent;
///
/// let parent: TraceParent =
///     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
/// let next = parent.with_parent(0xb7ad6b7169203331);
/// assert_eq!(next.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01");
/// assert!(
///     "00-00000000000000000000000000000000-00f067aa0ba902b7-01".parse::<TraceParent>().is_err()
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
}

/// The text is no `traceparent` and is to be ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTraceParent;

impl TraceParent {
    /// Makes the beginning of a sampled trace. Ids of 0 are invalid, so each becomes 1.
    pub fn new(trace_id: u128, parent_id: u64) -> Self {
        Self {
            trace_id: trace_id.max(1),
            parent_id: parent_id.max(1),
            flags: 1,
        }
    }

    /// The id of the trace.
    pub fn trace_id(self) -> u128 {
        self.trace_id
    }

    /// The id of the span that made the request.
    pub fn parent_id(self) -> u64 {
        self.parent_id
    }

    /// Whether the caller records this trace.
    pub fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }

    /// Returns the same trace with another parent. An id of 0 is invalid, so it becomes 1.
    #[must_use]
    pub fn with_parent(self, parent_id: u64) -> Self {
        Self {
            parent_id: parent_id.max(1),
            ..self
        }
    }
}

impl FromStr for TraceParent {
    type Err = NotTraceParent;

    fn from_str(text: &str) -> Result<Self, NotTraceParent> {
        let mut parts = text.splitn(5, '-');
        let mut part = |digits| hex(parts.next()?, digits);
        let mut read = || Some((part(2)?, part(32)?, part(16)?, part(2)?));
        let (version, trace_id, parent_id, flags) = read().ok_or(NotTraceParent)?;
        // Only a later version may have further parts.
        let more = parts.next().is_some();
        if version == 0xff || (version == 0 && more) || trace_id == 0 || parent_id == 0 {
            return Err(NotTraceParent);
        }
        Ok(Self {
            trace_id,
            parent_id: parent_id as u64,
            flags: flags as u8 & FLAGS,
        })
    }
}

/// Reads a number of so many hexadecimal digits, in lower case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != digits || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            parent_id,
            flags,
        } = self;
        write!(f, "00-{trace_id:032x}-{parent_id:016x}-{flags:02x}")
    }
}

/// The headers `tracestate`, as they are passed on: nothing if they are malformed, and cut if they
/// are too long.
///
/// ```
/// use handoff_wire::trace_state;
///
/// assert_eq!(trace_state(["a=1, b@c=2", "d=3"]), Some("a=1,b@c=2,d=3".to_owned()));
/// assert_eq!(trace_state(["a=1,a=2"]), None);
/// ```
pub fn trace_state<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let entries = headers.into_iter().flat_map(|header| header.split(','));
    let entries = entries.map(|entry| entry.trim_matches([' ', '\t']));
    let mut entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
    let mut keys = Vec::new();
    for entry in &entries {
        let key = key(entry)?;
        if keys.contains(&key) {
            return None;
        }
        keys.push(key);
    }
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        return None;
    }
    while length(&entries) > STATE_MAX {
        let long = entries.iter().rposition(|entry| entry.len() > ENTRY_LONG);
        entries.remove(long.unwrap_or(entries.len() - 1));
    }
    Some(entries.join(","))
}

fn length(entries: &[&str]) -> usize {
    entries.iter().map(|entry| entry.len() + 1).sum::<usize>() - 1
}

/// The key of a well-formed entry.
fn key(entry: &str) -> Option<&str> {
    let (key, value) = entry.split_once('=')?;
    let first = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let in_key = |b: u8| first(b) || b"_-*/@".contains(&b);
    let in_value = |b: u8| matches!(b, b' '..=b'~') && b != b'=';
    let fits = (1..=256).contains(&key.len())
        && key.bytes().next().is_some_and(first)
        && key.bytes().all(in_key)
        && (1..=256).contains(&value.len())
        && value.bytes().all(in_value);
    fits.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn only_what_the_specification_takes() {
        let (zero, none) = ("0".repeat(32), "0".repeat(16));
        let upper = TRACE.to_uppercase();
        let table = [
            (format!("00-{TRACE}-{PARENT}-01"), Some("01")),
            (format!("00-{TRACE}-{PARENT}-00"), Some("00")),
            (format!("00-{TRACE}-{PARENT}-03"), Some("03")),
            // Undefined flags.
            (format!("00-{TRACE}-{PARENT}-fd"), Some("01")),
            // Later versions.
            (format!("01-{TRACE}-{PARENT}-01"), Some("01")),
            (format!("cc-{TRACE}-{PARENT}-01-what-ever"), Some("01")),
            (format!("cc-{TRACE}-{PARENT}-01-"), Some("01")),
            (format!("cc-{TRACE}-{PARENT}-01.x"), None),
            (format!("ff-{TRACE}-{PARENT}-01"), None),
            (format!("00-{TRACE}-{PARENT}-01-"), None),
            (format!("00-{TRACE}-{PARENT}-01-00"), None),
            (format!("00-{zero}-{PARENT}-01"), None),
            (format!("00-{TRACE}-{none}-01"), None),
            (format!("00-{upper}-{PARENT}-01"), None),
            (format!("00-{TRACE}-{PARENT}"), None),
            (format!("00-{TRACE}-{PARENT}-1"), None),
            (format!("00-{TRACE}-{PARENT}-+1"), None),
            (format!("0-{TRACE}-{PARENT}-01"), None),
            (format!("00-{}-{PARENT}-01", &TRACE[1..]), None),
            (format!("00-{TRACE}-{PARENT}0-01"), None),
            (format!("00_{TRACE}_{PARENT}_01"), None),
            (format!(" 00-{TRACE}-{PARENT}-01"), None),
            ("é".repeat(28), None),
            (String::new(), None),
        ];
        for (text, flags) in table {
            let found = text.parse::<TraceParent>().ok().map(|t| t.to_string());
            let expected = flags.map(|flags| format!("00-{TRACE}-{PARENT}-{flags}"));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn another_parent_is_never_none() {
        let parent: TraceParent = format!("00-{TRACE}-{PARENT}-01").parse().expect("valid");
        let next = parent.with_parent(0).to_string();
        assert_eq!(next.parse(), Ok(parent.with_parent(1)));
    }

    #[test]
    fn state_is_kept_as_far_as_it_fits() {
        let (long, most) = ("x".repeat(200), "y".repeat(120));
        let rows = [
            (vec!["a=1"], Some("a=1".to_owned())),
            (vec![" a=1 ,\tb=2 ,,"], Some("a=1,b=2".to_owned())),
            (
                vec!["a=1", "0t@v=b c,d*/_-=~"],
                Some("a=1,0t@v=b c,d*/_-=~".to_owned()),
            ),
            (vec![], None),
            (vec!["", " , "], None),
            (vec!["a"], None),
            (vec!["a="], None),
            (vec!["=1"], None),
            (vec!["A=1"], None),
            (vec!["_a=1"], None),
            (vec!["a b=1"], None),
            (vec!["a=1=2"], None),
            (vec!["a=é"], None),
            (vec!["a=1", "a=2"], None),
        ];
        for (headers, expected) in rows {
            assert_eq!(trace_state(headers.clone()), expected, "{headers:?}");
        }
        let number = |i| format!("k{i}=1");
        let many = |count| (0..count).map(number).collect::<Vec<_>>().join(",");
        assert_eq!(trace_state([many(32).as_str()]), Some(many(32)));
        assert_eq!(trace_state([many(33).as_str()]), None);
        // The long one goes first, then the last.
        let parts = [
            format!("a={most}"),
            format!("b={long}"),
            format!("c={most}"),
            format!("d={most}"),
            format!("e={most}"),
            "f=1".to_owned(),
        ];
        let [a, _, c, d, e, _] = &parts;
        assert_eq!(
            trace_state([parts.join(",").as_str()]),
            Some([a, c, d, e].map(String::as_str).join(",") + ",f=1")
        );
    }
}
