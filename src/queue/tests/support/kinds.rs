//! Test kinds whose behaviour is in their arguments.

use super::instance::TaskPanic;
use super::time::yield_now;
use super::{Instance, World};
use handoff_queue::{Control, Json, Outcome, Runner, Trace, Wait};
use serde_json::Value;
use std::rc::Rc;

/// One begin of a task's code.
#[derive(Debug, Clone)]
pub(crate) struct Began {
    pub name: String,
    pub key: Option<String>,
    /// It follows a task's end, so no limit applies to it.
    pub follows: bool,
    pub attempt: u32,
    pub checkpoint: Option<Json>,
    pub part: u32,
    pub fence: u64,
    /// The true time.
    pub at_ms: u64,
    /// The time by the clock of the instance.
    pub seen_ms: u64,
    pub instance: Rc<Instance>,
}

/// One end of a task's code.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub name: String,
    pub attempt: u32,
    pub outcome: Outcome,
    /// The true time.
    pub at_ms: u64,
    pub instance: Rc<Instance>,
}

/// The name by which a test finds the runs of a task. A retry has the same arguments as its failed
/// task, so the trace tells them apart.
pub(crate) fn run_name(args: &Json, trace: Option<&Trace>) -> String {
    let args = value(args);
    let name = args["name"].as_str().unwrap_or_default();
    let again = trace.filter(|trace| trace.parent.starts_with("again"));
    let again = again.map_or("", |trace| &trace.parent);
    format!("{name}{again}")
}

/// Reads JSON as a value.
pub(crate) fn value(json: &Json) -> Value {
    json.read().expect("it is JSON")
}

/// Sets a field of arguments that are an object.
pub(crate) fn set(args: &mut Json, name: &str, field: impl Into<Value>) {
    let mut object = value(args);
    object[name] = field.into();
    *args = object.into();
}

/// Counts a task while its code runs: until it ends, panics, or its instance dies.
struct Running(Rc<World>, Option<String>);

impl Running {
    fn new(world: &Rc<World>, key: Option<String>, follows: bool) -> Option<Self> {
        if follows {
            return None;
        }
        world.running.set(world.running.get() + 1);
        let most = world.most_running.get().max(world.running.get());
        world.most_running.set(most);
        if let Some(key) = &key {
            let mut of_keys = world.running_of.borrow_mut();
            let (running, most) = of_keys.entry(key.clone()).or_default();
            *running += 1;
            *most = (*most).max(*running);
        }
        Some(Self(world.clone(), key))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        let mut of_keys = self.0.running_of.borrow_mut();
        if let Some((running, _)) = self.1.as_ref().and_then(|key| of_keys.get_mut(key)) {
            *running -= 1;
        }
    }
}

/// Counts the bytes of a task's arguments while its code runs in an instance.
struct Bytes(Rc<Instance>, u64);

impl Bytes {
    fn new(world: &World, instance: &Rc<Instance>, bytes: u64) -> Self {
        let all = instance.bytes.get() + bytes;
        instance.bytes.set(all);
        world.most_bytes.set(world.most_bytes.get().max(all));
        Self(instance.clone(), bytes)
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.0.bytes.set(self.0.bytes.get() - self.1);
    }
}

pub(crate) struct SimRunner {
    pub world: Rc<World>,
    pub instance: Rc<Instance>,
}

impl Runner for SimRunner {
    fn computes(&self, kind: &str) -> bool {
        kind == "compute"
    }

    /// Does what `args` say, in this order; all are optional:
    /// - `progress`: reports this at the start, with `message` if given
    /// - `logs`: logs so many lines at the start
    /// - `sleep_ms`: takes this long; a computing kind blocks its instance meanwhile
    /// - `hang`: never ends
    /// - `until_cancelled`: ends when it sees the cancel request
    /// - `panic_times`: panics in so many attempts
    /// - `traps`: kills its instance
    /// - `puts_off_ms`: always snoozes for this long
    /// - `fail_times`: fails in so many attempts, with `after_ms` if given
    /// - `fatal`: fails for good with this
    /// - `continues`: continues in so many further instances, each `pauses_ms` later
    /// - `unique`: returns a result that no other run returns
    /// - `echo`: returns the argument of this name
    /// - `then`: its result; otherwise it returns its number of continuations
    async fn run(&self, kind: &str, args: Json, control: Rc<Control>) -> Outcome {
        let name = run_name(&args, control.attempt().trace.as_ref());
        let outcome = self.attempt(kind, args, &control).await;
        self.world.ended.borrow_mut().push(Ended {
            name,
            attempt: control.attempt().number,
            outcome: outcome.clone(),
            at_ms: self.world.clock.now_ms(),
            instance: self.instance.clone(),
        });
        outcome
    }
}

