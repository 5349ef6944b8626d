//! Waking workers: for new tasks, and for tasks that wait while no worker is registered.

use crate::base::env::{Env, Wake};
use crate::base::guard::{Guard, enabled};
use crate::limits::counters::LimitCounters;
use crate::model::receipt::Receipt;
use crate::presence::{KEEPER, Presence, Registry, WORKERS};
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;
use crate::store::error::QueueError;

mechanism!(
    /// Waking workers.
    Wakes
);

/// The backlog per registered worker up to which the registered workers are enough.
const BACKLOG_PER_WORKER: u64 = 16;

impl<S: Store, E: Env> Wakes<'_, S, E> {
    /// Wakes a worker for what was just enqueued, unless enough are registered. The enqueuer wrote
    /// first and reads the registrations now. A leaving worker leaves first and then reads the
    /// queue. So one of the two sees the other. Returns true if a needed worker or keeper was
    /// missing.
    pub(crate) async fn wake_for(
        &self,
        receipt: &Receipt,
        workers_max: impl FnOnce() -> u64,
    ) -> Result<bool, QueueError> {
        let presence = match receipt.workers {
            Some(seen) => Presence(seen),
            None => Registry::of(self).presence(WORKERS).await?,
        };
        let workers = presence.present();
        if receipt.system && workers == 0 && enabled(Guard::SystemWhilePaused) {
            let unkept = receipt.timed && Registry::of(self).presence(KEEPER).await?.present() == 0;
            self.wake(if unkept { Wake::Keep } else { Wake::Work })
                .await;
            return Ok(true);
        }
        let behind = receipt.backlog > workers * BACKLOG_PER_WORKER;
        let few = behind || workers == 0;
        // Only a pause that is seen after the write counts: a resume reads the queue afterwards.
        let may_begin = few && !Slots::of(self).is_paused(receipt.pausable).await?;
        let most = if may_begin { workers_max() } else { 0 };
        let short = behind && workers < most;
        let deserted = workers == 0 && presence.computing() < most;
        let wanted = deserted || short;
        // If no task may begin now, a keeper is enough: it notices when one may.
        let full = wanted && LimitCounters::of(self).is_full().await?;
        let timed = receipt.timed || full;
        let unkept = timed && Registry::of(self).presence(KEEPER).await?.present() == 0;
        if unkept {
            self.wake(Wake::Keep).await;
        } else if wanted && !full {
            self.wake(Wake::Work).await;
        }
        Ok(unkept || (deserted && !full))
    }

    /// Wakes a worker if nothing pushes the queue along: no keeper joined this window. With `waits`
    /// (the caller asked for an open task) it also wakes one if claimable slots exist while no
    /// worker is registered. The API calls this after each answer. Returns true if it woke a worker.
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
