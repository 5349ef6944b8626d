//! The store as one instance sees it. Every call is a point where a fault may happen.

mod append;

use super::faults::{Action, Call, When};
use super::time::yield_now;
use super::{Instance, World, keys};
use futures::future::poll_fn;
use futures::task::LocalSpawnExt;
use handoff_queue::{Append, Appended, Store, StoreError};
use std::rc::Rc;

pub(crate) struct SimStore {
    pub world: Rc<World>,
    pub instance: Rc<Instance>,
}

/// The rest of an action, after the call took effect.
struct Rest(Action);

/// A change of one key.
enum Change<'a> {
    Set(&'a [u8]),
    Delete,
    Add(u64),
}

impl SimStore {
    fn error(operation: &'static str, key: &str) -> StoreError {
        StoreError {
            operation,
            key: key.to_owned(),
            reason: "simulated".to_owned(),
        }
    }

    /// Waits for the end of a stall. A stall may begin elsewhere in the instance, and may end
    /// early.
    async fn stalled(&self) {
        let now_ms = || self.world.clock.now_ms();
        poll_fn(|cx| self.instance.poll_moves(now_ms(), cx)).await;
    }

    async fn die(&self) -> ! {
        self.instance.hit(self.world.clock.now_ms());
        self.instance.kill();
        futures::future::pending::<std::convert::Infallible>().await;
        unreachable!("nothing follows pending")
    }

    async fn stall(&self, ms: u64) {
        let until_ms = self.world.clock.now_ms() + ms;
        self.world
            .note(&self.instance, &format!("STALLS for {ms} ms"));
        self.instance.stall_until(until_ms);
        // Work that begins after the stall is not excused.
        self.instance.hit(until_ms - 1);
        self.stalled().await;
    }

    async fn before(
        &self,
        operation: &'static str,
        key: &str,
        changes: usize,
    ) -> Result<Rest, StoreError> {
        self.stalled().await;
        if !self.instance.is_alive() {
            self.die().await;
        }
        let call = Call {
            instance: &self.instance,
            operation,
            key,
            changes,
            now_ms: self.world.clock.now_ms(),
        };
        let action = if self.instance.immune.get() {
            Action::Pass
        } else {
            self.world.faults.decide(&self.world, &call)
        };
        match action {
            Action::Yield => yield_now().await,
            Action::Slow(ms) => self.world.clock.sleep(ms).await,
            Action::Stall(When::Before, ms) => self.stall(ms).await,
            Action::Kill(When::Before) => self.die().await,
            Action::Fail(When::Before) => {
                self.instance.hit(self.world.clock.now_ms());
                self.world.note(
                    &self.instance,
                    &format!("{operation} {key} FAILS, not applied"),
                );
                return Err(Self::error(operation, key));
            }
            _ => {}
        }
        self.stalled().await;
        Ok(Rest(action))
    }

    async fn after<T>(
        &self,
        operation: &'static str,
        key: &str,
        rest: Rest,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match rest.0 {
            Action::Stall(When::After, ms) => self.stall(ms).await,
            Action::Kill(When::After) | Action::KillInPart(_) => self.die().await,
            Action::Fail(When::After) | Action::FailInPart(_) => {
                self.instance.hit(self.world.clock.now_ms());
                self.world
                    .note(&self.instance, &format!("{operation} {key} FAILS, applied"));
                return Err(Self::error(operation, key));
            }
            _ => {}
        }
        result
    }

    /// Has a call fail, or its instance die, whose changes take effect later.
    async fn late<'a>(
        &self,
        rest: &Rest,
        operation: &'static str,
        changes: impl ExactSizeIterator<Item = (&'a String, Change<'a>)>,
    ) -> Result<(), StoreError> {
        let (Action::Late(ms) | Action::KillLate(ms)) = rest.0 else {
            return Ok(());
        };
        let single = changes.len() == 1;
        let mut first = String::new();
        for (key, change) in changes {
            let after_ms = match single {
                true => ms,
                false => 1 + self.world.below(ms),
            };
            if first.is_empty() {
                first.clone_from(key);
            }
            self.spawn_change(operation, key.clone(), change, after_ms);
        }
        if let Action::KillLate(_) = rest.0 {
            self.die().await;
        }
        self.instance.hit(self.world.clock.now_ms());
        let what = format!("{operation} {first} FAILS, applied within {ms} ms");
        self.world.note(&self.instance, &what);
        Err(Self::error(operation, &first))
    }

    /// Changes a key after this time, whatever its instance does meanwhile.
    fn spawn_change(
        &self,
        operation: &'static str,
        key: String,
        change: Change<'_>,
        after_ms: u64,
    ) {
        let late = Self {
            world: self.world.clone(),
            instance: self.instance.clone(),
        };
        let (value, delta) = match change {
            Change::Set(value) => (Some(value.to_owned()), 0),
            Change::Delete => (None, 0),
            Change::Add(delta) => (None, delta),
        };
        let work = async move {
            late.world.clock.sleep(after_ms).await;
            let done = match (value, delta) {
                (Some(value), _) => {
                    late.told(operation, &key, &value);
                    late.world.store.set(&key, &value).await
                }
                (None, 0) => {
                    late.untold(operation, &key);
                    late.world.store.delete_many(&[key]).await
                }
                (None, delta) => {
                    let after = late.world.store.increment(&key, delta).await;
                    late.trace(operation, &key, || format!("late by {delta}: {after:?}"));
                    after.map(drop)
                }
            };
            done.expect("the store in memory does not fail");
        };
        self.world.spawner.spawn_local(work).unwrap();
    }

    /// The indexes of the keys that a call reaches, in its order.
    fn reached(&self, rest: &Rest, keys: usize) -> Vec<usize> {
        let mut reached: Vec<_> = (0..keys).collect();
        match rest.0 {
            Action::FailInPart(mask) | Action::KillInPart(mask) => {
                reached.retain(|i| mask >> (i % 64) & 1 == 1);
            }
            Action::Yield => {
                for last in (1..keys).rev() {
                    reached.swap(last, self.world.below(last as u64 + 1) as usize);
                }
            }
            _ => {}
        }
        reached
    }

    /// Lets other instances run between two keys of one call.
    async fn between(&self, rest: &Rest) {
        if rest.0 == Action::Yield {
            yield_now().await;
            self.stalled().await;
        }
    }

    /// Records that a call reaches this key.
    fn trace(&self, operation: &'static str, key: &str, value: impl FnOnce() -> String) {
        assert!(is_allowed(key), "{operation} {key}");
        if !self.instance.immune.get() {
            self.world.ledger.count(key);
        }
        self.world.line(&self.instance, operation, key, value);
    }

    /// Records and audits a write.
    fn told(&self, operation: &'static str, key: &str, value: &[u8]) {
        self.trace(operation, key, || text(Some(value)));
        let violation = self.world.ledger.write(&self.instance.name, key, value);
        if let Some(violation) = violation {
            self.world.note(&self.instance, &violation);
        }
    }

    /// Records a deletion.
    fn untold(&self, operation: &'static str, key: &str) {
        self.trace(operation, key, String::new);
        self.world.ledger.delete(key);
    }
}

