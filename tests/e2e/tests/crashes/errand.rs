//! Tasks of all kinds, and how each must end. What one returns tells its own arguments, so that mixed-up ones are seen.

use crate::dice::Dice;
use handoff_e2e::TestServer;
use serde_json::{Value, json};

/// How many attempts a task has that is to succeed in the end: more than it can lose.
const ATTEMPTS: u64 = 50;
/// How long an attempt may take.
pub(crate) const TIMEOUT_MS: u64 = 3_000;
/// How many primes there are below.
const PRIMES: [(u64, u64); 3] = [
    (20_000_000, 1_270_607),
    (30_000_000, 1_857_859),
    (40_000_000, 2_433_654),
];
/// What attempts may fail with that were not asked to fail.
const LOST: [&str; 2] = ["the worker was lost", "overran its timeout"];

/// A task that was acknowledged.
pub(crate) struct Errand {
    pub id: String,
    pub task: Value,
    kind: Kind,
    pub cancel: Cancel,
    /// The task object when it was first seen as final.
    pub ended: Option<Value>,
    /// How often it was seen as not final after that.
    pub flickered: usize,
}

/// What it does.
#[derive(Clone)]
pub(crate) enum Kind {
    /// Returns its arguments.
    Echoes,
    /// Waits.
    Sleeps,
    /// Fails or panics so often before it succeeds.
    Breaks(u64),
    /// Fails each time.
    Fails(u64),
    /// Counts primes, in several runs that each go on from a checkpoint.
    Counts(u64),
    /// Sends a request to this path, which answers with its own name.
    Delivers(String),
}

/// Whether somebody asked to cancel it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Cancel {
    No,
    /// Yes, but what came of it is not known.
    Asked,
    /// Yes, and the answer was that it will not run (again). So often it had been delivered then.
    Promised(usize),
}

/// The `n`th task to be enqueued.
pub(crate) fn plan(n: u64, dice: &mut Dice, server: &TestServer) -> (Kind, Value) {
    let retry = json!({"attempts": ATTEMPTS, "initial": "100ms", "max": "500ms"});
    let mut task = json!({"timeout": format!("{TIMEOUT_MS}ms"), "retry": retry});
    let (kind, name, args) = match dice.within(1..=100) {
        1..=40 => (Kind::Echoes, "echo", json!({"n": n})),
        41..=52 => {
            let args = json!({"for": format!("{}ms", dice.within(100..=1_000))});
            (Kind::Sleeps, "sleep", args)
        }
        53..=62 => {
            let times = dice.within(1..=2);
            let args = json!({"how": dice.pick(&["fail", "fail", "panic"]), "times": times});
            (Kind::Breaks(times), "fault", args)
        }
        63..=67 => {
            let attempts = dice.within(1..=3);
            task["retry"]["attempts"] = json!(attempts);
            (Kind::Fails(attempts), "fault", json!({"how": "fail"}))
        }
        68..=70 => {
            // Short, so that it takes several runs; but one step must fit while others compute, too.
            task["timeout"] = json!("1s");
            let (below, primes) = dice.pick(&PRIMES);
            (
                Kind::Counts(primes),
                "primes.count",
                json!({"below": below}),
            )
        }
        _ => {
            let path = format!("/{}/{n}", dice.pick(&["now", "now", "now", "later"]));
            let args = json!({"url": server.url(&path)});
            (Kind::Delivers(path), "http.request", args)
        }
    };
    task["task"] = json!(name);
    task["args"] = args;
    if dice.one_in(5) {
        task["delay"] = json!(format!("{}ms", dice.within(200..=4_000)));
    }
    (kind, task)
}

impl Errand {
    pub(crate) fn new(id: String, kind: Kind, task: Value) -> Self {
        Self {
            id,
            task,
            kind,
            cancel: Cancel::No,
            ended: None,
            flickered: 0,
        }
    }

