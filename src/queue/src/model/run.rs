//! The record of a run: one epoch of a task.

use crate::base::config::ERROR_MAX_BYTES;
use crate::base::digest::is_name;
use crate::base::json::Json;
use crate::model::report::Report;
use crate::store::record::{Validate, cut, is_epoch, is_slot, is_time, is_zero};
use serde::Deserialize;
use serde::Serialize;

/// One epoch of a task: its start mark and heartbeats while it runs, then its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The task's nonce, so that a final task is looked up without its home.
    pub nonce: String,
    /// The epoch that ran. Adopted records keep the epoch that they come from.
    pub epoch: u64,
    /// The slot of the announcement by which it was delivered: another one of the same epoch is passed and not counted. 0 of
    /// epoch 0, and where a canceller ended it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ticket: u64,
    /// Which attempt this is, from 1. 0 if nothing ran.
    pub attempt: u32,
    /// When it began, in milliseconds since 1970. 0 if nothing ran.
    #[serde(default)]
    pub started_ms: u64,
    /// When the task could first have begun, in milliseconds since 1970. 0 if nothing ran.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub due_ms: u64,
    /// An earlier run was lost, perhaps with its instance: this one gets an instance of its own, so that a task which kills
    /// instances takes no others with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// How often this attempt was put off.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub snoozes: u32,
    /// What the attempts before this one failed with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<AttemptError>,
    /// What the task said while it ran.
    #[serde(default, skip_serializing_if = "Report::is_empty")]
    pub report: Report,
    /// Where the next run goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Json>,
    /// How it stands.
    pub state: RunState,
}

/// How an epoch stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Marked as begun, last heard of at this time.
    Running {
        /// Milliseconds since 1970.
        beat_ms: u64,
        /// It counts as lost then, unless it is heard of again. In milliseconds since 1970.
        lost_ms: u64,
    },
    /// Final.
    Succeeded {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// What the task returned.
        result: Json,
    },
    /// Final. The error is the last of [`Run::errors`].
    Failed {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// Its number in the list of failed tasks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed: Option<u64>,
    },
    /// Final. Without a time, since whoever writes it must write the same bytes.
    Cancelled,
    /// Final: nothing of it had begun when it was not to begin any more.
    Expired {
        /// When that was found, in milliseconds since 1970.
        ended_ms: u64,
    },
    /// Failed, and another attempt follows. The error is the last of [`Run::errors`].
    Retrying {
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// The timer delivers it; otherwise it was announced at once.
        timer: bool,
    },
    /// A turn of a workflow that has nothing to do until its members have ended.
    Waiting {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// The step that it is in.
        step: u64,
        /// How many members that has.
        of: u64,
        /// If a failure among them ends it: how many it looked into.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Stored its checkpoint and went back to the queue.
    Continued {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// Where the next run waits for its key. Otherwise it was announced at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parked: Option<Place>,
    },
}

/// A place in a line of tasks with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The name of the line.
    pub line: String,
    /// The number in it, from 1.
    pub number: u64,
}

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptError {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended or was found lost, in milliseconds since 1970.
    pub ended_ms: u64,
    /// What went wrong.
    pub error: String,
}

impl Validate for Run {
    fn is_valid(&self) -> bool {
        let at_ms = match self.state {
            RunState::Running { lost_ms: ms, .. }
            | RunState::Succeeded { ended_ms: ms, .. }
            | RunState::Failed { ended_ms: ms, .. }
            | RunState::Expired { ended_ms: ms }
            | RunState::Retrying { at_ms: ms, .. }
            | RunState::Waiting { ended_ms: ms, .. }
            | RunState::Continued { ended_ms: ms, .. } => ms,
            RunState::Cancelled => 0,
        };
        let times = [self.started_ms, self.due_ms, at_ms];
        let numbers = self.listed().into_iter();
        let mut numbers = numbers.chain(self.parked().map(|place| place.number));
        let listed = numbers.all(is_slot) && self.parked().is_none_or(|p| is_name(&p.line));
        let sound = is_epoch(self.epoch) && times.into_iter().all(is_time);
        sound && listed && self.report.is_valid()
    }
}

impl Run {
    /// What everybody writes who finds the cancel flag before epoch 0 began.
    pub(crate) fn cancelled_before_start(nonce: &str) -> Self {
        Self::unstarted(nonce, 0, RunState::Cancelled)
    }

    /// What the owner of an epoch writes whose task may not begin any more.
    pub(crate) fn expired_before_start(nonce: &str, epoch: u64, ended_ms: u64) -> Self {
        Self::unstarted(nonce, epoch, RunState::Expired { ended_ms })
    }

    fn unstarted(nonce: &str, epoch: u64, state: RunState) -> Self {
        Self {
            nonce: nonce.to_owned(),
            epoch,
            ticket: 0,
            attempt: 0,
            started_ms: 0,
            due_ms: 0,
            alone: false,
            snoozes: 0,
            errors: Vec::new(),
            report: Report::default(),
            checkpoint: None,
            state,
        }
    }

