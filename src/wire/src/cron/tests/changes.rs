//! Clock changes in all zones, against a model of Vixie's cron.

use super::model::{Job, MINUTE};
use super::*;
use crate::cron::zone::Zones;
use std::collections::BTreeMap;

const EXPRESSIONS: [&str; 14] = [
    "*/7 * * * *",
    "7 */2 * * *",
    "*/20 0-3 * * *",
    "0 0 * * *",
    "30 2 * * *",
    "30 0,2,14 * * *",
    "30 0-23 * * *",
    "15 1-3 * * 0",
    "59 23 * * *",
    "5 0 */2 * 6,0",
    "30 23,0,1 1-7 * 0",
    "0-59/5 0-23 * * *",
    "0 2,14 28 3 *",
    "0 3 31 3,10 *",
];
/// Long enough for every time of a day to come before and after the change.
const AROUND_MINUTES: i32 = 26 * 60;

/// Every change of 2026 to 2030, with one zone for all zones that share it.
fn changes() -> Vec<(TimeZone, Timestamp)> {
    let [from, until]: [Timestamp; 2] =
        ["2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z"].map(|text| text.parse().expect(text));
    let mut zones = BTreeMap::new();
    let database = Zones::unpack();
    for name in database.names() {
        let zone = database.find(name).expect("it is there");
        let changes: Vec<_> = zone
            .following(from)
            .take_while(|change| change.timestamp() < until)
            .map(|change| (change.timestamp(), change.offset()))
            .collect();
        zones.insert((zone.to_offset(from), changes), zone);
    }
    let changes = zones.into_iter().flat_map(|((_, changes), zone)| {
        let of_zone = move |(change, _)| (zone.clone(), change);
        changes.into_iter().map(of_zone)
    });
    changes.collect()
}

#[test]
fn in_every_zone_it_runs_when_vixies_cron_does() {
    let changes = changes();
    assert!(changes.len() > 100, "{}", changes.len());
    let jobs = EXPRESSIONS.map(|expression| {
        let cron = Cron::new(expression, "UTC").expect(expression);
        (expression, Job::new(expression), cron)
    });
    for (zone, change) in &changes {
        let minutes = (-AROUND_MINUTES..=AROUND_MINUTES).map(|minute| *change + MINUTE * minute);
        let minutes: Vec<_> = minutes.collect();
        let shown: Vec<_> = minutes.iter().map(|time| zone.to_datetime(*time)).collect();
        for (expression, job, cron) in &jobs {
            let runs: Vec<_> = job.runs(&shown).into_iter().map(|i| minutes[i]).collect();
            let cron = Cron {
                zone: zone.clone(),
                ..cron.clone()
            };
            assert_runs(
                &cron,
                minutes[0],
                minutes[minutes.len() - 1],
                &runs,
                expression,
            );
        }
    }
}

/// Checks that both directions give the same times, from any second.
fn assert_runs(
    cron: &Cron,
    from: Timestamp,
    until: Timestamp,
    runs: &[Timestamp],
    expression: &str,
) {
    let ms = |time: Timestamp| time.as_millisecond() as u64;
    let zone = cron.zone.iana_name();
    let found = std::iter::successors(cron.after(ms(from)), |at_ms| cron.after(*at_ms));
    let found: Vec<u64> = found.take_while(|at_ms| *at_ms <= ms(until)).collect();
    let expected: Vec<u64> = runs.iter().map(|run| ms(*run)).collect();
    assert_eq!(found, expected, "{expression} in {zone:?} after {from}");
    let found = std::iter::successors(cron.until(ms(until)), |at_ms| cron.until(*at_ms - 1));
    let found: Vec<u64> = found.take_while(|at_ms| *at_ms > ms(from)).collect();
    assert!(
        found.iter().rev().eq(&expected),
        "{expression} in {zone:?} until {until}"
    );
    // Not only from an occurrence.
    let mut at_ms = ms(from);
    while at_ms < ms(until) {
        let passed = expected.partition_point(|run| *run <= at_ms);
        if let Some(next) = expected.get(passed) {
            assert_eq!(cron.after(at_ms), Some(*next), "{expression} {zone:?}");
        }
        if let Some(last) = passed.checked_sub(1) {
            let last = expected[last];
            assert_eq!(cron.until(at_ms), Some(last), "{expression} {zone:?}");
        }
        at_ms += 1_207_123;
    }
}

#[test]
fn two_times_a_day_each_come_once() {
    // In Berlin clocks go from 02:00 to 03:00 on 2027-03-28, and back from 03:00 to 02:00 on
    // 2026-10-25.
    assert_times(
        "0 2,14 28 3 *",
        "Europe/Berlin",
        "2027-03-01T00:00:00Z",
        &[
            "2027-03-28T01:00:00Z",
            "2027-03-28T12:00:00Z",
            "2028-03-28T00:00:00Z",
        ],
    );
    assert_times(
        "30 2,14 25 10 *",
        "Europe/Berlin",
        "2026-10-01T00:00:00Z",
        &[
            "2026-10-25T00:30:00Z",
            "2026-10-25T13:30:00Z",
            "2027-10-25T00:30:00Z",
        ],
    );
}

#[test]
fn other_changes_than_an_hour_in_the_night() {
    // By 30 minutes, on Lord Howe Island: 02:00 to 02:30, and 02:00 back to 01:30.
    assert_times(
        "15 2 * * *",
        "Australia/Lord_Howe",
        "2026-10-02T20:00:00Z",
        &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    );
    assert_times(
        "45 1 * * *",
        "Australia/Lord_Howe",
        "2026-04-03T20:00:00Z",
        &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    );
    // From midnight on, in Santiago and Beirut: the day begins at 01:00.
    assert_times(
        "0 0 6 9 *",
        "America/Santiago",
        "2026-09-01T00:00:00Z",
        &["2026-09-06T04:00:00Z"],
    );
    assert_times(
        "@daily",
        "Asia/Beirut",
        "2026-03-28T00:00:00Z",
        &["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"],
    );
    // Before midnight again, in Santiago: 23:30 comes twice on 2026-04-04.
    assert_times(
        "30 23 * * *",
        "America/Santiago",
        "2026-04-04T12:00:00Z",
        &["2026-04-05T02:30:00Z", "2026-04-06T03:30:00Z"],
    );
    // Samoa skipped the whole 2011-12-30, which is too long to make up for.
    assert_times(
        "0 9 * * *",
        "Pacific/Apia",
        "2011-12-29T00:00:00Z",
        &["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z"],
    );
}

#[test]
fn what_goes_by_the_clock_leaves_out_what_it_leaves_out() {
    assert_times(
        "*/30 2 * * *",
        "Europe/Berlin",
        "2026-03-28T00:45:00Z",
        &[
            "2026-03-28T01:00:00Z",
            "2026-03-28T01:30:00Z",
            "2026-03-30T00:00:00Z",
        ],
    );
    assert_times(
        "*/30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T23:00:00Z",
        &[
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-26T01:00:00Z",
        ],
    );
}
