//! The five fields of a cron expression, by crontab(5).

/// A kind of field.
pub(super) struct Field {
    /// Its name in messages.
    pub name: &'static str,
    low: u8,
    high: u8,
    /// The names of its values, from `low` on.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const fn field(name: &'static str, low: u8, high: u8, names: &'static [&'static str]) -> Field {
    Field {
        name,
        low,
        high,
        names,
    }
}

pub(super) const MINUTE: Field = field("minute", 0, 59, &[]);
pub(super) const HOUR: Field = field("hour", 0, 23, &[]);
pub(super) const DAY: Field = field("day of the month", 1, 31, &[]);
pub(super) const MONTH: Field = field("month", 1, 12, &MONTHS);
/// Sunday is both 0 and 7.
pub(super) const WEEKDAY: Field = field("day of the week", 0, 7, &DAYS);

/// The values of a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Values {
    bits: u64,
    /// The field begins with `*`, so it counts as not restricted.
    pub star: bool,
}

impl Values {
    pub(super) fn has(self, value: i8) -> bool {
        self.bits >> value & 1 == 1
    }

    pub(super) fn add(&mut self, value: u8) {
        self.bits |= 1 << value;
    }

    /// The first value from `value` on.
    pub(super) fn from(self, value: i8) -> Option<i8> {
        (value..64).find(|&value| self.has(value))
    }

    /// The last value up to `value`.
    pub(super) fn until(self, value: i8) -> Option<i8> {
        (0..=value).rev().find(|&value| self.has(value))
    }
}

impl Field {
    /// Reads a list. `special` takes the items that only this field knows.
    ///
    /// # Errors
    /// If an item can't be read. The text names the field and its values.
    pub(super) fn read(
        &self,
        text: &str,
        mut special: impl FnMut(&str) -> Option<Result<(), String>>,
    ) -> Result<Values, String> {
        let mut values = Values {
            star: text.starts_with('*'),
            ..Values::default()
        };
        for item in text.split(',') {
            if item.is_empty() {
                let name = self.name;
                return Err(format!("the {name}, {text:?}, has an empty item"));
            }
            match special(item) {
                Some(read) => read?,
                None => self.read_item(item, &mut values)?,
            }
        }
        if self.high == 7 && values.has(7) {
            values.bits = values.bits & !(1 << 7) | 1;
        }
        Ok(values)
    }

    /// Reads a value, a range, or a step of `*` or of a range.
    fn read_item(&self, item: &str, values: &mut Values) -> Result<(), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(item, step)?)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.low, self.high),
            Some((first, last)) => self.range(item, first, last)?,
            None if step.is_some() => {
                return Err(format!(
                    "in {item:?} a step needs a range before it, as in \"*/{step}\" or \"{low}-{high}/{step}\"",
                    step = step.unwrap_or(1),
                    low = self.low,
                    high = self.high,
                ));
            }
            None => {
                let value = self.value(range)?;
                (value, value)
            }
        };
        for value in (first..=last).step_by(step.unwrap_or(1).into()) {
            values.add(value);
        }
        Ok(())
    }

    fn range(&self, item: &str, first: &str, last: &str) -> Result<(u8, u8), String> {
        let first = self.value(first)?;
        // By its name Sunday may begin or end a week.
        let last = match self.value(last)? {
            0 if first > 0 && last.eq_ignore_ascii_case(DAYS[0]) => 7,
            last => last,
        };
        if first > last {
            let name = self.name;
            return Err(format!(
                "the {name}'s range {item:?} ends before it begins; write two, with a comma between them"
            ));
        }
        Ok((first, last))
    }

    fn step(&self, item: &str, step: &str) -> Result<u8, String> {
        // Of the days of the week 0 and 7 are the same.
        let most = if self.high == 7 {
            7
        } else {
            self.high - self.low + 1
        };
        number(step)
            .filter(|step| (1..=most).contains(step))
            .ok_or_else(|| format!("the {}'s step in {item:?} must be 1 to {most}", self.name))
    }

    /// Reads a number or a name.
    pub(super) fn value(&self, text: &str) -> Result<u8, String> {
        let position = |names: &[&str]| {
            let name = names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(text));
            name.map(|i| i as u8)
        };
        if let Some(value) = number(text).filter(|value| (self.low..=self.high).contains(value)) {
            return Ok(value);
        }
        if let Some(place) = position(self.names) {
            return Ok(self.low + place);
        }
        let hint = if position(&DAYS).is_some() {
            "; days of the week are the fifth field"
        } else if position(&MONTHS).is_some() {
            "; months are the fourth field"
        } else if text == "?" {
            "; write \"*\" for any"
        } else {
            ""
        };
        Err(format!(
            "the {}, {text:?}, must be {}{hint}",
            self.name,
            self.takes()
        ))
    }

    /// Describes the accepted values.
    fn takes(&self) -> String {
        let (low, high) = (self.low, self.high);
        match self.names {
            [first, .., last] => format!("{low} to {high} or {first} to {last}"),
            _ => format!("{low} to {high}"),
        }
    }
}

/// Reads digits only.
pub(super) fn number(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
