//! Durations and times as the API takes them.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// A duration: text such as `"1.5s"` or `"2h 30m"`, or a [`Duration`], which is sent in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span(pub(crate) String);

impl From<&str> for Span {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Span {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(format!("{}ms", duration.as_millis()))
    }
}

/// A time: text such as `"2026-11-23T08:00:00Z"`, or a [`SystemTime`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time(pub(crate) String);

impl From<&str> for Time {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Time {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        // Handoff refuses a time so far away, too.
        let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
        Self(format!("{time:.3}"))
    }
}

/// A duration from now, or a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry(pub(crate) String);

impl From<&str> for Expiry {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Expiry {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Duration> for Expiry {
    fn from(duration: Duration) -> Self {
        Self(Span::from(duration).0)
    }
}

impl From<SystemTime> for Expiry {
    fn from(time: SystemTime) -> Self {
        Self(Time::from(time).0)
    }
}

/// The time that `Retry-After` asks for, in seconds or as a date; nothing if it is unreadable.
pub(crate) fn retry_after(text: &str) -> Duration {
    let text = text.trim();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if digits(whole) && digits(part) {
        let seconds = text.parse().unwrap_or(f64::MAX);
        return Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text);
    date.ok()
        .and_then(|date| Duration::try_from(date.duration_since(Timestamp::now())).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_to_come_is_waited_for() {
        let date = Timestamp::now() + jiff::SignedDuration::from_secs(100);
        let text = rfc2822::to_string(&date.to_zoned(jiff::tz::TimeZone::UTC)).expect("a date");
        let wait = retry_after(&text.replace("+0000", "GMT"));
        assert!((90..=100).contains(&wait.as_secs()), "{text}: {wait:?}");
    }

    #[test]
    fn numbers_of_any_size_are_read() {
        assert_eq!(retry_after("1.5"), Duration::from_millis(1_500));
        assert_eq!(retry_after(&"9".repeat(400)), Duration::MAX);
        for unreadable in ["", ".", "1.", "1e3", "-1", "soon", "Inf"] {
            assert_eq!(retry_after(unreadable), Duration::ZERO, "{unreadable:?}");
        }
    }

    #[test]
    fn a_time_of_the_language_has_milliseconds() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
        assert_eq!(Time::from(time).0, "2023-11-14T22:13:20.250Z");
        assert_eq!(Expiry::from(Duration::from_secs(2)).0, "2000ms");
    }
}
