//! The users of a schedule: they enqueue, repeat what failed, cancel, and read.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::{try_join, try_join_all};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::judge::{Expected, Tracked};
use super::world::{Reply, World};

const USERS: u64 = 6;
const REQUESTS: u64 = 6;
/// A user repeats a keyed request until it is acknowledged.
const REPEATS_MAX: usize = 300;

/// Everything that was acknowledged.
#[derive(Default)]
pub(super) struct Load {
    pub tracked: RefCell<Vec<Rc<Tracked>>>,
    numbers: Cell<u64>,
}

impl Load {
    /// All users at once. Then faults go on for a while, until much of the work is done.
    pub(super) async fn run(&self, world: &World) -> Result<()> {
        let users = (0..USERS).map(|_| self.user(world));
        try_join_all(users).await?;
        if !world.calm {
            for _ in 0..world.dice.below(20) {
                sleep(Duration::from_millis(world.dice.below(20_000))).await;
                self.read(world).await?;
            }
        }
        Ok(())
    }

    async fn user(&self, world: &World) -> Result<()> {
        for _ in 0..REQUESTS {
            sleep(Duration::from_millis(world.dice.below(8_000))).await;
            match world.dice.below(10) {
                0..4 => self.enqueue(world).await?,
                4..6 => self.enqueue_with_key(world).await?,
                6 => self.enqueue_batch(world).await?,
                7 => self.enqueue_workflow(world).await?,
                8 => self.cancel(world).await?,
                _ => self.read(world).await?,
            }
        }
        Ok(())
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// A task, and how it must end.
    fn task(&self, world: &World) -> (Value, Expected) {
        let (dice, number) = (&world.dice, self.number());
        let fault = |how: &str| json!({"task": "fault", "args": {"how": how, "times": 1}});
        let (mut task, mut expected) = match dice.below(8) {
            0..3 => {
                let args = json!({"n": number});
                let task = json!({"task": "echo", "args": args});
                (task, Expected::result(args))
            }
            3..5 => {
                let ms = dice.pick(&[0, 50, 2_000, 12_000]);
                let task = json!({"task": "sleep", "args": {"for": format!("{ms}ms")}});
                (task, Expected::result("Task Done.".into()).after_ms(ms))
            }
            5 => {
                let mut task = fault("fail");
                task["args"] = json!({"how": "fail"});
                task["retry"] = json!({"attempts": 2});
                (task, Expected::failure("failed as it was asked to"))
            }
            6 if world.panics => {
                let second = Expected::result(2.into());
                (
                    fault("panic"),
                    second.at_second("panicked: as it was asked to"),
                )
            }
            _ => {
                let second = Expected::result(2.into());
                (fault("fail"), second.at_second("failed as it was asked to"))
            }
        };
        match dice.below(6) {
            0 => {
                let ms = 1 + dice.below(30_000);
                task["delay"] = format!("{ms}ms").into();
                expected = expected.after_ms(ms);
            }
            1 => task["priority"] = dice.pick(&["high", "low"]).into(),
            _ => {}
        }
        (task, expected)
    }

    async fn enqueue(&self, world: &World) -> Result<()> {
        let (task, expected) = self.task(world);
        let path = world
            .dice
            .pick(&["/v1/tasks", "/v1/tasks", "/v1/tasks?wait=5s"]);
        let asked = world.clock.elapsed();
        let reply = world.post(path, &task).await?;
        self.acknowledged(world, &reply, expected, asked)
    }

    /// Two at once with one key, each repeated until it is acknowledged.
    async fn enqueue_with_key(&self, world: &World) -> Result<()> {
        let (mut task, expected) = self.task(world);
        task["idempotency_key"] = format!("k{}", self.number()).into();
        let asked = world.clock.elapsed();
        let one = || async {
            for _ in 0..REPEATS_MAX {
                let reply = world.post("/v1/tasks", &task).await?;
                if reply.is_ok() {
                    return Ok(reply);
                }
                sleep(Duration::from_millis(200 + world.dice.below(1_000))).await;
            }
            anyhow::bail!("a request with a key is not acknowledged, however often repeated")
        };
        let (one, other) = try_join(one(), one()).await?;
        let (id, other) = (&one.body["id"], &other.body["id"]);
        ensure!(id == other, "one idempotency key made {id} and {other}");
        self.acknowledged(world, &one, expected, asked)
    }

    async fn enqueue_batch(&self, world: &World) -> Result<()> {
        let many = 1 + world.dice.below(8);
        let (tasks, expected): (Vec<_>, Vec<_>) = (0..many).map(|_| self.task(world)).unzip();
        let asked = world.clock.elapsed();
        let reply = world
            .post("/v1/tasks:batch", &json!({"tasks": tasks}))
            .await?;
        if !reply.is_ok() {
            return Ok(());
        }
        let items = reply.body["tasks"].as_array().cloned().unwrap_or_default();
        ensure!(items.len() == tasks.len(), "{many} tasks, and {reply:?}");
        for (item, expected) in items.into_iter().zip(expected) {
            let status = match item["id"].is_string() {
                true => 202,
                false => item["error"]["status"].as_u64().unwrap_or_default() as u16,
            };
            let body = if status == 202 {
                item
            } else {
                item["error"].clone()
            };
            let reply = Reply {
                status,
                body,
                ..reply
            };
            world.check(&reply)?;
            self.acknowledged(world, &reply, expected, asked)?;
        }
        Ok(())
    }

    /// Three tasks, and one after them that gets their results.
    async fn enqueue_workflow(&self, world: &World) -> Result<()> {
        let number = self.number();
        let args = |of: u64| json!({"n": number, "of": of});
        let echo = |of: u64| json!({"task": "echo", "args": args(of)});
        let chord = json!({"group": [echo(1), echo(2), echo(3)], "then": {"task": "echo"}});
        let asked = world.clock.elapsed();
        let reply = world.post("/v1/workflows", &chord).await?;
        let results = json!({"results": [args(1), args(2), args(3)]});
        let expected = Expected::result(results).of_workflow();
        self.acknowledged(world, &reply, expected, asked)
    }

    async fn cancel(&self, world: &World) -> Result<()> {
        let Some(tracked) = self.any(world) else {
            return Ok(());
        };
        tracked.may_be_cancelled.set(true);
        let reply = world.call(Method::DELETE, &tracked.path(), None).await?;
        tracked.see(&reply, world.clock.elapsed())?;
        ensure!(
            reply.status != 200 || tracked.has_ended(),
            "a confirmed cancel leaves it open: {reply:?}"
        );
        Ok(())
    }

    async fn read(&self, world: &World) -> Result<()> {
        match self.any(world) {
            Some(tracked) => tracked.read(world).await,
            None => Ok(()),
        }
    }

    fn any(&self, world: &World) -> Option<Rc<Tracked>> {
        let tracked = self.tracked.borrow();
        let number = world.dice.below(tracked.len() as u64) as usize;
        tracked.get(number).cloned()
    }

    /// Tracks what a reply acknowledges, of a request that was made at this time.
    fn acknowledged(
        &self,
        world: &World,
        reply: &Reply,
        expected: Expected,
        asked: Duration,
    ) -> Result<()> {
        if reply.is_ok() {
            let tracked = Tracked::new(reply, expected, asked)?;
            tracked.see(reply, world.clock.elapsed())?;
            self.tracked.borrow_mut().push(Rc::new(tracked));
        }
        Ok(())
    }
}
