//! Times for readers: in the zone of this machine, and relative to now.

use jiff::Timestamp;
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
    fn times_are_those_of_the_zone() {
        let time: Timestamp = "2026-11-30T12:00:00Z".parse().expect("a time");
        assert_eq!(local(time, TimeZone::UTC), "2026-11-30 12:00:00 UTC");
    }
}
