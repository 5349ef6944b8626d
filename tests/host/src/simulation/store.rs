//! A store in memory whose calls take time, so that others come in between, and may go wrong: a call
//! fails before or after it took effect, reaches only some of its keys, or takes effect later. Its
//! instance stalls, or ends with it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use tokio::time::sleep;

use super::dice::Dice;
use super::time::Virtual;
use crate::keyvalue::{InstanceEnds, Memory, Store};

/// A call that is reported as failed may take effect so much later.
const LATE_MAX_MS: u64 = 60_000;
/// Longer than a lease, and than a request may take on some hosts.
const STALL_MAX_MS: u64 = 70_000;
const YIELD_MAX_MS: u64 = 20;

/// The frequency of each fault, in ten thousand calls.
#[derive(Clone, Copy, Default)]
pub(super) struct Rates {
    pub yields: u64,
    pub fails: u64,
    pub ends: u64,
    pub late: u64,
    pub stalls: u64,
}

impl Rates {
    pub(super) fn of(dice: &Dice) -> Self {
        Self {
            yields: dice.pick(&[500, 2_000, 5_000]),
            fails: dice.pick(&[0, 10, 50, 300]),
            ends: dice.pick(&[0, 2, 10, 40]),
            late: dice.pick(&[0, 0, 20]),
            stalls: dice.pick(&[0, 0, 2, 10]),
        }
    }

    /// The same interleaving without faults.
    pub(super) fn calm(self) -> Self {
        Self {
            yields: self.yields,
            ..Self::default()
        }
    }
}

/// A call's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Rightly,
    /// It failed, whether or not it took effect.
    Failed,
    /// Its instance ends.
    Never,
}

/// The faults that were injected, by kind.
#[derive(Debug, Default)]
pub(super) struct Injected {
    pub failed: AtomicU64,
    pub ended: AtomicU64,
    pub late: AtomicU64,
    pub stalled: AtomicU64,
}

impl Injected {
    /// Adds those of another schedule.
    pub(super) fn add(&self, other: &Self) {
        let add = |to: &AtomicU64, from: &AtomicU64| {
            to.fetch_add(from.load(Ordering::Relaxed), Ordering::Relaxed)
        };
        add(&self.failed, &other.failed);
        add(&self.ended, &other.ended);
        add(&self.late, &other.late);
        add(&self.stalled, &other.stalled);
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The store of all hosts.
pub(super) struct FaultyStore {
    memory: Memory,
    dice: Arc<Dice>,
    rates: Rates,
    faults: AtomicBool,
    pub injected: Injected,
    clock: Virtual,
    trace: Mutex<Trace>,
}

/// All calls: their hash and, if recorded, a line for each.
struct Trace {
    hash: DefaultHasher,
    lines: Option<Vec<String>>,
}

impl FaultyStore {
    pub(super) fn new(dice: Arc<Dice>, rates: Rates, clock: Virtual, record: bool) -> Self {
        Self {
            memory: Memory::default(),
            dice,
            rates,
            faults: AtomicBool::new(true),
            injected: Injected::default(),
            clock,
            trace: Mutex::new(Trace {
                hash: DefaultHasher::new(),
                lines: record.then(Vec::new),
            }),
        }
    }

    /// Ends the faults. Calls still interleave.
    pub(super) fn end_faults(&self) {
        self.faults.store(false, Ordering::Relaxed);
    }

    pub(super) fn has_faults(&self) -> bool {
        self.faults.load(Ordering::Relaxed)
    }

    /// The same for the same calls at the same times.
    pub(super) fn hash(&self) -> u64 {
        self.trace().hash.finish()
    }

    /// The recorded calls.
    pub(super) fn lines(&self) -> Vec<String> {
        self.trace().lines.take().unwrap_or_default()
    }

    fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, text: &str) {
        let ms = self.clock.elapsed().as_millis();
        let mut trace = self.trace();
        (ms, text).hash(&mut trace.hash);
        if let Some(lines) = &mut trace.lines {
            lines.push(format!("{ms:>9} {text}"));
        }
    }

    /// Others run first, now and then.
    async fn yields(&self) {
        if self.dice.chance(self.rates.yields) {
            sleep(Duration::from_millis(1 + self.dice.below(YIELD_MAX_MS))).await;
        }
    }

    /// How long the instance stalls, now and then.
    fn stall(&self) -> Option<Duration> {
        if !self.has_faults() || !self.dice.chance(self.rates.stalls) {
            return None;
        }
        count(&self.injected.stalled);
        let stall = Duration::from_millis(self.dice.below(STALL_MAX_MS));
        self.note(&format!("  stalls for {stall:?}"));
        Some(stall)
    }

    /// The answer, and whether the call takes effect later.
    fn fate(&self) -> (Answered, bool) {
        let chance = |rate| self.has_faults() && self.dice.chance(rate);
        let fate = if chance(self.rates.fails) {
            (Answered::Failed, false)
        } else if chance(self.rates.ends) {
            (Answered::Never, false)
        } else if chance(self.rates.late) {
            count(&self.injected.late);
            (self.dice.pick(&[Answered::Failed, Answered::Never]), true)
        } else {
            return (Answered::Rightly, false);
        };
        match fate.0 {
            Answered::Never => count(&self.injected.ended),
            _ => count(&self.injected.failed),
        }
        self.note(&format!("  answered {:?}, late: {}", fate.0, fate.1));
        fate
    }

    /// Carries out a call of several parts, in any order, while others run in between. If it goes
    /// wrong, only some parts are carried out, or all of them later.
    async fn change(self: &Arc<Self>, mut parts: Vec<Part>) -> Result<Option<i64>> {
        let stall = self.stall();
        let stalls_first = self.dice.chance(5_000);
        if let Some(stall) = stall.filter(|_| stalls_first) {
            sleep(stall).await;
        }
        self.dice.shuffle(&mut parts);
        let (answered, late) = self.fate();
        if late {
            let (store, after) = (self.clone(), self.dice.below(LATE_MAX_MS));
            tokio::spawn(async move {
                sleep(Duration::from_millis(after)).await;
                _ = store.carry_out(parts).await;
            });
        } else {
            if answered != Answered::Rightly {
                let some = self.dice.below(parts.len() as u64 + 1);
                parts.truncate(some as usize);
            }
            let sum = self.carry_out(parts).await?;
            if answered == Answered::Rightly {
                if let Some(stall) = stall.filter(|_| !stalls_first) {
                    sleep(stall).await;
                }
                return Ok(sum);
            }
        }
        match answered {
            Answered::Never => Err(InstanceEnds.into()),
            _ => bail!("a fault of the simulation"),
        }
    }

    async fn carry_out(&self, parts: Vec<Part>) -> Result<Option<i64>> {
        let mut sum = None;
        for part in parts {
            self.yields().await;
            match part {
                Part::Set(key, value) => self.memory.set(key, value).await?,
                Part::Delete(key) => self.memory.delete(key).await?,
                Part::Increment(key, delta) => {
                    sum = Some(self.memory.increment(key, delta).await?);
                }
            }
        }
        self.yields().await;
        Ok(sum)
    }

    /// Reads keys one by one while others run in between.
    async fn read(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        let mut found = Vec::new();
        for key in keys {
            self.yields().await;
            let value = self.memory.get(&key).await?;
            self.note(&format!("get {key} {}", text(value.as_deref())));
            found.push((key, value));
        }
        if let Some(stall) = self.stall() {
            sleep(stall).await;
        }
        match self.fate().0 {
            Answered::Rightly => Ok(found),
            Answered::Never => Err(InstanceEnds.into()),
            Answered::Failed => bail!("a fault of the simulation"),
        }
    }
}

/// What a call does to one key.
enum Part {
    Set(String, Vec<u8>),
    Delete(String),
    Increment(String, i64),
}

fn text(value: Option<&[u8]>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| String::from_utf8_lossy(value).into_owned(),
    )
}

