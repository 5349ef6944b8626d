//! The keeper's progress in a lane, and how it moves on.

use crate::base::config::{AGED_EVERY_MS, RESCUE_LAG_MS, RETENTION_MIN_MS, WINDOW_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::keeper::pass::Keeper;
use crate::keeper::retention::Retention;
use crate::progress::cursors::Cursors;
use crate::progress::deletes::PendingDeletes;
use crate::progress::running::RunningList;
use crate::progress::tally::Tally;
use crate::rescue::Rescue;
use crate::slots::head::Head;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::error::QueueError;

/// The bounds of one pass.
const PASS_MAX: u64 = 5_000;

const RETAIN_MAX: u64 = 2_000;

/// The largest number of samples. A further one replaces the last, which only makes rescue look
/// later.
const SAMPLES_MAX: usize = 16;

impl<S: Store, E: Env> Keeper<'_, S, E> {
    /// Takes a sample: which tickets of a lane were given out by now. Returns the lane's head if a
    /// sample is due: in every whole pass, and 5 s after the last one. The sample's time decides
    /// how soon a delivery without a record counts as lost.
    pub(crate) async fn sample(
        &self,
        lane: Lane,
        cursors: &mut Cursors,
        whole: bool,
    ) -> Result<Option<Head>, StoreError> {
        let now_ms = self.env.now_ms();
        let last = cursors.samples.last().copied();
        let (last_ms, last_head) = last.unwrap_or((0, cursors.rescue - 1));
        if now_ms < last_ms + WINDOW_MS && !whole {
            return Ok(None);
        }
        let head = Slots::of(self).head_of(lane).await?;
        if enabled(Guard::FollowHeadBack)
            && let Some(lost) = cursors.follow_back(head.taken, now_ms)
        {
            self.env.log(&format!(
                "queue {}: the store lost its last writes, {lost} tickets at least. Tasks that were acknowledged then may be gone. Have the store keep what it acknowledges",
                self.name()
            ));
            return Ok(Some(head));
        }
        if head.taken > last_head {
            cursors.samples.truncate(SAMPLES_MAX - 1);
            // Take the time after the read: by then these tickets were given out.
            let read_ms = if enabled(Guard::SampleTimeAfterRead) {
                self.env.now_ms()
            } else {
                now_ms
            };
            cursors.samples.push((read_ms, head.taken));
        }
        Ok(Some(head))
    }

    /// Passes tickets of a lane that were given out long enough ago.
    pub(crate) async fn pass_tickets(
        &self,
        cursors: &mut Cursors,
        running: &mut RunningList,
        tally: &mut Tally,
    ) -> Result<(), QueueError> {
        let now_ms = self.env.now_ms();
        let (mut cursor, mut samples) = (cursors.rescue, cursors.samples.clone());
        let (first, mut actions, mut homes) = (cursor, Vec::new(), Vec::new());
        let mut passed = Ok(());
        let end = cursor + PASS_MAX;
        'samples: while let Some(&(ticketed_ms, head)) = samples.first() {
            if ticketed_ms + RESCUE_LAG_MS > now_ms {
                break;
            }
            while cursor <= head {
                if cursor >= end || self.is_over(now_ms) {
                    break 'samples;
                }
                match Rescue::of(self).pass_slot(cursor, ticketed_ms).await {
                    Ok(passed) => {
                        actions.push(passed.action);
                        homes.extend(passed.home_of);
                    }
                    Err(e) => {
                        // The slots passed before stay settled. Otherwise a long pass would never
                        // end on a store that fails now and then.
                        passed = Err(e);
                        break 'samples;
                    }
                }
                cursor += 1;
            }
            samples.remove(0);
        }
        if !enabled(Guard::SettleBeforeMovingOn) {
            cursors.rescue = cursor;
        }
        Rescue::of(self).apply(&actions, Some(running)).await?;
        for kind in &homes {
            tally.enqueued(kind);
        }
        for (slot, action) in (first..).zip(&actions) {
            tally.passed(running, slot, action, now_ms);
        }
        cursors.rescue = cursor;
        cursors.samples = samples;
        passed
    }

    /// Lets retention follow to where rescue was an hour ago.
    pub(crate) async fn advance_age(
        &self,
        lane: Lane,
        cursors: &mut Cursors,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let (last_ms, _) = cursors.aged.last().copied().unwrap_or_default();
        if now_ms >= last_ms + AGED_EVERY_MS {
            let end = self.passed_and_given(lane, cursors.rescue).await?;
            cursors.aged.push((now_ms, end));
        }
        let is_over = |aged: &mut (u64, u64)| aged.0 + RETENTION_MIN_MS <= now_ms;
        for (_, end) in cursors.aged.extract_if(.., is_over) {
            cursors.retain_end = end;
        }
        if !enabled(Guard::KeepHandoverCounters) {
            cursors.retain_end = cursors.rescue;
        }
        Ok(())
    }

    /// Finds where retention may end an hour from now. Retention deletes the hand-over counters of
    /// slots. Racing claimers take tickets of slots that no enqueuer gets for days, and those
    /// counters must stay.
    async fn passed_and_given(&self, lane: Lane, rescue: u64) -> Result<u64, StoreError> {
        if !enabled(Guard::RetainOnlyGivenSlots) {
            return Ok(rescue);
        }
        Ok(rescue.min(Slots::of(self).last_slot(lane).await? + 1))
    }

    pub(crate) async fn advance_retention(
        &self,
        cursors: &mut Cursors,
        noted: &mut PendingDeletes,
        now_ms: u64,
    ) -> Result<(), QueueError> {
        let (mut cursor, mut pending) = (cursors.retain, noted.clone());
        let end = cursors.retain_end.min(cursor + RETAIN_MAX);
        let kept = Retention::of(self)
            .retain(&mut cursor, end, &mut pending)
            .await;
        // Move even after a failure: what it found before is noted.
        cursors.retain = cursor;
        if !enabled(Guard::NoteBeforeDeleting) {
            Retention::of(self).delete(&pending).await?;
            pending = PendingDeletes::default();
        }
        *noted = pending;
        cursors.retain_at_ms = kept?.map_or(0, |until_ms| until_ms.min(now_ms + AGED_EVERY_MS));
        Ok(())
    }
}
