//! Requests with an idempotency key.

use super::Load;
use super::asked::{Answer, KeyedRequest};
use crate::support::{Sim, set, value};
use handoff_queue::{IdempotencyKey, Once, TaskSpec};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;

impl Load {
    /// The requests with a key so far.
    pub(crate) fn keyed(&self) -> Vec<Rc<KeyedRequest>> {
        self.keyed.borrow().clone()
    }

    /// Enqueues with a key, as the component `api` does.
    pub(crate) fn enqueue_once(
        self: &Rc<Self>,
        sim: &Sim,
        key: &str,
        ttl_ms: u64,
        body: u64,
        task: TaskSpec,
    ) {
        let (load, world) = (self.clone(), sim.world.clone());
        self.note_due(std::slice::from_ref(&task));
        let mut task = task;
        set(&mut task.args, "body", body);
        let request = Rc::new(KeyedRequest {
            key: key.to_owned(),
            ttl_ms,
            body,
            task: value(&task.args)["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            asked_ms: sim.now_ms(),
            answer: RefCell::default(),
        });
        self.keyed.borrow_mut().push(request.clone());
        let key = IdempotencyKey::of_caller(key, ttl_ms, &json!(body).into());
        sim.spawn(|_, queue| async move {
            let answer = match queue.enqueue_once(task, &key).await {
                Ok(Once::Created(receipt) | Once::Repeated(receipt)) => {
                    let (id, task) = (&receipt.ids[0], &receipt.tasks[0]);
                    let until_ms = task.enqueued_ms + ttl_ms;
                    let asked = load.acknowledged(&world, id, task, until_ms);
                    let body = value(&task.args)["body"].as_u64().unwrap_or(u64::MAX);
                    let _ = queue.wake_for(&receipt, || 4).await;
                    Answer::Task(asked, body)
                }
                Ok(Once::Differs) => Answer::Differs,
                Ok(Once::Busy) | Err(_) => return,
            };
            *request.answer.borrow_mut() = Some((answer, world.clock.now_ms()));
        });
    }

    /// Makes concurrent requests with one key, mostly a used one.
    pub(super) fn keyed_ones(self: &Rc<Self>, sim: &Sim) {
        let world = &sim.world;
        let old = self
            .keyed
            .borrow()
            .iter()
            .rev()
            .map(|k| (k.key.clone(), k.ttl_ms))
            .nth(world.below(8) as usize);
        let (key, ttl_ms) = match old {
            Some(old) if world.chance(800) => old,
            _ => {
                let ttl_ms = 60_000 + world.below(30_000);
                (format!("k{}", self.keyed.borrow().len()), ttl_ms)
            }
        };
        for _ in 0..1 + world.below(4) {
            let body = u64::from(world.chance(100));
            self.enqueue_once(sim, &key, ttl_ms, body, self.task(sim));
        }
    }
}
