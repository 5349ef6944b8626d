//! The keeper: whoever registers first in a window turns the timer, rescues, and cleans up. Two at once are harmless.

use crate::config::{RESCUE_LAG_MS, RETENTION_MIN_MS, WINDOW_MS};
use crate::presence::{KEEPER, WORKERS, window};
use crate::record::{decode_opt, encode};
use crate::rescue::Finding;
use crate::retention::Doomed;
use crate::timer::{DUE, OLD, SWEEP_LAG_S, What};
use crate::{Env, Queue, QueueError, Store};
use serde::{Deserialize, Serialize};

/// A part of a pass takes no longer than this, whatever the store needs for a call: tasks wait meanwhile, and the host
/// may end the instance.
const PART_MS: u64 = 200;
/// Bounds of one pass, so that a keeper that has much to catch up with still stores how far it came.
const TURN_MAX: usize = 500;
const PASS_MAX: u64 = 5_000;
const RETAIN_MAX: u64 = 2_000;
/// The most samples; a further one takes the place of the last, which only makes rescue look later.
const SAMPLES_MAX: usize = 16;
const SWEEP_MAX: usize = 64;
const WINDOWS_MAX: u64 = 256;
/// Registrations older than this many windows are deleted.
const WINDOWS_KEPT: u64 = 12;
/// How often retention's end moves on.
const AGED_EVERY_MS: u64 = 600_000;

/// How far everything has come. Whichever of two keepers stores it, it is true: what lies before a cursor is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// The next slot that rescue passes.
    rescue: u64,
    /// (time, head): tickets up to head were given out by then. Oldest first.
    samples: Vec<(u64, u64)>,
    /// The next second of each timer wheel.
    due_s: u64,
    old_s: u64,
    /// How far the wheels' closed counters are deleted.
    due_swept_s: u64,
    old_swept_s: u64,
    /// The next slot that retention looks at, and where it ends.
    retain: u64,
    retain_end: u64,
    /// (time, rescue): retention ends where rescue was an hour ago.
    aged: Vec<(u64, u64)>,
    /// What the next pass deletes.
    doomed: Doomed,
    /// Entries that were counted and not there when their second was closed, with that second: an inserter may still
    /// write them. They are deleted when it can't any more.
    strays: Vec<(u64, String)>,
    /// The next window whose registrations are deleted, and the window of the last pass.
    window: u64,
    passed: u64,
}

