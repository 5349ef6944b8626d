//! Durations and points in time, in forms for people.

use crate::fields::from_text;
use crate::{FieldError, quoted};
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A duration of a whole number of milliseconds: `"1.5s"`, `"10m"`, `"2h 30m"`, `"7d"` or ISO 8601
/// as `"PT1.5S"`. It is never negative. A day is 24 h.
///
/// ```
/// use handoff_wire::Duration;
///
/// assert_eq!("1.5s".parse::<Duration>().unwrap().ms, 1_500);
/// assert_eq!("PT10M".parse::<Duration>().unwrap().ms, 600_000);
/// assert_eq!("7d".parse::<Duration>().unwrap().to_string(), "7d");
/// assert!("-1s".parse::<Duration>().is_err());
/// assert!("10".parse::<Duration>().is_err());
/// assert!("0.4ms".parse::<Duration>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// Milliseconds.
    pub ms: u64,
}

impl Duration {
    /// The longest duration: 100 years. Every field has a lower bound; this one is for sums.
    pub const MAX: Self = Self::from_ms(36_500 * 86_400_000);

    /// A duration of this many milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self { ms }
    }

    /// Returns the milliseconds if they are within bounds.
    ///
    /// # Errors
    /// Names the field and the bounds.
    pub fn between(self, field: &str, least_ms: u64, most_ms: u64) -> Result<u64, FieldError> {
        if (least_ms..=most_ms).contains(&self.ms) {
            return Ok(self.ms);
        }
        let (least, most) = (Self::from_ms(least_ms), Self::from_ms(most_ms));
        let reason = format!("{self} is out of bounds: it must be from {least} to {most}");
        Err(FieldError::new(field, reason))
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not = || {
            format!(
                "{} is not a duration; write one like \"1.5s\", \"10m\", \"2h 30m\", \"7d\" or \"PT1.5S\"",
                quoted(text)
            )
        };
        let span: Span = text.trim().parse().map_err(|_| not())?;
        if span.is_negative() {
            return Err(format!("{} is negative", quoted(text)));
        }
        let days = SpanRelativeTo::days_are_24_hours();
        let duration = span.to_duration(days).map_err(|_| not())?;
        if duration.subsec_nanos() % 1_000_000 != 0 || has_part_of_small_unit(text) {
            return Err(format!(
                "{} has a part of a millisecond; write a whole number of milliseconds, such as \"1.5s\" or \"250ms\"",
                quoted(text)
            ));
        }
        let ms = u64::try_from(duration.as_millis()).map_err(|_| not())?;
        if ms > Self::MAX.ms {
            return Err(format!("{} is longer than {}", quoted(text), Self::MAX));
        }
        Ok(Self { ms })
    }
}

/// Whether a readable duration has a fraction of a millisecond or of a smaller unit. Of such a
/// fraction the reader drops parts below a nanosecond.
fn has_part_of_small_unit(text: &str) -> bool {
    // Only the last number may have a fraction. A comma may also stand between two numbers, before
    // a space.
    let Some((_, rest)) = text.rsplit_once(['.', ',']) else {
        return false;
    };
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = rest.split_at(end.unwrap_or(rest.len()));
    let unit = unit.trim_start();
    let small = ["ms", "mil", "mic", "u", "\u{b5}", "\u{3bc}", "n"];
    digits.bytes().any(|b| b != b'0') && small.iter().any(|small| unit.starts_with(small))
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)];
        for (unit, ms) in units {
            if self.ms >= ms && self.ms.is_multiple_of(ms) {
                return write!(f, "{}{unit}", self.ms / ms);
            }
        }
        write!(f, "{}s", self.ms as f64 / 1_000.0)
    }
}