    /// How often it was delivered so far.
    pub(crate) fn delivered(&self, server: &TestServer) -> usize {
        match &self.kind {
            Kind::Delivers(path) => server.received(path).len(),
            _ => 0,
        }
    }

    /// Takes note of a task object, and says whether it is final. What is final stays as it is.
    pub(crate) fn saw(&mut self, object: &Value) -> bool {
        let state = object["state"].as_str().unwrap_or_default();
        let last = matches!(state, "succeeded" | "failed" | "cancelled");
        match &self.ended {
            Some(ended) if last => assert_eq!(object, ended, "a final task has changed"),
            // While a stale delivery of it is settled.
            Some(_) => self.flickered += 1,
            None if last => self.ended = Some(object.clone()),
            None => {}
        }
        last
    }

    /// Fails the test unless it ended as it should. Says of one that delivers how often it did so in vain.
    pub(crate) fn check(&self, server: &TestServer) -> Option<usize> {
        let (id, delivered) = (&self.id, self.delivered(server));
        let Some(object) = &self.ended else {
            panic!("{id} has not ended: {}", self.task);
        };
        let told = || format!("{} became {object:#}, delivered {delivered}", self.task);
        assert_eq!(object["id"], *id, "{}", told());
        assert_eq!(object["task"], self.task["task"], "{}", told());
        assert_eq!(object["args"], self.task["args"], "{}", told());
        match (self.cancel, object["state"].as_str()) {
            (Cancel::Promised(before), state) => {
                assert_eq!(state, Some("cancelled"), "{}", told());
                assert_eq!(delivered, before, "it ran again: {}", told());
            }
            (Cancel::Asked, Some("cancelled")) => {}
            (_, Some("failed")) => {
                let Kind::Fails(attempts) = self.kind else {
                    panic!("{}", told());
                };
                assert_eq!(self.attempts(object), (attempts, attempts), "{}", told());
            }
            (_, state) => {
                assert_eq!(state, Some("succeeded"), "{}", told());
                return self.check_result(object, delivered, &told());
            }
        }
        None
    }

    fn check_result(&self, object: &Value, delivered: usize, told: &str) -> Option<usize> {
        let (attempt, errors) = self.attempts(object);
        assert_eq!(errors, attempt - 1, "{told}");
        let result = &object["result"];
        match &self.kind {
            Kind::Echoes => assert_eq!(*result, self.task["args"], "{told}"),
            Kind::Sleeps => assert_eq!(*result, "Task Done.", "{told}"),
            Kind::Breaks(times) => {
                assert_eq!(*result, attempt, "{told}");
                assert!(attempt > *times, "{told}");
            }
            Kind::Fails(_) => panic!("{told}"),
            Kind::Counts(primes) => {
                let below = &self.task["args"]["below"];
                let counted = json!({"below": below, "primes": primes});
                assert_eq!(*result, counted, "{told}");
            }
            Kind::Delivers(path) => {
                assert_eq!(result["body"], json!({"path": path}), "{told}");
                let least = if path.starts_with("/later") { 2 } else { 1 };
                assert!(delivered >= least, "{told}");
                return Some(delivered - least);
            }
        }
        None
    }

    /// The number of the last attempt, and how many failed, each for a reason that is known.
    fn attempts(&self, object: &Value) -> (u64, u64) {
        let errors = object["errors"].as_array().expect("a list");
        for (i, error) in errors.iter().enumerate() {
            assert_eq!(error["attempt"], i + 1, "{object:#}");
            let text = error["error"].as_str().unwrap_or_default();
            let asked = matches!(self.kind, Kind::Breaks(_) | Kind::Fails(_))
                && text.contains("as it was asked to");
            let lost = LOST.iter().any(|part| text.contains(part));
            assert!(asked || lost, "{object:#}");
        }
        let attempt = object["attempt"].as_u64().unwrap_or_default();
        (attempt, errors.len() as u64)
    }
}
