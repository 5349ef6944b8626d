//! Whom to wake for what was enqueued, and for what waits while nobody works.

use crate::base::env::{Env, Wake};
use crate::base::guard::{Guard, enabled};
use crate::limits::counters::LimitCounters;
use crate::model::receipt::Receipt;
use crate::presence::{KEEPER, Registry, WORKERS};
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;
use crate::store::error::QueueError;

mechanism!(
    /// Waking workers.
    Wakes
);

/// Registered workers are taken to be enough for this many waiting tasks each.
const BACKLOG_PER_WORKER: u64 = 16;

impl<S: Store, E: Env> Wakes<'_, S, E> {
    /// Wakes a worker for what was just enqueued unless enough are registered. Enqueueing wrote first and looks now;
    /// a worker that leaves does so first and looks then: one of the two sees the other. Says whether nobody was there.
    pub(crate) async fn wake_for(
        &self,
        receipt: &Receipt,
        workers_max: u64,
    ) -> Result<bool, QueueError> {
        let presence = Registry::of(self).presence(WORKERS).await?;
        let workers = presence.present();
        if receipt.system && workers == 0 && enabled(Guard::SystemWhilePaused) {
            let unkept = receipt.timed && Registry::of(self).presence(KEEPER).await?.present() == 0;
            self.wake(if unkept { Wake::Keep } else { Wake::Work })
                .await;
            return Ok(true);
        }
        let short = receipt.backlog > workers * BACKLOG_PER_WORKER && workers < workers_max;
        let deserted = workers == 0 && presence.computing() < workers_max;
        let wanted = deserted || short;
        // Who resumes the queue looks for what waits then: only a pause that is seen behind the write is one.
        let paused = wanted && Slots::of(self).is_paused(receipt.pausable).await?;
        // Where nothing may begin now, a keeper is enough: it sees when something may.
        let full = wanted && !paused && LimitCounters::of(self).is_full().await?;
        let may_begin = !paused && !full;
        let timed = receipt.timed || full;
        let unkept = timed && Registry::of(self).presence(KEEPER).await?.present() == 0;
        if unkept {
            self.wake(Wake::Keep).await;
        } else if wanted && may_begin {
            self.wake(Wake::Work).await;
        }
        Ok(unkept || (deserted && may_begin))
    }

    /// Wakes a worker if nothing pushes the queue along: no keeper's pass in this window, or, if somebody asked for a
    /// task that is not final (`waits`), slots that wait while no worker is registered. Called after any request was
    /// answered, so that nothing depends on a resident process. Says whether nobody was there.
    pub(crate) async fn push_along(&self, waits: bool) -> Result<bool, QueueError> {
        let unkept = Registry::of(self).presence(KEEPER).await?.joined() == 0;
        let idle = unkept || (waits && self.is_stuck().await?);
        if idle {
            self.wake(Wake::Work).await;
        }
        Ok(idle)
    }

    async fn is_stuck(&self) -> Result<bool, StoreError> {
        if Registry::of(self).presence(WORKERS).await?.present() > 0 {
            return Ok(false);
        }
        let waits = Slots::of(self).takeable().await?;
        Ok(waits.system > 0 || (waits.user > 0 && !LimitCounters::of(self).is_full().await?))
    }
}
