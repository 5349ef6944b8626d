//! How long a host lets an instance live, and what finds that out.

use crate::Unready;
use futures::future::join;
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
    /// Until its response is complete, though who called it may have gone.
    Response,
    /// As long as somebody waits for its response, so that a worker lives while a tick holds it.
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

/// Instances whose lives are told by counters that stay: a probe that is over may still be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It answers, and then works.
    AfterResponse,
    /// It works, and holds its response open.
    Response,
    /// It calls one that holds its response open, and ends.
    Caller,
}

impl Life {
    const ALL: [Self; 3] = [Self::AfterResponse, Self::Response, Self::Caller];

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
        }
    }

    /// The counter to which it adds 1 when it has lived for [`LIVES_MS`].
    pub fn counter(self) -> &'static str {
        match self {
            Self::AfterResponse => "probe.after-response",
            Self::Response | Self::Caller => "probe.response",
        }
    }
}

/// How long such an instance lives: longer than a host takes to see that a response is complete.
pub const LIVES_MS: u64 = 100;
const LOOK_MS: u64 = 25;
/// How much longer the one that works after its response is waited for than the other one, since
/// both begin at once.
const BEHIND_MS: u64 = 400;
/// How long to wait for both.
const PATIENCE_MS: u64 = 2_000;

/// Finds out how long instances live that `start` starts.
///
/// # Errors
/// If the store fails, or an instance can't be started.
pub async fn lifetime(
    store: &impl Store,
    env: &impl Env,
    start: impl AsyncFn(Life) -> Result<(), Unready>,
) -> Result<Lifetime, Unready> {
    let after = Life::AfterResponse.counter();
    let response = Life::Response.counter();
    let before = (store.counter(after).await?, store.counter(response).await?);
    let (one, other) = join(start(Life::AfterResponse), start(Life::Caller)).await;
    one.and(other)?;
    let mut end_ms = env.now_ms() + PATIENCE_MS;
    let mut found = Lifetime::Tick;
    while env.now_ms() < end_ms {
        env.sleep_ms(LOOK_MS).await;
        if store.counter(after).await? > before.0 {
            return Ok(Lifetime::AfterResponse);
        }
        if found == Lifetime::Tick && store.counter(response).await? > before.1 {
            found = Lifetime::Response;
            end_ms = env.now_ms() + BEHIND_MS;
        }
    }
    Ok(found)
}
