//! The stage: where a scenario is played, with its faults.

mod checks;
mod points;
mod requests;
mod trouble;

use super::load::{Load, Mix};
use super::model::glance;
use crate::support::{Action, Call, Sim};
pub use points::{Fault, Place, Points, SHORT_MS, is_of_a_task};
use std::cell::Cell;
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;

/// Where a scenario is played.
pub struct Stage {
    pub sim: Sim,
    pub load: Rc<Load>,
    pub points: Rc<Points>,
}

impl Stage {
    pub fn new(faults: &[Fault]) -> Self {
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
    pub fn script(&self, mut scenario: impl FnMut(&Call<'_>, &Points) -> Action + 'static) {
        let (points, load) = (self.points.clone(), self.load.clone());
        let queue = self.sim.watcher();
        self.sim.world.faults.script(move |call| {
            if points.held.borrow().is_some() && points.noticed.borrow().is_none() {
                *points.noticed.borrow_mut() = glance(&queue, &load.asked(), call.now_ms).err();
            }
            match scenario(call, &points) {
                Action::Pass => points.next(call),
                action => action,
            }
        });
    }

    /// Goes on without places, with a request every 5 s.
    pub fn goes_on(&self, ms: u64) {
        self.points.open.set(false);
        self.sim.run_with_ticks(ms, 5_000);
    }
}
