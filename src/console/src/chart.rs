//! Charts of a queue's history, drawn on the server.

use crate::model::Bucket;
use crate::words;

const WIDTH: u64 = 600;
const HEIGHT: u64 = 80;

/// A bar of a chart: what succeeded, and above it what failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub x: u64,
    pub width: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub title: String,
}

impl Bar {
    pub(crate) fn failed_y(&self) -> u64 {
        HEIGHT - self.succeeded - self.failed
    }

    pub(crate) fn succeeded_y(&self) -> u64 {
        HEIGHT - self.succeeded
    }
}

/// The numbers of a bucket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub time: String,
    pub succeeded: u64,
    pub failed: u64,
    pub attempts_failed: u64,
    pub wait: Option<String>,
}

impl Row {
    fn of(bucket: &Bucket) -> Self {
        Self {
            time: words::clock(bucket.from),
            succeeded: bucket.succeeded,
            failed: bucket.failed,
            attempts_failed: bucket.attempts_failed,
            wait: bucket.wait_ms.map(words::span),
        }
    }
}

/// What ended in the last hour or day, and how long tasks waited.
#[derive(Debug, Default)]
pub(crate) struct Chart {
    pub what: &'static str,
    pub bars: Vec<Bar>,
    /// The lines of mean waits, each the points of buckets that follow one another.
    pub waits: Vec<String>,
    /// The same in numbers.
    pub rows: Vec<Row>,
    pub succeeded: u64,
    pub failed: u64,
    pub attempts_failed: u64,
    /// The longest mean wait, in words.
    pub wait: Option<String>,
}

impl Chart {
    /// Draws `count` buckets of `length_ms` each, up to now. Those without anything may be missing.
    pub(crate) fn of(
        what: &'static str,
        buckets: &[Bucket],
        (count, length_ms): (u64, u64),
        now_ms: u64,
    ) -> Self {
        let last = now_ms / length_ms;
        let first = (last + 1).saturating_sub(count);
        let shown = buckets.iter().filter_map(|bucket| {
            let place = bucket.from.ms / length_ms;
            (first..=last)
                .contains(&place)
                .then(|| (place - first, bucket))
        });
        let shown: Vec<_> = shown.collect();
        let sum = |bucket: &Bucket| bucket.succeeded.saturating_add(bucket.failed);
        let most = shown
            .iter()
            .map(|(_, bucket)| sum(bucket))
            .max()
            .unwrap_or(0)
            .max(1);
        let longest = shown.iter().filter_map(|(_, bucket)| bucket.wait_ms).max();
        let width = WIDTH / count;
        // As numbers that can't overflow, and whatever is there is seen.
        let height = |n: u64, of: u64| match n {
            0 => 0,
            n => ((n as f64 / of as f64 * HEIGHT as f64) as u64).clamp(1, HEIGHT),
        };
        let bars = shown
            .iter()
            .filter(|(_, bucket)| sum(bucket) > 0)
            .map(|(place, bucket)| {
                let succeeded = height(bucket.succeeded, most);
                let time = words::clock(bucket.from);
                Bar {
                    x: place * width,
                    width: width - 1,
                    succeeded,
                    failed: height(bucket.failed, most).min(HEIGHT - succeeded),
                    title: format!(
                        "{time}: {} succeeded, {} failed",
                        bucket.succeeded, bucket.failed
                    ),
                }
            });
        let points = shown.iter().filter_map(|(place, bucket)| {
            let y = HEIGHT - height(bucket.wait_ms?, longest.unwrap_or(0).max(1));
            Some((*place, y))
        });
        let total = |of: fn(&Bucket) -> u64| {
            shown
                .iter()
                .fold(0, |sum: u64, (_, bucket)| sum.saturating_add(of(bucket)))
        };
        Self {
            what,
            bars: bars.collect(),
            waits: lines(points, width),
            rows: shown.iter().map(|(_, bucket)| Row::of(bucket)).collect(),
            succeeded: total(|bucket| bucket.succeeded),
            failed: total(|bucket| bucket.failed),
            attempts_failed: total(|bucket| bucket.attempts_failed),
            wait: longest.map(words::span),
        }
    }
}

/// The points of a line for each row of places without a gap. A place alone has a line of its own
/// width.
fn lines(points: impl Iterator<Item = (u64, u64)>, width: u64) -> Vec<String> {
    let mut lines: Vec<Vec<(u64, u64)>> = Vec::new();
    for (place, y) in points {
        match lines.last_mut() {
            Some(line) if line.last().is_some_and(|(last, _)| last + 1 == place) => {
                line.push((place, y));
            }
            _ => lines.push(vec![(place, y)]),
        }
    }
    let texts = lines.iter().map(|line| match line[..] {
        [(place, y)] => {
            let x = place * width;
            format!("{x},{y} {},{y}", x + width)
        }
        _ => {
            let points = line.iter();
            let points = points.map(|(place, y)| format!("{},{y}", place * width + width / 2));
            points.collect::<Vec<_>>().join(" ")
        }
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use handoff_wire::Time;

    fn bucket(ms: u64, succeeded: u64, failed: u64, wait_ms: Option<u64>) -> Bucket {
        Bucket {
            from: Time { ms },
            succeeded,
            failed,
            attempts_failed: 2,
            wait_ms,
        }
    }

    #[test]
    fn buckets_stand_where_their_time_is() {
        const MINUTE: u64 = 60_000;
        let now_ms = 100 * MINUTE + 5;
        let buckets = [
            bucket(20 * MINUTE, 9, 9, None),
            bucket(41 * MINUTE, 0, 1, None),
            bucket(100 * MINUTE, 30, 10, Some(2_000)),
        ];
        let chart = Chart::of("the last hour", &buckets, (60, MINUTE), now_ms);
        let bars: Vec<_> = chart
            .bars
            .iter()
            .map(|bar| (bar.x, bar.succeeded, bar.failed))
            .collect();
        assert_eq!(bars, [(0, 0, 2), (590, 60, 20)], "one is too old");
        assert_eq!((chart.succeeded, chart.failed), (30, 11));
        assert_eq!(
            (chart.waits, chart.wait.as_deref()),
            (vec!["590,0 600,0".to_owned()], Some("2.0 s"))
        );
        assert_eq!(chart.attempts_failed, 4);
        let last = chart.rows.last().expect("a row");
        assert_eq!((last.succeeded, last.attempts_failed), (30, 2));
        assert_eq!(last.wait.as_deref(), Some("2.0 s"));
        let huge = [bucket(100 * MINUTE, u64::MAX, u64::MAX, Some(u64::MAX))];
        let chart = Chart::of("the last hour", &huge, (60, MINUTE), now_ms);
        assert_eq!(chart.bars[0].failed_y(), 0);
    }
    #[test]
    fn no_line_crosses_what_is_not_known() {
        let points = [(1, 5), (2, 6), (4, 7), (6, 8), (7, 9)];
        assert_eq!(
            lines(points.into_iter(), 10),
            ["15,5 25,6", "40,7 50,7", "65,8 75,9"]
        );
    }
}