/// A point in time, in milliseconds since 1970: RFC 3339, as `"2026-11-23T08:00:00Z"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Milliseconds since 1970.
    pub ms: u64,
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Reads a time in RFC 3339. `Timestamp` would not do, since its last day is not whole.
fn since_1970(text: &str) -> Option<SignedDuration> {
    let pieces = Pieces::parse(text).ok()?;
    let local = pieces.date().to_datetime(pieces.time()?);
    let offset = pieces.to_numeric_offset()?;
    let since = local.duration_since(EPOCH);
    since.checked_sub(SignedDuration::from_secs(offset.seconds().into()))
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let since = since_1970(text).ok_or_else(|| {
            format!(
                "{} is not a time; write one like \"2026-11-23T08:00:00Z\"",
                quoted(text)
            )
        })?;
        let ms = u64::try_from(since.as_millis());
        let ms = ms.map_err(|_| format!("{} is before 1970", quoted(text)))?;
        Ok(Self { ms })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Times beyond the year 9999 come only from a broken clock.
        let since = SignedDuration::try_from(std::time::Duration::from_millis(self.ms));
        match since.map(|since| EPOCH.checked_add(since)) {
            Ok(Ok(time)) => write!(f, "{time:.3}Z"),
            _ => write!(f, "{} ms since 1970", self.ms),
        }
    }
}

/// Reads a date in one of HTTP's three forms (RFC 9110, 5.6.7), in milliseconds since 1970. Returns
/// `None` if it is none, or before 1970.
///
/// ```
/// use handoff_wire::http_date_ms;
///
/// let now_ms = 1_795_420_800_000;
/// assert_eq!(http_date_ms("Thu, 01 Jan 1970 00:00:02 GMT", now_ms), Some(2_000));
/// assert_eq!(http_date_ms("Thursday, 01-Jan-99 00:00:02 GMT", now_ms), Some(915_148_802_000));
/// assert_eq!(http_date_ms("Thu Jan  1 00:00:02 1970", now_ms), Some(2_000));
/// assert_eq!(http_date_ms("tomorrow", now_ms), None);
/// ```
pub fn http_date_ms(text: &str, now_ms: u64) -> Option<u64> {
    let parts: Vec<_> = text.split_whitespace().collect();
    let text = match parts[..] {
        [_, date, time, zone] => of_rfc850(date, time, zone, now_ms)?,
        // The form of asctime.
        [_, month, day, time, year] => format!("{day} {month} {year} {time} GMT"),
        _ => parts.join(" "),
    };
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&text);
    date.ok()?.as_millisecond().try_into().ok()
}

/// A year of two digits that seems more than 50 years ahead is in the past.
fn of_rfc850(date: &str, time: &str, zone: &str, now_ms: u64) -> Option<String> {
    const YEAR_MS: u64 = 31_556_952_000;
    let (day, month_year) = date.split_once('-')?;
    let (month, year) = month_year.split_once('-')?;
    let year: u64 = year.parse().ok().filter(|year| *year < 100)?;
    let this_year = 1970 + now_ms / YEAR_MS;
    let year = this_year / 100 * 100 + year;
    let year = if year > this_year + 50 {
        year - 100
    } else {
        year
    };
    Some(format!("{day} {month} {year} {time} {zone}"))
}

/// A point in time, given directly or as a duration from now.
///
/// ```
/// use handoff_wire::When;
///
/// assert_eq!("10m".parse::<When>().unwrap().at_ms(5), 600_005);
/// assert_eq!("1970-01-01T00:00:01Z".parse::<When>().unwrap().at_ms(5), 1_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This long from now.
    In(Duration),
    /// At this time.
    At(Time),
}

impl When {
    /// The time in milliseconds since 1970.
    pub fn at_ms(self, now_ms: u64) -> u64 {
        match self {
            Self::In(duration) => now_ms + duration.ms,
            Self::At(time) => time.ms,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let neither = || {
            format!(
                "{} is neither a duration such as \"10m\" nor a time such as \"2026-11-23T08:00:00Z\"",
                quoted(text)
            )
        };
        let duration = match text.parse() {
            Ok(duration) => return Ok(Self::In(duration)),
            Err(reason) => reason,
        };
        if since_1970(text).is_some() {
            return text.parse().map(Self::At);
        }
        // It is a duration, but it can't be used.
        let is_duration = text.trim().parse::<Span>().is_ok();
        Err(if is_duration { duration } else { neither() })
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(duration) => duration.fmt(f),
            Self::At(time) => time.fmt(f),
        }
    }
}

macro_rules! as_text {
    ($type:ty, $expected:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_text(deserializer, $expected)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

as_text!(Duration, "a duration such as \"5s\"");
as_text!(Time, "a time such as \"2026-11-23T08:00:00Z\"");
as_text!(
    When,
    "a duration such as \"10m\" or a time such as \"2026-11-23T08:00:00Z\""
);

#[cfg(test)]
mod tests;
