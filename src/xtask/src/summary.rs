//! What `cargo xtask test` did: each step with its time, and what was skipped.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::step;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Summary {
    steps: Vec<(&'static str, bool, Duration)>,
    skipped: Vec<String>,
}

impl Summary {
    /// Runs a step.
    pub(crate) fn time(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let (outcome, time) = timed(step);
        self.add(name, outcome, time)
    }

    /// Notes a step that has ended.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        outcome: Result<()>,
        time: Duration,
    ) -> Result<()> {
        self.steps.push((name, outcome.is_ok(), time));
        outcome
    }

    /// Notes what this machine can't do, or nobody asked for.
    pub(crate) fn skip(&mut self, what: &str, reason: &str) {
        self.skipped.push(format!("{what}: {reason}"));
    }

    /// Prints all of them.
    pub(crate) fn print(&self) {
        println!("==> summary");
        for (name, passed, time) in &self.steps {
            let word = if *passed { "ok" } else { "FAILED" };
            println!("    {word:8}{name:26}{:>9}", step::seconds(*time));
        }
        for skipped in &self.skipped {
            println!("    SKIPPED {skipped}");
        }
    }
}

/// What a step gives, and how long it took.
pub(crate) fn timed(step: impl FnOnce() -> Result<()>) -> (Result<()>, Duration) {
    let start = Instant::now();
    (step(), start.elapsed())
}
