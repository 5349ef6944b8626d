//! The keeper's pass: it turns the timer, rescues and deletes.

use crate::base::config::{CLOCK_SLACK_MS, RETENTION_MIN_MS, WINDOW_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::failed::list::FailedList;
use crate::keeper::retention::Retention;
use crate::limits::counters::LimitCounters;
use crate::metrics::counts::Increments;
use crate::metrics::publish::Publisher;
use crate::presence::{KEEPER, WORKERS, window};
use crate::progress::cursors::Cursors;
use crate::progress::deletes::PendingDeletes;
use crate::progress::record::{KeeperRecord, Progress, WINDOWS_MAX};
use crate::slots::head::Head;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::encode;
use crate::timer::entry::{DUE, OLD};
use crate::timer::insert::{SWEEP_LAG_S, Timer};

mechanism!(
    /// The keeper's pass.
    Keeper
);

const SWEEP_MAX: usize = 64;

/// After so many windows without a keeper (a day) no instance was there, so a pass skips the
/// windows in between.
const WINDOWS_IDLE: u64 = 86_400_000 / WINDOW_MS;

/// The keeper deletes registrations older than this many windows. A stalled instance may still
/// leave old windows, and would create their counters again.
const WINDOWS_KEPT: u64 = RETENTION_MIN_MS / WINDOW_MS;

impl<S: Store, E: Env> Keeper<'_, S, E> {
    /// The short pass: it turns the due timer, examines running tasks, and lets rescue go on. The
    /// keeper calls it about once a second.
    ///
    /// # Errors
    /// If the store fails. The next pass does the rest.
    pub(crate) async fn keep_time(&self) -> Result<(), QueueError> {
        self.pass(false).await
    }

    /// The whole pass, once per window.
    ///
    /// # Errors
    /// If the store fails. The next pass does the rest.
    pub(crate) async fn keep(&self) -> Result<(), QueueError> {
        self.pass(true).await
    }

    async fn pass(&self, whole: bool) -> Result<(), QueueError> {
        let (mut stored, mut progress) = self.progress().await?;
        if stored.is_none() {
            // The first pass has the most to do. If it fails, the next one need not begin anew.
            self.store
                .set(&self.keys.keeper(), &encode(&progress))
                .await?;
            stored = Some(progress.clone());
        }
        let done = self.parts(&mut progress, whole).await;
        let counts = match whole {
            true => std::mem::take(&mut progress.tally.unpublished),
            false => Increments::default(),
        };
        // Each part changes the progress only when its work is settled. Storing that even after a
        // failure lets a keeper come forward on a store that fails now and then.
        if self.store_progress(stored, progress).await? && !counts.is_empty() {
            // Once the cursors are stored nobody counts these again.
            Publisher::of(self).publish(counts).await?;
        }
        done
    }

    async fn parts(&self, progress: &mut Progress, whole: bool) -> Result<(), QueueError> {
        // Sweep only behind the stored cursors. If this pass is not stored, the next one turns from
        // there again and must find the counters.
        let stored_s = (progress.due_s, progress.old_s);
        self.turn_due(progress).await?;
        let (running, tally) = (&mut progress.running, &mut progress.tally);
        self.examine_running(running, tally).await?;
        self.rescue(progress, whole).await?;
        if whole {
            self.clean_up(progress, stored_s).await?;
        }
        Ok(())
    }

    /// Whether a keeper must stay: an entry is due later, a task runs, a limit holds tasks back,
    /// rescue has not passed every ticket, or counts are not published.
    pub(crate) async fn keeper_needed(&self) -> Result<bool, QueueError> {
        let (_, progress) = self.progress().await?;
        let head = Slots::of(self).head().await?;
        if progress.passed(Lane::Normal) <= head.taken {
            return Ok(true);
        }
        for lane in Lane::PRIORITIES.into_iter().filter(|_| head.lanes) {
            if progress.passed(lane) <= Slots::of(self).last_ticket(lane).await? {
                return Ok(true);
            }
        }
        if !progress.running.is_empty() && enabled(Guard::StayWhileRunning) {
            return Ok(true);
        }
        if !progress.tally.unpublished.is_empty() {
            return Ok(true);
        }
        // Tasks that a limit holds back may begin when a period is over, or when the permits of the
        // dead lapse.
        let limited = !self.limits.is_none() && enabled(Guard::StayWhileLimited);
        if limited && Slots::of(self).takeable().await?.user > 0 {
            return Ok(true);
        }
        if Timer::of(self).next_s(DUE, progress.due_s).await?.is_some() {
            return Ok(true);
        }
        // Read this last: a keeper that stays for another reason does not need it.
        let system = Slots::of(self).tail().await?.system;
        Ok(system
            && progress.passed(Lane::System) <= Slots::of(self).last_ticket(Lane::System).await?)
    }

    async fn progress(&self) -> Result<(Option<Progress>, Progress), QueueError> {
        let stored = KeeperRecord::of(self).stored_progress().await?;
        let mut progress = match stored.clone() {
            Some(progress) => progress,
            None => Progress::first(Timer::of(self).first_s().await?, self.env.now_ms()),
        };
        if let Some(ahead_ms) = progress.set_back(self.env.now_ms()) {
            self.env.log(&format!(
                "the clock of a host is ahead of this one's by {ahead_ms} ms; {CLOCK_SLACK_MS} ms are allowed: let NTP keep the clocks of all hosts"
            ));
        }
        Ok((stored, progress))
    }

    /// Stores the progress of a pass that began from `stored`, unless another keeper stored its own
    /// meanwhile. The pending deletes of that keeper must not be lost, and doing the work again is
    /// harmless. Returns whether it was stored.
    async fn store_progress(
        &self,
        stored: Option<Progress>,
        progress: Progress,
    ) -> Result<bool, QueueError> {
        let stores = stored.as_ref() != Some(&progress)
            && KeeperRecord::of(self).stored_progress().await? == stored;
        if stores {
            let record = encode(&progress);
            self.store.set(&self.keys.keeper(), &record).await?;
        }
        Ok(stores)
    }

    async fn rescue(&self, progress: &mut Progress, whole: bool) -> Result<(), QueueError> {
        let Progress {
            normal,
            lanes,
            running,
            tally,
            ..
        } = progress;
        if let Some(head) = self.sample(Lane::Normal, normal, whole).await? {
            for lane in self.other_lanes(head).await? {
                lanes.entry(lane).or_insert_with(|| Cursors::first(lane));
            }
        }
        let mut done = self.pass_tickets(normal, running, tally).await;
        for (lane, cursors) in lanes {
            // A failure in one lane does not hold up the others.
            done = done.and(match self.sample(*lane, cursors, whole).await {
                Ok(_) => self.pass_tickets(cursors, running, tally).await,
                Err(e) => Err(e.into()),
            });
        }
        done
    }

    /// The lanes in use besides the normal one, given the normal lane's head.
    async fn other_lanes(&self, head: Head) -> Result<Vec<Lane>, StoreError> {
        let mut lanes = Vec::new();
        if head.lanes {
            lanes.extend(Lane::PRIORITIES);
        }
        if Slots::of(self).tail().await?.system {
            lanes.push(Lane::System);
        }
        Ok(lanes)
    }

    async fn clean_up(
        &self,
        progress: &mut Progress,
        (due_s, old_s): (u64, u64),
    ) -> Result<(), QueueError> {
        let now_ms = self.env.now_ms();
        for (lane, cursors) in progress.cursors() {
            self.advance_age(lane, cursors, now_ms).await?;
        }
        Retention::of(self).delete(&progress.pending).await?;
        progress.pending = PendingDeletes::default();
        let Progress {
            normal,
            lanes,
            pending,
            ..
        } = progress;
        for cursors in std::iter::once(normal).chain(lanes.values_mut()) {
            if now_ms >= cursors.retain_at_ms {
                self.advance_retention(cursors, pending, now_ms).await?;
            }
        }
        FailedList::of(self)
            .pass_failed(&mut progress.failed)
            .await?;
        self.turn_old(progress).await?;
        let over = |stray: &mut (u64, String)| (stray.0 + SWEEP_LAG_S) * 1_000 <= now_ms;
        let strays = progress.strays.extract_if(.., over);
        progress.pending.keys.extend(strays.map(|stray| stray.1));

        Timer::of(self)
            .sweep(DUE, &mut progress.due_swept_s, due_s, SWEEP_MAX)
            .await?;
        Timer::of(self)
            .sweep(OLD, &mut progress.old_swept_s, old_s, SWEEP_MAX)
            .await?;

        self.unregister(progress).await
    }

    /// Deletes old registrations. After a long time without a keeper it passes many windows, most
    /// of them empty.
    async fn unregister(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let began_ms = self.env.now_ms();
        let end = window(began_ms).saturating_sub(WINDOWS_KEPT);
        let first = progress.window;
        if let Some(last) = LimitCounters::of(self).last_limited(began_ms) {
            progress.limited = progress.limited.max(last);
        }
        while progress.window < end && !self.is_over(began_ms) {
            let windows = progress.window..end.min(progress.window + WINDOWS_MAX);
            let next = windows.end;
            let of = |w| [WORKERS, KEEPER].map(|role| self.keys.presence(role, w));
            let mut keys: Vec<_> = windows.clone().flat_map(of).collect();
            let limited = windows.filter(|w| *w <= progress.limited);
            let counters = LimitCounters::of(self);
            keys.extend(limited.flat_map(|w| counters.limit_keys(w)));
            self.store.delete_many(&keys).await?;
            progress.window = next;
            if next >= first + WINDOWS_IDLE {
                progress.window = next.max(end.saturating_sub(WINDOWS_IDLE));
            }
        }
        Ok(())
    }
}
