//! Task kinds that end their instances. A claimer that follows a run lost alone counts it for its
//! kind. From several such runs on, tasks of the kind begin alone, in their first run too. So one
//! such task a second takes no other task with it.
//!
//! A flag in the normal lane's tail tells whether any kind was ever counted. A queue without one
//! costs no further read.

use crate::base::config::{KILLER_PERIOD_MS, KILLS_MAX};
use crate::base::digest::digest;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::model::task::WORKFLOW;
use crate::slots::head::KILLERS;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::timer::entry::EntryKind;
use crate::timer::insert::Timer;
use std::collections::BTreeMap;

mechanism!(
    /// The counts of kinds that end their instances.
    KillerCounts
);

/// A count is deleted this long after its period. An instance that stalls longer leaves one behind.
const LATE_MS: u64 = 7_200_000;

/// The kinds checked so far, each read at most once per batch.
#[derive(Default)]
pub(crate) struct Killers(pub(crate) BTreeMap<String, bool>);

fn name(kind: &str, period: u64) -> String {
    format!("{}.{period}", digest(kind))
}

impl<S: Store, E: Env> KillerCounts<'_, S, E> {
    /// Counts a run of this kind that was lost alone.
    pub(crate) async fn count_killer(&self, kind: &str) -> Result<(), QueueError> {
        if kind == WORKFLOW {
            return Ok(());
        }
        let period = self.env.now_ms() / KILLER_PERIOD_MS;
        let name = name(kind, period);
        // Insert the deletion of the counter before the counter exists.
        let over_ms = (period + 1) * KILLER_PERIOD_MS + LATE_MS;
        Timer::of(self)
            .forget_at(over_ms, EntryKind::ForgetKiller, &name)
            .await?;
        self.store.increment(&self.keys.killer(&name), 1).await?;
        if !Slots::of(self).tail().await?.killers {
            let tail = self.keys.tail(Lane::Normal);
            self.store.increment(&tail, KILLERS).await?;
        }
        Ok(())
    }

    /// Whether tasks of this kind begin alone: several runs were lost alone in this period and the
    /// one before.
    pub(crate) async fn is_killer(
        &self,
        kind: &str,
        known: &mut Killers,
    ) -> Result<bool, StoreError> {
        if let Some(kills) = known.0.get(kind) {
            return Ok(*kills);
        }
        let period = self.env.now_ms() / KILLER_PERIOD_MS;
        let mut lost = 0;
        for period in [period.saturating_sub(1), period] {
            let key = self.keys.killer(&name(kind, period));
            lost += self.store.counter(&key).await?;
        }
        let kills = lost >= KILLS_MAX && enabled(Guard::KeepKillersApart);
        known.0.insert(kind.to_owned(), kills);
        Ok(kills)
    }

    /// Deletes the count of a kind in one period.
    pub(crate) async fn forget_killer(&self, name: &str) -> Result<(), StoreError> {
        self.store.delete_many(&[self.keys.killer(name)]).await
    }
}
