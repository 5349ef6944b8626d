//! How long a host lets an instance live, and what finds that out.

use crate::Unready;
use futures::future::join3;
use handoff_queue::{Env, Store};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How long a host lets an instance live. Later ones let it do less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetime {
    /// It goes on after its response, until its handler returns.
    #[default]
    AfterResponse,
    /// Until its response is complete, even if its caller has left.
    Response,
    /// As long as its caller waits for its response. So a worker lives while a tick holds it.
    Tick,
}

impl Lifetime {
    const ALL: [Self; 3] = [Self::AfterResponse, Self::Response, Self::Tick];

    fn name(self) -> &'static str {
        match self {
            Self::AfterResponse => "after-response",
            Self::Response => "response",
            Self::Tick => "tick",
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(|known| format!("{:?}", known.name()));
            format!("is {text:?}, but must be one of {}", names.join(", "))
        })
    }
}

/// An instance that `/readyz` starts to see how long it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifetimeProbe {
    /// It answers, and works then.
    AfterResponse,
    /// It works before its response is complete. Its caller is [`Self::Caller`].
    Response,
    /// It starts the one before, and ends.
    Caller,
    /// It works before its response is complete, and `/readyz` waits for it: every host lets it.
    Held,
}

impl LifetimeProbe {
    const ALL: [Self; 4] = [
        Self::AfterResponse,
        Self::Response,
        Self::Caller,
        Self::Held,
    ];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Its name in a path.
    pub fn name(self) -> &'static str {
        match self {
            Self::AfterResponse => "after-response",
            Self::Response => "response",
            Self::Caller => "caller",
            Self::Held => "held",
        }
    }

    /// The counter to which it adds 1 at the end of its work. It stays, since an instance may add
    /// to it when its probe is over.
    pub fn counter(self) -> String {
        format!("probe.{}", self.name())
    }
}

/// How long such an instance works: longer than a host needs to see that a response is complete.
pub const WORK_MS: u64 = 100;
const LOOK_MS: u64 = 25;
/// How much longer than for the one that is held `/readyz` waits for the others. All begin at once.
const BEHIND_MS: u64 = 400;

/// Finds out how long instances live that `start` starts and `hold` waits for. Returns none if even
/// the one that is held did not get its work done in time.
///
/// # Errors
/// If the store fails, or an instance can't be started.
pub async fn lifetime(
    store: &impl Store,
    env: &impl Env,
    start: impl AsyncFn(LifetimeProbe) -> Result<(), Unready>,
    hold: impl AsyncFn(LifetimeProbe) -> Result<(), Unready>,
) -> Result<Option<Lifetime>, Unready> {
    use LifetimeProbe::{AfterResponse, Caller, Held, Response};
    let counted = async |probe: LifetimeProbe| store.counter(&probe.counter()).await;
    let after = counted(AfterResponse).await?;
    let response = counted(Response).await?;
    let held = counted(Held).await?;
    let (one, other, waited) = join3(start(AfterResponse), start(Caller), hold(Held)).await;
    one.and(other).and(waited)?;
    if counted(Held).await? == held {
        return Ok(None);
    }
    let end_ms = env.now_ms() + BEHIND_MS;
    let mut found = Lifetime::Tick;
    while env.now_ms() < end_ms {
        if counted(AfterResponse).await? > after {
            return Ok(Some(Lifetime::AfterResponse));
        }
        if counted(Response).await? > response {
            found = Lifetime::Response;
        }
        env.sleep_ms(LOOK_MS).await;
    }
    Ok(Some(found))
}
