//! Enqueueing with an idempotency key.

use crate::base::config::RETENTION_MIN_MS;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::idempotency::key::{Candidate, HomeState, IdempotencyKey, Once, Try};
use crate::model::receipt::Receipt;
use crate::model::slot::Slot;
use crate::model::task::{Task, TaskSpec};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::encode;

mechanism!(
    /// Idempotency keys.
    Idempotency
);

impl<S: Store, E: Env> Idempotency<'_, S, E> {
    /// Enqueues a task unless an earlier request with this key did. A repeated request finds the
    /// earlier task until the key's time to live is over. The call is idempotent.
    pub(crate) async fn enqueue_once(
        &self,
        task: TaskSpec,
        key: &IdempotencyKey,
    ) -> Result<Once, QueueError> {
        self.enqueue_once_since(self.env.now_ms(), task, key).await
    }

    /// Does the same for a request that began at this time. It enqueues nothing if what it read
    /// since may have expired.
    pub(crate) async fn enqueue_once_since(
        &self,
        began_ms: u64,
        task: TaskSpec,
        key: &IdempotencyKey,
    ) -> Result<Once, QueueError> {
        let task = task.enqueued(self.nonce(), began_ms);
        let mut own = Try {
            key,
            task,
            own: None,
        };
        let Some(found) = self.agree(&mut own).await? else {
            return Ok(Once::Busy);
        };
        self.in_time(began_ms)?;
        let lost = own.own.as_ref().map(|own| own.slot);
        let created = lost == Some(found.slot);
        if let Some(lost) = lost.filter(|_| !created) {
            // No try can adopt it any more: we are in time, so it did not expire before the other
            // was decided. A claimer would wait for an empty slot, so make it void.
            let void = self.keys.slot(lost);
            self.store.set(&void, &encode(&Slot::Void)).await?;
        }
        if found.fingerprint != key.fingerprint {
            return Ok(Once::Differs);
        }
        // The key stood for one task for ever, and the time of that task is over.
        let over = key.forever && found.expires_ms <= self.env.now_ms();
        let seen = if !over && (created || enabled(Guard::SeeToHome)) {
            self.ensure_home(&found, created).await?
        } else {
            HomeState::default()
        };
        self.in_time(began_ms)?;
        let receipt = Receipt {
            ids: vec![TaskId::new(self.name(), found.slot, &found.task.nonce)],
            tasks: vec![found.task],
            backlog: seen.backlog,
            timed: seen.timed,
            pausable: seen.pausable,
            system: seen.system,
            workers: None,
        };
        Ok(if created {
            Once::Created(receipt)
        } else {
            Once::Repeated(receipt)
        })
    }

    pub(crate) async fn prepare(&self, own: &mut Try<'_>) -> Result<Candidate, QueueError> {
        if let Some(prepared) = &own.own {
            return Ok(prepared.clone());
        }
        let expires_ms = own.task.enqueued_ms + own.key.ttl_ms;
        let lane = own.task.lane();
        Slots::of(self).open_lane(lane).await?;
        let slot = Slots::of(self).take_slots(lane, 1).await?;
        let prepared = Candidate {
            slot,
            task: Task {
                kept_until_ms: Some(expires_ms + RETENTION_MIN_MS),
                ..own.task.clone()
            },
            fingerprint: own.key.fingerprint.clone(),
            expires_ms,
        };
        own.own = Some(prepared.clone());
        Ok(prepared)
    }
}
