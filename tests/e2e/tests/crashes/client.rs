//! A client that enqueues, asks and cancels until it is told to end, and remembers what it was promised.

use crate::dice::Dice;
use crate::errand::{Cancel, Errand, plan};
use crate::shared::Shared;
use handoff_e2e::{Client, TestServer};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::Duration;

/// The longest pause between two requests of a client: so that rounds hold more than one burst of enqueues.
const PAUSE_MAX_US: u64 = 8_000;
const BATCH_MAX: u64 = 10;
/// So many of its last tasks are asked for more often than others.
const RECENT: usize = 40;

pub(crate) struct Caller<'a> {
    shared: &'a Shared,
    server: &'a TestServer,
    dice: Dice,
    /// The number of the next task.
    next: u64,
    errands: Vec<Errand>,
}

impl<'a> Caller<'a> {
    /// A client whose tasks are numbered from `first` on.
    pub(crate) fn new(shared: &'a Shared, server: &'a TestServer, dice: Dice, first: u64) -> Self {
        Self {
            shared,
            server,
            dice,
            next: first,
            errands: Vec::new(),
        }
    }

    /// What was acknowledged until the end.
    pub(crate) fn run(mut self) -> Vec<Errand> {
        while let Some(http) = self.shared.http() {
            match self.dice.within(1..=100) {
                1..=45 => self.enqueue(&http),
                46..=50 => self.enqueue_batch(&http),
                51..=60 => self.cancel(&http),
                _ => self.poll(&http),
            }
            sleep(Duration::from_micros(self.dice.within(0..=PAUSE_MAX_US)));
        }
        self.errands
    }

    fn enqueue(&mut self, http: &Client) {
        let (kind, task) = plan(self.next, &mut self.dice, self.server);
        self.next += 1;
        let Some(reply) = self.shared.ask(http, "POST", "/v1/tasks", &task) else {
            return;
        };
        let object = reply.expect(202).json();
        self.shared.happened();
        self.errands.push(Errand::new(id(&object), kind, task));
    }

    fn enqueue_batch(&mut self, http: &Client) {
        let count = self.dice.within(2..=BATCH_MAX);
        let planned: Vec<_> = (0..count)
            .map(|i| plan(self.next + i, &mut self.dice, self.server))
            .collect();
        self.next += count;
        let tasks: Vec<_> = planned.iter().map(|(_, task)| task).collect();
        let batch = json!({"tasks": tasks});
        let Some(reply) = self.shared.ask(http, "POST", "/v1/tasks:batch", &batch) else {
            return;
        };
        let reply = reply.expect(202).json();
        self.shared.happened();
        let objects = reply["tasks"].as_array().expect("a list");
        assert_eq!(objects.len(), planned.len());
        for (object, (kind, task)) in objects.iter().zip(planned) {
            self.errands.push(Errand::new(id(object), kind, task));
        }
    }

    /// One of its tasks, more often one of the last.
    fn some(&mut self) -> Option<&mut Errand> {
        let count = self.errands.len();
        let recent = if self.dice.one_in(2) { RECENT } else { count };
        let last = count.checked_sub(1)?;
        let back = self.dice.within(0..=last.min(recent) as u64);
        self.errands.get_mut(last - back as usize)
    }

    fn poll(&mut self, http: &Client) {
        let brief = self.dice.one_in(4);
        let shared = self.shared;
        let Some(errand) = self.some() else { return };
        let path = match brief {
            true => format!("/status/{}", errand.id),
            false => format!("/v1/tasks/{}", errand.id),
        };
        let Some(reply) = shared.ask(http, "GET", &path, &Value::Null) else {
            return;
        };
        let object = reply.expect(200).json();
        shared.happened();
        if !brief {
            errand.saw(&object);
        }
    }

    fn cancel(&mut self, http: &Client) {
        let (shared, server) = (self.shared, self.server);
        let Some(errand) = self.some() else { return };
        if errand.cancel != Cancel::No {
            return;
        }
        errand.cancel = Cancel::Asked;
        let path = format!("/v1/tasks/{}", errand.id);
        let Some(reply) = shared.ask(http, "DELETE", &path, &Value::Null) else {
            return;
        };
        assert!(matches!(reply.status, 200 | 202), "{}", reply.text());
        let object = reply.json();
        if reply.status == 200 && object["state"] == "cancelled" {
            errand.cancel = Cancel::Promised(errand.delivered(server));
        }
        errand.saw(&object);
        shared.happened();
    }
}

fn id(object: &Value) -> String {
    let id = object["id"].as_str();
    id.expect("an id").to_owned()
}
