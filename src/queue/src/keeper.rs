//! The keeper: whoever registers first in a window turns the timer, rescues, and cleans up. Two at once are harmless.

use crate::config::{RETENTION_MIN_MS, WINDOW_MS};
use crate::cursors::Cursors;
use crate::failed::Passed;
use crate::guard::{Guard, holds};
use crate::lane::Lane;
use crate::operate::Head;
use crate::presence::{KEEPER, WORKERS, window};
use crate::record::{Sound, decode_opt, encode, is_time, is_zero};
use crate::retention::Doomed;
use crate::running::RunningList;
use crate::statistics::Tally;
use crate::timer::{DUE, Entry, OLD, SWEEP_LAG_S, What};
use crate::{Env, Queue, QueueError, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A part of a pass takes no longer than this, whatever the store needs for a call: tasks wait meanwhile, and the host
/// may end the instance.
const PART_MS: u64 = 200;
/// Bounds of one pass, so that a keeper that has much to catch up with still stores how far it came.
const TURN_MAX: usize = 500;
const SWEEP_MAX: usize = 64;
/// Where no keeper came for so many windows (a day), nobody was there: those in between are skipped.
const WINDOWS_IDLE: u64 = 86_400_000 / WINDOW_MS;
/// So many windows' registrations are deleted in one call.
const WINDOWS_MAX: u64 = 500;
/// Registrations older than this many windows are deleted. An instance that stalled may still leave old ones, and would
/// bring them back.
const WINDOWS_KEPT: u64 = RETENTION_MIN_MS / WINDOW_MS;
/// How often retention's end moves on, and how often it looks at a task that it stopped at.
pub(crate) const AGED_EVERY_MS: u64 = 600_000;

/// How far everything has come. Whichever of two keepers stores it, it is true: what lies before a cursor is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// In the normal lane.
    #[serde(flatten)]
    normal: Cursors,
    /// In the others, once they are in use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    lanes: BTreeMap<Lane, Cursors>,
    /// The next second of each timer wheel.
    due_s: u64,
    old_s: u64,
    /// How far the wheels' closed counters are deleted.
    due_swept_s: u64,
    old_swept_s: u64,
    /// What the next pass deletes.
    doomed: Doomed,
    /// Entries that were counted and not there when their second was closed, with that second: an inserter may still
    /// write them. They are deleted when it can't any more.
    strays: Vec<(u64, String)>,
    /// The next window whose registrations are deleted.
    window: u64,
    /// What ran when rescue passed it.
    #[serde(default, skip_serializing_if = "RunningList::is_empty")]
    running: RunningList,
    /// What was counted on the way.
    #[serde(default)]
    tally: Tally,
    /// How far the list of failed tasks is cleaned up.
    #[serde(default)]
    failed: Passed,
    /// The last window that may have counters of limits.
    #[serde(default, skip_serializing_if = "is_zero")]
    limited: u64,
}

impl Sound for Progress {
    fn is_sound(&self) -> bool {
        let seconds = [self.due_s, self.old_s, self.due_swept_s, self.old_swept_s];
        self.normal.is_sound()
            && self
                .lanes
                .iter()
                .all(|(lane, cursors)| cursors.are_in(*lane))
            && seconds
                .into_iter()
                .all(|s| is_time(s.saturating_mul(1_000)))
            && self
                .strays
                .iter()
                .all(|s| is_time(s.0.saturating_mul(1_000)))
            && is_time(self.window.saturating_mul(WINDOW_MS))
            && is_time(self.limited.saturating_mul(WINDOW_MS))
            && self.doomed.is_sound()
            && self.running.is_sound()
            && self.tally.is_sound()
            && self.failed.is_sound()
    }
}

impl Progress {
    fn first(start_s: u64, now_ms: u64) -> Self {
        Self {
            normal: Cursors::first(Lane::Normal),
            lanes: BTreeMap::new(),
            due_s: start_s,
            old_s: start_s,
            due_swept_s: start_s,
            old_swept_s: start_s,
            doomed: Doomed::default(),
            strays: Vec::new(),
            // A first pass that failed may be a while ago.
            window: window(now_ms).saturating_sub(WINDOWS_MAX),
            running: RunningList::default(),
            tally: Tally::default(),
            failed: Passed::default(),
            limited: 0,
        }
    }

    /// The next slot of a lane that rescue passes.
    fn passed(&self, lane: Lane) -> u64 {
        let cursors = match lane {
            Lane::Normal => Some(&self.normal),
            _ => self.lanes.get(&lane),
        };
        cursors.map_or(lane.base() + 1, |cursors| cursors.rescue)
    }

