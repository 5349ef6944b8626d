//! The hosts and stores that every flow is run on.

use crate::{environment, limit, say};
use serde_json::{Value, json};
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Local,
    Spin,
    Wash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Sqlite,
    Redis,
    /// Redis that writes nothing to a disk.
    RedisInMemory,
    Memory,
    /// A Redis that the components reach themselves.
    Outbound,
    /// A Postgres that the components reach themselves.
    Postgres,
    /// A Postgres behind a PgBouncer.
    PgBouncer,
}

/// A host and the store that it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub(crate) kind: Kind,
    pub(crate) storage: Storage,
    /// Whether the host has the limits of Akamai Functions.
    pub(crate) as_akamai: bool,
}

impl Pair {
    /// The local host with a SQLite file.
    pub const LOCAL_SQLITE: Self = Self::new(Kind::Local, Storage::Sqlite);
    /// The local host with Redis.
    pub const LOCAL_REDIS: Self = Self::new(Kind::Local, Storage::Redis);
    /// The local host with a store that is gone when it ends.
    pub const LOCAL_MEMORY: Self = Self::new(Kind::Local, Storage::Memory);
    /// Spin with its default store, a SQLite file.
    pub const SPIN_SQLITE: Self = Self::new(Kind::Spin, Storage::Sqlite);
    /// Spin with Redis.
    pub const SPIN_REDIS: Self = Self::new(Kind::Spin, Storage::Redis);
    /// The local host, with a Redis that the components reach themselves.
    pub const LOCAL_OUTBOUND: Self = Self::new(Kind::Local, Storage::Outbound);
    /// Spin, with a Redis that the components reach themselves.
    pub const SPIN_OUTBOUND: Self = Self::new(Kind::Spin, Storage::Outbound);
    /// The local host, with a Postgres that the components reach themselves.
    pub const LOCAL_POSTGRES: Self = Self::new(Kind::Local, Storage::Postgres);
    /// Spin, with a Postgres that the components reach themselves.
    pub const SPIN_POSTGRES: Self = Self::new(Kind::Spin, Storage::Postgres);
    /// The local host, with a Postgres behind a PgBouncer.
    pub const LOCAL_PGBOUNCER: Self = Self::new(Kind::Local, Storage::PgBouncer);
    /// Spin, with a Postgres behind a PgBouncer.
    pub const SPIN_PGBOUNCER: Self = Self::new(Kind::Spin, Storage::PgBouncer);
    /// `wash dev` with a store that is gone when it ends.
    pub const WASH_MEMORY: Self = Self::new(Kind::Wash, Storage::Memory);
    /// `wash dev` with Redis.
    pub const WASH_REDIS: Self = Self::new(Kind::Wash, Storage::Redis);
    /// The local host with a Redis that loses everything when it ends: to be measured only.
    pub const LOCAL_REDIS_IN_MEMORY: Self = Self::new(Kind::Local, Storage::RedisInMemory);
    /// Spin with such a Redis.
    pub const SPIN_REDIS_IN_MEMORY: Self = Self::new(Kind::Spin, Storage::RedisInMemory);

    /// The local host with the limits of Akamai Functions, and a Redis that the components reach themselves.
    pub const LOCAL_AS_AKAMAI: Self = Self {
        as_akamai: true,
        ..Self::LOCAL_OUTBOUND
    };

    const fn new(kind: Kind, storage: Storage) -> Self {
        Self {
            kind,
            storage,
            as_akamai: false,
        }
    }

    /// Whether it is the host of this project.
    pub fn is_local(self) -> bool {
        self.kind == Kind::Local
    }

    /// Whether its store is Redis, in one way or the other.
    pub fn has_redis(self) -> bool {
        matches!(
            self.storage,
            Storage::Redis | Storage::RedisInMemory | Storage::Outbound
        )
    }

    /// Whether its store is a Postgres.
    pub fn is_postgres(self) -> bool {
        matches!(self.storage, Storage::Postgres | Storage::PgBouncer)
    }

    /// Whether its store is a server beside the host.
    pub fn has_server(self) -> bool {
        self.has_redis() || self.is_postgres()
    }

    /// Whether the components reach the server of their store themselves.
    pub fn is_outbound(self) -> bool {
        self.storage == Storage::Outbound || self.is_postgres()
    }

    /// Whether the first call after that server came back reaches it. The client of Spin's own store waits for a minute
    /// before it looks for Redis a second time.
    pub fn reconnects_at_once(self) -> bool {
        self.is_local() || self.is_outbound()
    }

    /// What `/readyz` answers when nothing is wrong.
    pub fn ready(self) -> Value {
        match self.kind {
            Kind::Local if self.as_akamai => {
                json!({"status": "ready", "worker_lifetime": "response"})
            }
            Kind::Local | Kind::Spin => {
                json!({"status": "ready", "worker_lifetime": "after-response"})
            }
            Kind::Wash => json!({"status": "ready"}),
        }
    }