impl SimRunner {
    async fn attempt(&self, kind: &str, json: Json, control: &Control) -> Outcome {
        let args = value(&json);
        let at_ms = self.world.clock.now_ms();
        let (key, follows) = self.begin(&json, &args, control, at_ms);
        let _running = Running::new(&self.world, key, follows);
        let _bytes = Bytes::new(&self.world, &self.instance, json.bytes());
        report(&args, control, at_ms);
        self.take_time(kind, &args, at_ms).await;
        while !args["until_cancelled"].is_null() {
            if control.is_cancelled() {
                return Outcome::Cancelled;
            }
            self.world.clock.sleep(100).await;
        }
        if u64::from(control.attempt().number) <= number(&args, "panic_times") {
            std::panic::panic_any(TaskPanic("as told".to_owned()));
        }
        if !args["traps"].is_null() {
            self.instance.hit(self.world.clock.now_ms());
            self.instance.kill();
            futures::future::pending::<()>().await;
        }
        failure(&args, control).unwrap_or_else(|| self.success(&args, control))
    }

    /// Notes the begin. Returns the task's key, and whether it follows another's end.
    fn begin(
        &self,
        json: &Json,
        args: &Value,
        control: &Control,
        at_ms: u64,
    ) -> (Option<String>, bool) {
        let name = run_name(json, control.attempt().trace.as_ref());
        self.world.note(
            &self.instance,
            &format!("RUNS {name} attempt {}", control.attempt().number),
        );
        let key = args["key"].as_str().map(str::to_owned);
        let follows = control.attempt().end_of.is_some();
        self.world.began.borrow_mut().push(Began {
            name,
            key: key.clone(),
            follows,
            attempt: control.attempt().number,
            checkpoint: control.attempt().checkpoint.clone(),
            part: control.attempt().part,
            fence: control.attempt().fence,
            at_ms,
            seen_ms: at_ms + self.instance.skew_ms,
            instance: self.instance.clone(),
        });
        (key, follows)
    }

    async fn take_time(&self, kind: &str, args: &Value, at_ms: u64) {
        let mut sleep_ms = number(args, "sleep_ms");
        if kind == "compute" {
            if self.world.queue_limits.get().concurrency.is_some() {
                // Where clocks differ, a worker that stalls for longer may lose its permit.
                sleep_ms = sleep_ms.min(1_500);
            }
            self.instance.stall_until(at_ms + sleep_ms);
        }
        self.world.clock.sleep(sleep_ms).await;
        if !args["hang"].is_null() {
            futures::future::pending::<()>().await;
        }
    }

    fn success(&self, args: &Value, control: &Control) -> Outcome {
        let checkpoint = control.attempt().checkpoint.as_ref();
        let parts = checkpoint
            .and_then(|stored| value(stored).as_u64())
            .unwrap_or(0);
        if parts < number(args, "continues") {
            return Outcome::continue_after(parts + 1, number(args, "pauses_ms"));
        }
        if !args["unique"].is_null() {
            return Outcome::done(self.world.began.borrow().len());
        }
        if let Some(field) = args["echo"].as_str() {
            return Outcome::done(&args[field]);
        }
        match &args["then"] {
            Value::Null => Outcome::done(parts),
            then => Outcome::done(then),
        }
    }
}

fn number(args: &Value, field: &str) -> u64 {
    args[field].as_u64().unwrap_or(0)
}

/// Sets progress and log lines.
fn report(args: &Value, control: &Control, at_ms: u64) {
    if !args["progress"].is_null() {
        control.set_progress(args["progress"].clone().into(), args["message"].as_str());
    }
    for i in 1..=number(args, "logs") {
        control.log(
            at_ms,
            &format!("attempt {} line {i}", control.attempt().number),
        );
    }
}

/// The outcome of an attempt that does not get to its end.
fn failure(args: &Value, control: &Control) -> Option<Outcome> {
    if let Some(ms) = args["puts_off_ms"].as_u64() {
        return Some(Outcome::Snooze(ms));
    }
    if u64::from(control.attempt().number) <= number(args, "fail_times") {
        let wait = args["after_ms"]
            .as_u64()
            .map_or(Wait::Policy, Wait::Exactly);
        let error = format!("failure {}", control.attempt().number);
        return Some(Outcome::Retry { error, wait });
    }
    let error = args["fatal"].as_str()?;
    Some(Outcome::Fail(error.to_owned()))
}
