//! A store that appends in one call.

use super::super::faults::Action;
use super::SimStore;
use futures::task::LocalSpawnExt;
use handoff_queue::{Append, Appended, Store, StoreError};

impl SimStore {
    /// Takes the numbers and writes the records at one moment, as a transaction does, and reads the
    /// counters later.
    pub(super) async fn append_at_once(&self, append: Append<'_>) -> Result<Appended, StoreError> {
        let changes = 1 + append.records.len();
        let rest = self.before("append", append.counter, changes).await?;
        if let Action::Late(ms) | Action::KillLate(ms) = rest.0 {
            self.spawn_append(append, ms);
            if let Action::KillLate(_) = rest.0 {
                self.die().await;
            }
            self.instance.hit(self.world.clock.now_ms());
            let what = format!("append {} FAILS, applied after {ms} ms", append.counter);
            self.world.note(&self.instance, &what);
            return Err(Self::error("append", append.counter));
        }
        let last = self.append_now(append).await?;
        self.between(&rest).await;
        let mut look = Vec::new();
        for key in append.look {
            let seen = self.world.store.counter(key).await?;
            self.trace("append", key, || format!("looks: {seen}"));
            look.push(seen);
        }
        let appended = Ok(Appended { last, look });
        self.after("append", append.counter, rest, appended).await
    }

    async fn append_now(&self, append: Append<'_>) -> Result<u64, StoreError> {
        let count = append.records.len() as u64;
        let after = self.world.store.increment(append.counter, count).await?;
        let last = append.last(after);
        self.trace("append", append.counter, || format!("by {count}: {after}"));
        let entries = append.entries(last);
        for (key, value) in &entries {
            self.told("append", key, value);
        }
        self.world.store.set_many(&entries).await?;
        Ok(last)
    }

    /// Appends after this time, whatever its instance does meanwhile.
    fn spawn_append(&self, append: Append<'_>, after_ms: u64) {
        let late = Self {
            world: self.world.clone(),
            instance: self.instance.clone(),
        };
        let (counter, prefix) = (append.counter.to_owned(), append.prefix.to_owned());
        let (base, records) = (append.base, append.records.to_vec());
        let work = async move {
            late.world.clock.sleep(after_ms).await;
            let append = Append {
                counter: &counter,
                prefix: &prefix,
                base,
                records: &records,
                look: &[],
            };
            let done = late.append_now(append).await;
            done.expect("the store in memory does not fail");
        };
        self.world.spawner.spawn_local(work).unwrap();
    }
}
