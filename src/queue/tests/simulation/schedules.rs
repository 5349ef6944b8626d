//! Schedules: requests, and checks of the tasks that they enqueue.

use super::model::Wrong;
use crate::support::{Instance, Sim, task};
use handoff_queue::{
    CLOCK_SLACK_MS, Missed, Overlap, Put, RETENTION_MIN_MS, Rule, Schedule, TaskSpec,
};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Within this time every due occurrence has its task, whichever instance died.
const SOON_MS: u64 = 15_000;

/// A request about a schedule.
struct Request {
    name: String,
    /// The interval of a put. `None` for a deletion.
    every_ms: Option<u64>,
    asked_ms: u64,
    /// When it was confirmed.
    done_ms: Cell<Option<u64>>,
    /// When its interval begins, as the answer said.
    put_ms: Cell<u64>,
    instance: Rc<Instance>,
}

#[derive(Default)]
pub(crate) struct Schedules {
    requests: RefCell<Vec<Rc<Request>>>,
}

/// A schedule whose tasks do what `args` say.
pub(crate) fn schedule(name: &str, every_ms: u64, args: serde_json::Value) -> Schedule {
    Schedule {
        name: name.to_owned(),
        rule: Rule::Every(every_ms),
        queue: "test".to_owned(),
        task: TaskSpec {
            timeout_ms: 5_000,
            retention_ms: RETENTION_MIN_MS,
            ..task(name, args)
        },
        expires_after_ms: None,
        overlap: Overlap::Queue,
        missed: Missed::Latest,
    }
}

impl Schedules {
    /// Whether any request was made.
    pub(crate) fn any(&self) -> bool {
        !self.requests.borrow().is_empty()
    }

    /// Makes one request of a client.
    pub(crate) fn step(&self, sim: &Sim) {
        let world = &sim.world;
        let name = format!("s{}", world.below(3));
        if self.is_busy(&name) {
            return;
        }
        if world.chance(400) {
            return self.delete(sim, &name);
        }
        let every_ms = [1_000, 2_000, 2_500, 11_000][world.below(4) as usize];
        let missed = [Missed::Skip, Missed::Latest, Missed::All][world.below(3) as usize];
        let args = json!({"sleep_ms": world.below(2) * 1_500});
        self.put(
            sim,
            Schedule {
                missed,
                ..schedule(&name, every_ms, args)
            },
        );
    }

    fn of(&self, name: &str) -> Vec<Rc<Request>> {
        let requests = self.requests.borrow();
        requests
            .iter()
            .filter(|r| r.name == name)
            .cloned()
            .collect()
    }

    /// Whether a request about this schedule may still take effect.
    fn is_busy(&self, name: &str) -> bool {
        self.of(name).iter().any(|r| r.instance.is_alive())
    }

    pub(crate) fn put(&self, sim: &Sim, schedule: Schedule) {
        let Rule::Every(every_ms) = schedule.rule else {
            panic!("an interval can be told from outside");
        };
        let name = schedule.name.clone();
        self.request(sim, &name, Some(every_ms), |queue, answered| async move {
            let Ok(Put::Done { view, receipt, .. }) = queue.put_schedule(schedule).await else {
                return;
            };
            answered(view.put_ms);
            let _ = queue.wake_for(&receipt, || 4).await;
        });
    }

    pub(crate) fn delete(&self, sim: &Sim, name: &str) {
        let gone = name.to_owned();
        self.request(sim, name, None, |queue, answered| async move {
            if queue.delete_schedule(&gone).await.is_ok() {
                answered(0);
            }
        });
    }

