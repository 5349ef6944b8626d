//! The days on which a cron expression occurs.

use super::field::{DAY, MONTH, Values, WEEKDAY, number};
use jiff::civil::{Date, Weekday};

/// The fields for month, day of the month and day of the week.
#[derive(Debug, Clone)]
pub(super) struct Days {
    months: Values,
    days: Values,
    /// `L`: the last day of the month.
    last: bool,
    /// `15W`: the weekday closest to this day.
    closest: Values,
    /// `LW`: the last day of the month that is Monday to Friday.
    last_closest: bool,
    weekdays: Values,
    /// `FRI#2`: the days of the week for each week of the month. `FRIL` is at index 0, for the last
    /// week.
    nth: [Values; 6],
}

impl Days {
    /// Reads the three fields.
    ///
    /// # Errors
    /// If a field can't be read. The text says why.
    pub(super) fn read(day: &str, month: &str, weekday: &str) -> Result<Self, String> {
        let (mut last, mut last_closest) = (false, false);
        let mut closest = Values::default();
        let days = DAY.read(day, |item| {
            match item.to_ascii_uppercase().as_str() {
                "L" => last = true,
                "LW" => last_closest = true,
                item => match DAY.value(item.strip_suffix('W')?) {
                    Ok(day) => closest.add(day),
                    Err(e) => return Some(Err(e)),
                },
            }
            Some(Ok(()))
        })?;
        let mut nth = [Values::default(); 6];
        let weekdays = WEEKDAY.read(weekday, |item| {
            let (name, week) = match item.split_once('#') {
                Some((name, week)) => (name, number(week).filter(|week| (1..=5).contains(week))),
                None => (item.strip_suffix(['L', 'l'])?, Some(0)),
            };
            let Some(week) = week else {
                let reason = format!("in {item:?} the week of the month must be 1 to 5");
                return Some(Err(reason));
            };
            if name.is_empty() {
                let reason = "as a day of the week \"L\" needs one before it, as in \"FRIL\"";
                return Some(Err(reason.to_owned()));
            }
            Some(
                WEEKDAY
                    .value(name)
                    .map(|day| nth[usize::from(week)].add(day % 7)),
            )
        })?;
        Ok(Self {
            months: MONTH.read(month, |_| None)?,
            days,
            last,
            closest,
            last_closest,
            weekdays,
            nth,
        })
    }

    /// Whether the expression occurs in a month.
    pub(super) fn in_month(&self, month: i8) -> bool {
        self.months.has(month)
    }

    /// Whether the expression occurs on a day. If both kinds of days are restricted, one match is
    /// enough. A field that begins with `*` is not restricted, whatever its step.
    pub(super) fn has(&self, date: Date) -> bool {
        if !self.in_month(date.month()) {
            return false;
        }
        let (day, weekday) = (self.has_day(date), self.has_weekday(date));
        if self.days.star || self.weekdays.star {
            day && weekday
        } else {
            day || weekday
        }
    }

    fn has_day(&self, date: Date) -> bool {
        let end = date.last_of_month();
        self.days.has(date.day())
            || self.last && date == end
            || self.last_closest && date == closest_weekday(end)
            || self.has_closest(date)
    }

    /// A weekday's closest day is at most two days away.
    fn has_closest(&self, date: Date) -> bool {
        let from = date.day().saturating_sub(2).max(1);
        let mut around = (from..=date.day() + 2).filter(|&day| self.closest.has(day));
        around.any(|day| {
            let meant = date.with().day(day).build();
            meant.is_ok_and(|meant| closest_weekday(meant) == date)
        })
    }

    fn has_weekday(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        let week = usize::from(date.day().unsigned_abs().div_ceil(7));
        let in_last = date.day() + 7 > date.days_in_month();
        self.weekdays.has(weekday)
            || self.nth[week].has(weekday)
            || in_last && self.nth[0].has(weekday)
    }
}

/// Returns the day itself if it is Monday to Friday, else the closest such day of the same month.
fn closest_weekday(date: Date) -> Date {
    let (day, last) = (date.day(), date.days_in_month());
    let day = match date.weekday() {
        Weekday::Saturday if day == 1 => 3,
        Weekday::Saturday => day - 1,
        Weekday::Sunday if day == last => day - 2,
        Weekday::Sunday => day + 1,
        _ => day,
    };
    date.with().day(day).build().unwrap_or(date)
}
