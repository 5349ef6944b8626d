//! The judge: everything acknowledged is found, ends rightly, and then does not change.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::sleep;

use super::load::Load;
use super::world::{Reply, SKEW_MAX, World};

/// After the last fault: the leases of lost attempts, one after the other.
const END: Duration = Duration::from_secs(40 * 60);
/// Without faults: delays, sleeps and retries. Nobody calls meanwhile.
const CALM_END: Duration = Duration::from_secs(180);
/// Calls that are still on their way take effect within this time.
const LAST_EFFECTS: Duration = Duration::from_secs(120);

/// How a task must end, unless it is cancelled.
#[derive(Clone, Default)]
pub(super) struct Expected {
    result: Option<Value>,
    /// A part of the error of each failed attempt, and how many fail.
    errors: Option<(&'static str, usize)>,
    /// It does not end before.
    after: Duration,
    is_workflow: bool,
}

impl Expected {
    pub(super) fn result(result: Value) -> Self {
        Self {
            result: Some(result),
            ..Self::default()
        }
    }

    /// Two attempts, which both fail.
    pub(super) fn failure(error: &'static str) -> Self {
        Self {
            errors: Some((error, 2)),
            ..Self::default()
        }
    }

    /// The first attempt fails.
    pub(super) fn at_second(self, error: &'static str) -> Self {
        Self {
            errors: Some((error, 1)),
            ..self
        }
    }

    pub(super) fn after_ms(mut self, ms: u64) -> Self {
        self.after += Duration::from_millis(ms);
        self
    }

    pub(super) fn of_workflow(self) -> Self {
        Self {
            is_workflow: true,
            ..self
        }
    }
}

/// A task, or a workflow, that was acknowledged.
pub(super) struct Tracked {
    id: String,
    expected: Expected,
    asked: Duration,
    pub may_be_cancelled: Cell<bool>,
    /// How it was when it was first seen as final.
    end: RefCell<Option<Value>>,
}

impl Tracked {
    pub(super) fn new(reply: &Reply, expected: Expected, asked: Duration) -> Result<Self> {
        let id = reply.body["id"].as_str();
        Ok(Self {
            id: id.with_context(|| format!("no id: {reply:?}"))?.to_owned(),
            expected,
            asked,
            may_be_cancelled: Cell::default(),
            end: RefCell::default(),
        })
    }

    pub(super) fn path(&self) -> String {
        match self.expected.is_workflow {
            true => format!("/v1/workflows/{}", self.id),
            false => format!("/v1/tasks/{}", self.id),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    pub(super) async fn read(&self, world: &World) -> Result<()> {
        let reply = world.get(&self.path()).await?;
        self.see(&reply, world.clock.elapsed())
    }

    /// Compares a reply with what was seen before.
    pub(super) fn see(&self, reply: &Reply, now: Duration) -> Result<()> {
        let what = || format!("{} at {now:?}: {reply:?}", self.id);
        if !reply.is_ok() {
            return Ok(());
        }
        let state = reply.body["state"].as_str().with_context(what)?;
        let is_final = matches!(state, "succeeded" | "failed" | "cancelled" | "expired");
        let mut seen = reply.body.clone();
        if self.expected.is_workflow && state == "cancelled" {
            // Its tasks are cancelled one by one.
            seen["progress"].take();
        }
        let mut end = self.end.borrow_mut();
        match &*end {
            Some(end) => ensure!(*end == seen, "it was {end}, and is now {}", what()),
            None if is_final => {
                let earliest = self.asked + self.expected.after;
                let is_early = state != "cancelled" && now + SKEW_MAX < earliest;
                ensure!(!is_early, "early by {:?}: {}", earliest - now, what());
                *end = Some(seen);
            }
            None => {}
        }
        Ok(())
    }

    /// Judges how it ended.
    fn judge(&self, calm: bool) -> Result<()> {
        let end = self.end.borrow();
        let end = end
            .as_ref()
            .with_context(|| format!("{} is open", self.id))?;
        let state = end["state"].as_str().unwrap_or_default();
        let (attempt, most) = (end["attempt"].as_u64(), end["attempts_max"].as_u64());
        ensure!(attempt <= most, "too many attempts: {end}");
        if state == "cancelled" {
            ensure!(self.may_be_cancelled.get(), "nobody cancelled {end}");
            return Ok(());
        }
        let right = match &self.expected.result {
            Some(_) => "succeeded",
            None => "failed",
        };
        ensure!(state == right, "it must not end so: {end}");
        // Lost attempts count too, so the attempt that returns its number may be a later one.
        let is_known = calm || self.expected.errors.is_none();
        let result = self.expected.result.as_ref().filter(|_| is_known);
        ensure!(
            result.is_none_or(|result| end["result"] == *result),
            "a wrong result: {end}"
        );
        if !calm {
            return Ok(());
        }
        ensure!(
            end["runs_lost"].is_null(),
            "without a fault a run is lost: {end}"
        );
        let errors = end["errors"].as_array().cloned().unwrap_or_default();
        let (text, many) = self.expected.errors.unwrap_or(("", 0));
        let right = |error: &Value| error["error"].as_str().is_some_and(|e| e.contains(text));
        let right = errors.len() == many && errors.iter().all(right);
        ensure!(right, "wrong errors: {end}");
        Ok(())
    }
}

/// Waits until everything has ended, and judges it.
pub(super) async fn judge(world: &World, load: &Load) -> Result<()> {
    let tracked = load.tracked.borrow().clone();
    // A request would push the queue along.
    let nobody_calls = world.calm && !world.needs_ticks;
    if nobody_calls {
        sleep(CALM_END).await;
        for tracked in &tracked {
            tracked.read(world).await?;
        }
    }
    let limit = world.clock.elapsed() + END;
    loop {
        let mut open = None;
        for tracked in &tracked {
            if !tracked.has_ended() {
                tracked.read(world).await?;
                open = open.or((!tracked.has_ended()).then(|| tracked.path()));
            }
        }
        let Some(path) = open else { break };
        let now = world.clock.elapsed();
        if now > limit || nobody_calls {
            bail!(
                "at {now:?} it has not ended: {}",
                world.get(&path).await?.body
            );
        }
        sleep(world.tick_every()).await;
        world.tick().await?;
    }
    sleep(LAST_EFFECTS).await;
    for tracked in &tracked {
        tracked.read(world).await?;
        tracked.judge(world.calm)?;
    }
    if world.calm && !world.panics {
        once(&world.printed())?;
    }
    Ok(())
}

/// Checks that no attempt began twice, by what workers print. (A panic puts others back.)
fn once(printed: &str) -> Result<()> {
    let mut begins: BTreeMap<String, u32> = BTreeMap::new();
    for line in printed.lines().filter(|line| line.starts_with('{')) {
        let event: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        if event["event"] == "began" {
            let begin = format!("{} attempt {}", event["id"], event["attempt"]);
            *begins.entry(begin).or_default() += 1;
        }
    }
    ensure!(
        !begins.is_empty(),
        "no worker printed that an attempt began"
    );
    let twice = begins.iter().find(|(_, count)| **count > 1);
    ensure!(twice.is_none(), "it began more than once: {twice:?}");
    Ok(())
}
