//! A store in memory whose calls take time, so that others come in between, and may go wrong: a call fails before or
//! after it took effect, reaches only some of its keys, or comes into effect later; its instance stalls, or ends with it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use tokio::time::sleep;

use super::dice::Dice;
use super::time::Virtual;
use crate::keyvalue::{InstanceEnds, Memory, Store};

/// How often what goes wrong, of ten thousand calls.
#[derive(Debug, Clone, Copy, Default)]
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

    /// The same interleaving, and nothing goes wrong.
    pub(super) fn calm(self) -> Self {
        Self {
            yields: self.yields,
            ..Self::default()
        }
    }
}

/// What happens to a call.
struct Fate {
    /// So many of its keys are reached.
    reaches: usize,
    /// After this time: at once, or when the caller was told that it failed.
    late: Option<Duration>,
    told: Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Right,
    Failed,
    Nothing,
}

pub(super) struct FaultyStore {
    memory: Arc<Memory>,
    dice: Arc<Dice>,
    rates: Rates,
    faults: AtomicBool,
    happened: AtomicU64,
    clock: Virtual,
    /// A hash of all calls, or also each of them as a line.
    trace: Mutex<(DefaultHasher, Option<Vec<String>>)>,
}

impl FaultyStore {
    pub(super) fn new(dice: Arc<Dice>, rates: Rates, clock: Virtual, record: bool) -> Self {
        Self {
            memory: Arc::default(),
            dice,
            rates,
            faults: AtomicBool::new(true),
            happened: AtomicU64::new(0),
            clock,
            trace: Mutex::new((DefaultHasher::new(), record.then(Vec::new))),
        }
    }

    /// From now on nothing goes wrong. Calls still interleave.
    pub(super) fn faults_end(&self) {
        self.faults.store(false, Ordering::Relaxed);
    }

    /// How often something went wrong.
    pub(super) fn happened(&self) -> u64 {
        self.happened.load(Ordering::Relaxed)
    }

    /// The same for the same calls at the same times.
    pub(super) fn hash(&self) -> u64 {
        let trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        trace.0.finish()
    }

    /// The calls, if they are recorded.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        trace.1.take().unwrap_or_default()
    }

    fn note(&self, operation: &str, keys: &[&str], value: &[u8]) {
        let ms = self.clock.elapsed().as_millis();
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        (ms, operation, keys, value).hash(&mut trace.0);
        if let Some(lines) = &mut trace.1 {
            let value = String::from_utf8_lossy(value);
            lines.push(format!("{ms:>9} {operation} {} {value}", keys.join(" ")));
        }
    }

    /// Others run first, now and then.
    async fn yields(&self) {
        if self.dice.chance(self.rates.yields) {
            sleep(Duration::from_millis(1 + self.dice.below(20))).await;
        }
    }

    fn fate(&self, keys: usize) -> Fate {
        let (dice, rates) = (&self.dice, self.rates);
        let some = |dice: &Dice| dice.below(keys as u64 + 1) as usize;
        let fate = match self.faults.load(Ordering::Relaxed) {
            true if dice.chance(rates.fails) => Fate {
                reaches: some(dice),
                late: None,
                told: Told::Failed,
            },
            true if dice.chance(rates.ends) => Fate {
                reaches: some(dice),
                late: None,
                told: Told::Nothing,
            },
            true if dice.chance(rates.late) => Fate {
                reaches: keys,
                late: Some(Duration::from_millis(dice.below(60_000))),
                told: dice.pick(&[Told::Failed, Told::Nothing]),
            },
            _ => Fate {
                reaches: keys,
                late: None,
                told: Told::Right,
            },
        };
        if fate.told != Told::Right {
            self.happened.fetch_add(1, Ordering::Relaxed);
        }
        fate
    }

    /// Makes a call on so many keys. `effect` reaches as many of them as it is told.
    async fn call<T, F>(&self, keys: usize, effect: impl FnOnce(usize) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        if self.faults.load(Ordering::Relaxed) && self.dice.chance(self.rates.stalls) {
            self.happened.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(self.dice.below(70_000))).await;
        }
        self.yields().await;
        let fate = self.fate(keys);
        let effect = effect(fate.reaches);
        let answer = match fate.late {
            None if fate.reaches > 0 || fate.told == Told::Right => Some(effect.await?),
            None => None,
            Some(late) => {
                tokio::spawn(async move {
                    sleep(late).await;
                    _ = effect.await;
                });
                None
            }
        };
        match (fate.told, answer) {
            (Told::Right, Some(answer)) => {
                self.yields().await;
                Ok(answer)
            }
            (Told::Nothing, _) => Err(InstanceEnds.into()),
            _ => bail!("a fault of the simulation"),
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.note("get", &[key], &[]);
        let (memory, key) = (self.memory.clone(), key.to_owned());
        self.call(1, |_| async move { memory.get(&key).await })
            .await
    }

    async fn set(&self, key: String, value: Vec<u8>) -> Result<()> {
        self.note("set", &[&key], &value);
        let memory = self.memory.clone();
        self.call(1, |_| async move { memory.set(key, value).await })
            .await
    }

    async fn delete(&self, key: String) -> Result<()> {
        self.note("delete", &[&key], &[]);
        let memory = self.memory.clone();
        self.call(1, |_| async move { memory.delete(key).await })
            .await
    }

    async fn increment(&self, key: String, delta: i64) -> Result<i64> {
        self.note("increment", &[&key], delta.to_string().as_bytes());
        let memory = self.memory.clone();
        self.call(1, |_| async move { memory.increment(key, delta).await })
            .await
    }

    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        let names: Vec<_> = keys.iter().map(String::as_str).collect();
        self.note("get_many", &names, &[]);
        let mut found = Vec::new();
        for key in keys {
            // Each key is read at a time of its own.
            self.yields().await;
            let value = self.memory.get(&key).await?;
            found.push((key, value));
        }
        self.call(1, |_| async move { Ok(found) }).await
    }

    async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        let names: Vec<_> = pairs.iter().map(|(key, _)| key.as_str()).collect();
        let bytes: Vec<_> = pairs.iter().flat_map(|(_, value)| value.clone()).collect();
        self.note("set_many", &names, &bytes);
        let memory = self.memory.clone();
        let count = pairs.len();
        self.call(count, |reached| async move {
            memory
                .set_many(pairs.into_iter().take(reached).collect())
                .await
        })
        .await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        let names: Vec<_> = keys.iter().map(String::as_str).collect();
        self.note("delete_many", &names, &[]);
        let memory = self.memory.clone();
        let count = keys.len();
        self.call(count, |reached| async move {
            memory
                .delete_many(keys.into_iter().take(reached).collect())
                .await
        })
        .await
    }
}
