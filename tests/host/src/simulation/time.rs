//! Virtual time: the runtime's, which goes on when everybody waits for it.

use std::time::Duration;

use tokio::time::Instant;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// A clock that began at a time since 1970.
#[derive(Clone, Copy)]
pub(super) struct Virtual {
    began: Instant,
    since_1970: Duration,
}

impl Virtual {
    pub(super) fn begin(since_1970: Duration) -> Self {
        Self {
            began: Instant::now(),
            since_1970,
        }
    }

    /// The clock of a host that is ahead by so much.
    pub(super) fn ahead(self, by: Duration) -> Self {
        Self {
            since_1970: self.since_1970 + by,
            ..self
        }
    }

    pub(super) fn elapsed(self) -> Duration {
        self.began.elapsed()
    }
}

impl HostWallClock for Virtual {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.since_1970 + self.elapsed()
    }
}

impl HostMonotonicClock for Virtual {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
