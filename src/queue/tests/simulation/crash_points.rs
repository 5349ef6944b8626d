//! Short scenarios, and every place in them where something can go wrong: before each store call, after each that changes
//! something, and with only some of its keys reached, the instance dies, the call fails, or the instance stalls. In the
//! shortest ones also every pair of such places.

use super::load::{Load, Mix};
use super::model::{Wrong, end, retire, watch};
use super::parallel::failures;
use super::random::tell;
use crate::support::{Action, START_MS, Sim, When};
use handoff_queue::{NewTask, RETENTION_MIN_MS};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;
const SHORT_MS: u64 = 1_500;

/// A scenario: what clients do, in how much time.
pub struct Scenario {
    pub name: &'static str,
    /// Every pair of places is tried, too.
    pairs: bool,
    /// Nothing may be left of it after the retention of its tasks.
    cleans_up: bool,
    play: fn(&Stage),
}

/// What goes wrong: at which call of the scenario, and what.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    call: u64,
    action: Action,
}

/// Where a scenario is played.
struct Stage {
    sim: Sim,
    load: Rc<Load>,
    points: Rc<Points>,
}

/// The calls of a scenario that count as places.
#[derive(Default)]
struct Points {
    open: Cell<bool>,
    faults: Vec<Fault>,
    /// How many keys each call changed.
    changes: RefCell<Vec<usize>>,
}

