//! The bytes in progress in this instance. They bound a claim as well as the number of tasks:
//! arguments may have four bytes or a quarter of a megabyte.

use crate::base::env::Env;
use crate::model::delivery::Delivery;
use crate::store::contract::Store;
use crate::worker::state::Runner;
use crate::worker::state::Worker;
use std::collections::VecDeque;

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Takes the next task that may begin beside those in progress. At least one may always begin,
    /// however large.
    pub(crate) fn next_that_fits(&self, ready: &mut VecDeque<Delivery>) -> Option<Delivery> {
        match self.load.is_full() {
            true => None,
            false => ready.pop_front(),
        }
    }

    /// Begins a delivery, which counts as in progress from now on.
    pub(crate) fn begin(&self, delivery: Delivery) -> impl Future<Output = ()> {
        let (bytes, load) = (delivery.bytes(), &self.load.bytes);
        load.set(load.get() + bytes);
        async move {
            self.run(delivery).await;
            load.set(load.get().saturating_sub(bytes));
        }
    }
}
