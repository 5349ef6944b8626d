//! Entries of the failed list that can't be read.

use super::{HOUR_MS, MINUTE_MS, fail, left, list};
use crate::support::{Sim, keys};
use futures::FutureExt;
use handoff_queue::Store;

pub(super) fn put(sim: &Sim, key: &str, value: &[u8]) {
    let store = &sim.world.store;
    store.set(key, value).now_or_never().unwrap().unwrap();
}

#[test]
fn an_entry_that_cannot_be_read_hides_no_other() {
    let sim = Sim::new(13);
    let mut ids = fail(&sim, 5);
    put(&sim, &keys::failure(2), b"2{}");
    put(
        &sim,
        &keys::failure(3),
        b"1\"other-1-0123456789abcdef01234567\"",
    );
    put(&sim, &keys::slot(ids[3].slot()), b"1{");
    ids.reverse();
    assert_eq!(list(&sim), [ids[0].clone(), ids[4].clone()]);
    sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
    assert!(list(&sim).is_empty());
    // Two went with their tasks; of the third task it is not known what it is.
    let entries: Vec<_> = left(&sim)
        .into_iter()
        .filter(|key| key.starts_with(keys::FAILED))
        .collect();
    assert_eq!(entries, [keys::failure(4)]);
}
