//! What goes wrong by a scenario's script.

use super::{MINUTE_MS, Stage};
use crate::load::Asked;
use crate::support::{Action, When, keys};
use futures::FutureExt;
use handoff_queue::{Priority, Store};
use serde_json::{Value, json};
use std::rc::Rc;

impl Stage {
    /// The store loses all but a record, which was written by an instance that did not notice.
    /// Nobody asks for what was lost.
    pub(crate) fn loses_all_but(&self, record: &str) {
        let store = &self.sim.world.store;
        let mut keys = store.keys();
        keys.retain(|key| key != record);
        let deleted = store.delete_many(&keys).now_or_never();
        deleted.expect("it answers at once").unwrap();
        self.load.forget_all();
        self.sim.world.ledger.forget_all();
        self.sim.world.faults.happened.set(1);
    }

    /// Makes a failed task. The calls on the way are no places.
    pub(crate) fn fails(&self, args: Value) -> Rc<Asked> {
        self.faults_off();
        self.enqueues(&[args]);
        self.sees_all_final();
        self.faults_on();
        let failed = self.load.asked().pop();
        failed.expect("it was acknowledged")
    }

    /// Kills a client when its key is decided and its task does not exist yet. Its ticket is taken,
    /// too.
    pub(crate) fn dies_with_a_key(&self) {
        self.faults_off();
        self.script(move |call, points| {
            let fills = call.operation == "set" && call.key.starts_with(&keys::slot(1));
            if fills && call.by_client() && !points.open.get() {
                return Action::Kill(When::Before);
            }
            Action::Pass
        });
        self.keyed(150 * MINUTE_MS, 1);
        self.run_for(100);
        self.enqueues(&[json!({})]);
        self.sees_all_final();
    }

    /// A client takes its slot and then stalls, while a worker takes the ticket.
    pub(crate) fn stalls_in_enqueueing(&self, ms: u64) {
        self.faults_off();
        self.enqueues(&[json!({"sleep_ms": 2_500})]);
        self.run_for(100);
        self.stalls_before_its_slot(ms, Priority::Normal);
    }

    /// A client takes its slot and then stalls. Its call is the first place.
    pub(crate) fn stalls_before_its_slot(&self, ms: u64, priority: Priority) {
        let mut first = true;
        self.script(move |call, points| {
            if first && call.by_client() && call.operation == "set" {
                first = false;
                points.open.set(true);
                points.place(call);
                return Action::Stall(When::Before, ms);
            }
            Action::Pass
        });
        self.enqueues_with(priority, json!({}));
    }

    /// Two claimers saw one waiting slot, and each took a ticket.
    pub(crate) fn takes_a_ticket_too_many(&self) {
        let taken = self.sim.world.store.increment(keys::HEAD, 1);
        assert!(matches!(taken.now_or_never(), Some(Ok(_))));
    }

    pub(crate) fn lose_workers(&self) {
        for worker in self.sim.alive() {
            worker.hit(self.now_ms());
            worker.kill();
        }
    }
}
