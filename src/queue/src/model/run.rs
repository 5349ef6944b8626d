//! The record of a run: one epoch of a task.

use crate::base::config::ERROR_MAX_BYTES;
use crate::base::digest::is_name;
use crate::base::guard::{Guard, enabled};
use crate::base::json::Json;
use crate::model::report::Report;
use crate::model::state::State;
use crate::model::task::Task;
use crate::store::record::{Validate, cut, is_epoch, is_slot, is_time, is_zero};
use serde::Deserialize;
use serde::Serialize;

/// One epoch of a task: its start mark and heartbeats while it runs, then its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The task's nonce, so that a final task is looked up without its home.
    pub nonce: String,
    /// The task's kind, so that a final task is counted without its home. Empty if nothing ran.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The epoch that ran. An adopted record keeps its own epoch.
    pub epoch: u64,
    /// The slot of the announcement that delivered the run. Rescue passes another announcement of
    /// the same epoch without counting it. 0 for epoch 0, and if a canceller ended the run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ticket: u64,
    /// The number of this attempt, from 1. 0 if nothing ran.
    pub attempt: u32,
    /// When it began, in milliseconds since 1970. 0 if nothing ran.
    #[serde(default)]
    pub started_ms: u64,
    /// When the first attempt began, in milliseconds since 1970. 0 if nothing ran.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub began_ms: u64,
    /// When the task could first have begun, in milliseconds since 1970. 0 if nothing ran.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub due_ms: u64,
    /// An earlier run was lost, perhaps with its instance. So this one is alone in its instance: a
    /// task that ends its instance then takes no others with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// How many parts of the task are done: how often it returned a checkpoint.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub part: u32,
    /// How often this attempt was snoozed.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub snoozes: u32,
    /// How many runs of the task were lost, of those that left a record.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub lost: u32,
    /// The errors of the attempts before this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<AttemptError>,
    /// The task's progress and log.
    #[serde(default, skip_serializing_if = "Report::is_empty")]
    pub report: Report,
    /// The checkpoint from which the next run continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Json>,
    /// Its state.
    pub state: RunState,
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Running. The last heartbeat came at this time.
    Running {
        /// Milliseconds since 1970.
        beat_ms: u64,
        /// When it counts as lost unless a heartbeat comes, in milliseconds since 1970.
        lost_ms: u64,
    },
    /// Final.
    Succeeded {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// The task's result.
        result: Json,
    },
    /// Final. The error of a failed attempt is the last of [`Run::errors`].
    Failed {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// The number of its entry in the failed list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed: Option<u64>,
    },
    /// Final. It has no time, since all its writers must write the same bytes.
    Cancelled,
    /// Final: nothing of the task had begun when its time to begin was over.
    Expired {
        /// When an owner noticed that, in milliseconds since 1970.
        ended_ms: u64,
    },
    /// The attempt failed or was snoozed, or its next part begins later: the task runs again. The
    /// error of a failed attempt is the last of [`Run::errors`].
    Retrying {
        /// When it runs again, in milliseconds since 1970.
        at_ms: u64,
        /// Whether the timer delivers it. Otherwise it was announced at once.
        timer: bool,
    },
    /// A turn of a workflow ended and waits for its members.
    Waiting {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// The current step.
        step: u64,
        /// The number of members of that step.
        of: u64,
        /// If a failed member ends the step: how many failures the turn examined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Continued: the next epoch goes on in the same attempt, from the checkpoint.
    Continued {
        /// Milliseconds since 1970.
        ended_ms: u64,
        /// The place at which the next run waits for its key. Without one it was announced at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parked: Option<Place>,
    },
}

/// A place in a waitlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The name of the waitlist.
    pub line: String,
    /// The number of the place, from 1.
    pub number: u64,
}

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptError {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended or was found lost, in milliseconds since 1970.
    pub ended_ms: u64,
    /// The error.
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
    /// Whether it is a run of this task. A store that lost writes gives out a slot a second time,
    /// and an instance that knows the first task may still write there.
    pub(crate) fn is_of(&self, task: &Task) -> bool {
        self.nonce == task.nonce || !enabled(Guard::OnlyOwnRuns)
    }

    /// The outcome that every instance writes that finds a cancel request before epoch 0 began.
    pub(crate) fn cancelled_before_start(nonce: &str) -> Self {
        Self::unstarted(nonce, 0, RunState::Cancelled)
    }

    /// The outcome that an epoch's owner writes for a task that may not begin any more.
    pub(crate) fn expired_before_start(nonce: &str, epoch: u64, ended_ms: u64) -> Self {
        Self::unstarted(nonce, epoch, RunState::Expired { ended_ms })
    }

    fn unstarted(nonce: &str, epoch: u64, state: RunState) -> Self {
        Self {
            nonce: nonce.to_owned(),
            kind: String::new(),
            epoch,
            ticket: 0,
            attempt: 0,
            started_ms: 0,
            began_ms: 0,
            due_ms: 0,
            alone: false,
            part: 0,
            snoozes: 0,
            lost: 0,
            errors: Vec::new(),
            report: Report::default(),
            checkpoint: None,
            state,
        }
    }

    /// The slot that delivered the run. Epoch 0 has none of its own.
    pub(crate) fn delivered_by(&self) -> Option<u64> {
        (self.epoch > 0).then_some(self.ticket)
    }

    /// Whether nothing of the task began up to this run.
    pub(crate) fn is_unstarted(&self) -> bool {
        self.attempt == 0
    }

    /// Why its attempt failed: it returned an error, or another fault ended it.
    pub fn failure(&self) -> Option<&AttemptError> {
        self.errors.last().filter(|e| e.attempt == self.attempt)
    }

    /// Whether this latest run of a task that is claimed again was lost alone.
    pub(crate) fn was_lost_alone(&self) -> bool {
        self.alone && matches!(self.state, RunState::Running { .. })
    }

    /// Whether this outcome never changes once it is decided.
    pub fn is_final(&self) -> bool {
        self.final_state().is_some()
    }

    /// The state of the task if this outcome is decided and final.
    pub(crate) fn final_state(&self) -> Option<State> {
        match self.state {
            RunState::Succeeded { .. } => Some(State::Succeeded),
            RunState::Failed { .. } => Some(State::Failed),
            RunState::Cancelled => Some(State::Cancelled),
            RunState::Expired { .. } => Some(State::Expired),
            _ => None,
        }
    }

    /// When the task became final, if known.
    pub fn ended_ms(&self) -> Option<u64> {
        match self.state {
            RunState::Succeeded { ended_ms, .. }
            | RunState::Failed { ended_ms, .. }
            | RunState::Expired { ended_ms } => Some(ended_ms),
            _ => None,
        }
    }

    /// The place at which the next run waits for its key.
    pub(crate) fn parked(&self) -> Option<&Place> {
        match &self.state {
            RunState::Continued { parked, .. } => parked.as_ref(),
            _ => None,
        }
    }

    /// The number of its entry in the failed list.
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
