//! A model of Vixie's cron, minute by minute: a daemon whose virtual clock follows the clock on the
//! wall.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// A larger change of the clock is no change between summer and winter.
const LARGE_MINUTES: i64 = 180;
pub(super) const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// An expression of numbers, as the daemon stores it.
pub(super) struct Job {
    fields: [[bool; 60]; 5],
    stars: [bool; 5],
}

impl Job {
    pub(super) fn new(expression: &str) -> Self {
        let bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
        let mut job = Self {
            fields: [[false; 60]; 5],
            stars: [false; 5],
        };
        for (i, text) in expression.split(' ').enumerate() {
            job.stars[i] = text.starts_with('*');
            for item in text.split(',') {
                let (range, step) = item.split_once('/').unwrap_or((item, "1"));
                let number = |text: &str| text.parse::<usize>().expect(text);
                let (first, last) = match range.split_once('-') {
                    _ if range == "*" => bounds[i],
                    Some((first, last)) => (number(first), number(last)),
                    None => (number(range), number(range)),
                };
                (first..=last)
                    .step_by(number(step))
                    .for_each(|value| job.fields[i][value] = true);
            }
        }
        job.fields[4][0] |= job.fields[4][7];
        job
    }

    fn is_due(&self, shown: DateTime) -> bool {
        let weekday = shown.weekday().to_sunday_zero_offset();
        let parts = [
            shown.minute(),
            shown.hour(),
            shown.day(),
            shown.month(),
            weekday,
        ];
        let [minute, hour, day, month, weekday]: [bool; 5] =
            std::array::from_fn(|i| self.fields[i][parts[i] as usize]);
        let days = if self.stars[2] || self.stars[4] {
            day && weekday
        } else {
            day || weekday
        };
        minute && hour && month && days
    }

    fn is_wild(&self) -> bool {
        self.stars[0] || self.stars[1]
    }

    /// Returns the minutes in which it runs. `shown` is the reading of the clock in each.
    pub(super) fn runs(&self, shown: &[DateTime]) -> Vec<usize> {
        let mut runs = Vec::new();
        let mut clock = shown[0];
        for (i, shown) in shown.iter().copied().enumerate().skip(1) {
            let passed = shown.duration_since(clock).as_mins();
            let due = match passed {
                1 => self.is_due(shown),
                _ if passed.abs() > LARGE_MINUTES => self.is_due(shown),
                _ if self.is_wild() => self.is_due(shown),
                _ => (1..=passed).any(|minutes| self.is_due(clock + MINUTE * minutes as i32)),
            };
            if due {
                runs.push(i);
            }
            // The virtual clock stands still until a repeated hour has passed.
            if !(-LARGE_MINUTES..=0).contains(&passed) {
                clock = shown;
            }
        }
        runs
    }
}
