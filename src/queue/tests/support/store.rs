//! The store as one instance sees it: every call is a point where something may happen.

use super::faults::{Action, Call, When};
use super::time::yield_now;
use super::{Instance, World};
use handoff_queue::{Store, StoreError};
use std::rc::Rc;

pub struct SimStore {
    pub world: Rc<World>,
    pub instance: Rc<Instance>,
}

/// What is left of a decided action after the call took effect.
struct Rest(Action);

impl SimStore {
    fn error(operation: &'static str, key: &str) -> StoreError {
        StoreError {
            operation,
            key: key.to_owned(),
            reason: "simulated".to_owned(),
        }
    }

    /// Whatever waits here must see a stall that began elsewhere in the instance.
    async fn stalled(&self) {
        loop {
            let until_ms = self.instance.stalled_until_ms();
            if until_ms <= self.world.clock.now_ms() {
                return;
            }
            self.world.clock.sleep_until(until_ms).await;
        }
    }

    async fn die(&self) -> ! {
        self.instance.kill();
        futures::future::pending::<std::convert::Infallible>().await;
        unreachable!("nothing follows pending")
    }

    async fn stall(&self, ms: u64) {
        let until_ms = self.world.clock.now_ms() + ms;
        self.world
            .note(&self.instance, &format!("STALLS for {ms} ms"));
        self.instance.stall_until(until_ms);
        self.world.clock.sleep_until(until_ms).await;
    }

    async fn before(&self, operation: &'static str, key: &str) -> Result<Rest, StoreError> {
        self.stalled().await;
        if !self.instance.is_alive() {
            self.die().await;
        }
        let call = Call {
            instance: &self.instance,
            operation,
            key,
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
            Action::Kill(When::After) | Action::KillInPart => self.die().await,
            Action::Fail(When::After) | Action::FailInPart => {
                self.world
                    .note(&self.instance, &format!("{operation} {key} FAILS, applied"));
                return Err(Self::error(operation, key));
            }
            _ => {}
        }
        result
    }

    /// Which of several keys a call reaches.
    fn reaches(&self, rest: &Rest) -> bool {
        match rest.0 {
            Action::FailInPart | Action::KillInPart => self.world.chance(500),
            _ => true,
        }
    }

    /// A slot and a result never change, nor does an outcome once the run has ended.
    fn check_write(&self, key: &str, value: &[u8]) {
        let kind = key.split('.').nth(2).unwrap_or_default();
        if !matches!(kind, "s" | "r" | "o") {
            return;
        }
        let mut written = self.world.written.borrow_mut();
        let Some(before) = written.insert(key.to_owned(), value.to_owned()) else {
            return;
        };
        let (before, after) = (text(Some(&before)), text(Some(value)));
        if before != after && !(kind == "o" && before.contains(r#""state":{"running""#)) {
            let violation = format!("{key} was {before} and becomes {after}");
            self.world.note(&self.instance, &violation);
            self.world.violations.borrow_mut().push(violation);
        }
    }

    fn trace(&self, operation: &'static str, key: &str, value: impl FnOnce() -> String) {
        self.world.line(&self.instance, operation, key, value);
    }
}

fn text(value: Option<&[u8]>) -> String {
    value.map_or("-".to_owned(), |v| String::from_utf8_lossy(v).into_owned())
}

impl Store for SimStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let rest = self.before("get", key).await?;
        let result = self.world.store.get(key).await;
        self.trace("get", key, || text(result.as_ref().unwrap().as_deref()));
        self.after("get", key, rest, result).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(first) = keys.first() else {
            return Ok(Vec::new());
        };
        let rest = self.before("get_many", first).await?;
        let result = self.world.store.get_many(keys).await;
        for (key, value) in keys.iter().zip(result.as_ref().unwrap()) {
            self.trace("get_many", key, || text(value.as_deref()));
        }
        self.after("get_many", first, rest, result).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let rest = self.before("set", key).await?;
        self.trace("set", key, || text(Some(value)));
        self.check_write(key, value);
        let result = self.world.store.set(key, value).await;
        self.after("set", key, rest, result).await
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let first = &entries[0].0;
        let rest = self.before("set_many", first).await?;
        let reached = entries.iter().filter(|_| self.reaches(&rest));
        let reached: Vec<_> = reached.cloned().collect();
        for (key, value) in &reached {
            self.trace("set_many", key, || text(Some(value)));
            self.check_write(key, value);
        }
        let result = self.world.store.set_many(&reached).await;
        self.after("set_many", first, rest, result).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        let first = &keys[0];
        let rest = self.before("delete_many", first).await?;
        let reached = keys.iter().filter(|_| self.reaches(&rest));
        let reached: Vec<_> = reached.cloned().collect();
        for key in &reached {
            self.trace("delete_many", key, String::new);
            self.world.written.borrow_mut().remove(key);
        }
        let result = self.world.store.delete_many(&reached).await;
        self.after("delete_many", first, rest, result).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let rest = self.before("increment", key).await?;
        let result = self.world.store.increment(key, delta).await;
        self.trace("increment", key, || format!("by {delta}: {result:?}"));
        self.after("increment", key, rest, result).await
    }

    async fn counter(&self, key: &str) -> Result<i64, StoreError> {
        let rest = self.before("counter", key).await?;
        let result = self.world.store.counter(key).await;
        self.trace("counter", key, || format!("{result:?}"));
        self.after("counter", key, rest, result).await
    }
}
