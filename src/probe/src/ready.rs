//! What `/readyz` asks. However many ask, one probe runs at a time and one begins in a second; all
//! others get its verdict. Five keys stay, three of them counters of the lifetime probe. The keys of
//! a probe that died are deleted by the next one that waits for it.

use crate::{Lifetime, each_once};
use futures::future::join_all;
use handoff_queue::{CLOCK_SLACK_MS, Env, Store, StoreError};
use serde::{Deserialize, Serialize};

/// So many instances increment at once,
pub const INSTANCES: usize = 8;
/// and each so often. A probe is 36 writes in all, and three of the lifetime probe.
pub const TIMES: u64 = 4;
/// How long an instance may take for it.
pub const ASK_TIMEOUT_MS: u64 = 5_000;

/// Every key of a probe begins like this.
const PREFIX: &str = "probe.";
/// Counter: who asks takes a turn.
const TURNS: &str = "probe.turns";
/// The last verdict. Whoever overwrites it has a true one.
const VERDICT: &str = "probe.verdict";

/// A verdict this old is given again without a new probe.
const KEEP_MS: u64 = 1_000;
/// Longer than a probe takes, whose calls of instances end after [`ASK_TIMEOUT_MS`]. One that has no verdict by then
/// has died.
const PATIENCE_MS: u64 = 8_000;
const PAUSE_MS: u64 = 20;

/// Why the application can't do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unready {
    /// The store does not do what the queue relies on.
    Store(String),
    /// An instance could not be asked to count, so nothing is known about the store.
    Worker(String),
    /// An instance that works can't use these variables.
    Variables(Vec<String>),
    /// Something else of the deployment is wrong.
    Deployment(String),
}

impl From<StoreError> for Unready {
    fn from(e: StoreError) -> Self {
        Self::Store(e.to_string())
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Verdict {
    /// It is the answer to all turns up to this one.
    turn: u64,
    at_ms: u64,
    unready: Option<Unready>,
    /// How long instances live, as far as that was found out.
    #[serde(default)]
    lifetime: Option<Lifetime>,
}

impl Verdict {
    async fn read(store: &impl Store) -> Result<Self, StoreError> {
        let bytes = store.get(VERDICT).await?.unwrap_or_default();
        // One that can't be read, of another version perhaps, is none.
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn is_within(&self, ms: u64, env: &impl Env) -> bool {
        env.now_ms().abs_diff(self.at_ms) <= ms
    }

    fn given(self) -> Result<Option<Lifetime>, Unready> {
        self.unready.map_or(Ok(self.lifetime), Err)
    }
}

/// Whether an instance may increment this key when it is asked to count.
pub fn is_probe_key(key: &str) -> bool {
    let number = key.strip_prefix(PREFIX);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether the store works, and several instances that `ask` starts can count in it at once: `ask` has one of them
/// increment the key [`TIMES`] times and returns the numbers. Then `also` looks at the rest of the deployment, and finds
/// out how long instances live.
///
/// # Errors
/// What the store did that it must not do, or why an instance could not be asked.
pub async fn ready(
    store: &impl Store,
    env: &impl Env,
    ask: impl AsyncFn(&str) -> Result<Vec<u64>, Unready>,
    also: impl AsyncFn() -> Result<Option<Lifetime>, Unready>,
) -> Result<Option<Lifetime>, Unready> {
    let last = Verdict::read(store).await?;
    if last.is_within(KEEP_MS, env) {
        return last.given();
    }
    let began_ms = env.now_ms();
    let turn = store.increment(TURNS, 1).await?;
    if turn < 1 {
        let reason = format!("{TURNS} was incremented by 1 and is {turn} now");
        return Err(Unready::Store(reason));
    }
    let mut lifetime = None;
    let (probed, mut unready) = match wait(turn, began_ms, store, env).await? {
        Wait::Answered(verdict) => return verdict.given(),
        Wait::Over => {
            let found = match probe(turn, store, ask).await {
                Ok(()) => also().await.map(|found| lifetime = found),
                unready => unready,
            };
            (turn, found.err())
        }
        Wait::InVain(probed) => (probed, None),
    };
    // Then another may have deleted this one's keys, so that what it saw means nothing.
    if env.now_ms().saturating_sub(began_ms) >= PATIENCE_MS {
        let reason = format!("a probe of it has not ended within {PATIENCE_MS} ms");
        unready = Some(Unready::Store(reason));
    }
    store.delete_many(&[counter(probed), value(probed)]).await?;
    let verdict = Verdict {
        turn: store.counter(TURNS).await?,
        at_ms: env.now_ms(),
        unready,
        lifetime,
    };
    let bytes = serde_json::to_vec(&verdict).unwrap_or_default();
    store.set(VERDICT, &bytes).await?;
    verdict.given()
}

/// How waiting for one's turn ended.
enum Wait {
    /// With a verdict that is the answer to this turn too.
    Answered(Verdict),
    /// All turns before are answered: this one is to probe.
    Over,
    /// The probe of this turn has died.
    InVain(u64),
}

async fn wait(
    turn: u64,
    began_ms: u64,
    store: &impl Store,
    env: &impl Env,
) -> Result<Wait, StoreError> {
    loop {
        let last = Verdict::read(store).await?;
        if last.turn >= turn && last.is_within(KEEP_MS + CLOCK_SLACK_MS, env) {
            return Ok(Wait::Answered(last));
        }
        if last.turn + 1 == turn {
            return Ok(Wait::Over);
        }
        if env.now_ms().saturating_sub(began_ms) >= PATIENCE_MS {
            return Ok(Wait::InVain(last.turn + 1));
        }
        env.sleep_ms(PAUSE_MS).await;
    }
}

fn counter(turn: u64) -> String {
    format!("{PREFIX}{turn}")
}

fn value(turn: u64) -> String {
    format!("{PREFIX}{turn}.value")
}

async fn probe(
    turn: u64,
    store: &impl Store,
    ask: impl AsyncFn(&str) -> Result<Vec<u64>, Unready>,
) -> Result<(), Unready> {
    let wrong = |what: String| Err(Unready::Store(what));
    let key = value(turn);
    let written = turn.to_le_bytes();
    store.set(&key, &written).await?;
    if store.get(&key).await?.as_deref() != Some(&written) {
        return wrong(format!("{key} was set and then read as something else"));
    }
    store.delete_many(std::slice::from_ref(&key)).await?;
    if store.get(&key).await?.is_some() {
        return wrong(format!("{key} was deleted and is still there"));
    }

    let key = counter(turn);
    let answers = join_all((0..INSTANCES).map(|_| ask(&key))).await;
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let total = INSTANCES as u64 * TIMES;
    if let Err(difference) = each_once(answers.into_iter().flatten(), total) {
        return wrong(format!(
            "its increment is not atomic: {INSTANCES} instances incremented a new counter {TIMES} times each, and \
             {difference}. Tasks would be lost and run twice. Use a store whose increment is atomic, such as Redis, or \
             SQLite with one host process"
        ));
    }
    match store.counter(&key).await? {
        read if read == total => Ok(()),
        read => wrong(format!(
            "{key} was counted to {total} and is read as {read}"
        )),
    }
}