    /// Why it can't be run here, if it can't.
    ///
    /// # Errors
    /// The reason.
    pub fn available(self) -> Result<(), String> {
        environment::root()?;
        match self.kind {
            Kind::Local => environment::local_host()?,
            Kind::Spin => environment::spin()?,
            Kind::Wash => environment::wash()?,
        };
        match self.storage {
            Storage::Redis | Storage::RedisInMemory | Storage::Outbound => environment::redis(),
            Storage::Postgres => environment::postgres().map(drop),
            Storage::PgBouncer => environment::postgres().and(environment::pgbouncer()),
            Storage::Sqlite | Storage::Memory => Ok(()),
        }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Local if self.as_akamai => "local-as-akamai",
            Kind::Local => "local",
            Kind::Spin => "spin",
            Kind::Wash => "wash",
        };
        let storage = match self.storage {
            Storage::Sqlite => "sqlite",
            Storage::Redis => "redis",
            Storage::RedisInMemory => "redis-in-memory",
            Storage::Memory => "memory",
            Storage::Outbound => "outbound",
            Storage::Postgres => "postgres",
            Storage::PgBouncer => "pgbouncer",
        };
        write!(f, "{kind}+{storage}")
    }
}

/// How much of the machine a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// One of a few tests that run at once.
    Some,
    /// All of it: the test measures. `cargo xtask test` simulates beside it, at the lowest priority, and with `--only e2e`
    /// nothing else runs.
    All,
}

/// Runs a flow on a pair, or says loudly why not. Called by [`crate::on_every_pair!`].
pub fn run(name: &str, pair: Pair, share: Share, flow: fn(Pair)) {
    if let Err(reason) = pair.available() {
        return say(&format!("SKIPPED: {name} because {reason}"));
    }
    let _permit = limit::take(share);
    flow(pair);
}

/// Makes a test of each function for each pair: `on_every_pair!(flow, other_flow)` with `fn flow(pair: Pair)` gives
/// `flow::local_sqlite`, `flow::local_redis`, `flow::local_outbound`, `flow::spin_sqlite` and so on.
#[macro_export]
macro_rules! on_every_pair {
    ($($flow:ident),+ $(,)?) => {
        $($crate::on!(Some: $flow: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS,
            local_outbound LOCAL_OUTBOUND, local_as_akamai LOCAL_AS_AKAMAI, local_postgres LOCAL_POSTGRES, spin_sqlite SPIN_SQLITE, spin_redis SPIN_REDIS,
            spin_outbound SPIN_OUTBOUND, spin_postgres SPIN_POSTGRES);)+
    };
}

/// The same, and on wasmCloud: `flow::wash_memory` and `flow::wash_redis`. For what a host may do differently; `wash dev` needs
/// seconds to start.
#[macro_export]
macro_rules! on_every_pair_and_wash {
    ($($flow:ident),+ $(,)?) => {
        $($crate::on!(Some: $flow: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS,
            local_outbound LOCAL_OUTBOUND, local_as_akamai LOCAL_AS_AKAMAI, local_postgres LOCAL_POSTGRES, spin_sqlite SPIN_SQLITE, spin_redis SPIN_REDIS,
            spin_outbound SPIN_OUTBOUND, spin_postgres SPIN_POSTGRES,
            wash_memory WASH_MEMORY, wash_redis WASH_REDIS);)+
    };
}

/// The same for a flow that a store in memory does not outlive.
#[macro_export]
macro_rules! on_every_pair_and_wash_redis {
    ($($flow:ident),+ $(,)?) => {
        $($crate::on!(Some: $flow: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS,
            local_outbound LOCAL_OUTBOUND, local_as_akamai LOCAL_AS_AKAMAI, local_postgres LOCAL_POSTGRES, spin_sqlite SPIN_SQLITE, spin_redis SPIN_REDIS,
            spin_outbound SPIN_OUTBOUND, spin_postgres SPIN_POSTGRES,
            wash_redis WASH_REDIS);)+
    };
}

/// The same for a test that measures, and so runs while no other of these does.
#[macro_export]
macro_rules! alone_on_every_pair {
    ($($flow:ident),+ $(,)?) => {
        $($crate::on!(All: $flow: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS,
            local_outbound LOCAL_OUTBOUND, local_postgres LOCAL_POSTGRES, spin_sqlite SPIN_SQLITE, spin_redis SPIN_REDIS,
            spin_outbound SPIN_OUTBOUND, spin_postgres SPIN_POSTGRES);)+
    };
}

/// Makes tests of one function for the pairs that are named.
#[macro_export]
macro_rules! on {
    ($share:ident: $flow:ident: $($name:ident $pair:ident),+) => {
        mod $flow {
            use $crate::{Pair, Share, run};
            $(
                #[test]
                fn $name() {
                    let name = concat!(module_path!(), "::", stringify!($name));
                    run(name, Pair::$pair, Share::$share, super::$flow);
                }
            )+
        }
    };
}
