//! The server beside a host in which its store is.

use crate::postgres::Postgres;
use crate::redis::Redis;

/// A server that can be taken away.
pub enum Database {
    /// A Redis, for the host or for the components.
    Redis(Redis),
    /// A Postgres that the components reach themselves.
    Postgres(Postgres),
}

/// Calls the same method of either.
macro_rules! of {
    ($database:expr, $server:ident => $call:expr) => {
        match $database {
            Database::Redis($server) => $call,
            Database::Postgres($server) => $call,
        }
    };
}

impl Database {
    /// Where it is.
    pub fn url(&self) -> String {
        of!(self, server => server.url())
    }

    /// The Redis that it is.
    pub fn redis(&self) -> Option<&Redis> {
        match self {
            Self::Redis(redis) => Some(redis),
            Self::Postgres(_) => None,
        }
    }

    /// The Postgres that it is.
    pub fn postgres(&self) -> Option<&Postgres> {
        match self {
            Self::Postgres(postgres) => Some(postgres),
            Self::Redis(_) => None,
        }
    }

    /// Kills it at once, as a crash would. Its files stay.
    #[track_caller]
    pub fn kill9(&mut self) {
        of!(self, server => server.kill9());
    }

    /// Starts it again with the same files, on the same port.
    #[track_caller]
    pub fn restart(&mut self) {
        of!(self, server => server.restart());
    }

    /// Stops it without closing a connection: it takes requests and answers none.
    pub fn freeze(&self) {
        of!(self, server => server.freeze());
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        of!(self, server => server.thaw());
    }
}
