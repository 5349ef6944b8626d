//! Schedules: requests, and checks of the tasks that they enqueue.

use super::model::Wrong;
use crate::support::{Instance, Sim, task};
use handoff_queue::{
    CLOCK_SLACK_MS, Missed, Overlap, Put, RETENTION_MIN_MS, Rule, Schedule, ScheduleView, TaskSpec,
};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Within this time every due occurrence has its task, whichever instance died.
const SOON_MS: u64 = 15_000;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Put,
    Pause,
    Resume,
    Delete,
}

/// A request about a schedule.
struct Request {
    name: String,
    what: What,
    asked_ms: u64,
    /// When it was confirmed.
    done_ms: Cell<Option<u64>>,
    /// The schedule, as the answer showed it. `None` if it is paused or not there.
    runs: Cell<Option<Interval>>,
    instance: Rc<Instance>,
}

impl Request {
    /// Whether the schedule may have occurred at this time because of this request.
    fn explains(&self, at_ms: u64, over_ms: u64) -> bool {
        let interval = match (self.what, self.done_ms.get()) {
            (What::Put | What::Resume, None) => true,
            (What::Put | What::Resume, Some(_)) => {
                self.runs.get().is_some_and(|own| own.has(at_ms))
            }
            (What::Pause | What::Delete, _) => false,
        };
        let (from_ms, to_ms) = (self.asked_ms, over_ms);
        interval
            && at_ms + CLOCK_SLACK_MS > from_ms
            && at_ms <= to_ms.saturating_add(CLOCK_SLACK_MS)
    }
}

#[derive(Debug, Clone, Copy)]
struct Interval {
    put_ms: u64,
    every_ms: u64,
}

impl Interval {
    /// Reads it from an answer.
    fn of(view: &ScheduleView) -> Option<Self> {
        let Rule::Every(every_ms) = view.schedule.rule else {
            panic!("an interval can be told from outside");
        };
        let put_ms = view.put_ms;
        (!view.paused).then_some(Self { put_ms, every_ms })
    }

    fn has(self, at_ms: u64) -> bool {
        at_ms > self.put_ms && (at_ms - self.put_ms).is_multiple_of(self.every_ms)
    }

    /// The first occurrence after this time.
    fn after(self, ms: u64) -> u64 {
        let since_ms = ms.saturating_sub(self.put_ms);
        self.put_ms + (since_ms / self.every_ms + 1) * self.every_ms
    }
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
        match world.below(10) {
            0..=2 => return self.delete(sim, &name),
            3 => return self.pause(sim, &name, true),
            4 => return self.pause(sim, &name, false),
            _ => {}
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
        let name = schedule.name.clone();
        self.request(sim, &name, What::Put, |queue, answered| async move {
            let Ok(Put::Done { view, receipt, .. }) = queue.put_schedule(schedule).await else {
                return;
            };
            answered(Interval::of(&view));
            let _ = queue.wake_for(&receipt, || 4).await;
        });
    }

    /// Pauses a schedule, or resumes it.
    pub(crate) fn pause(&self, sim: &Sim, name: &str, paused: bool) {
        let what = if paused { What::Pause } else { What::Resume };
        let own = name.to_owned();
        self.request(sim, name, what, |queue, answered| async move {
            let Ok(found) = queue.pause_schedule(&own, paused).await else {
                return;
            };
            answered(found.as_ref().and_then(|(view, _)| Interval::of(view)));
            if let Some((view, receipt)) = found {
                assert_eq!(view.paused, paused);
                let _ = queue.wake_for(&receipt, || 4).await;
            }
        });
    }

    pub(crate) fn delete(&self, sim: &Sim, name: &str) {
        let gone = name.to_owned();
        self.request(sim, name, What::Delete, |queue, answered| async move {
            if queue.delete_schedule(&gone).await.is_ok() {
                answered(None);
            }
        });
    }

    fn request<F: Future<Output = ()> + 'static>(
        &self,
        sim: &Sim,
        name: &str,
        what: What,
        work: impl FnOnce(crate::support::SimQueue, Box<dyn FnOnce(Option<Interval>)>) -> F,
    ) {
        let (world, asked_ms) = (sim.world.clone(), sim.now_ms());
        let noted: Rc<RefCell<Option<Rc<Request>>>> = Rc::default();
        let note = noted.clone();
        let answered = Box::new(move |runs| {
            let request = noted.take().unwrap();
            request.runs.set(runs);
            request.done_ms.set(Some(world.clock.now_ms()));
        });
        let spawned = sim.spawn(|_, queue| work(queue, answered));
        let request = Rc::new(Request {
            name: name.to_owned(),
            what,
            asked_ms,
            done_ms: Cell::default(),
            runs: Cell::default(),
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
            let mut puts = self.of(name).into_iter().filter(|r| r.what != What::Delete);
            let overdue = view.next_ms.is_none_or(|ms| ms + SOON_MS < sim.now_ms()) && !view.paused;
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
        let all = self.of(&request.name);
        let later = |of: &Request| {
            let asked_ms = of.asked_ms;
            all.iter().filter(move |r| r.asked_ms > asked_ms)
        };
        // The next request may have taken effect or not. A confirmed one did.
        let over_ms = |of: &Request| {
            let over_ms = later(of).find_map(|r| r.done_ms.get());
            over_ms.unwrap_or(u64::MAX)
        };
        let none = |at_ms: &&u64| !all.iter().any(|r| r.explains(**at_ms, over_ms(r)));
        if let Some(at_ms) = occurrences.keys().find(none) {
            return Err(format!("over or paused, it occurred at {at_ms}"));
        }
        let (Some(own), Some(done_ms)) = (request.runs.get(), request.done_ms.get()) else {
            return Ok(());
        };
        let until_ms = later(request).map(|r| r.asked_ms).min().unwrap_or(u64::MAX);
        let mut at_ms = own.after(from_ms.max(done_ms) - 1);
        while at_ms + SOON_MS < until_ms {
            if !occurrences.contains_key(&at_ms) {
                return Err(format!(
                    "{own:?}, confirmed at {done_ms}, did not occur at {at_ms}"
                ));
            }
            at_ms += own.every_ms;
        }
        Ok(())
    }
}
