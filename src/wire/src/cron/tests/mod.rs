//! The rules of Vixie's cron, and a model of them.

mod changes;
mod model;
mod read;

use super::*;
use crate::Time;

fn ms(text: &str) -> u64 {
    text.parse::<Time>().expect(text).ms
}

/// Checks the times after `from`, and the same times backwards.
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
    // In Berlin 02:30 is skipped on 2026-03-29, and comes twice on 2026-10-25.
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
fn a_day_that_begins_with_a_star_does_not_restrict() {
    // 2026-11-23 is a Monday.
    let from = "2026-11-23T12:00:00Z";
    let table = [
        ("0 9 */1 * MON", "2026-11-30T09:00:00Z"),
        ("0 9 */2 * MON", "2026-12-07T09:00:00Z"),
        ("0 9 1 * */2", "2026-12-01T09:00:00Z"),
        ("0 9 25 * */1", "2026-11-25T09:00:00Z"),
        ("0 9 *,1 * MON", "2026-11-30T09:00:00Z"),
        ("0 9 1-31 * MON", "2026-11-24T09:00:00Z"),
        ("0 9 1 * MON", "2026-11-30T09:00:00Z"),
        ("0 9 25 * 0-6", "2026-11-24T09:00:00Z"),
        // From crontab(5): the 1st and the 15th, and every Friday.
        ("30 4 1,15 * 5", "2026-11-27T04:30:00Z"),
        // The Monday in the first week, in a common spelling.
        ("0 9 1-7 * */1", "2026-12-01T09:00:00Z"),
    ];
    for (expression, next) in table {
        assert_times(expression, "UTC", from, &[next]);
    }
}

#[test]
fn what_this_cron_knows_besides() {
    let from = "2026-11-23T12:00:00Z";
    let table = [
        ("0 0 L * *", "2026-11-30T00:00:00Z"),
        ("0 0 l 2 *", "2027-02-28T00:00:00Z"),
        ("0 0 28W * *", "2026-11-27T00:00:00Z"),
        ("0 0 29W * *", "2026-11-30T00:00:00Z"),
        ("0 0 1W 8 *", "2027-08-02T00:00:00Z"),
        ("0 0 1W 5 *", "2027-05-03T00:00:00Z"),
        ("0 0 31W 1 *", "2027-01-29T00:00:00Z"),
        ("0 0 31w * *", "2026-12-31T00:00:00Z"),
        ("0 0 LW * *", "2026-11-30T00:00:00Z"),
        ("0 0 LW 2 *", "2027-02-26T00:00:00Z"),
        ("0 0 * * FRI#2", "2026-12-11T00:00:00Z"),
        ("0 0 * * 5#2,1#5", "2026-11-30T00:00:00Z"),
        ("0 0 * * 7#1", "2026-12-06T00:00:00Z"),
        ("0 0 * * FRIL", "2026-11-27T00:00:00Z"),
        ("0 0 * * 1l", "2026-11-30T00:00:00Z"),
        ("0 0 24 * FRI#2", "2026-11-24T00:00:00Z"),
        ("0 0 L,1 * *", "2026-11-30T00:00:00Z"),
    ];
    for (expression, next) in table {
        assert_times(expression, "UTC", from, &[next]);
    }
}

#[test]
fn what_is_rare_is_found_and_what_never_happens_is_found_out() {
    let table = [
        // The 29th of February is a Monday in 2044. It is a Sunday in 2088, and then not before
        // 2128.
        (
            "0 0 29 2 */7",
            "2033-01-01T00:00:00Z",
            "2060-02-29T00:00:00Z",
        ),
        (
            "0 0 29 2 */7",
            "2089-01-01T00:00:00Z",
            "2128-02-29T00:00:00Z",
        ),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        (
            "59 23 31 12 *",
            "2026-12-31T23:59:00Z",
            "2027-12-31T23:59:00Z",
        ),
        ("* * 29 2 *", "2026-12-31T23:59:00Z", "2028-02-29T00:00:00Z"),
    ];
    for (expression, from, next) in table {
        assert_times(expression, "UTC", from, &[next]);
    }
    let never = [
        "0 0 30 2 *",
        "* * 31 2,4,6,9,11 *",
        "0 0 1W * */7",
        "*/1 0 30,31 2 *",
    ];
    for expression in never {
        for zone in ["UTC", "Europe/Berlin", "Africa/Casablanca"] {
            let cron = Cron::new(expression, zone).expect("it can be read");
            assert_eq!(cron.after(0), None, "{expression}");
            assert_eq!(cron.until(1_800_000_000_000), None, "{expression}");
        }
    }
}