    /// The cursors of the lanes that are in use.
    fn cursors(&mut self) -> impl Iterator<Item = (Lane, &mut Cursors)> {
        let others = self
            .lanes
            .iter_mut()
            .map(|(lane, cursors)| (*lane, cursors));
        std::iter::once((Lane::Normal, &mut self.normal)).chain(others)
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// One turn of the due timer, and a look whether rescue is due. Called about every second by the keeper.
    ///
    /// # Errors
    /// If the store fails. Everything undone is done by the next turn.
    pub(crate) async fn keep_time(&self) -> Result<(), QueueError> {
        self.pass(false).await
    }

    /// The keeper's whole work, once per window.
    ///
    /// # Errors
    /// If the store fails. Everything undone is done by the next pass.
    pub(crate) async fn keep(&self) -> Result<(), QueueError> {
        self.pass(true).await
    }

    async fn pass(&self, whole: bool) -> Result<(), QueueError> {
        let (mut stored, mut progress) = self.progress().await?;
        if stored.is_none() {
            // The first pass has most to do: should it not come to its end, the next one need not begin anew.
            self.store
                .set(&self.keys.keeper(), &encode(&progress))
                .await?;
            stored = Some(progress.clone());
        }
        let done = self.parts(&mut progress, whole).await;
        // Every part changes the progress when all that it did is settled. Storing that much after a failure lets a
        // keeper come forward on a store that fails now and then.
        self.store_progress(stored, progress).await?;
        done
    }

    async fn parts(&self, progress: &mut Progress, whole: bool) -> Result<(), QueueError> {
        // What is swept must lie behind the cursors as they are stored: should this pass not be, the next one turns from
        // there again, and must find what it counts.
        let stored_s = (progress.due_s, progress.old_s);
        self.turn_due(progress).await?;
        let (running, tally) = (&mut progress.running, &mut progress.tally);
        self.look_at_running(running, tally).await?;
        self.rescue(progress, whole).await?;
        if whole {
            self.clean_up(progress, stored_s).await?;
        }
        Ok(())
    }

    /// Whether anything is due later or rescue has not passed every ticket: while that is so, a keeper stays.
    pub(crate) async fn keeper_needed(&self) -> Result<bool, QueueError> {
        let (_, progress) = self.progress().await?;
        let head = self.head().await?;
        if progress.passed(Lane::Normal) <= head.taken {
            return Ok(true);
        }
        for lane in Lane::PRIORITIES.into_iter().filter(|_| head.lanes) {
            if progress.passed(lane) <= self.last_ticket(lane).await? {
                return Ok(true);
            }
        }
        if !progress.running.is_empty() && holds(Guard::StayWhileRunning) {
            return Ok(true);
        }
        // What may not begin now may when a period is over, or when the permits of the dead are.
        let limited = !self.limits.is_none() && holds(Guard::StayWhileLimited);
        if limited && self.takeable().await?.user > 0 {
            return Ok(true);
        }
        if self.timer_next(DUE, progress.due_s).await?.is_some() {
            return Ok(true);
        }
        // Last, since a keeper that stays need not know.
        let system = self.tail().await?.system;
        Ok(system && progress.passed(Lane::System) <= self.last_ticket(Lane::System).await?)
    }

    async fn progress(&self) -> Result<(Option<Progress>, Progress), QueueError> {
        let stored = self.stored_progress().await?;
        let progress = match stored.clone() {
            Some(progress) => progress,
            None => Progress::first(self.timer_first_s().await?, self.env.now_ms()),
        };
        Ok((stored, progress))
    }

    /// The next slot that rescue passes in each lane, what ran when it did, and what was counted so far.
    pub(crate) async fn tally(
        &self,
    ) -> Result<(impl Fn(Lane) -> u64, RunningList, Tally), QueueError> {
        let progress = self.stored_progress().await?;
        let progress = progress.unwrap_or_else(|| Progress::first(0, 0));
        let (running, tally) = (progress.running.clone(), progress.tally.clone());
        Ok((move |lane| progress.passed(lane), running, tally))
    }

    /// The first number in the list of failed tasks that may still have an entry.
    pub(crate) async fn first_failure(&self) -> Result<u64, QueueError> {
        match self.stored_progress().await {
            Ok(progress) => Ok(progress.map_or(1, |progress| progress.failed.first)),
            // A newer version's: then all of them may.
            Err(e) if e.is_unreadable() => Ok(1),
            Err(e) => Err(e),
        }
    }

    async fn stored_progress(&self) -> Result<Option<Progress>, QueueError> {
        let key = self.keys.keeper();
        decode_opt(&key, self.store.get(&key).await?)
    }

    /// Stores how far a pass came that found `stored`, unless another keeper stored something meanwhile: what that one noted
    /// to be deleted must not be forgotten, and to do all again does no harm.
    async fn store_progress(
        &self,
        stored: Option<Progress>,
        progress: Progress,
    ) -> Result<(), QueueError> {
        if stored.as_ref() != Some(&progress) && self.stored_progress().await? == stored {
            let record = encode(&progress);
            self.store.set(&self.keys.keeper(), &record).await?;
        }
        Ok(())
    }

    /// Whether a part of a pass that began at `began_ms` has taken long enough. What is left waits for the next one.
    pub(crate) fn is_over(&self, began_ms: u64) -> bool {
        self.env.now_ms().saturating_sub(began_ms) >= PART_MS
    }

    async fn turn_due(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let turn = self.timer_turn(DUE, progress.due_s, TURN_MAX).await?;
        let mut findings = Vec::with_capacity(turn.entries.len());
        let is_other =
            |entry: &&Entry| matches!(entry.what, What::Fire | What::Tidy | What::Attend);
        let (others, tasks): (Vec<_>, Vec<_>) = turn.entries.iter().partition(is_other);
        for entry in &tasks {
            findings.push(self.look_at(entry).await?);
        }
        let (running, tally) = (&mut progress.running, &mut progress.tally);
        self.act(&findings, Some(running)).await?;
        let now_ms = self.env.now_ms();
        for (entry, finding) in tasks.iter().zip(&findings) {
            tally.looked(running, (entry.task, entry.epoch), finding, now_ms);
        }
        for entry in others {
            match &entry.name {
                Some(line) if entry.what == What::Attend => self.attend(line).await?,
                _ => self.see_to_schedule(entry).await?,
            }
        }
        if !turn.keys.is_empty() {
            self.store.delete_many(&turn.keys).await?;
        }
        progress.strays.extend(turn.strays);
        progress.due_s = turn.cursor_s;
        Ok(())
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
            // Whatever fails in one lane, the others need not wait.
            done = done.and(match self.sample(*lane, cursors, whole).await {
                Ok(_) => self.pass_tickets(cursors, running, tally).await,
                Err(e) => Err(e.into()),
            });
        }
        done
    }

