//! The stage: where a scenario is played, with its faults.

mod checks;
mod points;
mod requests;
mod trouble;

pub(crate) use points::{Fault, Place, Points, SHORT_MS, is_of_a_task};

use super::load::{Load, Mix};
use super::model::glance;
use crate::support::{Action, Call, Sim, parts};
use handoff_queue::{Wake, WorkerLimits};
use std::cell::Cell;
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;

/// Where a scenario is played.
pub(crate) struct Stage {
    pub sim: Sim,
    pub load: Rc<Load>,
    pub points: Rc<Points>,
}

impl Stage {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        let points = Points {
            open: Cell::new(true),
            faults: faults.to_vec(),
            ..Points::default()
        };
        let stage = Self {
            sim: Sim::new(1),
            load: Load::new(Mix::default()),
            points: Rc::new(points),
        };
        stage.script(|_, _| Action::Pass);
        stage
    }

    /// Scripts calls besides the faults. In races it also checks what a client sees between any two
    /// calls.
    pub(crate) fn script(&self, mut scenario: impl FnMut(&Call<'_>, &Points) -> Action + 'static) {
        let (points, load) = (self.points.clone(), self.load.clone());
        let queue = self.sim.watcher();
        self.sim.world.faults.script_that_may_pass(move |call| {
            if points.held.borrow().is_some() && points.noticed.borrow().is_none() {
                *points.noticed.borrow_mut() = glance(&queue, &load.asked(), call.now_ms).err();
            }
            match scenario(call, &points) {
                Action::Pass => points.next(call),
                action => action,
            }
        });
    }

    /// From now on calls are places of faults.
    pub(crate) fn faults_on(&self) {
        self.points.open.set(true);
    }

    /// From now on calls are no places.
    pub(crate) fn faults_off(&self) {
        self.points.open.set(false);
    }

    /// Places are the calls of workers before the first outcome: the timer entry comes before.
    pub(crate) fn places_until_outcome(&self) {
        let mut ended = false;
        self.script(move |call, points| {
            ended |= parts(call.key).0 == "o";
            points.open.set(call.by_worker() && !ended);
            Action::Pass
        });
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.sim.now_ms()
    }

    pub(crate) fn run_for(&self, ms: u64) {
        self.sim.run_for(ms);
    }

    /// Whether nobody else wakes workers.
    pub(crate) fn only_ticks_wake(&self, only: bool) {
        let per_mille = if only { 1_000 } else { 0 };
        self.sim.world.faults.wake_fails.set(per_mille);
    }

    /// A tick that wakes a worker itself.
    pub(crate) fn tick_wakes(&self) {
        _ = self.sim.world.spawn_worker(Wake::Keep);
    }

    pub(crate) fn run_with_ticks(&self, ms: u64, every_ms: u64) {
        self.sim.run_with_ticks(ms, every_ms);
    }

    /// Lets time pass until `before_ms` before the end of this window, minute or day.
    pub(crate) fn run_to_end_of(&self, period_ms: u64, before_ms: u64) {
        let left_ms = period_ms - self.now_ms() % period_ms;
        self.run_for(left_ms - before_ms);
    }

    /// Goes on without places, with a request every 5 s.
    pub(crate) fn goes_on(&self, ms: u64) {
        self.faults_off();
        self.run_with_ticks(ms, 5_000);
    }

    /// Changes the limits of the workers that start from now on.
    pub(crate) fn worker_limits(&self, change: impl FnOnce(&mut WorkerLimits)) {
        let mut limits = self.sim.world.limits.get();
        change(&mut limits);
        self.sim.world.limits.set(limits);
    }
}
