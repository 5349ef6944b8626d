//! Durations and times that are read and printed.

use super::*;

#[test]
fn dates_of_http() {
    let now = "2026-11-27T00:00:00Z".parse::<Time>().expect("a time").ms;
    let table = [
        // From RFC 9110.
        (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            Some("1994-11-06T08:49:37Z"),
        ),
        (
            "Sunday, 06-Nov-94 08:49:37 GMT",
            Some("1994-11-06T08:49:37Z"),
        ),
        ("Sun Nov  6 08:49:37 1994", Some("1994-11-06T08:49:37Z")),
        (
            "Fri, 27 Nov 2026 12:00:00 GMT",
            Some("2026-11-27T12:00:00Z"),
        ),
        (
            "Friday, 27-Nov-26 12:00:00 GMT",
            Some("2026-11-27T12:00:00Z"),
        ),
        ("Fri Nov 27 12:00:00 2026", Some("2026-11-27T12:00:00Z")),
        // More than 50 years ahead, and less.
        (
            "Friday, 27-Nov-77 12:00:00 GMT",
            Some("1977-11-27T12:00:00Z"),
        ),
        (
            "Friday, 27-Nov-76 12:00:00 GMT",
            Some("2076-11-27T12:00:00Z"),
        ),
        ("Fri, 32 Nov 2026 12:00:00 GMT", None),
        ("Friday, 27-Nov-2026 12:00:00 GMT", None),
        ("Friday, 27/Nov/26 12:00:00 GMT", None),
        ("Fri Nov 31 12:00:00 2026", None),
        ("Sat, 01 Jan 1960 00:00:00 GMT", None),
        ("a b c d", None),
        ("a b c d e", None),
        ("", None),
    ];
    for (text, expected) in table {
        let found = http_date_ms(text, now).map(|ms| Time { ms }.to_string());
        let expected = expected.map(|text| text.parse::<Time>().expect(text).to_string());
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn durations() {
    let table = [
        ("0s", Some(0)),
        ("1.5s", Some(1_500)),
        ("250ms", Some(250)),
        ("10m", Some(600_000)),
        ("2h 30m", Some(9_000_000)),
        ("1d", Some(86_400_000)),
        ("1w", Some(604_800_000)),
        ("PT1.5S", Some(1_500)),
        ("P1DT1H", Some(90_000_000)),
        (" 1s ", Some(1_000)),
        ("1 year", None),
        ("1mo", None),
        ("-5s", None),
        ("-PT5S", None),
        ("5", None),
        ("", None),
        ("s", None),
        ("1e9s", None),
        ("NaNs", None),
        ("99999999999999999999s", None),
        ("1s; drop", None),
        ("36500d", Some(Duration::MAX.ms)),
        ("36500d 1ms", None),
        // As a sum it would be printed as more seconds than the reader accepts.
        ("631107417600s 631107417600000ms", None),
    ];
    for (text, ms) in table {
        assert_eq!(text.parse::<Duration>().ok().map(|d| d.ms), ms, "{text}");
    }
}

/// Rows: a duration, and its milliseconds if they are a whole number.
#[test]
fn parts_of_a_millisecond_are_not_dropped() {
    let table = [
        ("0.4ms", None),
        ("0.0000001ms", None),
        ("0.000000001 milliseconds", None),
        ("1.5ms", None),
        ("1,5ms", None),
        ("1.0ms", Some(1)),
        ("1.0005s", None),
        ("1.000000001s", None),
        ("1.001s", Some(1_001)),
        ("1.001000000s", Some(1_001)),
        ("1,5s", Some(1_500)),
        ("PT1.0005S", None),
        ("PT0.001S", Some(1)),
        ("500us", None),
        ("1500us", None),
        ("2000us", Some(2)),
        ("2000.5\u{b5}s", None),
        ("1ns", None),
        ("3000000ns", Some(3)),
        ("1ms 500us", None),
        ("1ms, 1000us", Some(2)),
        ("2h, 30m", Some(9_000_000)),
        ("0.00001m", None),
        ("0.00005m", Some(3)),
        ("0.5m", Some(30_000)),
        ("0.5min", Some(30_000)),
        ("0.0000001h", None),
        ("0.25h", Some(900_000)),
        ("PT0.25H", Some(900_000)),
        ("00:00:01.5", Some(1_500)),
        ("00:00:00.0005", None),
    ];
    for (text, ms) in table {
        let found = text.parse::<Duration>();
        assert_eq!(found.as_ref().ok().map(|d| d.ms), ms, "{text}: {found:?}");
        let when = text.parse::<When>();
        assert_eq!(when.is_ok(), ms.is_some(), "{text}: {when:?}");
        for reason in [found.err(), when.err()].into_iter().flatten() {
            assert!(
                reason.contains("a whole number of milliseconds"),
                "{reason}"
            );
            assert!(reason.contains(&quoted(text)), "{reason}");
        }
    }
}

#[test]
fn points_in_time_or_from_now() {
    let table = [
        ("10m", Some(600_000 + 7)),
        ("PT1.5S", Some(1_500 + 7)),
        ("0s", Some(7)),
        ("1970-01-01T00:00:09+00:00", Some(9_000)),
        ("2026-11-23", None),
        ("-10m", None),
        ("10", None),
        ("", None),
    ];
    for (text, at_ms) in table {
        let when = text.parse::<When>();
        assert_eq!(when.as_ref().ok().map(|w| w.at_ms(7)), at_ms, "{text}");
        match when {
            Ok(when) => assert_eq!(when.to_string().parse(), Ok(when), "{text}"),
            Err(reason) => assert!(reason.contains(&format!("{text:?}")), "{reason}"),
        }
    }
}

/// Rows: a time, and the same time in UTC. The first are the examples of RFC 3339, 5.8.
#[test]
fn times_in_all_forms() {
    let table = [
        ("1985-04-12T23:20:50.52Z", Some("1985-04-12T23:20:50.520Z")),
        (
            "1996-12-19T16:39:57-08:00",
            Some("1996-12-20T00:39:57.000Z"),
        ),
        // A leap second counts as the one before it.
        ("1990-12-31T23:59:60Z", Some("1990-12-31T23:59:59.000Z")),
        (
            "1990-12-31T15:59:60-08:00",
            Some("1990-12-31T23:59:59.000Z"),
        ),
        (
            "1970-01-01T12:00:27.87+00:20",
            Some("1970-01-01T11:40:27.870Z"),
        ),
        ("2026-11-23t08:00:00z", Some("2026-11-23T08:00:00.000Z")),
        ("2026-11-23 08:00:00Z", Some("2026-11-23T08:00:00.000Z")),
        (
            "2026-11-23T08:00:00.123456789Z",
            Some("2026-11-23T08:00:00.123Z"),
        ),
        (
            "2024-02-29T00:00:00+14:00",
            Some("2024-02-28T10:00:00.000Z"),
        ),
        ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59.000Z")),
        (
            "9999-12-31T23:59:59.999+23:59",
            Some("9999-12-31T00:00:59.999Z"),
        ),
        ("2025-02-29T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-11-23T24:00:00Z", None),
        ("2026-11-23T08:60:00Z", None),
        ("2026-11-23T08:00:61Z", None),
        ("2026-11-23T08:00:00", None),
        ("2026-11-23", None),
        ("08:00:00Z", None),
        ("1795420800", None),
        ("10000-01-01T00:00:00Z", None),
        ("tomorrow", None),
        ("", None),
    ];
    for (text, expected) in table {
        let time = text.parse::<Time>().map(|time| time.to_string());
        assert_eq!(time.ok().as_deref(), expected, "{text}");
    }
}

#[test]
fn what_is_printed_can_be_read() {
    for ms in [
        0,
        1,
        250,
        1_500,
        60_000,
        61_000,
        5_400_000,
        86_400_000,
        2_592_000_000,
    ] {
        let text = Duration { ms }.to_string();
        assert_eq!(text.parse(), Ok(Duration { ms }), "{text}");
    }
    let time = Time {
        ms: 1_795_420_800_123,
    };
    assert_eq!(time.to_string().parse(), Ok(time));
    let last = "9999-12-31T23:59:59.999Z";
    assert_eq!(
        last.parse::<Time>().map(|t| t.to_string()).as_deref(),
        Ok(last)
    );
    assert!("2026-11-23".parse::<Time>().is_err());
    assert!("1960-01-01T00:00:00Z".parse::<Time>().is_err());
}
