//! What a scenario waits for and checks.

use super::{MINUTE_MS, Stage};
use crate::counters;
use crate::model::watch;
use handoff_queue::{MemberView, State, TaskId};

impl Stage {
    /// Waits until a check holds, with a request every 5 s, despite any deaths. At the latest it
    /// holds when all stalled instances are back and all leases are over.
    pub(crate) fn comes_to_be(&self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        const MOST_MS: u64 = 5 * MINUTE_MS;
        self.faults_off();
        let end_ms = self.now_ms() + MOST_MS;
        while !is(self) && self.points.noticed.borrow().is_none() {
            if self.now_ms() >= end_ms {
                self.notices(what);
            }
            self.run_with_ticks(5_000, 5_000);
        }
    }

    /// Checks what must hold by now without faults.
    pub(crate) fn is_so_far(&self, what: &str, is: impl FnOnce(&Self) -> bool) {
        if self.points.faults.is_empty() && !is(self) {
            self.notices(what);
        }
    }

    fn notices(&self, what: &str) {
        *self.points.noticed.borrow_mut() = Some((None, what.to_owned()));
    }

    /// Checks that no counter of the metrics fell.
    pub(crate) fn sees_counters(&self) {
        let seen = counters::look(&self.sim.watcher(), &self.load);
        let mut noticed = self.points.noticed.borrow_mut();
        *noticed = noticed.take().or(seen.err());
    }

    /// Whether the follow-ups of all tasks that were seen final have begun.
    pub(crate) fn all_followed(&self) -> bool {
        let asked = self.load.asked();
        let mut ended = asked.iter().filter(|asked| asked.cancelled.get());
        ended.all(|asked| {
            let follow = asked.follow.as_deref();
            follow.is_none_or(|name| !self.sim.began(name).is_empty())
        })
    }

    /// The members of the only workflow.
    pub(crate) fn members(&self) -> Vec<(TaskId, State)> {
        let Some(workflow) = self.load.asked().first().map(|asked| asked.id.clone()) else {
            return Vec::new();
        };
        let members = self
            .sim
            .wait(|queue| async move { queue.members(&workflow, 0, 100).await.unwrap() });
        let members = members.map(|members| members.0).unwrap_or_default();
        let task = |member: MemberView| member.task.map(|(id, view)| (id, view.unwrap().state));
        members.into_iter().filter_map(task).collect()
    }

    /// The longest time until a task that does not end its instance began for the last time.
    pub(crate) fn longest_wait_ms(&self) -> u64 {
        let asked = self.load.asked();
        let harmless = asked
            .iter()
            .filter(|asked| !asked.args.to_string().contains("traps"));
        let waits = harmless.filter_map(|asked| {
            let last = self.sim.began(&asked.name).pop()?;
            Some(last.at_ms.saturating_sub(asked.asked_ms))
        });
        waits.max().unwrap_or_default()
    }

    /// Asserts that all tasks are final, though nothing more was done for them.
    pub(crate) fn sees_all_final_by_now(&self) {
        let seen = watch(&self.sim, &self.load);
        assert!(seen.is_ok(), "{seen:?}");
        let open = self.load.open();
        assert!(open.is_empty(), "ticks are not enough for {open:?}");
    }

    /// Waits until all tasks were seen final, before their retention is over.
    pub(crate) fn sees_all_final(&self) {
        self.run_with_ticks(MINUTE_MS, 5_000);
        let seen = watch(&self.sim, &self.load);
        assert!(seen.is_ok(), "{seen:?}");
    }
}
