//! What `cargo xtask test` did: each step with its time, and what was skipped. Steps run beside each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::step;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Summary(Mutex<Steps>);

#[derive(Default)]
struct Steps {
    ended: Vec<(&'static str, bool, Duration)>,
    skipped: Vec<String>,
}

impl Summary {
    /// Runs a step.
    pub(crate) fn time(&self, name: &'static str, step: impl FnOnce() -> Result<()>) -> Result<()> {
        let start = Instant::now();
        let outcome = step();
        let ended = (name, outcome.is_ok(), start.elapsed());
        self.steps().ended.push(ended);
        outcome
    }

    /// Notes what this machine can't do, or nobody asked for.
    pub(crate) fn skip(&self, what: &str, reason: &str) {
        self.steps().skipped.push(format!("{what}: {reason}"));
    }

    /// Prints all of them.
    pub(crate) fn print(&self) {
        println!("==> summary");
        let steps = self.steps();
        for (name, passed, time) in &steps.ended {
            let word = if *passed { "ok" } else { "FAILED" };
            println!("    {word:8}{name:26}{:>9}", step::seconds(*time));
        }
        for skipped in &steps.skipped {
            println!("    SKIPPED {skipped}");
        }
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
