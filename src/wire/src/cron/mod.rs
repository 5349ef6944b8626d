//! Cron expressions in a time zone, by the rules of Vixie's cron.

mod days;
mod field;
#[cfg(test)]
mod tests;
mod zone;

use crate::{FieldError, did_you_mean, quoted};
use days::Days;
use field::{HOUR, MINUTE, Values};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The longest expression, in bytes: no sensible one is longer.
const TEXT_MAX_BYTES: usize = 255;
/// Within so many years the 29th of February falls on each day of the week.
const YEARS_MAX: i16 = 41;
/// The largest change between summer and winter. After a larger one the clock counts as another
/// clock, and skipped times are not made up for.
const CHANGE_MAX: SignedDuration = SignedDuration::from_hours(3);

/// A cron expression in a time zone: minute, hour, day of the month, month, and day of the week, as
/// `"30 6 * * MON-FRI"`.
///
/// The rules are those of Vixie's cron. If both kinds of days are restricted, one match is enough.
/// A field that begins with `*` does not restrict. Beyond crontab(5), `L` is the last day of a
/// month, `15W` the weekday closest to the 15th, and `FRI#2` the second Friday.
///
/// When clocks change, a skipped time counts as the first one after it. Of a time that comes twice,
/// the first counts. If the minute or the hour begins with `*`, the expression goes by the clock
/// instead. Then skipped times are skipped, and repeated times count twice.
///
/// ```
/// use handoff_wire::Cron;
///
/// let cron = Cron::new("30 6 * * *", "Europe/Berlin").unwrap();
/// assert_eq!(cron.after(0), Some((5 * 60 + 30) * 60_000));
/// assert_eq!(Cron::new("30 25 * * *", "UTC").unwrap_err().field.as_deref(), Some("cron"));
/// assert_eq!(Cron::new("30 6 * * *", "Berlin").unwrap_err().field.as_deref(), Some("timezone"));
/// ```
#[derive(Debug, Clone)]
pub struct Cron {
    minutes: Values,
    hours: Values,
    days: Days,
    zone: TimeZone,
}

impl Cron {
    /// Reads an expression and the name of a time zone.
    ///
    /// # Errors
    /// Names the field `cron` or `timezone`.
    pub fn new(expression: &str, timezone: &str) -> Result<Self, FieldError> {
        let not_cron = |why: String| {
            let reason = format!(
                "{} is not a cron expression: {why}. Write minute, hour, day of the month, month and day of the \
                 week, as in \"30 6 * * MON-FRI\"",
                quoted(expression)
            );
            FieldError::new("cron", reason)
        };
        if expression.len() > TEXT_MAX_BYTES || !expression.is_ascii() {
            let why = "it has other characters, or is longer, than any such expression";
            return Err(not_cron(why.to_owned()));
        }
        let (minutes, hours, days) = read(expression).map_err(not_cron)?;
        Ok(Self {
            minutes,
            hours,
            days,
            zone: zone::named(timezone)?,
        })
    }

    /// The first time after `ms`, in milliseconds since 1970, if any.
    pub fn after(&self, ms: u64) -> Option<u64> {
        let ms: i64 = ms.try_into().ok()?;
        let now = Timestamp::from_second(ms.div_euclid(1_000)).ok()?;
        let found = match self.goes_by_the_clock() {
            true => self.clock_after(now),
            false => self.fixed_after(now),
        };
        found?.as_millisecond().try_into().ok()
    }

    /// The last time up to `ms`, in milliseconds since 1970.
    pub fn until(&self, ms: u64) -> Option<u64> {
        let ms: i64 = ms.try_into().ok()?;
        let now = Timestamp::from_second(ms.div_euclid(1_000)).ok()?;
        let found = match self.goes_by_the_clock() {
            true => self.clock_until(now),
            false => self.fixed_until(now),
        };
        found?.as_millisecond().try_into().ok()
    }

    /// Whether it occurs at intervals rather than at times of the day.
    fn goes_by_the_clock(&self) -> bool {
        self.minutes.star || self.hours.star
    }

    /// Finds the next time by the clock, from one clock change to the next.
    fn clock_after(&self, now: Timestamp) -> Option<Timestamp> {
        let mut from = now.checked_add(SignedDuration::from_secs(1)).ok()?;
        loop {
            let offset = self.zone.to_offset(from);
            let found = self.shown_from(offset.to_datetime(from))?;
            let found = offset.to_timestamp(found).ok()?;
            match self.zone.following(from).next() {
                Some(change) if change.timestamp() <= found => from = change.timestamp(),
                _ => return Some(found),
            }
        }
    }