    /// The ticket by which it was delivered: epoch 0 has none of its own.
    pub(crate) fn delivered_by(&self) -> Option<u64> {
        (self.epoch > 0).then_some(self.ticket)
    }

    /// Whether nothing of the task began up to here.
    pub(crate) fn is_unstarted(&self) -> bool {
        self.attempt == 0
    }

    /// Of the latest run of a task that is claimed anew: whether it was lost while it was alone in its instance.
    pub(crate) fn was_lost_alone(&self) -> bool {
        self.alone && matches!(self.state, RunState::Running { .. })
    }

    /// Whether this outcome never changes once it is decided.
    pub fn is_final(&self) -> bool {
        matches!(
            self.state,
            RunState::Succeeded { .. }
                | RunState::Failed { .. }
                | RunState::Cancelled
                | RunState::Expired { .. }
        )
    }

    /// When it became final, where that is known.
    pub fn ended_ms(&self) -> Option<u64> {
        match self.state {
            RunState::Succeeded { ended_ms, .. }
            | RunState::Failed { ended_ms, .. }
            | RunState::Expired { ended_ms } => Some(ended_ms),
            _ => None,
        }
    }

    /// Where the next run waits for its key.
    pub(crate) fn parked(&self) -> Option<&Place> {
        match &self.state {
            RunState::Continued { parked, .. } => parked.as_ref(),
            _ => None,
        }
    }

    /// Its number in the list of failed tasks.
    pub(crate) fn listed(&self) -> Option<u64> {
        match self.state {
            RunState::Failed { listed, .. } => listed,
            _ => None,
        }
    }

    pub(crate) fn fail_attempt(&mut self, ended_ms: u64, error: &str) {
        self.errors.push(AttemptError {
            attempt: self.attempt,
            started_ms: self.started_ms,
            ended_ms,
            error: cut(error, ERROR_MAX_BYTES),
        });
    }
}

fn is_none_yet(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::slot::Slot;
    use crate::model::task::Trace;
    use crate::store::error::QueueError;
    use crate::store::record::decode;
    use crate::store::record::encode;

    #[test]
    fn what_cannot_be_read_says_why() {
        let reason = |bytes: &[u8]| match decode::<Slot>("k", bytes) {
            Err(QueueError::Record { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        let newer = QueueError::Newer { key: "k".into() };
        assert_eq!(decode::<Slot>("k", b"2{}"), Err(newer));
        assert_eq!(reason(b""), "not a record");
        assert_eq!(reason(b"\xff\x00"), "not a record");
        assert!(reason(b"1{\"task\":{\"nonce\":\"ab").contains("EOF"));
        assert_eq!(decode::<Slot>("k", &encode(&Slot::Void)), Ok(Slot::Void));
    }

    #[test]
    fn a_trace_is_stored_only_if_there_is_one() {
        let old = br#"1{"task":{"nonce":"n","enqueued_ms":1,"spec":{"kind":"k","args":{},"timeout_ms":2,"retry":{"n":1,"i":1,"f":2.0,"m":3},"retention_ms":3}}}"#;
        let read = |bytes: &[u8]| match decode("k", bytes) {
            Ok(Slot::Task(task)) => *task,
            other => panic!("{other:?}"),
        };
        let mut task = read(old);
        assert_eq!(task.trace, None);
        assert_eq!(encode(&Slot::Task(Box::new(task.clone()))), old);
        for state in [None, Some("a=1".to_owned())] {
            let parent = "00-p".to_owned();
            task.spec.trace = Some(Trace { parent, state });
            assert_eq!(read(&encode(&Slot::Task(Box::new(task.clone())))), task);
        }
    }

    #[test]
    fn a_follow_up_has_the_bounds_of_a_task() {
        let retry = r#""retry":{"n":1,"i":1,"f":2.0,"m":3}"#;
        for (timeout_ms, sound) in [(60_000, true), (u64::MAX, false)] {
            let end = format!(r#"{{"kind":"k","args":{{}},"timeout_ms":{timeout_ms},{retry}}}"#);
            let task = format!(
                r#"1{{"task":{{"nonce":"n","enqueued_ms":1,"spec":{{"kind":"k","args":{{}},"timeout_ms":2,{retry},"retention_ms":3,"on_end":{end}}}}}}}"#
            );
            let read = decode::<Slot>("k", task.as_bytes());
            assert_eq!(read.is_ok(), sound, "{read:?}");
        }
    }

    #[test]
    fn a_failure_of_before_there_was_a_list_is_read() {
        let old = br#"1{"nonce":"n","epoch":0,"attempt":1,"started_ms":1,"state":{"failed":{"ended_ms":5}}}"#;
        let run: Run = decode("k", old).expect("it can be read");
        assert_eq!((run.listed(), run.ended_ms()), (None, Some(5)));
        assert_eq!(encode(&run), old);
    }

    #[test]
    fn long_errors_are_cut_between_characters() {
        let text = cut(&"é".repeat(ERROR_MAX_BYTES), ERROR_MAX_BYTES);
        assert!(text.len() <= ERROR_MAX_BYTES + 4 && text.ends_with(" …"));
        assert_eq!(cut("short", ERROR_MAX_BYTES), "short");
    }
}
