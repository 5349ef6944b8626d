//! Reading expressions: which ones are accepted and refused.

use super::*;

/// An expression, and a part of its error.
type Row = (&'static str, &'static str);

/// Fields and their bounds.
const FIELDS: &[Row] = &[
    ("", "it has 0 fields"),
    ("* * * *", "it has 4 fields"),
    ("* * * * * *", "it has 6 fields"),
    ("60 * * * *", "the minute, \"60\", must be 0 to 59"),
    ("* 24 * * *", "the hour, \"24\", must be 0 to 23"),
    ("* * 0 * *", "the day of the month, \"0\", must be 1 to 31"),
    ("* * 32 * *", "1 to 31"),
    (
        "* * * 13 *",
        "the month, \"13\", must be 1 to 12 or JAN to DEC",
    ),
    ("* * * 0 *", "1 to 12"),
    (
        "* * * * 8",
        "the day of the week, \"8\", must be 0 to 7 or SUN to SAT",
    ),
    ("a * * * *", "\"a\""),
    ("-1 * * * *", "the minute"),
    ("+1 * * * *", "\"+1\""),
    ("1.5 * * * *", "\"1.5\""),
    ("99999999999999999999 * * * *", "0 to 59"),
];

/// Names, in their own field and complete.
const NAMES: &[Row] = &[
    (
        "30 6 * MON-FRI *",
        "the month, \"MON\", must be 1 to 12 or JAN to DEC; days of the week are the fifth",
    ),
    (
        "0 0 * * JAN",
        "must be 0 to 7 or SUN to SAT; months are the fourth",
    ),
    ("0 0 JAN * *", "months are the fourth"),
    ("MON * * * *", "days of the week are the fifth"),
    ("0 MON * * *", "days of the week are the fifth"),
    ("0 0 1 1JAN *", "\"1JAN\""),
    ("0 0 1 JAN1 *", "\"JAN1\""),
    ("0 0 * * MONDAY", "\"MONDAY\""),
    ("0 0 1 JANUARY *", "\"JANUARY\""),
    ("0 0 * * MON/2", "a step needs a range"),
];

/// Lists.
const LISTS: &[Row] = &[
    ("1,,2 * * * *", "the minute, \"1,,2\", has an empty item"),
    (",1 * * * *", "an empty item"),
    ("1, * * * *", "an empty item"),
    (", * * * *", "an empty item"),
    (
        "* * * * MON,",
        "the day of the week, \"MON,\", has an empty item",
    ),
];

/// Ranges.
const RANGES: &[Row] = &[
    ("30-10 * * * *", "\"30-10\" ends before it begins"),
    ("* * * * FRI-MON", "ends before it begins"),
    ("* * * * 5-0", "ends before it begins"),
    ("* 22-2 * * *", "ends before it begins"),
    ("1- * * * *", "the minute"),
    ("-5 * * * *", "the minute"),
    ("1-2-3 * * * *", "\"2-3\""),
    ("5-64/30 * * * *", "\"64\""),
    ("*-5 * * * *", "\"*\""),
    ("** * * * *", "\"**\""),
    ("*5 * * * *", "\"*5\""),
];

/// Steps.
const STEPS: &[Row] = &[
    (
        "*/0 * * * *",
        "the minute's step in \"*/0\" must be 1 to 60",
    ),
    ("*/61 * * * *", "must be 1 to 60"),
    ("* */25 * * *", "must be 1 to 24"),
    ("* * * * */8", "must be 1 to 7"),
    ("*/ * * * *", "step"),
    ("*/a * * * *", "step"),
    ("*/-5 * * * *", "step"),
    ("*/5/2 * * * *", "step"),
    ("*/5-10 * * * *", "step"),
    (
        "5/15 * * * *",
        "a step needs a range before it, as in \"*/15\" or \"0-59/15\"",
    ),
    ("/15 * * * *", "a step needs a range before it"),
];

