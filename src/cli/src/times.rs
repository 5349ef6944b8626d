//! Times for readers: in the zone of this machine, and relative to now.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

const UNITS: [(i64, i64, &str); 4] = [
    (60, 1, "s"),
    (60 * 60, 60, "min"),
    (48 * 60 * 60, 60 * 60, "h"),
    (i64::MAX, 24 * 60 * 60, "d"),
];

/// A time relative to now, such as "3 min ago". What is no time stays as it is.
pub(crate) fn ago(text: &str) -> String {
    relative(text, Timestamp::now()).unwrap_or_else(|| text.to_owned())
}

fn relative(text: &str, now: Timestamp) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    let seconds = now.as_second() - time.as_second();
    let age = seconds.checked_abs()?;
    if age == 0 {
        return Some("now".to_owned());
    }
    let (_, unit, name) = UNITS.iter().find(|(most, _, _)| age < *most)?;
    let number = age / unit;
    Some(match seconds > 0 {
        true => format!("{number} {name} ago"),
        false => format!("in {number} {name}"),
    })
}

/// A time in the zone of this machine, and how long ago that is.
pub(crate) fn exact(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(time) => format!("{} ({})", local(time, TimeZone::system()), ago(text)),
        Err(_) => text.to_owned(),
    }
}

/// The time of the day in the zone of this machine.
pub(crate) fn clock(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(time) => {
            let time = time.to_zoned(TimeZone::system());
            time.strftime("%H:%M:%S").to_string()
        }
        Err(_) => text.to_owned(),
    }
}

/// A time of the day, and its date unless that is today's.
pub(crate) fn moment(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(time) => short(time, Timestamp::now(), &TimeZone::system()),
        Err(_) => text.to_owned(),
    }
}

fn short(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (time, now) = (time.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let format = match time.date() == now.date() {
        true => "%H:%M:%S",
        false => "%Y-%m-%d %H:%M:%S",
    };
    time.strftime(format).to_string()
}

/// How long something took, such as "3.0 s".
pub(crate) fn took(from: &str, to: &str) -> Option<String> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    let ms = to.as_millisecond().checked_sub(from.as_millisecond())?;
    Some(match ms {
        ..1_000 => format!("{ms} ms"),
        _ => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
    })
}

/// The option `--since` as the API takes it: the last time at which this machine's clocks showed a
/// time of the day. Anything else stays as it is.
pub(crate) fn since(text: &str) -> Result<String, String> {
    last_at(text, Timestamp::now(), &TimeZone::system())
}

fn last_at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<String, String> {
    let Ok(time) = text.parse::<Time>() else {
        return Ok(text.to_owned());
    };
    let now = now.to_zoned(zone.clone());
    let at = |date: Date| date.to_datetime(time).to_zoned(zone.clone());
    let today = at(now.date()).map_err(|error| error.to_string())?;
    let last = match today <= now {
        true => today,
        false => now
            .date()
            .yesterday()
            .and_then(at)
            .map_err(|error| error.to_string())?,
    };
    Ok(last.timestamp().to_string())
}

fn local(time: Timestamp, zone: TimeZone) -> String {
    let time = time.to_zoned(zone);
    time.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().expect("a time");
        for (time, shown) in [
            ("2026-11-30T12:00:00.900Z", "now"),
            ("2026-11-30T11:59:59Z", "1 s ago"),
            ("2026-11-30T11:57:00.123Z", "3 min ago"),
            ("2026-11-29T13:00:00Z", "23 h ago"),
            ("2026-11-20T12:00:00Z", "10 d ago"),
            ("2026-11-30T12:05:00Z", "in 5 min"),
            ("1970-01-01T00:00:00Z", "20787 d ago"),
        ] {
            assert_eq!(relative(time, now).as_deref(), Some(shown), "{time}");
        }
        assert_eq!(relative("yesterday", now), None);
        assert_eq!(exact("yesterday"), "yesterday");
    }

    #[test]
    fn a_time_of_the_day_is_the_last_one() {
        let now: Timestamp = "2026-11-30T06:30:00Z".parse().expect("a time");
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, since) in [
            ("07:00", "2026-11-30T06:00:00Z"),
            ("07:30:00", "2026-11-30T06:30:00Z"),
            ("08:00", "2026-11-29T07:00:00Z"),
            ("2h", "2h"),
            ("2026-11-29T08:00:00Z", "2026-11-29T08:00:00Z"),
        ] {
            assert_eq!(last_at(text, now, &zone).as_deref(), Ok(since), "{text}");
        }
        let time: Timestamp = "2026-11-29T22:59:59Z".parse().expect("a time");
        assert_eq!(short(time, now, &zone), "2026-11-29 23:59:59");
        assert_eq!(short(now, now, &zone), "07:30:00");
    }

    #[test]
    fn durations_are_short() {
        let took = |to| took("2026-11-30T06:30:00.000Z", to);
        assert_eq!(took("2026-11-30T06:30:00.312Z").as_deref(), Some("312 ms"));
        assert_eq!(took("2026-11-30T06:31:03.050Z").as_deref(), Some("63.0 s"));
        assert_eq!(took("later"), None);
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let time: Timestamp = "2026-11-30T12:00:00Z".parse().expect("a time");
        assert_eq!(local(time, TimeZone::UTC), "2026-11-30 12:00:00 UTC");
    }
}