pub const SCENARIOS: [Scenario; 21] = [
    Scenario {
        name: "a task",
        pairs: true,
        cleans_up: true,
        play: |stage| stage.plays(&[json!({})], 3_000),
    },
    Scenario {
        name: "a batch",
        pairs: false,
        cleans_up: true,
        play: |stage| stage.plays(&[json!({}), json!({"sleep_ms": 100}), json!({})], 3_000),
    },
    Scenario {
        name: "a retry",
        pairs: true,
        cleans_up: true,
        play: |stage| stage.plays(&[json!({"fail_times": 1, "after_ms": 600})], 5_000),
    },
    Scenario {
        name: "a retry at once",
        pairs: false,
        cleans_up: true,
        play: |stage| stage.plays(&[json!({"fail_times": 2, "after_ms": 0})], 5_000),
    },
    Scenario {
        name: "a job in parts",
        pairs: false,
        cleans_up: true,
        play: |stage| stage.plays(&[json!({"continues": 3})], 3_000),
    },
    Scenario {
        name: "a delay",
        pairs: true,
        cleans_up: true,
        play: |stage| stage.delays(1_200),
    },
    Scenario {
        name: "a delay over midnight",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            stage
                .sim
                .run_for(midnight_ms() - stage.sim.now_ms() - 2_500);
            stage.delays(3_000);
        },
    },
    Scenario {
        name: "a lost worker",
        pairs: true,
        cleans_up: true,
        play: |stage| {
            stage.points.open.set(false);
            stage.enqueues(&[json!({"sleep_ms": 2_000})]);
            stage.sim.run_for(500);
            stage.lose_workers();
            stage.points.open.set(true);
            stage.sim.run_with_ticks(30_000, 5_000);
        },
    },
    Scenario {
        name: "a lost worker that was retrying",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            stage.points.open.set(false);
            stage.enqueues(&[json!({"fail_times": 1, "after_ms": 3_000, "sleep_ms": 1_200})]);
            stage.sim.run_for(2_000);
            stage.lose_workers();
            stage.points.open.set(true);
            stage.sim.run_with_ticks(30_000, 5_000);
        },
    },
    Scenario {
        name: "the last worker leaves while one enqueues",
        pairs: true,
        cleans_up: true,
        play: |stage| {
            stage.enqueues(&[json!({})]);
            stage.sim.run_for(12);
            stage.plays(&[json!({})], 3_000);
        },
    },
    Scenario {
        name: "an enqueuer that claimers overtake",
        pairs: true,
        cleans_up: true,
        play: |stage| {
            stage.stalls_in_enqueueing(1_500);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "an enqueuer that is overtaken by claimers that die",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            stage.stalls_in_enqueueing(27_000);
            stage.sim.run_for(500);
            stage.lose_workers();
            stage.sim.run_with_ticks(40_000, 5_000);
        },
    },
    Scenario {
        name: "an enqueuer that comes back after hours",
        pairs: false,
        // An instance that outlives retention may leave its slot behind.
        cleans_up: false,
        play: |stage| {
            stage.stalls_in_enqueueing(3 * 60 * MINUTE_MS);
            stage.points.open.set(false);
            stage.sees_all_final();
            stage
                .sim
                .run_with_ticks(3 * 60 * MINUTE_MS + 1_000, 5 * MINUTE_MS);
            stage.points.open.set(true);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "cancelled while it waits",
        pairs: true,
        cleans_up: true,
        play: |stage| {
            stage.enqueues(&[json!({}), json!({}), json!({})]);
            stage.sim.settle();
            stage.cancels();
        },
    },
    Scenario {
        name: "cancelled while it retries",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            stage.enqueues(&[json!({"fail_times": 1, "after_ms": 3_000})]);
            stage.sim.run_for(1_000);
            stage.cancels();
        },
    },
    Scenario {
        name: "deleted after its retention",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            stage.points.open.set(false);
            stage.enqueues(&[json!({}), json!({"continues": 2}), json!({"fail_times": 1})]);
            stage.sees_all_final();
            stage
                .sim
                .run_with_ticks(RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
            stage.points.open.set(true);
            stage.sim.run_with_ticks(15 * MINUTE_MS, 5 * MINUTE_MS);
        },
    },
    Scenario {
        name: "two clients with one key",
        pairs: true,
        cleans_up: true,
        play: |stage| {
            stage.keyed(60 * MINUTE_MS, 2);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "a delayed task's key is used again",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            let delayed = || NewTask {
                not_before_ms: Some(stage.sim.now_ms() + 2_500),
                ..stage.task(json!({}))
            };
            stage
                .load
                .enqueue_once(&stage.sim, "a", MINUTE_MS, 0, delayed());
            stage.sim.run_for(1_000);
            stage
                .load
                .enqueue_once(&stage.sim, "a", MINUTE_MS, 0, delayed());
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a key is used again over its period's end",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            let end_ms = MINUTE_MS - stage.sim.now_ms() % MINUTE_MS;
            stage.sim.run_for(end_ms - 600);
            stage.keyed(MINUTE_MS, 1);
            stage.sim.run_for(1_000);
            stage.keyed(MINUTE_MS, 1);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "a key is used again after its task's retention",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            stage.points.open.set(false);
            stage.keyed(150 * MINUTE_MS, 1);
            stage.sees_all_final();
            stage
                .sim
                .run_with_ticks(2 * RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
            stage.points.open.set(true);
            stage.keyed(150 * MINUTE_MS, 1);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a key whose winner died is used again after hours",
        pairs: false,
        cleans_up: true,
        play: |stage| {
            stage.dies_with_a_key();
            stage
                .sim
                .run_with_ticks(2 * RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
            stage.points.open.set(true);
            stage.keyed(150 * MINUTE_MS, 2);
            stage.sim.run_with_ticks(MINUTE_MS, 5_000);
        },
    },
];

fn midnight_ms() -> u64 {
    const DAY_MS: u64 = 1_440 * MINUTE_MS;
    START_MS - START_MS % DAY_MS + DAY_MS
}

impl Points {
    fn place(&self, changes: usize) -> Action {
        let mut all = self.changes.borrow_mut();
        all.push(changes);
        let call = all.len() as u64;
        let fault = self.faults.iter().find(|f| f.call == call);
        fault.map_or(Action::Pass, |f| f.action)
    }

    fn next(&self, changes: usize) -> Action {
        if !self.open.get() {
            return Action::Pass;
        }
        self.place(changes)
    }
}

impl Stage {
    fn new(faults: &[Fault]) -> Self {
        let sim = Sim::new(1);
        let points = Rc::new(Points {
            open: Cell::new(true),
            faults: faults.to_vec(),
            changes: RefCell::default(),
        });
        let script = points.clone();
        let next = move |call: &crate::support::Call<'_>| script.next(call.changes);
        sim.world.faults.script(next);
        let load = Load::new(Mix::default());
        Self { sim, load, points }
    }

    fn task(&self, args: serde_json::Value) -> NewTask {
        NewTask {
            timeout_ms: 3_000,
            ..self.load.named(args)
        }
    }

    fn enqueues(&self, args: &[serde_json::Value]) {
        let tasks = args.iter().map(|args| self.task(args.clone())).collect();
        self.load.enqueue(&self.sim, tasks);
    }

    fn plays(&self, args: &[serde_json::Value], ms: u64) {
        self.enqueues(args);
        self.sim.run_for(ms);
    }

    fn delays(&self, ms: u64) {
        let task = NewTask {
            not_before_ms: Some(self.sim.now_ms() + ms),
            ..self.task(json!({}))
        };
        self.load.enqueue(&self.sim, vec![task]);
        self.sim.run_for(ms + 3_000);
    }

    /// A client takes its slot and then stalls, while a worker is there and takes the ticket.
    fn stalls_in_enqueueing(&self, ms: u64) {
        self.points.open.set(false);
        self.enqueues(&[json!({"sleep_ms": 2_500})]);
        self.sim.run_for(100);
        let mut first = true;
        let points = self.points.clone();
        self.sim.world.faults.script(move |call| {
            if first && call.instance.name.starts_with("client") && call.operation == "set" {
                first = false;
                points.open.set(true);
                points.place(call.changes);
                return Action::Stall(When::Before, ms);
            }
            points.next(call.changes)
        });
        self.enqueues(&[json!({})]);
    }

    /// So many clients at once with one key.
    fn keyed(&self, ttl_ms: u64, clients: usize) {
        for _ in 0..clients {
            let task = self.task(json!({}));
            self.load.enqueue_once(&self.sim, "a", ttl_ms, 0, task);
        }
    }

    /// A client dies when its key is decided and before its task is there; its ticket is taken, too.
    fn dies_with_a_key(&self) {
        self.points.open.set(false);
        let points = self.points.clone();
        self.sim.world.faults.script(move |call| {
            let fills = call.operation == "set" && call.key.starts_with("q.test.s.1");
            if fills && call.instance.name.starts_with("client") && !points.open.get() {
                return Action::Kill(When::Before);
            }
            points.next(call.changes)
        });
        self.keyed(150 * MINUTE_MS, 1);
        self.sim.run_for(100);
        self.enqueues(&[json!({})]);
        self.sees_all_final();
    }

    fn cancels(&self) {
        for asked in self.load.asked() {
            self.load.cancel(&self.sim, &asked);
        }
        self.sim.run_for(6_000);
    }

    /// What is to go after its retention must have been seen final first.
    fn sees_all_final(&self) {
        self.sim.run_with_ticks(MINUTE_MS, 5_000);
        let seen = watch(&self.sim, &self.load);
        assert!(seen.is_ok(), "{seen:?}");
    }

    fn lose_workers(&self) {
        for worker in self.sim.alive() {
            worker.hit(self.sim.now_ms());
            worker.kill();
        }
    }
}

/// Plays a scenario with faults. Returns the calls that it made.
fn play(scenario: &Scenario, faults: &[Fault], whole: bool) -> Result<Vec<usize>, String> {
    let once = |record: bool| {
        let stage = Stage::new(faults);
        if record {
            stage.sim.record();
        }
        let played = finish(scenario, &stage, whole);
        let changes = stage.points.changes.take();
        let told = |wrong| format!("{}, {faults:?}: {}", scenario.name, tell(&stage.sim, wrong));
        played.map(|()| changes).map_err(told)
    };
    once(false).or_else(|_| once(true))
}

fn finish(scenario: &Scenario, stage: &Stage, whole: bool) -> Result<(), Wrong> {
    (scenario.play)(stage);
    stage.sim.world.faults.no_script();
    let short = |f: &Fault| matches!(f.action, Action::Stall(_, ..=SHORT_MS));
    if stage.points.faults.iter().all(short) {
        // Nobody died: no task has to wait for rescue, which takes longer.
        stage
            .sim
            .run_for(SHORT_MS * stage.points.faults.len() as u64 * 2);
        watch(&stage.sim, &stage.load)?;
        if let Some(open) = stage.load.open().first() {
            return Err((Some(open.clone()), "it is late".to_owned()));
        }
    }
    // Who only stalled for a moment comes back: then nothing waits for a tick.
    let ticks = !stage.points.faults.iter().all(short);
    end(&stage.sim, &stage.load, ticks)?;
    if whole && scenario.cleans_up {
        retire(&stage.sim, &stage.load)?;
    }
    Ok(())
}

/// Everything that can go wrong with a call that changes so many keys.
fn actions(changes: usize) -> Vec<Action> {
    let mut actions = vec![Action::Kill(When::Before), Action::Fail(When::Before)];
    actions.extend([1, SHORT_MS, 40_000].map(|ms| Action::Stall(When::Before, ms)));
    if changes > 0 {
        actions.extend([Action::Kill(When::After), Action::Fail(When::After)]);
    }
    if changes > 1 {
        // Only one of the keys, and all but one.
        for key in 0..changes.min(8) {
            for mask in [1 << key, !(1 << key)] {
                actions.extend([Action::KillInPart(mask), Action::FailInPart(mask)]);
            }
        }
    }
    actions
}

/// A scenario, what goes wrong in it, and whether it is watched until everything is deleted.
pub type Job = (&'static Scenario, Vec<Fault>, bool);

/// Every single fault of every scenario.
pub fn single_faults() -> Vec<Job> {
    static ALL: [Scenario; SCENARIOS.len()] = SCENARIOS;
    let mut jobs = Vec::new();
    for scenario in &ALL {
        let calls = play(scenario, &[], true).unwrap_or_default();
        jobs.push((scenario, Vec::new(), true));
        for (call, changes) in (1..).zip(calls) {
            for action in actions(changes) {
                // Who only stalls leaves nothing behind that others would not.
                let whole = !matches!(action, Action::Stall(..));
                jobs.push((scenario, vec![Fault { call, action }], whole));
            }
        }
    }
    jobs
}

/// Every pair of places in the shortest scenarios: two deaths, and one that stalls while another dies or stalls.
fn pairs_of_faults() -> Vec<Job> {
    const DIES: Action = Action::Kill(When::Before);
    const STALLS: Action = Action::Stall(When::Before, 1_500);
    const LONG: Action = Action::Stall(When::Before, 12_000);
    /// After the first fault there may be more calls than without.
    const MORE: u64 = 20;
    static ALL: [Scenario; SCENARIOS.len()] = SCENARIOS;
    let mut jobs = Vec::new();
    for scenario in ALL.iter().filter(|s| s.pairs) {
        let calls = play(scenario, &[], false).unwrap_or_default().len() as u64;
        for first in 1..=calls {
            for second in first + 1..=calls + MORE {
                for (one, other) in [(DIES, DIES), (LONG, DIES), (STALLS, STALLS), (STALLS, LONG)] {
                    let fault = |call, action| Fault { call, action };
                    let faults = vec![fault(first, one), fault(second, other)];
                    jobs.push((scenario, faults, false));
                }
            }
        }
    }
    jobs
}

/// Those jobs that fail, at most so many.
pub fn failing(jobs: &[Job], most: usize, prepare: impl Fn() + Sync) -> Vec<String> {
    let run = |(scenario, faults, whole): &Job| play(scenario, faults, *whole).map(drop);
    failures(jobs, most, prepare, run)
}

fn all_pass(what: &str, jobs: &[Job]) {
    let failed = failing(jobs, 20, || {});
    for failure in &failed {
        println!("{failure}");
    }
    println!("{} {what}, {} failed", jobs.len(), failed.len());
    assert!(failed.is_empty(), "see above");
}

/// Every so many of `jobs`, unless this variable is set.
fn sampled(mut jobs: Vec<Job>, every: usize, all: &str) -> Vec<Job> {
    let mut number = 0;
    jobs.retain(|_| {
        number += 1;
        std::env::var_os(all).is_some() || number % every == 0
    });
    jobs
}

#[test]
fn wherever_something_goes_wrong_everything_ends_as_it_should() {
    // An unoptimized build has no time for all of them.
    let jobs = sampled(single_faults(), 50, "HANDOFF_EVERY_PLACE");
    all_pass("single faults", &jobs);
}

#[test]
fn wherever_two_things_go_wrong_everything_ends_as_it_should() {
    let jobs = sampled(pairs_of_faults(), 500, "HANDOFF_EVERY_PAIR");
    all_pass("pairs of faults", &jobs);
}
