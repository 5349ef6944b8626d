//! What must hold of everything that was acknowledged: it is found, it ends, rightly, and then it does not change.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::time::sleep;

use super::load::Load;
use super::world::{Reply, World};

const LOOK: Duration = Duration::from_secs(5);
/// After the last fault: the leases of lost attempts, one after the other.
const END: Duration = Duration::from_secs(40 * 60);
/// The same if nothing goes wrong: delays, sleeps, and what is tried again.
const CALM_END: Duration = Duration::from_secs(150);
/// Between two calls of `/healthz`, where they alone hold workers, and where they only help.
const TICK: Duration = Duration::from_secs(15);
const RARE_TICK: Duration = Duration::from_secs(120);

/// How a task must end, unless it is cancelled.
#[derive(Clone)]
pub(super) enum Wanted {
    Result(Value),
    Success,
    Failure,
    Workflow,
}

/// A task, or a workflow, that was acknowledged.
pub(super) struct Asked {
    id: String,
    wanted: Wanted,
    at: Duration,
    pub may_be_cancelled: Cell<bool>,
    /// How it was when it was first seen as final.
    end: RefCell<Option<Value>>,
}

impl Asked {
    pub(super) fn new(reply: &Reply, wanted: Wanted, at: Duration) -> Result<Self> {
        let id = reply.body["id"].as_str();
        Ok(Self {
            id: id.with_context(|| format!("no id: {reply:?}"))?.to_owned(),
            wanted,
            at,
            may_be_cancelled: Cell::default(),
            end: RefCell::default(),
        })
    }

    pub(super) fn path(&self) -> String {
        match self.wanted {
            Wanted::Workflow => format!("/v1/workflows/{}", self.id),
            _ => format!("/v1/tasks/{}", self.id),
        }
    }

    fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Compares an answer with what was seen before.
    pub(super) fn seen(&self, reply: &Reply) -> Result<()> {
        let what = || format!("{} of {:?}: {reply:?}", self.id, self.at);
        ensure!(reply.status != 404, "acknowledged and lost: {}", what());
        if !reply.is_ok() {
            return Ok(());
        }
        let state = reply.body["state"].as_str().with_context(what)?;
        let is_final = matches!(state, "succeeded" | "failed" | "cancelled" | "expired");
        let mut end = self.end.borrow_mut();
        match &*end {
            None if is_final => *end = Some(reply.body.clone()),
            None => {}
            Some(end) => ensure!(
                end["state"] == reply.body["state"] && end["result"] == reply.body["result"],
                "it was {end}, and is now {}",
                what()
            ),
        }
        Ok(())
    }

    /// Whether it ended as it must.
    fn judge(&self, calm: bool) -> Result<()> {
        let end = self.end.borrow();
        let end = end
            .as_ref()
            .with_context(|| format!("{} is open", self.id))?;
        let state = end["state"].as_str().unwrap_or_default();
        if state == "cancelled" {
            ensure!(self.may_be_cancelled.get(), "nobody cancelled {end}");
            return Ok(());
        }
        let right = match &self.wanted {
            Wanted::Result(result) => state == "succeeded" && end["result"] == *result,
            Wanted::Success | Wanted::Workflow => state == "succeeded",
            Wanted::Failure => state == "failed",
        };
        ensure!(right, "it must not end so: {end}");
        ensure!(
            !calm || end["runs_lost"].is_null(),
            "nothing went wrong, and a run is lost: {end}"
        );
        Ok(())
    }
}

/// Waits until all has ended, and judges it.
pub(super) async fn judge(world: &World, load: &Load) -> Result<()> {
    let limit = if world.calm { CALM_END } else { END };
    let limit = world.clock.elapsed() + limit;
    ends(world, load, limit).await?;
    // What is still on its way must not change anything.
    let mut left = Duration::from_secs(120);
    while !left.is_zero() {
        sleep(TICK).await;
        tick(world).await?;
        left = left.saturating_sub(TICK);
    }
    for asked in &*load.asked.borrow() {
        asked.seen(&world.get(&asked.path()).await?)?;
        asked.judge(world.calm)?;
    }
    Ok(())
}

async fn ends(world: &World, load: &Load, limit: Duration) -> Result<()> {
    let tick_every = match (world.needs_ticks, world.calm) {
        (true, _) => Some(TICK),
        (false, true) => None,
        (false, false) => Some(RARE_TICK),
    };
    let mut ticked = Duration::ZERO;
    loop {
        let mut open = None;
        for asked in &*load.asked.borrow() {
            if !asked.has_ended() {
                asked.seen(&world.get(&asked.path()).await?)?;
                open = open.or((!asked.has_ended()).then(|| asked.path()));
            }
        }
        let Some(path) = open else { return Ok(()) };
        let now = world.clock.elapsed();
        if now > limit {
            let body = world.get(&path).await?.body;
            anyhow::bail!("after {now:?} it does not end: {body}");
        }
        if tick_every.is_some_and(|every| now >= ticked + every) {
            ticked = now;
            tick(world).await?;
        }
        sleep(LOOK).await;
    }
}

/// What a cron job does.
async fn tick(world: &World) -> Result<()> {
    let reply = world.get("/healthz").await?;
    ensure!(reply.is_ok(), "/healthz: {reply:?}");
    Ok(())
}