impl Progress {
    fn first(start_s: u64, now_ms: u64) -> Self {
        Self {
            rescue: 1,
            samples: Vec::new(),
            due_s: start_s,
            old_s: start_s,
            due_swept_s: start_s,
            old_swept_s: start_s,
            retain: 1,
            retain_end: 1,
            aged: Vec::new(),
            doomed: Doomed::default(),
            strays: Vec::new(),
            window: window(now_ms),
            passed: window(now_ms),
        }
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// One turn of the due timer, and a look whether rescue is due. Called about every second by the keeper.
    ///
    /// # Errors
    /// If the store fails. Everything undone is done by the next turn.
    pub(crate) async fn keep_time(&self) -> Result<(), QueueError> {
        let (stored, mut progress) = self.progress().await?;
        self.turn_due(&mut progress).await?;
        self.rescue(&mut progress).await?;
        self.store_progress(stored, progress).await
    }

    /// The keeper's whole work, once per window.
    ///
    /// # Errors
    /// If the store fails. Everything undone is done by the next pass.
    pub(crate) async fn keep(&self) -> Result<(), QueueError> {
        let (stored, mut progress) = self.progress().await?;
        self.turn_due(&mut progress).await?;
        self.rescue(&mut progress).await?;
        self.clean_up(&mut progress).await?;
        self.store_progress(stored, progress).await
    }

    /// Whether anything is due later or rescue has not passed every ticket: while that is so, a keeper stays.
    pub(crate) async fn keeper_needed(&self) -> Result<bool, QueueError> {
        let (_, progress) = self.progress().await?;
        if progress.rescue <= self.counter(&self.keys.head()).await? {
            return Ok(true);
        }
        Ok(self.timer_next(DUE, progress.due_s).await?.is_some())
    }

    async fn progress(&self) -> Result<(Option<Progress>, Progress), QueueError> {
        let key = self.keys.keeper();
        let stored: Option<Progress> = decode_opt(&key, self.store.get(&key).await?)?;
        let progress = match stored.clone() {
            Some(progress) => progress,
            None => Progress::first(self.timer_first_s(DUE).await?, self.env.now_ms()),
        };
        Ok((stored, progress))
    }

    async fn store_progress(
        &self,
        stored: Option<Progress>,
        progress: Progress,
    ) -> Result<(), QueueError> {
        if stored.as_ref() != Some(&progress) {
            self.store
                .set(&self.keys.keeper(), &encode(&progress))
                .await?;
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
        for entry in &turn.entries {
            findings.push(match entry.what {
                What::Deliver => Finding::Announce(entry.task, entry.epoch),
                _ => self.look_at(entry).await?,
            });
        }
        self.act(&findings).await?;
        if !turn.keys.is_empty() {
            self.store.delete_many(&turn.keys).await?;
        }
        progress.strays.extend(turn.strays);
        progress.due_s = turn.cursor_s;
        Ok(())
    }

    async fn rescue(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let now_ms = self.env.now_ms();
        let last = progress.samples.last().copied();
        let (last_ms, last_head) = last.unwrap_or((0, progress.rescue - 1));
        if now_ms >= last_ms + WINDOW_MS {
            let head = self.counter(&self.keys.head()).await?;
            if head > last_head {
                progress.samples.truncate(SAMPLES_MAX - 1);
                // The time after the read: by then these tickets were given out.
                progress.samples.push((self.env.now_ms(), head));
            }
        }
        let mut findings = Vec::new();
        let end = progress.rescue + PASS_MAX;
        while let Some(&(ticketed_ms, head)) = progress.samples.first() {
            if ticketed_ms + RESCUE_LAG_MS > now_ms || progress.rescue >= end {
                break;
            }
            while progress.rescue <= head && progress.rescue < end && !self.is_over(now_ms) {
                findings.push(self.pass_slot(progress.rescue, ticketed_ms).await?);
                progress.rescue += 1;
            }
            if progress.rescue <= head {
                break;
            }
            progress.samples.remove(0);
        }
        self.act(&findings).await
    }

    async fn clean_up(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let now_ms = self.env.now_ms();
        let (last_ms, _) = progress.aged.last().copied().unwrap_or_default();
        if now_ms >= last_ms + AGED_EVERY_MS {
            progress.aged.push((now_ms, progress.rescue));
        }
        while progress
            .aged
            .first()
            .is_some_and(|a| a.0 + RETENTION_MIN_MS <= now_ms)
        {
            progress.retain_end = progress.aged.remove(0).1;
        }
        self.delete(&progress.doomed).await?;
        let mut doomed = Doomed::default();
        progress.retain = self
            .retain(
                progress.retain,
                progress.retain_end,
                RETAIN_MAX,
                &mut doomed,
            )
            .await?;

        let turn = self.timer_turn(OLD, progress.old_s, TURN_MAX).await?;
        for entry in &turn.entries {
            self.age_due(entry.task, &mut doomed).await?;
        }
        doomed.keys.extend(turn.keys);
        progress.strays.extend(turn.strays);
        progress.old_s = turn.cursor_s;
        let over = |stray: &mut (u64, String)| (stray.0 + SWEEP_LAG_S) * 1_000 <= now_ms;
        let strays = progress.strays.extract_if(.., over);
        doomed.keys.extend(strays.map(|stray| stray.1));
        progress.doomed = doomed;

        let swept = self.timer_sweep(DUE, progress.due_swept_s, progress.due_s, SWEEP_MAX);
        progress.due_swept_s = swept.await?;
        let swept = self.timer_sweep(OLD, progress.old_swept_s, progress.old_s, SWEEP_MAX);
        progress.old_swept_s = swept.await?;

        let end = window(now_ms).saturating_sub(WINDOWS_KEPT);
        let windows = progress.window..end.min(progress.window + WINDOWS_MAX);
        if !windows.is_empty() {
            // Nobody is there for long without a keeper's pass: where none was, there is nothing to delete.
            let nobody = windows.end > progress.passed + WINDOWS_MAX / 2;
            progress.window = if nobody { end } else { windows.end };
            let of = |w| [WORKERS, KEEPER].map(|role| self.keys.presence(role, w));
            self.store
                .delete_many(&windows.flat_map(of).collect::<Vec<_>>())
                .await?;
        }
        progress.passed = window(now_ms);
        Ok(())
    }
}