/// The store as one host reaches it, until the host is gone.
pub(super) struct HostStore {
    store: Arc<FaultyStore>,
    name: usize,
    gone: AtomicBool,
}

impl HostStore {
    pub(super) fn new(store: Arc<FaultyStore>, name: usize) -> Self {
        Self {
            store,
            name,
            gone: AtomicBool::new(false),
        }
    }

    /// From now on each instance of this host ends at its next call, or goes on as ever.
    pub(super) fn set_gone(&self, gone: bool) {
        self.store.note(&format!("host {} gone: {gone}", self.name));
        self.gone.store(gone, Ordering::Relaxed);
    }

    fn alive(&self) -> Result<&Arc<FaultyStore>> {
        if self.gone.load(Ordering::Relaxed) {
            count(&self.store.injected.ended);
            return Err(InstanceEnds.into());
        }
        Ok(&self.store)
    }

    async fn change(&self, parts: Vec<Part>) -> Result<Option<i64>> {
        let store = self.alive()?;
        for part in &parts {
            let what = match part {
                Part::Set(key, value) => format!("set {key} {}", text(Some(value))),
                Part::Delete(key) => format!("delete {key}"),
                Part::Increment(key, delta) => format!("increment {key} by {delta}"),
            };
            store.note(&format!("host {} {what}", self.name));
        }
        store.change(parts).await
    }
}

#[async_trait]
impl Store for HostStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let found = self.get_many(vec![key.to_owned()]).await?;
        Ok(found.into_iter().next().and_then(|(_, value)| value))
    }

    async fn set(&self, key: String, value: Vec<u8>) -> Result<()> {
        self.set_many(vec![(key, value)]).await
    }

    async fn delete(&self, key: String) -> Result<()> {
        self.delete_many(vec![key]).await
    }

    async fn increment(&self, key: String, delta: i64) -> Result<i64> {
        let sum = self.change(vec![Part::Increment(key, delta)]).await?;
        Ok(sum.unwrap_or_default())
    }

    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        self.alive()?.read(keys).await
    }

    async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        let parts = pairs.into_iter().map(|(key, value)| Part::Set(key, value));
        self.change(parts.collect()).await.map(drop)
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        let parts = keys.into_iter().map(Part::Delete);
        self.change(parts.collect()).await.map(drop)
    }
}