    fn clock_until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut until = now;
        loop {
            let offset = self.zone.to_offset(until);
            let found = self.shown_until(offset.to_datetime(until))?;
            let found = offset.to_timestamp(found).ok()?;
            let second = SignedDuration::from_secs(1);
            match self.zone.preceding(until.checked_add(second).ok()?).next() {
                Some(change) if change.timestamp() > found => {
                    until = change.timestamp().checked_sub(second).ok()?;
                }
                _ => return Some(found),
            }
        }
    }

    /// Finds the next time of the day. A later reading of the clock never stands for an earlier
    /// time.
    fn fixed_after(&self, now: Timestamp) -> Option<Timestamp> {
        let mut from = self.zone.to_datetime(now);
        loop {
            from = self.shown_from(from.checked_add(SignedDuration::from_secs(1)).ok()?)?;
            match self.fixed(from) {
                Some(found) if found > now => return Some(found),
                _ => {}
            }
        }
    }

    fn fixed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut until = self.zone.to_datetime(now);
        if let AmbiguousOffset::Fold { before, after } =
            self.zone.to_ambiguous_timestamp(until).offset()
        {
            // Later readings of the clock may have occurred before the change.
            until = until.checked_add(before.duration_since(after)).ok()?;
        }
        loop {
            until = self.shown_until(until)?;
            match self.fixed(until) {
                Some(found) if found <= now => return Some(found),
                _ => until = until.checked_sub(SignedDuration::from_secs(1)).ok()?,
            }
        }
    }

    /// The time that a time of the day stands for.
    fn fixed(&self, shown: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let AmbiguousOffset::Gap { before, after } = ambiguous.offset() else {
            return ambiguous.earlier().ok();
        };
        if after.duration_since(before) > CHANGE_MAX {
            return None;
        }
        // By the clock after the change it would come before the change.
        let before_change = after.to_timestamp(shown).ok()?;
        Some(self.zone.following(before_change).next()?.timestamp())
    }

    /// The first occurrence from a time on, on a clock that never changes.
    fn shown_from(&self, from: DateTime) -> Option<DateTime> {
        // Cron has no seconds: take the next full minute.
        let mut date = from.date();
        let (mut hour, mut minute) = (from.hour(), from.minute() + i8::from(from.second() > 0));
        while date.year() <= from.year() + YEARS_MAX {
            if !self.days.in_month(date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if !self.days.has(date) {
                date = date.tomorrow().ok()?;
            } else if let Some(found) = self.time_from(date, hour, minute) {
                return Some(found);
            } else {
                date = date.tomorrow().ok()?;
            }
            (hour, minute) = (0, 0);
        }
        None
    }

    fn time_from(&self, date: Date, hour: i8, minute: i8) -> Option<DateTime> {
        let in_hour = self.minutes.from(minute).filter(|_| self.hours.has(hour));
        let (hour, minute) = match in_hour {
            Some(minute) => (hour, minute),
            None => (self.hours.from(hour + 1)?, self.minutes.from(0)?),
        };
        Some(date.at(hour, minute, 0, 0))
    }

    /// The last occurrence up to a time, on a clock that never changes.
    fn shown_until(&self, until: DateTime) -> Option<DateTime> {
        let mut date = until.date();
        let (mut hour, mut minute) = (until.hour(), until.minute());
        while date.year() >= until.year() - YEARS_MAX {
            if !self.days.in_month(date.month()) {
                date = date.first_of_month().yesterday().ok()?;
            } else if !self.days.has(date) {
                date = date.yesterday().ok()?;
            } else if let Some(found) = self.time_until(date, hour, minute) {
                return Some(found);
            } else {
                date = date.yesterday().ok()?;
            }
            (hour, minute) = (23, 59);
        }
        None
    }

    fn time_until(&self, date: Date, hour: i8, minute: i8) -> Option<DateTime> {
        let in_hour = self.minutes.until(minute).filter(|_| self.hours.has(hour));
        let (hour, minute) = match in_hour {
            Some(minute) => (hour, minute),
            None => (self.hours.until(hour - 1)?, self.minutes.until(59)?),
        };
        Some(date.at(hour, minute, 0, 0))
    }
}

/// Reads five fields, or a name for them.
fn read(expression: &str) -> Result<(Values, Values, Days), String> {
    let mut fields: Vec<_> = expression.split_ascii_whitespace().collect();
    if let [name] = fields[..]
        && name.starts_with('@')
    {
        fields = named(name)?.split(' ').collect();
    }
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(format!("it has {} fields", fields.len()));
    };
    Ok((
        MINUTE.read(minute, |_| None)?,
        HOUR.read(hour, |_| None)?,
        Days::read(day, month, weekday)?,
    ))
}

/// The fields for a name of cron.
fn named(name: &str) -> Result<&'static str, String> {
    const NAMES: [(&str, &str); 7] = [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ];
    let mut names = NAMES.iter();
    if let Some((_, fields)) = names.find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok(fields);
    }
    if name.eq_ignore_ascii_case("@reboot") {
        return Err(
            "@reboot means the start of a host, and nothing here is ever started".to_owned(),
        );
    }
    let known = NAMES.map(|(known, _)| known);
    let hint = did_you_mean(name, known);
    Err(format!("{name:?} is none of {}{hint}", known.join(", ")))
}
