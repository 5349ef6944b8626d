//! How many bytes this instance has in progress. A claim is bounded by them as well as by tasks, since what a task is
//! given may have four bytes or a quarter of a megabyte.

use crate::base::env::Env;
use crate::model::delivery::Delivery;
use crate::store::contract::Store;
use crate::worker::state::Runner;
use crate::worker::state::Worker;
use std::collections::VecDeque;

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// The next task that may begin beside those in progress. However large it is, one always may.
    pub(crate) fn next_that_fits(&self, ready: &mut VecDeque<Delivery>) -> Option<Delivery> {
        match self.load.is_full() {
            true => None,
            false => ready.pop_front(),
        }
    }

    /// Runs a delivery, which counts as in progress from now on.
    pub(crate) fn begin(&self, delivery: Delivery) -> impl Future<Output = ()> {
        let (bytes, load) = (delivery.bytes(), &self.load.bytes);
        load.set(load.get() + bytes);
        async move {
            self.run(delivery).await;
            load.set(load.get().saturating_sub(bytes));
        }
    }
}
