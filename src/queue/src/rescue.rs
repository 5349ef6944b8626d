//! Rescue: it passes every slot once, in order, some time after its ticket was given out.

use crate::base::config::{BEGIN_MS, CLOCK_SLACK_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::limits::waitlist::Waitlists;
use crate::model::run::{Run, RunState};
use crate::model::slot::Slot;
use crate::model::task::Task;
use crate::progress::running::RunningList;
use crate::runs::members::MemberCounts;
use crate::runs::read::Runs;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{decode_opt, encode};
use crate::timer::entry::{DUE, Entry, EntryKind, Inserted};
use crate::timer::insert::Timer;

use crate::runs::action::RescueAction;

mechanism!(
    /// Finding lost runs, and announcing their next epoch.
    Rescue
);

/// The conclusion about a slot that rescue passed.
pub(crate) struct Passed {
    pub(crate) action: RescueAction,
    /// The kind of its task, if the slot is a home.
    pub(crate) home_of: Option<String>,
}

impl<S: Store, E: Env> Rescue<'_, S, E> {
    /// Passes slot `n`, whose ticket was given out before `ticketed_ms`.
    pub(crate) async fn pass_slot(&self, n: u64, ticketed_ms: u64) -> Result<Passed, QueueError> {
        let mut home_of = None;
        let passed = self.pass_readable_slot(n, ticketed_ms, &mut home_of).await;
        let entry = Entry::new(n, 0, EntryKind::Pass);
        let action = self.unless_unreadable(&entry, passed)?;
        Ok(Passed { action, home_of })
    }

    async fn pass_readable_slot(
        &self,
        n: u64,
        ticketed_ms: u64,
        home_of: &mut Option<String>,
    ) -> Result<RescueAction, QueueError> {
        let key = self.keys.run(n, 0);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        let home = self.keys.slot(n);
        if let Some(run) = run.filter(Run::is_final) {
            let mut kind = run.kind.clone();
            if kind.is_empty() {
                let slot = decode_opt(&home, self.store.get(&home).await?)?;
                if let Some(Slot::Task(task)) = slot {
                    kind.clone_from(&task.kind);
                }
            }
            let action = RescueAction::ended(&run, &kind);
            *home_of = Some(kind);
            return Ok(action);
        }
        let mut slot = decode_opt(&home, self.store.get(&home).await?)?;
        if slot.is_none() && enabled(Guard::GiveUpWhenPassing) && Slots::of(self).give_up(n).await?
        {
            // A filler that counts on the ticket filled the slot meanwhile.
            slot = decode_opt(&home, self.store.get(&home).await?)?;
        }
        match slot {
            None => Ok(RescueAction::Done),
            Some(Slot::Void) => Ok(RescueAction::Done),
            Some(Slot::Announce(..)) if !enabled(Guard::PassAnnouncements) => {
                Ok(RescueAction::Done)
            }
            Some(Slot::Announce(t, e)) => self.examine(t, e, None, false).await,
            Some(Slot::Task(task)) => {
                *home_of = Some(task.kind.clone());
                self.pass_task(n, &task, ticketed_ms).await
            }
        }
    }

    /// Passes slot `n`, the home of `task`.
    pub(crate) async fn pass_task(
        &self,
        n: u64,
        task: &Task,
        ticketed_ms: u64,
    ) -> Result<RescueAction, QueueError> {
        match task.not_before_ms {
            // Its enqueuer may have died before the timer entry: check whether epoch 1 was claimed.
            Some(at_ms) => {
                let due_ms = at_ms + BEGIN_MS + CLOCK_SLACK_MS;
                let later = RescueAction::Later(n, 0, EntryKind::Look, due_ms);
                self.unless_claimed(n, 1, due_ms, later).await
            }
            None => {
                let taken_ms = ticketed_ms.max(task.enqueued_ms);
                self.examine(n, 0, Some(taken_ms), false).await
            }
        }
    }

    /// Examines a task that was passed long ago and is not final. Its timer entry may lie where no
    /// keeper turns any more, since the clock of its inserter was wrong.
    pub(crate) async fn pass_old_task(
        &self,
        n: u64,
        task: &Task,
    ) -> Result<RescueAction, QueueError> {
        let latest = Runs::of(self).latest_epoch(n).await?;
        let run = Runs::of(self).closest_run(n, latest + 1).await?;
        let timed = run.filter(|run| run.epoch == latest && run.is_of(task));
        if let Some(RunState::Retrying { at_ms, timer: true }) = timed.map(|run| run.state) {
            let due_ms = at_ms + BEGIN_MS + CLOCK_SLACK_MS;
            return self
                .unless_claimed(n, latest + 1, due_ms, RescueAction::Done)
                .await;
        }
        match latest {
            0 => self.pass_task(n, task, 0).await,
            latest => self.examine(n, latest, None, false).await,
        }
    }

    /// Examines the subject of a due timer entry.
    pub(crate) async fn examine_entry(&self, entry: &Entry) -> Result<RescueAction, QueueError> {
        let &Entry {
            task, epoch, what, ..
        } = entry;
        // The entry's time is the end of epoch 0's lease, so a delivery without a record is lost.
        let examined = match what {
            EntryKind::Deliver => Ok(RescueAction::Announce(task, epoch)),
            EntryKind::Retry => self.examine_retry(task, epoch).await,
            EntryKind::Pass => self.pass_readable_slot(task, 0, &mut None).await,
            EntryKind::Forget | EntryKind::Fire | EntryKind::Tidy => Ok(RescueAction::Done),
            EntryKind::Attend | EntryKind::ForgetLine | EntryKind::ForgetKey => {
                Ok(RescueAction::Done)
            }
            EntryKind::ForgetKiller => Ok(RescueAction::Done),
            _ => {
                let again = what == EntryKind::LookAgain;
                self.examine(task, epoch, Some(0), again).await
            }
        };
        self.unless_unreadable(entry, examined)
    }

    /// Announces a retry if its outcome is written. The entry precedes the outcome, and its time
    /// may come in between, on a slow store or with a clock ahead. The next owner would then take
    /// the run for lost.
    async fn examine_retry(&self, t: u64, e: u64) -> Result<RescueAction, QueueError> {
        let key = self.keys.run(t, e.saturating_sub(1));
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        if run.is_some_and(|run| !matches!(run.state, RunState::Running { .. })) {
            return Ok(RescueAction::Announce(t, e));
        }
        let then_ms = self.env.now_ms() + BEGIN_MS;
        Ok(RescueAction::Later(t, e, EntryKind::Look, then_ms))
    }

    /// Turns a record that can't be read into an action, so that it does not stop all others. A
    /// newer version's record is examined again.
    fn unless_unreadable(
        &self,
        entry: &Entry,
        examined: Result<RescueAction, QueueError>,
    ) -> Result<RescueAction, QueueError> {
        let Err(e) = examined else { return examined };
        if !e.is_unreadable() {
            return Err(e);
        }
        self.env.log(&e.to_string());
        Ok(match e {
            QueueError::Newer { .. } => RescueAction::Defer(entry.clone()),
            _ => RescueAction::Done,
        })
    }

    /// Examines delivery (t, e). The ticket of an epoch 0 without a record was taken at `taken_ms`
    /// at the latest.
    async fn examine(
        &self,
        t: u64,
        e: u64,
        taken_ms: Option<u64>,
        again: bool,
    ) -> Result<RescueAction, QueueError> {
        let home = self.keys.slot(t);
        let Some(Slot::Task(task)) = decode_opt(&home, self.store.get(&home).await?)? else {
            return Ok(RescueAction::Done);
        };
        let key = self.keys.result(t);
        let decided: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        if let Some(run) = decided.filter(|run| run.is_of(&task)) {
            if run.epoch == e {
                return Ok(RescueAction::ended(&run, &task.kind));
            }
            // Another run ended the task. Count this one if its attempt failed.
            let mut earlier: Option<Run> = None;
            if e < run.epoch && !run.errors.is_empty() {
                let key = self.keys.run(t, e);
                earlier = decode_opt(&key, self.store.get(&key).await?)?;
            }
            return Ok(earlier.map_or(RescueAction::Done, |run| {
                RescueAction::followed(&run, &task.kind)
            }));
        }
        // Read the clock before the record. A keeper that stalls in between must not take a run
        // with a newer heartbeat for lost.
        let looked_ms = self.env.now_ms();
        let key = self.keys.run(t, e);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        let Some(run) = run.filter(|run| run.is_of(&task)) else {
            let lost_ms = task.lease().unmarked_lost_ms(taken_ms.unwrap_or(0));
            return self
                .examine_unmarked(t, e, &task, (lost_ms, looked_ms), again)
                .await;
        };
        self.examine_run(t, e, run, &task.kind, looked_ms).await
    }

    /// Examines delivery (t, e), whose record was read at `looked_ms` or later.
    async fn examine_run(
        &self,
        t: u64,
        e: u64,
        run: Run,
        kind: &str,
        looked_ms: u64,
    ) -> Result<RescueAction, QueueError> {
        match run.state {
            RunState::Retrying { .. } | RunState::Continued { .. } | RunState::Waiting { .. }
                if !enabled(Guard::AnnounceForTheDead) =>
            {
                Ok(RescueAction::Done)
            }
            RunState::Retrying { at_ms, timer: true }
                if at_ms + BEGIN_MS + CLOCK_SLACK_MS > looked_ms
                    || !enabled(Guard::LookAtOverdueRetries) =>
            {
                Ok(RescueAction::followed(&run, kind))
            }
            RunState::Continued {
                parked: Some(place),
                ..
            } if Waitlists::of(self).is_in_line(&place).await? => Ok(RescueAction::Done),
            RunState::Retrying { at_ms, .. }
            | RunState::Continued {
                ended_ms: at_ms, ..
            } => {
                let due_ms = at_ms + BEGIN_MS + CLOCK_SLACK_MS;
                let later = RescueAction::Later(t, e, EntryKind::Look, due_ms);
                match self.unless_claimed(t, e + 1, due_ms, later).await? {
                    RescueAction::Done => Ok(RescueAction::followed(&run, kind)),
                    action => Ok(action),
                }
            }
            RunState::Waiting { .. } => {
                // The writer of "waiting" may have died before it read the counter.
                if enabled(Guard::LookAfterWaiting)
                    && MemberCounts::of(self).may_continue(t, &run.state).await?
                {
                    return self.announce_unclaimed(t, e + 1).await;
                }
                Ok(RescueAction::Done)
            }
            RunState::Running { lost_ms, .. } => {
                if lost_ms > looked_ms {
                    return Ok(RescueAction::Running {
                        task: t,
                        epoch: e,
                        ticket: run.delivered_by(),
                        lost_ms,
                    });
                }
                self.announce_unclaimed(t, e + 1).await
            }
            _ if e == 0 => Ok(RescueAction::ended(&run, kind)),
            _ if !enabled(Guard::DecideForTheDead) => Ok(RescueAction::Done),
            _ => {
                // Its owner died before it decided: any instance may publish the outcome.
                Runs::of(self).publish_late(t, e, &encode(&run)).await?;
                Ok(RescueAction::ended(&run, kind))
            }
        }
    }

    /// Examines a delivery without a record.
    async fn examine_unmarked(
        &self,
        t: u64,
        e: u64,
        task: &Task,
        (lost_ms, looked_ms): (u64, u64),
        again: bool,
    ) -> Result<RescueAction, QueueError> {
        let now_ms = self.env.now_ms();
        if e == 0 {
            if lost_ms > looked_ms {
                return Ok(RescueAction::Later(t, 0, EntryKind::Look, lost_ms));
            }
            return self.announce_unclaimed(t, 1).await;
        }
        if self.store.counter(&self.keys.claim(t, e)).await? == 0 {
            if e == 1 {
                // A late announcement: epoch 0 is final, so epoch 1 is not needed.
                let key = self.keys.run(t, 0);
                let first: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
                if let Some(first) = first.filter(|run| run.is_final() && run.is_of(task)) {
                    return self.close_first(t, &first).await;
                }
            }
            return Ok(RescueAction::Announce(t, e));
        }
        if again || !enabled(Guard::LookAgainAtUnmarked) {
            return self.announce_unclaimed(t, e + 1).await;
        }
        let then_ms = now_ms + BEGIN_MS + CLOCK_SLACK_MS;
        Ok(RescueAction::Later(t, e, EntryKind::LookAgain, then_ms))
    }

    /// Closes a task whose epoch 0 is final and whose epoch 1 was announced and not claimed. A claim
    /// that failed may still come, and would hide that outcome. So it becomes the task's result.
    async fn close_first(&self, t: u64, first: &Run) -> Result<RescueAction, QueueError> {
        if enabled(Guard::CloseFirst) {
            Runs::of(self).publish(t, 0, &encode(first)).await?;
        }
        Ok(RescueAction::Done)
    }

    /// Announces (t, e), which is due, unless it is claimed.
    async fn announce_unclaimed(&self, t: u64, e: u64) -> Result<RescueAction, QueueError> {
        self.unless_claimed(t, e, 0, RescueAction::Done).await
    }

    /// Announces (t, e) once it is due, unless it is claimed. Before that it returns `later`, which
    /// examines the epoch before: epoch e has a slot of its own that rescue passes.
    async fn unless_claimed(
        &self,
        t: u64,
        e: u64,
        due_ms: u64,
        later: RescueAction,
    ) -> Result<RescueAction, QueueError> {
        if self.store.counter(&self.keys.claim(t, e)).await? > 0 {
            return Ok(RescueAction::Done);
        }
        if due_ms > self.env.now_ms() {
            return Ok(later);
        }
        Ok(RescueAction::Announce(t, e))
    }

    /// Executes rescue actions, and returns when all are settled. Running tasks go on the keeper's
    /// list, or into the timer if the list is full or absent.
    pub(crate) async fn apply(
        &self,
        actions: &[RescueAction],
        mut running: Option<&mut RunningList>,
    ) -> Result<(), QueueError> {
        let mut announce = Vec::new();
        for action in actions {
            let mut action = action.clone();
            let mut earliest_ms = 0;
            let mut listed =
                |action: &RescueAction| running.as_mut().is_some_and(|r| r.takes(action));
            while let Some((task, epoch, what, at_ms)) = action.next_look()
                && !listed(&action)
            {
                let entry = Entry::new(task, epoch, what);
                let at_ms = at_ms.max(earliest_ms);
                if Timer::of(self).insert(DUE, at_ms, &entry).await? == Inserted::Scheduled {
                    break;
                }
                // The keeper passed that second already: examine at once. If our clock says that it
                // is too early, that keeper's clock is ahead: then try a later second.
                earliest_ms = at_ms + 1_000;
                action = self.examine_entry(&entry).await?;
            }
            match action {
                RescueAction::Announce(t, e) => announce.push((t, e)),
                RescueAction::Defer(entry) => Timer::of(self).defer(&encode(&entry)).await?,
                _ => {}
            }
        }
        Ok(Slots::of(self).announce(&announce).await?)
    }
}
