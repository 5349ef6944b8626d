//! How many bytes this instance has in progress. A claim is bounded by them as well as by tasks, since what a task is
//! given may have four bytes or a quarter of a megabyte.

use super::{Runner, Worker};
use crate::config::IN_PROGRESS_BYTES;
use crate::guard::{Guard, holds};
use crate::{Delivery, Env, Store};
use std::cell::Cell;
use std::collections::VecDeque;

/// Nothing is smaller, as far as a claim is concerned.
const LEAST: u64 = 256;

/// What is in progress here, in bytes.
#[derive(Default)]
pub(super) struct Load {
    bytes: Cell<u64>,
    /// How many bytes one of those had that were taken last, at the mean.
    usual: Cell<u64>,
}

impl Load {
    /// How many more tasks of the usual size may be taken.
    pub(super) fn room(&self) -> u64 {
        if !holds(Guard::BoundBytes) {
            return u64::MAX;
        }
        let left = IN_PROGRESS_BYTES.saturating_sub(self.bytes.get());
        left.div_ceil(self.usual.get().max(LEAST))
    }

    /// Notes what was just taken.
    pub(super) fn note(&self, taken: &[Delivery]) {
        if !taken.is_empty() {
            let bytes: u64 = taken.iter().map(Delivery::bytes).sum();
            self.usual.set(bytes / taken.len() as u64);
        }
    }

    fn is_full(&self) -> bool {
        self.bytes.get() >= IN_PROGRESS_BYTES && holds(Guard::BoundBytes)
    }
}

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// The next task that may begin beside those in progress. However large it is, one always may.
    pub(super) fn next_that_fits(&self, ready: &mut VecDeque<Delivery>) -> Option<Delivery> {
        match self.load.is_full() {
            true => None,
            false => ready.pop_front(),
        }
    }

    /// Runs a delivery, which counts as in progress from now on.
    pub(super) fn begin(&self, delivery: Delivery) -> impl Future<Output = ()> {
        let (bytes, load) = (delivery.bytes(), &self.load.bytes);
        load.set(load.get() + bytes);
        async move {
            self.run(delivery).await;
            load.set(load.get().saturating_sub(bytes));
        }
    }
}
