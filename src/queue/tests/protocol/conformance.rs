//! The stores that the other tests run on keep what the queue relies on, as real stores do.

use crate::support::Sim;
use futures::executor::block_on;
use handoff_conformance::run_all;
use handoff_queue::memory::MemoryStore;

#[test]
fn memory() {
    assert_eq!(block_on(run_all(&MemoryStore::default(), "t.")), [""; 0]);
}

/// With others running before every other call, and no other fault.
#[test]
fn simulated() {
    let sim = Sim::new(1);
    sim.world.faults.yields.set(5_000);
    let ended = sim.spawn(|_, queue| async move { run_all(queue.store(), "t.").await });
    assert!(sim.run_until(0, || ended.is_done()), "it has not ended");
    assert_eq!(ended.take().unwrap(), [""; 0]);
}
