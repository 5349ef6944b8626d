//! The limits of a deployment's queues: how much runs at once, and how much begins in a period.

use crate::fields::from_text;
use crate::{FieldError, Names, Object, from_slice, quoted};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The largest limit, far above one application's needs.
const MOST: u64 = 1_000_000;
/// More queues than any deployment has.
const QUEUES_MAX: usize = 10_000;
const PERIODS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3_600)];

/// A rate: so many in each period, as `"10/s"`, `"5/m"`, `"1000/h"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number in a period.
    pub count: u64,
    /// The length of a period, in seconds.
    pub period_s: u64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = || {
            let (count, unit) = text.split_once('/')?;
            let (_, period_s) = PERIODS.into_iter().find(|(name, _)| *name == unit)?;
            let digits = count.bytes().all(|b| b.is_ascii_digit());
            let count = count.parse().ok().filter(|n| digits && is_limit(*n))?;
            Some(Self { count, period_s })
        };
        rate().ok_or_else(|| {
            let text = quoted(text);
            format!("{text} is not a rate; write 1 to {MOST} per second, minute or hour as \"10/s\", \"5/m\" or \"1000/h\"")
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = PERIODS.into_iter().find(|(_, s)| *s == self.period_s);
        write!(f, "{}/{}", self.count, unit.map_or("?", |(name, _)| name))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a rate such as \"10/s\"")
    }
}

/// The limits of one queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The number of tasks that run at once.
    #[serde(default, deserialize_with = "concurrency")]
    pub concurrency: Option<u64>,
    /// The number of tasks that begin in a period.
    pub rate: Option<Rate>,
    /// The limits of each key.
    #[serde(default, deserialize_with = "per_key")]
    pub per_key: Object<KeyLimits>,
}

/// The limits of each key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLimits {
    /// The number of tasks that run at once.
    #[serde(default, deserialize_with = "concurrency")]
    pub concurrency: Option<u64>,
    /// The number of tasks that begin in a minute or an hour.
    #[serde(default, deserialize_with = "minutes")]
    pub rate: Option<Rate>,
}

fn minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    let Some(rate) = Option::<Rate>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if rate.period_s >= 60 {
        return Ok(Some(rate));
    }
    let reason = format!(
        "{rate} is a rate per second; that of a key is per minute or hour, such as \"5/m\""
    );
    Err(D::Error::custom(reason))
}

fn per_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Object<KeyLimits>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn is_limit(number: u64) -> bool {
    (1..=MOST).contains(&number)
}

fn concurrency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<u64>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if is_limit(number) {
        return Ok(Some(number));
    }
    let reason = format!("{number} is out of bounds: it must be from 1 to {MOST}");
    Err(D::Error::custom(reason))
}

/// The limits of a deployment's queues, by name: `{"mail": {"concurrency": 4, "rate": "10/s"}}`, or
/// an empty text.
///
/// ```
/// use handoff_wire::QueueLimits;
///
/// let text = r#"{"mail": {"concurrency": 4, "rate": "10/s", "per_key": {"concurrency": 1}}}"#;
/// let limits: QueueLimits = text.parse().unwrap();
/// assert_eq!(limits.of("mail").concurrency, Some(4));
/// assert_eq!(limits.of("mail").per_key.0.concurrency, Some(1));
/// assert_eq!(limits.of("other").rate, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueLimits(BTreeMap<String, Limits>);

impl QueueLimits {
    /// The limits of the queue with this name.
    pub fn of(&self, queue: &str) -> Limits {
        self.0.get(queue).copied().unwrap_or_default()
    }

    /// The names of the queues with limits.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromStr for QueueLimits {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let Names(limits): Names<Option<Object<Limits>>, QUEUES_MAX> = from_slice(text.as_bytes())?;
        let limits = limits
            .into_iter()
            .map(|(name, limits)| (name, limits.unwrap_or_default().0));
        Ok(Self(limits.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written() {
        for text in ["1/s", "10/s", "5/m", "1000000/h"] {
            assert_eq!(
                text.parse::<Rate>().map(|r| r.to_string()),
                Ok(text.to_owned())
            );
        }
        for wrong in [
            "",
            "10",
            "0/s",
            "1/d",
            "+1/s",
            "1 / s",
            "1.5/s",
            "1000001/h",
            "/s",
            "1/s/s",
        ] {
            let e = wrong.parse::<Rate>().expect_err(wrong);
            assert!(e.contains("is not a rate"), "{e}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            (r#"{"mail":{"concurrency":0}}"#, Some("mail.concurrency")),
            (r#"{"mail":{"concurrency":"4"}}"#, Some("mail.concurrency")),
            (r#"{"mail":{"rate":"often"}}"#, Some("mail.rate")),
            (r#"{"mail":{"speed":1}}"#, Some("mail.speed")),
            (r#"{"mail":4}"#, Some("mail")),
            (r#"{"mail":{"per_key":[1]}}"#, Some("mail.per_key")),
            (
                r#"{"mail":{"per_key":{"concurrency":0}}}"#,
                Some("mail.per_key.concurrency"),
            ),
            (
                r#"{"mail":{"per_key":{"rate":"5/s"}}}"#,
                Some("mail.per_key.rate"),
            ),
            (
                r#"{"mail":{"concurrency":1},"mail":{"concurrency":2}}"#,
                None,
            ),
            (r#"[1]"#, None),
            (r#"{"mail""#, None),
        ];
        for (text, field) in table {
            let e = text.parse::<QueueLimits>().expect_err(text);
            assert_eq!(e.field.as_deref(), field, "{text}: {e}");
        }
        // In the form that `GET` shows.
        let shown = r#"{"mail":{"concurrency":null,"rate":"10/s","per_key":{"concurrency":2,"rate":null}},"news":{"per_key":null},"other":null}"#;
        let limits: QueueLimits = shown.parse().expect("it can be read");
        assert_eq!(limits.of("mail").rate.map(|rate| rate.count), Some(10));
        assert_eq!(limits.of("mail").per_key.0.concurrency, Some(2));
        assert_eq!(limits.of("news"), Limits::default());
        assert_eq!(" ".parse(), Ok(QueueLimits::default()));
        assert_eq!("{}".parse(), Ok(QueueLimits::default()));
    }
}