/// Extensions of other crons.
const EXTENSIONS: &[Row] = &[
    ("0 0 ? * MON", "write \"*\" for any"),
    ("0 0 1 * ?", "write \"*\" for any"),
    ("H * * * *", "\"H\""),
    ("0 0 * * L", "\"FRIL\""),
    ("0 0 * * FRI#0", "1 to 5"),
    ("0 0 * * FRI#6", "1 to 5"),
    ("0 0 * * FRI#", "1 to 5"),
    ("0 0 * * #2", "needs one before it"),
    ("0 0 32W * *", "\"32\""),
    ("0 0 1-15W * *", "\"1-15\""),
    ("0 L * * *", "\"L\""),
    ("ä * * * *", "characters"),
    ("@sometimes", "\"@sometimes\" is none of @yearly"),
    ("@dayly", "did you mean \"@daily\"?"),
    ("@reboot", "nothing here is ever started"),
    ("@daily *", "it has 2 fields"),
    ("@daily 0 0 * *", "\"@daily\""),
    ("@", "is none of"),
];

#[test]
fn what_can_not_be_read_is_named() {
    let long = "1,".repeat(200);
    let tables = [FIELDS, NAMES, LISTS, RANGES, STEPS, EXTENSIONS];
    let rows = tables.into_iter().flatten().copied();
    for (expression, why) in rows.chain([(long.as_str(), "longer")]) {
        let e = Cron::new(expression, "UTC").expect_err(expression);
        assert_eq!(e.field.as_deref(), Some("cron"), "{expression}: {e}");
        assert!(e.reason.contains(why), "{expression}: {e}");
    }
}

#[test]
fn a_zone_that_is_none_is_named_and_the_one_that_was_meant() {
    let table = [
        ("Berlin", "did you mean \"Europe/Berlin\"?"),
        ("new york", "did you mean \"America/New_York\"?"),
        ("Europe/Berln", "did you mean \"Europe/Berlin\"?"),
        (
            "Mars/Olympus",
            "\"Mars/Olympus\" is not a time zone. Write one like \"Europe/Berlin\"",
        ),
        ("", "Europe/Berlin"),
        ("../../etc/passwd", "etc"),
        ("+02:00", "is not a time zone"),
    ];
    for (zone, why) in table {
        let e = Cron::new("* * * * *", zone).expect_err(zone);
        assert_eq!(e.field.as_deref(), Some("timezone"), "{zone}: {e}");
        assert!(e.reason.contains(why), "{zone}: {e}");
    }
    assert!(Cron::new("* * * * *", "europe/berlin").is_ok());
}

#[test]
fn several_ways_to_write_the_same() {
    let table = [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        (" @Hourly ", "0 * * * *"),
        ("\t00  05\t01 01   07 ", "0 5 1 1 0"),
        ("0 0 * jan-mar,Dec mOn", "0 0 * 1-3,12 1"),
        ("0 0 * * SAT-SUN", "0 0 * * 0,6"),
        ("0 0 * * 6-7", "0 0 * * 0,6"),
        ("0 0 * * MON-SUN", "0 0 * * 0-6"),
        ("0 0 * * SUN-SAT", "0 0 * * 0-7"),
        ("0 0 * * SUN-TUE/2", "0 0 * * 0,2"),
        ("*/20 0 * * *", "*/20,40 0 * * *"),
        ("10-30/10,5 0 * * *", "5,10,20,30 0 * * *"),
        ("*/60 * * * *", "*/60,0 * * * *"),
    ];
    for (one, other) in table {
        let [one, other] = [one, other].map(|e| Cron::new(e, "Europe/Berlin").expect(e));
        let mut at_ms = ms("2026-01-01T00:00:00Z");
        for _ in 0..50 {
            let next_ms = one.after(at_ms).expect("it goes on");
            assert_eq!(Some(next_ms), other.after(at_ms), "{one:?}, {other:?}");
            at_ms = next_ms;
        }
    }
}
