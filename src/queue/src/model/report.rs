//! A task's report while it runs. It is a part of the run's record, so it is written with
//! heartbeats and outcomes only.

use crate::base::config::{LOG_LINE_MAX_BYTES, LOG_LINES_MAX, PROGRESS_MAX_BYTES};
use crate::base::json::Json;
use crate::store::record::{Validate, cut, is_time};
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

/// The progress and the log of a task, kept across attempts. A task that reports nothing has none
/// of this in its record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The latest progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Json>,
    /// The message of that progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How often progress and message changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes: u64,
    /// The last log lines, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
    /// The number of earlier lines, which are no longer kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub logs_dropped: u64,
}

/// A log line of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its time, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// Its text.
    pub message: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Validate for Report {
    fn is_valid(&self) -> bool {
        let lines = self.logs.len() <= LOG_LINES_MAX && self.logs.iter().all(|l| is_time(l.at_ms));
        lines
            && [self.changes, self.logs_dropped]
                .iter()
                .all(|n| *n < 1 << 53)
    }
}

impl Report {
    /// Sets the progress. A progress that is too large is replaced by a note that says so.
    pub(crate) fn set_progress(&mut self, progress: Json, message: Option<&str>) {
        let bytes = progress.bytes();
        let refused = if bytes > PROGRESS_MAX_BYTES {
            Some(format!(
                "{bytes} bytes of JSON; {PROGRESS_MAX_BYTES} are allowed"
            ))
        } else {
            progress.flaw().map(|flaw| format!("it is {flaw}"))
        };
        let progress = match refused {
            Some(reason) => json!(format!("not shown: {reason}")).into(),
            None => progress,
        };
        let message = message.map(|m| cut(m, LOG_LINE_MAX_BYTES));
        if self.progress.as_ref() != Some(&progress) || self.message != message {
            self.progress = Some(progress);
            self.message = message;
            self.changes += 1;
        }
    }

    /// Sets the words about the progress.
    pub(crate) fn set_message(&mut self, message: &str) {
        let message = Some(cut(message, LOG_LINE_MAX_BYTES));
        if self.message != message {
            self.message = message;
            self.changes += 1;
        }
    }

    /// Adds a line. If there are too many, the oldest goes.
    pub(crate) fn log(&mut self, at_ms: u64, attempt: u32, line: &str) {
        if self.logs.len() >= LOG_LINES_MAX {
            self.logs.remove(0);
            self.logs_dropped += 1;
        }
        self.logs.push(LogLine {
            at_ms,
            attempt,
            message: cut(line, LOG_LINE_MAX_BYTES),
        });
    }

    /// Whether the task reported nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The number of all lines so far.
    pub fn lines(&self) -> u64 {
        self.logs_dropped + self.logs.len() as u64
    }

    /// Whether `later`, a continuation of this report, holds nothing more.
    pub(crate) fn says_as_much_as(&self, later: &Self) -> bool {
        (self.changes, self.lines()) == (later.changes, later.lines())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_is_bounded() {
        let mut report = Report::default();
        let most = PROGRESS_MAX_BYTES as usize;
        let fits = Json::from(json!("x".repeat(most - 2)));
        report.set_progress(fits.clone(), None);
        assert_eq!(report.progress, Some(fits));
        report.set_progress(json!("x".repeat(most - 1)).into(), None);
        let expected = json!("not shown: 16385 bytes of JSON; 16384 are allowed");
        assert_eq!(report.progress, Some(expected.into()));
    }

    #[test]
    fn the_last_lines_are_kept_and_the_others_counted() {
        let mut report = Report::default();
        for i in 0..LOG_LINES_MAX as u64 + 7 {
            report.log(i, 1, &format!("line {i}"));
            assert_eq!(report.lines(), i + 1);
        }
        assert_eq!((report.logs.len(), report.logs_dropped), (LOG_LINES_MAX, 7));
        assert_eq!(report.logs[0].message, "line 7");
        report.log(0, 1, &"é".repeat(LOG_LINE_MAX_BYTES));
        let last = &report.logs[LOG_LINES_MAX - 1].message;
        assert!(last.len() <= LOG_LINE_MAX_BYTES + 4 && last.ends_with(" …"));
        assert!(report.is_valid());
    }

    #[test]
    fn the_same_again_is_no_change() {
        let mut report = Report::default();
        let before = report.clone();
        for (message, changes) in [
            (None, 1),
            (None, 1),
            (Some("a"), 2),
            (Some("a"), 2),
            (None, 3),
        ] {
            report.set_progress(json!(0.5).into(), message);
            assert_eq!(report.changes, changes);
        }
        assert!(!before.says_as_much_as(&report) && report.says_as_much_as(&report));
    }

    #[test]
    fn who_says_nothing_has_nothing_in_the_record() {
        let json = serde_json::to_string(&Report::default());
        assert_eq!(json.ok().as_deref(), Some("{}"));
    }
}