    fn request<F: Future<Output = ()> + 'static>(
        &self,
        sim: &Sim,
        name: &str,
        every_ms: Option<u64>,
        work: impl FnOnce(crate::support::SimQueue, Box<dyn FnOnce(u64)>) -> F,
    ) {
        let (world, asked_ms) = (sim.world.clone(), sim.now_ms());
        let noted: Rc<RefCell<Option<Rc<Request>>>> = Rc::default();
        let note = noted.clone();
        let answered = Box::new(move |put_ms| {
            let request = noted.take().unwrap();
            request.put_ms.set(put_ms);
            request.done_ms.set(Some(world.clock.now_ms()));
        });
        let spawned = sim.spawn(|_, queue| work(queue, answered));
        let request = Rc::new(Request {
            name: name.to_owned(),
            every_ms,
            asked_ms,
            done_ms: Cell::default(),
            put_ms: Cell::default(),
            instance: spawned.instance,
        });
        *note.borrow_mut() = Some(request.clone());
        self.requests.borrow_mut().push(request);
    }

    /// Deletes all schedules despite any failures.
    pub(crate) fn stop(&self, sim: &Sim) {
        let mut names: Vec<_> = self
            .requests
            .borrow()
            .iter()
            .map(|r| r.name.clone())
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            while self.is_busy(&name) {
                sim.run_for(1_000);
            }
            self.delete(sim, &name);
            let last = self.of(&name).pop().unwrap();
            last.instance.immune.set(true);
            assert!(sim.run_until(60_000, || last.done_ms.get().is_some()));
        }
    }

    /// Checks that every occurrence from `from_ms` on gets a task. Without further faults all go on
    /// for a while and are deleted.
    pub(crate) fn finish(&self, sim: &Sim, ticks: bool, from_ms: u64) -> Result<(), Wrong> {
        if self.requests.borrow().is_empty() {
            return Ok(());
        }
        let end_ms = sim.now_ms().max(from_ms) + 2 * SOON_MS;
        let pass = |end_ms: u64| {
            while sim.now_ms() < end_ms {
                sim.run_for(2_500);
                if ticks {
                    sim.tick();
                }
            }
        };
        pass(end_ms);
        if self.go_on(sim).is_err() {
            // A keeper that comes back late notes an older progress, until the next occurrence.
            pass(sim.now_ms() + SOON_MS);
            self.go_on(sim)?;
        }
        self.stop(sim);
        if ticks {
            sim.run_with_ticks(SOON_MS, 5_000);
        } else {
            sim.run_for(SOON_MS);
        }
        let requests = self.requests.borrow();
        for request in requests.iter() {
            let what = |what| (None, format!("schedule {}: {what}", request.name));
            self.judge(sim, request, from_ms).map_err(what)?;
        }
        Ok(())
    }

    /// Checks that every schedule that is shown occurs, unless its putter may have died in the
    /// middle.
    fn go_on(&self, sim: &Sim) -> Result<(), Wrong> {
        let views = sim.wait(|queue| async move { queue.schedules().await.unwrap().views });
        for view in views {
            let name = &view.schedule.name;
            let mut puts = self.of(name).into_iter().filter(|r| r.every_ms.is_some());
            let overdue = view.next_ms.is_none_or(|ms| ms + SOON_MS < sim.now_ms());
            if overdue && puts.all(|put| put.done_ms.get().is_some()) {
                return Err((None, format!("schedule {name} does not go on: {view:?}")));
            }
        }
        Ok(())
    }

    fn judge(&self, sim: &Sim, request: &Request, from_ms: u64) -> Result<(), String> {
        let occurrences = sim.world.ledger.occurrences(&request.name);
        if let Some((at_ms, slots)) = occurrences.iter().find(|(_, slots)| slots.len() > 1) {
            return Err(format!("its occurrence at {at_ms} has the tasks {slots:?}"));
        }
        let (Some(every_ms), Some(done_ms)) = (request.every_ms, request.done_ms.get()) else {
            return Ok(());
        };
        let put_ms = request.put_ms.get();
        let all = self.of(&request.name);
        let mut later = all.iter().filter(|r| r.asked_ms > request.asked_ms);
        // The next request may have taken effect or not. A confirmed one did.
        let until_ms = later.clone().map(|r| r.asked_ms).min().unwrap_or(u64::MAX);
        let over_ms = later.find_map(|r| r.done_ms.get()).unwrap_or(u64::MAX);
        let own = |at_ms: &u64| *at_ms > put_ms && (at_ms - put_ms).is_multiple_of(every_ms);
        let others = |at_ms: &u64| {
            let others = all.iter().filter(|r| !std::ptr::eq(r.as_ref(), request));
            let mut puts = others.filter_map(|r| Some((r.every_ms?, r.put_ms.get())));
            puts.any(|(every_ms, put_ms)| put_ms == 0 || at_ms.abs_diff(put_ms) % every_ms == 0)
        };
        let late = |at_ms: &&u64| **at_ms > over_ms.saturating_add(CLOCK_SLACK_MS);
        let mut after = occurrences.keys().filter(late);
        if let Some(at_ms) = after.find(|at_ms| own(at_ms) && !others(at_ms)) {
            return Err(format!("over at {over_ms}, it occurred at {at_ms}"));
        }
        let mut at_ms = put_ms + every_ms;
        while at_ms + SOON_MS < until_ms {
            if at_ms >= from_ms.max(done_ms) && !occurrences.contains_key(&at_ms) {
                return Err(format!(
                    "put at {put_ms} and confirmed at {done_ms}, it did not occur at {at_ms}"
                ));
            }
            at_ms += every_ms;
        }
        Ok(())
    }
}