/// Whether every store accepts this key.
fn is_allowed(key: &str) -> bool {
    let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'=');
    (1..=96).contains(&key.len()) && key.bytes().all(fits)
}

/// Splits a call with several keys: applied at once, or one by one.
fn parts_of<'a>(rest: &Rest, reached: &'a [usize]) -> std::slice::Chunks<'a, usize> {
    let size = if rest.0 == Action::Yield {
        1
    } else {
        reached.len().max(1)
    };
    reached.chunks(size)
}

fn text(value: Option<&[u8]>) -> String {
    value.map_or("-".to_owned(), |v| String::from_utf8_lossy(v).into_owned())
}

impl Store for SimStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let rest = self.before("get", key, 0).await?;
        let result = self.world.store.get(key).await;
        self.trace("get", key, || text(result.as_ref().unwrap().as_deref()));
        self.after("get", key, rest, result).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(first) = keys.first() else {
            return Ok(Vec::new());
        };
        let rest = self.before("get_many", first, 0).await?;
        let mut values = vec![None; keys.len()];
        for i in self.reached(&rest, keys.len()) {
            values[i] = self.world.store.get(&keys[i]).await?;
            self.trace("get_many", &keys[i], || text(values[i].as_deref()));
            self.between(&rest).await;
        }
        self.after("get_many", first, rest, Ok(values)).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let rest = self.before("set", key, 1).await?;
        let change = (&key.to_owned(), Change::Set(value));
        self.late(&rest, "set", [change].into_iter()).await?;
        self.told("set", key, value);
        let result = self.world.store.set(key, value).await;
        if key == keys::KEEPER && self.world.first_kept_ms.get().is_none() {
            let now_ms = self.world.clock.now_ms();
            self.world.first_kept_ms.set(Some(now_ms));
        }
        self.after("set", key, rest, result).await
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let first = &entries[0].0;
        let rest = self.before("set_many", first, entries.len()).await?;
        let changes = entries.iter().map(|(key, value)| (key, Change::Set(value)));
        self.late(&rest, "set_many", changes).await?;
        let reached = self.reached(&rest, entries.len());
        for part in parts_of(&rest, &reached) {
            let part: Vec<_> = part.iter().map(|&i| entries[i].clone()).collect();
            for (key, value) in &part {
                self.told("set_many", key, value);
            }
            self.world.store.set_many(&part).await?;
            self.between(&rest).await;
        }
        self.after("set_many", first, rest, Ok(())).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        let first = &keys[0];
        let rest = self.before("delete_many", first, keys.len()).await?;
        let changes = keys.iter().map(|key| (key, Change::Delete));
        self.late(&rest, "delete_many", changes).await?;
        let reached = self.reached(&rest, keys.len());
        for part in parts_of(&rest, &reached) {
            for &i in part {
                self.untold("delete_many", &keys[i]);
            }
            if part.len() == keys.len() {
                self.world.store.delete_many(keys).await?;
            } else {
                let part: Vec<_> = part.iter().map(|&i| keys[i].clone()).collect();
                self.world.store.delete_many(&part).await?;
            }
            self.between(&rest).await;
        }
        self.after("delete_many", first, rest, Ok(())).await
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let rest = self.before("increment", key, 1).await?;
        let change = (&key.to_owned(), Change::Add(delta));
        self.late(&rest, "increment", [change].into_iter()).await?;
        let result = self.world.store.increment(key, delta).await;
        // Some stores tell counters from text by this.
        assert!(
            result.iter().all(|n| *n < 3_000_000_000_000_000_000),
            "{key}"
        );
        self.trace("increment", key, || format!("by {delta}: {result:?}"));
        self.after("increment", key, rest, result).await
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        let rest = self.before("counter", key, 0).await?;
        let result = self.world.store.counter(key).await;
        self.trace("counter", key, || format!("{result:?}"));
        self.after("counter", key, rest, result).await
    }

    async fn append(&self, append: Append<'_>) -> Result<Appended, StoreError> {
        if self.world.appends.get() {
            return self.append_at_once(append).await;
        }
        append.call_by_call(self).await
    }
}
