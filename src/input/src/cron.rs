//! Cron expressions in a time zone.

use crate::FieldError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// No expression that anybody means is longer, in bytes.
const TEXT_MAX_BYTES: usize = 255;

/// A cron expression in a time zone: minute, hour, day of the month, month, and day of the week, as `"30 6 * * MON-FRI"`.
///
/// Where both days are restricted, either is enough, as cron has it; besides what every cron knows, `L` is the last day of a
/// month, `15W` the closest weekday to the 15th, and `FRI#2` the second Friday. When clocks change, what has one time of the
/// day happens once on that day: a time that is left out counts as the first one after it, and of one that comes twice the
/// first counts. What happens again and again, as `*/15 * * * *`, goes on by the time that passes.
///
/// ```
/// use handoff_input::Cron;
///
/// let cron = Cron::new("30 6 * * *", "Europe/Berlin").unwrap();
/// assert_eq!(cron.after(0), Some((5 * 60 + 30) * 60_000));
/// assert_eq!(Cron::new("30 25 * * *", "UTC").unwrap_err().field.as_deref(), Some("cron"));
/// assert_eq!(Cron::new("30 6 * * *", "Berlin").unwrap_err().field.as_deref(), Some("timezone"));
/// ```
#[derive(Debug, Clone)]
pub struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
}

impl Cron {
    /// Reads an expression and the name of a time zone.
    ///
    /// # Errors
    /// Names the field `cron` or `timezone`.
    pub fn new(expression: &str, timezone: &str) -> Result<Self, FieldError> {
        if expression.len() > TEXT_MAX_BYTES || !expression.is_ascii() {
            return Err(not_cron(
                expression,
                "it has other characters, or is longer, than any such expression",
            ));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed);
        let fields = expression.split_ascii_whitespace().count();
        if fields != 5 && !expression.trim_start().starts_with('@') {
            return Err(not_cron(expression, &format!("it has {fields} fields")));
        }
        let pattern = parser.build().parse(expression);
        let pattern = pattern.map_err(|e| not_cron(expression, &e.to_string()))?;
        let zone = TimeZone::get(timezone).map_err(|_| {
            let reason = format!(
                "{timezone:?} is not a time zone; write one like \"Europe/Berlin\", \"America/New_York\" or \"UTC\""
            );
            FieldError::new("timezone", reason)
        })?;
        Ok(Self { pattern, zone })
    }

    /// The first time after `ms`, in milliseconds since 1970, if there is one.
    pub fn after(&self, ms: u64) -> Option<u64> {
        let found = self.pattern.find_next_occurrence(&self.zoned(ms)?, false);
        milliseconds(&found.ok()?)
    }

    /// The last time up to `ms`, in milliseconds since 1970.
    pub fn until(&self, ms: u64) -> Option<u64> {
        let found = self
            .pattern
            .find_previous_occurrence(&self.zoned(ms)?, true);
        milliseconds(&found.ok()?)
    }

    /// The begin of the second: cron knows none in between.
    fn zoned(&self, ms: u64) -> Option<Zoned> {
        let second = Timestamp::from_second((ms / 1_000).try_into().ok()?);
        Some(second.ok()?.to_zoned(self.zone.clone()))
    }
}

fn milliseconds(time: &Zoned) -> Option<u64> {
    time.timestamp().as_millisecond().try_into().ok()
}

