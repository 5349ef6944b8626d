//! What users do in a schedule: they enqueue, repeat what failed, cancel, and look.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::judge::{Asked, Wanted};
use super::world::{Reply, World};

const USERS: u64 = 6;
const REQUESTS: u64 = 6;
/// A user repeats a keyed request until it is acknowledged.
const REPEATS_MAX: usize = 200;

/// All that was acknowledged.
#[derive(Default)]
pub(super) struct Load {
    pub asked: RefCell<Vec<Rc<Asked>>>,
    names: Cell<u64>,
}

impl Load {
    /// All users at once.
    pub(super) async fn run(&self, world: &World) -> Result<()> {
        let users = (0..USERS).map(|_| self.user(world));
        futures::future::try_join_all(users).await?;
        Ok(())
    }

    async fn user(&self, world: &World) -> Result<()> {
        for _ in 0..REQUESTS {
            sleep(Duration::from_millis(world.dice.below(8_000))).await;
            match world.dice.below(10) {
                0..4 => self.one(world).await?,
                4..6 => self.keyed(world).await?,
                6 => self.batch(world).await?,
                7 => self.workflow(world).await?,
                8 => self.cancels(world).await?,
                _ => self.looks(world).await?,
            }
        }
        Ok(())
    }

    fn name(&self) -> u64 {
        self.names.set(self.names.get() + 1);
        self.names.get()
    }

    /// A task, and what must become of it.
    fn task(&self, world: &World) -> (Value, Wanted) {
        let dice = &world.dice;
        let name = self.name();
        let (mut task, wanted) = match dice.below(8) {
            0..3 => (
                json!({"task": "echo", "args": {"n": name}}),
                Wanted::Result(json!({"n": name})),
            ),
            3..5 => {
                let ms = dice.pick(&[0, 50, 2_000, 20_000]);
                (
                    json!({"task": "sleep", "args": {"for": format!("{ms}ms")}}),
                    Wanted::Result("Task Done.".into()),
                )
            }
            5 => (
                json!({"task": "fault", "args": {"how": "fail"}, "retry": {"attempts": 2}}),
                Wanted::Failure,
            ),
            6 => (
                json!({"task": "fault", "args": {"how": "panic", "times": 1}}),
                Wanted::Success,
            ),
            _ => (
                json!({"task": "fault", "args": {"how": "fail", "times": 1}}),
                Wanted::Success,
            ),
        };
        match dice.below(6) {
            0 => task["delay"] = format!("{}ms", 1 + dice.below(30_000)).into(),
            1 => task["priority"] = dice.pick(&["high", "low"]).into(),
            _ => {}
        }
        (task, wanted)
    }

    async fn one(&self, world: &World) -> Result<()> {
        let (task, wanted) = self.task(world);
        let reply = world.post("/v1/tasks", &task).await?;
        self.took(world, &reply, wanted)
    }

    async fn keyed(&self, world: &World) -> Result<()> {
        let (mut task, wanted) = self.task(world);
        task["idempotency_key"] = format!("k{}", self.name()).into();
        let mut ids: Vec<Value> = Vec::new();
        for _ in 0..REPEATS_MAX {
            let reply = world.post("/v1/tasks", &task).await?;
            if reply.is_ok() && ids.is_empty() {
                self.took(world, &reply, wanted.clone())?;
            }
            if reply.is_ok() {
                ids.push(reply.body["id"].clone());
            }
            if ids.len() == 2 {
                break;
            }
            sleep(Duration::from_millis(200 + world.dice.below(1_000))).await;
        }
        ensure!(ids.len() == 2, "a keyed request is never acknowledged");
        ensure!(
            ids[0] == ids[1],
            "one idempotency key made {} and {}",
            ids[0],
            ids[1]
        );
        Ok(())
    }

    async fn batch(&self, world: &World) -> Result<()> {
        let many = 1 + world.dice.below(8);
        let (tasks, wanted): (Vec<_>, Vec<_>) = (0..many).map(|_| self.task(world)).unzip();
        let reply = world
            .post("/v1/tasks:batch", &json!({"tasks": tasks}))
            .await?;
        let items = reply.body["tasks"].as_array().cloned().unwrap_or_default();
        for (item, wanted) in items.into_iter().zip(wanted) {
            let status = if item["id"].is_string() { 202 } else { 503 };
            self.took(world, &Reply { status, body: item }, wanted)?;
        }
        Ok(())
    }

    /// Three tasks, and one behind them that gets their results.
    async fn workflow(&self, world: &World) -> Result<()> {
        let name = self.name();
        let echo = |n: u64| json!({"task": "echo", "args": {"n": name, "of": n}});
        let group = json!([echo(1), echo(2), echo(3)]);
        let chord = json!({"group": group, "then": {"task": "echo"}});
        let reply = world.post("/v1/workflows", &chord).await?;
        if reply.is_ok() {
            self.took(world, &reply, Wanted::Workflow)?;
        }
        Ok(())
    }

    async fn cancels(&self, world: &World) -> Result<()> {
        let Some(asked) = self.any(world) else {
            return Ok(());
        };
        asked.may_be_cancelled.set(true);
        let reply = world.call(Method::DELETE, &asked.path(), None).await?;
        asked.seen(&reply)
    }

    async fn looks(&self, world: &World) -> Result<()> {
        let Some(asked) = self.any(world) else {
            return Ok(());
        };
        let reply = world.get(&asked.path()).await?;
        asked.seen(&reply)
    }

    fn any(&self, world: &World) -> Option<Rc<Asked>> {
        let asked = self.asked.borrow();
        let number = world.dice.below(asked.len() as u64) as usize;
        asked.get(number).cloned()
    }

    /// Notes what was acknowledged.
    fn took(&self, world: &World, reply: &Reply, wanted: Wanted) -> Result<()> {
        if reply.is_ok() {
            let asked = Asked::new(reply, wanted, world.clock.elapsed())?;
            self.asked.borrow_mut().push(Rc::new(asked));
            return Ok(());
        }
        ensure!(
            matches!(reply.status, 0 | 500 | 502 | 503 | 504),
            "a right request is refused: {reply:?}"
        );
        ensure!(!world.calm, "nothing goes wrong, and still: {reply:?}");
        Ok(())
    }
}
