//! Times, durations and schedules in words.

use handoff_wire::Time;

/// A time as people read it, to the second, in UTC.
pub(crate) fn clock(time: Time) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => seconds.replace('T', " "),
        None => text,
    }
}

/// A period in UTC. The day is said once if it is the same.
pub(crate) fn period(first: Time, last: Time) -> String {
    let (first, last) = (clock(first), clock(last));
    match (first.split_once(' '), last.split_once(' ')) {
        _ if first == last => first,
        (Some((day, _)), Some((other, time))) if day == other => format!("{first} to {time}"),
        _ => format!("{first} to {last}"),
    }
}

/// A length of time in words, with two units at most.
pub(crate) fn span(ms: u64) -> String {
    let s = ms / 1_000;
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{}.{} s", s, ms % 1_000 / 100),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// How long ago a time is, or how long it takes to come.
pub(crate) fn relative(time: Time, now_ms: u64) -> String {
    match now_ms.checked_sub(time.ms) {
        Some(ms) => format!("{} ago", span(ms)),
        None => format!("in {}", span(time.ms - now_ms)),
    }
}

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A usual cron expression in words. Of others the expression itself says more.
pub(crate) fn cron(expression: &str) -> Option<String> {
    let word = match expression {
        "@hourly" => "every hour",
        "@daily" | "@midnight" => "every day at 00:00",
        "@weekly" => "on Sunday at 00:00",
        "@monthly" => "on day 1 of every month at 00:00",
        "@yearly" | "@annually" => "on 1 January at 00:00",
        _ => "",
    };
    if !word.is_empty() {
        return Some(word.to_owned());
    }
    let fields: Vec<_> = expression.split_ascii_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return None;
    };
    let number = |text: &str, max: u32| text.parse::<u32>().ok().filter(|n| *n <= max);
    let any_day = (day, month, weekday) == ("*", "*", "*");
    // Another step than a divisor of an hour begins anew with each hour.
    let step = minute.strip_prefix("*/").and_then(|text| number(text, 59));
    let step = step.filter(|step| *step > 1 && 60 % step == 0);
    if let (Some(step), "*", true) = (step, hour, any_day) {
        return Some(format!("every {step} minutes"));
    }
    if (minute, hour, any_day) == ("*", "*", true) {
        return Some("every minute".to_owned());
    }
    let minute = number(minute, 59)?;
    if (hour, any_day) == ("*", true) {
        return Some(format!("every hour at minute {minute}"));
    }
    let at = format!("at {:02}:{minute:02}", number(hour, 23)?);
    match (day, month, weekday) {
        ("*", "*", "*") => Some(format!("every day {at}")),
        ("*", "*", days) => Some(format!("on {} {at}", weekdays(days)?)),
        (day, "*", "*") => Some(format!("on day {} of every month {at}", number(day, 31)?)),
        _ => None,
    }
}

/// One day of the week, a range, or a list.
fn weekdays(text: &str) -> Option<String> {
    let day = |text: &str| {
        let number = text.parse::<usize>().ok().filter(|n| *n <= 7);
        let upper = text.to_ascii_uppercase();
        let named = DAYS
            .iter()
            .position(|day| day[..3].to_ascii_uppercase() == upper);
        number.or(named).map(|n| DAYS[n % 7])
    };
    let part = |part: &str| match part.split_once('-') {
        Some((from, to)) => Some(format!("{} to {}", day(from)?, day(to)?)),
        None => day(part).map(str::to_owned),
    };
    let parts: Vec<_> = text.split(',').map(part).collect::<Option<_>>()?;
    Some(parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_expressions_are_in_words() {
        for (expression, words) in [
            ("@hourly", Some("every hour")),
            ("*/15 * * * *", Some("every 15 minutes")),
            ("* * * * *", Some("every minute")),
            ("*/7 * * * *", None),
            ("*/1 * * * *", None),
            ("*/0 * * * *", None),
            ("5 * * * *", Some("every hour at minute 5")),
            ("30 6 * * MON-FRI", Some("on Monday to Friday at 06:30")),
            ("0 0 * * 7,sat", Some("on Sunday, Saturday at 00:00")),
            ("0 9 1 * *", Some("on day 1 of every month at 09:00")),
            ("0 9 1 * MON", None),
            ("0 9 * * FRI#2", None),
            ("0 9-17 * * *", None),
            ("", None),
            ("1 2 3 4 5 6", None),
        ] {
            assert_eq!(cron(expression).as_deref(), words, "{expression}");
        }
    }

    #[test]
    fn times_are_in_words() {
        let time = Time { ms: 90_061_500 };
        assert_eq!(clock(time), "1970-01-02 01:01:01");
        assert_eq!(relative(time, 90_061_900), "400 ms ago");
        assert_eq!(relative(time, 0), "in 1 d 1 h");
        assert_eq!(span(61_000), "1 min 1 s");
        let period = |first, last| period(Time { ms: first }, Time { ms: last });
        assert_eq!(period(1_000, 1_900), "1970-01-01 00:00:01");
        assert_eq!(period(1_000, 2_000), "1970-01-01 00:00:01 to 00:00:02");
        let days = "1970-01-01 00:00:01 to 1970-01-02 00:00:00";
        assert_eq!(period(1_000, 86_400_000), days);
    }
}