fn not_cron(expression: &str, why: &str) -> FieldError {
    let why = why.trim_end_matches('.');
    let shown: String = expression.chars().take(TEXT_MAX_BYTES).collect();
    let reason = format!(
        "{shown:?} is not a cron expression: {why}. Write minute, hour, day of the month, month and day of the week, \
         as in \"30 6 * * MON-FRI\""
    );
    FieldError::new("cron", reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;

    fn ms(text: &str) -> u64 {
        text.parse::<Time>().expect(text).ms
    }

    /// Times after `from`, and the same backwards.
    #[track_caller]
    fn assert_times(expression: &str, zone: &str, from: &str, times: &[&str]) {
        let cron = Cron::new(expression, zone).expect(expression);
        let mut at_ms = ms(from);
        for time in times {
            at_ms = cron.after(at_ms).expect("it goes on");
            assert_eq!(Time { ms: at_ms }, Time { ms: ms(time) }, "after, {time}");
        }
        for time in times.iter().rev() {
            at_ms = cron.until(at_ms).expect("it began before");
            assert_eq!(Time { ms: at_ms }, Time { ms: ms(time) }, "until, {time}");
            assert_eq!(cron.until(at_ms + 999), Some(at_ms), "within its second");
            at_ms -= 1;
        }
    }

    #[test]
    fn what_has_one_time_of_the_day_happens_once_when_clocks_change() {
        // In Berlin 02:30 is left out on 2026-03-29, and comes twice on 2026-10-25.
        assert_times(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-27T12:00:00Z",
            &[
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z",
            ],
        );
        assert_times(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &[
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
                "2026-10-27T01:30:00Z",
            ],
        );
        // In New York 01:30 comes twice on 2026-11-01.
        assert_times(
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
        );
    }

    #[test]
    fn what_happens_again_and_again_goes_on_when_clocks_change() {
        assert_times(
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-03-29T00:20:00Z",
            &[
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:30:00Z",
            ],
        );
        assert_times(
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:20:00Z",
            &[
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:00:00Z",
            ],
        );
    }

    #[test]
    fn days_and_months() {
        let table = [
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 L * *", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"),
            (
                "0 9 * * MON-FRI",
                "2026-11-20T09:00:00Z",
                "2026-11-23T09:00:00Z",
            ),
            (
                "0 9 13 * FRI",
                "2026-11-13T09:00:00Z",
                "2026-11-20T09:00:00Z",
            ),
            ("0 9 * * 7", "2026-11-20T09:00:00Z", "2026-11-22T09:00:00Z"),
            ("@daily", "2026-11-20T09:00:00Z", "2026-11-21T00:00:00Z"),
            (
                "59 23 31 12 *",
                "2026-11-20T09:00:00Z",
                "2026-12-31T23:59:00Z",
            ),
        ];
        for (expression, from, next) in table {
            assert_times(expression, "UTC", from, &[next]);
        }
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        let long = "1,".repeat(200);
        let table = [
            ("", "UTC", "cron", "0 fields"),
            ("* * * *", "UTC", "cron", "4 fields"),
            ("* * * * * *", "UTC", "cron", "6 fields"),
            ("60 * * * *", "UTC", "cron", "60"),
            ("* 24 * * *", "UTC", "cron", "24"),
            ("* * 0 * *", "UTC", "cron", "0"),
            ("* * * 13 *", "UTC", "cron", "13"),
            ("* * * * 8", "UTC", "cron", "8"),
            ("a * * * *", "UTC", "cron", "illegal"),
            ("*/0 * * * *", "UTC", "cron", "*/0"),
            ("ä * * * *", "UTC", "cron", "characters"),
            ("@sometimes", "UTC", "cron", "@sometimes"),
            (long.as_str(), "UTC", "cron", "longer"),
            ("* * * * *", "Mars/Olympus", "timezone", "Mars/Olympus"),
            ("* * * * *", "", "timezone", "Europe/Berlin"),
            ("* * * * *", "../../etc/passwd", "timezone", "etc"),
        ];
        for (expression, zone, field, why) in table {
            let e = Cron::new(expression, zone).expect_err(expression);
            assert_eq!(e.field.as_deref(), Some(field), "{expression}: {e}");
            assert!(e.reason.contains(why), "{expression}: {e}");
        }
    }

    #[test]
    fn what_never_happens_is_found_out() {
        let cron = Cron::new("0 0 30 2 *", "UTC").expect("it can be read");
        assert_eq!(cron.after(0), None);
        assert_eq!(cron.until(1_800_000_000_000), None);
        let cron = Cron::new("* * * * *", "UTC").expect("it can be read");
        for ms in [u64::MAX, 400_000_000_000_000] {
            assert_eq!((cron.after(ms), cron.until(ms)), (None, None), "{ms}");
        }
    }
}
