//! Watching a task: what changed since a position. Everything comes from the task's record. So an
//! observer can go on at another instance with nothing but its position.

use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::model::report::{LogLine, Report};
use crate::model::state::{PHASES, Phase, RunStep};
use crate::requests::wait::{Pusher, pause_ms};
use crate::runs::view::{TaskView, Views};
use crate::store::contract::Store;
use crate::store::core::Core;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use std::fmt;
use std::str::FromStr;

mechanism!(
    /// Watching tasks.
    Watches
);

/// The position of an observer of a task. Its text is four numbers with dashes between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    step: RunStep,
    /// [`Report::changes`].
    changes: u64,
    /// [`Report::lines`].
    lines: u64,
}

/// An event of a task.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The task is in another state, or began again.
    State(&'a TaskView),
    /// The task reported progress.
    Progress(&'a Report),
    /// The task logged a line.
    Log(&'a LogLine),
}

impl Seen {
    /// Whether `view` holds something new.
    pub fn misses(&self, view: &TaskView) -> bool {
        self.step < view.step
            || self.changes < view.report.changes
            || self.lines < view.report.lines()
    }

    /// Returns the new events in a sensible order, each with the position behind it. It skips lines
    /// that are no longer kept.
    pub fn catch_up<'a>(&mut self, view: &'a TaskView) -> Vec<(Self, Event<'a>)> {
        let mut events = Vec::new();
        let changed = self.step < view.step;
        // A run's reports come after its begin and before its end.
        let ended = view.step.phase == Phase::Ended;
        if changed && !ended {
            self.step = view.step;
            events.push((*self, Event::State(view)));
        }
        let report = &view.report;
        for (number, line) in (report.logs_dropped + 1..).zip(&report.logs) {
            if number > self.lines {
                self.lines = number;
                events.push((*self, Event::Log(line)));
            }
        }
        if report.changes > self.changes {
            self.changes = report.changes;
            events.push((*self, Event::Progress(report)));
        }
        if changed && ended {
            self.step = view.step;
            events.push((*self, Event::State(view)));
        }
        events
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunStep { epoch, phase } = self.step;
        let phase = phase as u64;
        write!(f, "{epoch}-{phase}-{}-{}", self.changes, self.lines)
    }
}

impl FromStr for Seen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not =
            || format!("{text:?} is not the id of an event; repeat the last one as it was sent");
        let number = |part: &str| match part.parse::<u64>() {
            // Accept a number only as it is written here.
            Ok(number) if number.to_string() == part => Ok(number),
            _ => Err(not()),
        };
        let parts: Vec<_> = text.split('-').map(number).collect::<Result<_, _>>()?;
        let [epoch, phase, changes, lines] = parts[..] else {
            return Err(not());
        };
        let phase = usize::try_from(phase).ok().and_then(|i| PHASES.get(i));
        let phase = *phase.ok_or_else(not)?;
        Ok(Self {
            step: RunStep { epoch, phase },
            changes,
            lines,
        })
    }
}

/// An observer of a task.
pub struct Watch {
    id: TaskId,
    view: TaskView,
    seen: Seen,
    /// The time of the last event.
    news_ms: u64,
    pusher: Pusher,
}

impl Watch {
    /// The task's id.
    pub fn id(&self) -> &TaskId {
        &self.id
    }

    /// Whether the observer has seen everything, and nothing follows.
    pub fn is_over(&self) -> bool {
        self.view.state.is_final() && !self.seen.misses(&self.view)
    }

    /// Returns the new events, at once or within `wait_ms`. Returns none if nothing happened by
    /// then.
    pub(crate) async fn next_in<S: Store, E: Env>(
        &mut self,
        queue: &Core<S, E>,
        wait_ms: u64,
    ) -> Result<Vec<(Seen, Event<'_>)>, QueueError> {
        let env = queue.env();
        let end_ms = env.now_ms() + wait_ms;
        while !self.seen.misses(&self.view) {
            let now_ms = env.now_ms();
            if now_ms >= end_ms || self.view.state.is_final() {
                return Ok(Vec::new());
            }
            let pause_ms = pause_ms(now_ms.saturating_sub(self.news_ms));
            env.sleep_ms(pause_ms.min(end_ms.saturating_sub(now_ms)))
                .await;
            self.view = Views::of(queue).view_again(&self.id, &self.view).await?;
            self.pusher.push(queue).await?;
        }
        self.news_ms = env.now_ms();
        Ok(self.seen.catch_up(&self.view))
    }
}

impl<S: Store, E: Env> Watches<'_, S, E> {
    /// Watches a task from a position on. Returns `None` if no task has this id.
    pub(crate) async fn watch(&self, id: &TaskId, seen: Seen) -> Result<Option<Watch>, QueueError> {
        let now_ms = self.env.now_ms();
        let view = Views::of(self).view(id).await?;
        Ok(view.map(|view| Watch {
            id: id.clone(),
            view,
            seen,
            news_ms: now_ms,
            pusher: Pusher::new(now_ms),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        let seen: Seen = "7-3-12-104".parse().expect("a position");
        assert_eq!(seen.to_string(), "7-3-12-104");
        assert_eq!("0-0-0-0".parse(), Ok(Seen::default()));
        for text in [
            "",
            "1",
            "1-2-3",
            "1-2-3-4-5",
            "1-6-3-4",
            "01-2-3-4",
            "+1-2-3-4",
            "-1-2-3-4",
            "a-2-3-4",
            "1-2-3-99999999999999999999",
            "1-2-3-4 ",
            "1-2--4",
        ] {
            let refused = text.parse::<Seen>();
            assert!(refused.is_err_and(|e| e.contains(text)), "{text:?}");
        }
    }
}