    /// The lanes in use besides the normal one, whose head this is.
    async fn other_lanes(&self, head: Head) -> Result<Vec<Lane>, StoreError> {
        let mut lanes = Vec::new();
        if head.lanes {
            lanes.extend(Lane::PRIORITIES);
        }
        if self.tail().await?.system {
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
            self.age_passed(lane, cursors, now_ms).await?;
        }
        self.delete(&progress.doomed).await?;
        progress.doomed = Doomed::default();
        let Progress {
            normal,
            lanes,
            doomed,
            ..
        } = progress;
        for cursors in std::iter::once(normal).chain(lanes.values_mut()) {
            if now_ms >= cursors.retain_at_ms {
                self.retain_more(cursors, doomed, now_ms).await?;
            }
        }
        self.pass_failed(&mut progress.failed).await?;
        self.turn_old(progress).await?;
        let over = |stray: &mut (u64, String)| (stray.0 + SWEEP_LAG_S) * 1_000 <= now_ms;
        let strays = progress.strays.extract_if(.., over);
        progress.doomed.keys.extend(strays.map(|stray| stray.1));

        self.timer_sweep(DUE, &mut progress.due_swept_s, due_s, SWEEP_MAX)
            .await?;
        self.timer_sweep(OLD, &mut progress.old_swept_s, old_s, SWEEP_MAX)
            .await?;

        self.unregister(progress).await
    }

    async fn turn_old(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let turn = self.timer_turn(OLD, progress.old_s, TURN_MAX).await?;
        let mut doomed = progress.doomed.clone();
        let mut findings = Vec::new();
        let mut over = Vec::new();
        for entry in &turn.entries {
            match (entry.what, &entry.name) {
                (What::Delete, _) => self.age_due(entry.task, &mut doomed).await?,
                (What::Forget, Some(name)) => over.push(name.as_str()),
                (What::ForgetLine, Some(line)) => self.forget_line(line).await?,
                (What::ForgetKey, Some(hour)) => self.forget_key(hour).await?,
                (What::ForgetKiller, Some(name)) => self.forget_killer(name).await?,
                (What::Fire | What::Tidy, _) => self.see_to_schedule(entry).await?,
                _ => findings.push(self.look_at(entry).await?),
            }
        }
        self.act(&findings, Some(&mut progress.running)).await?;
        self.forget(&over).await?;
        doomed.keys.extend(turn.keys);
        progress.doomed = doomed;
        progress.strays.extend(turn.strays);
        progress.old_s = turn.cursor_s;
        Ok(())
    }

    /// Deletes old registrations. After a long time without a keeper there are many windows to pass, most of them empty.
    async fn unregister(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let began_ms = self.env.now_ms();
        let end = window(began_ms).saturating_sub(WINDOWS_KEPT);
        let first = progress.window;
        if let Some(last) = self.last_limited(began_ms) {
            progress.limited = progress.limited.max(last);
        }
        while progress.window < end && !self.is_over(began_ms) {
            let windows = progress.window..end.min(progress.window + WINDOWS_MAX);
            let next = windows.end;
            let of = |w| [WORKERS, KEEPER].map(|role| self.keys.presence(role, w));
            let mut keys: Vec<_> = windows.clone().flat_map(of).collect();
            let limited = windows.filter(|w| *w <= progress.limited);
            keys.extend(limited.flat_map(|w| self.limit_keys(w)));
            self.store.delete_many(&keys).await?;
            progress.window = next;
            if next >= first + WINDOWS_IDLE {
                progress.window = next.max(end.saturating_sub(WINDOWS_IDLE));
            }
        }
        Ok(())
    }
}
