//! Finding what was lost: every slot is passed once, in order, some time after its ticket was given out.

use crate::config::{BEGIN_MS, CLOCK_SLACK_MS};
use crate::guard::{Guard, holds};
use crate::record::{RunState, Slot, decode_opt, encode};
use crate::running::RunningList;
use crate::statistics::Ended;
use crate::timer::{DUE, Entry, Inserted, What};
use crate::{Env, Queue, QueueError, Run, Store, Task};

/// What rescue found out about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Somebody saw to it, or will.
    Done,
    /// It ended its task.
    Ended(Ended),
    /// Lost: announce (task, epoch).
    Announce(u64, u64),
    /// (task, epoch) runs, delivered by this ticket if the epoch has one, and counts as lost at this
    /// time unless it is heard of again.
    Running {
        task: u64,
        epoch: u64,
        ticket: Option<u64>,
        lost_ms: u64,
    },
    /// Not yet clear: look at (task, epoch) again at this time.
    Later(u64, u64, What, u64),
    /// A newer version's record is in the way: put this off. Nobody need wait for it.
    PutOff(Entry),
}

impl Finding {
    fn ended(run: &Run) -> Self {
        Ended::of(run).map_or(Self::Done, Self::Ended)
    }

    /// What is to be looked at again, and when.
    fn look_again(&self) -> Option<(u64, u64, What, u64)> {
        match *self {
            Self::Running {
                task,
                epoch,
                lost_ms,
                ..
            } => Some((task, epoch, What::Look, lost_ms)),
            Self::Later(t, e, what, at_ms) => Some((t, e, what, at_ms)),
            _ => None,
        }
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Passes slot `n`, whose ticket was given out before `ticketed_ms`.
    pub(crate) async fn pass_slot(&self, n: u64, ticketed_ms: u64) -> Result<Finding, QueueError> {
        let passed = self.pass_readable_slot(n, ticketed_ms).await;
        let entry = Entry::new(n, 0, What::Pass);
        self.unless_unreadable(&entry, passed)
    }

    async fn pass_readable_slot(&self, n: u64, ticketed_ms: u64) -> Result<Finding, QueueError> {
        let key = self.keys.run(n, 0);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        if let Some(run) = run.filter(Run::is_final) {
            return Ok(Finding::ended(&run));
        }
        let home = self.keys.slot(n);
        let mut slot = decode_opt(&home, self.store.get(&home).await?)?;
        if slot.is_none() && holds(Guard::GiveUpWhenPassing) && self.give_up(n).await? {
            // Filled meanwhile, by somebody who counts on the ticket.
            slot = decode_opt(&home, self.store.get(&home).await?)?;
        }
        match slot {
            None => Ok(Finding::Done),
            Some(Slot::Void) => Ok(Finding::Done),
            Some(Slot::Announce(..)) if !holds(Guard::PassAnnouncements) => Ok(Finding::Done),
            Some(Slot::Announce(t, e)) => self.examine(t, e, None, false).await,
            Some(Slot::Task(task)) => self.pass_task(n, &task, ticketed_ms).await,
        }
    }

    /// Passes slot `n`, which is the home of `task`.
    pub(crate) async fn pass_task(
        &self,
        n: u64,
        task: &Task,
        ticketed_ms: u64,
    ) -> Result<Finding, QueueError> {
        match task.not_before_ms {
            // Its enqueuer may have died before the timer entry: look whether epoch 1 was delivered.
            Some(at_ms) => {
                let due_ms = at_ms + BEGIN_MS + CLOCK_SLACK_MS;
                let later = Finding::Later(n, 0, What::Look, due_ms);
                self.unless_claimed(n, 1, due_ms, later).await
            }
            None => {
                let taken_ms = ticketed_ms.max(task.enqueued_ms);
                self.examine(n, 0, Some(taken_ms), false).await
            }
        }
    }

    /// Sees to a timer entry whose time has come.
    pub(crate) async fn look_at(&self, entry: &Entry) -> Result<Finding, QueueError> {
        let &Entry {
            task, epoch, what, ..
        } = entry;
        // The entry's time is the end of epoch 0's lease: whatever began is over.
        let examined = match what {
            What::Deliver => Ok(Finding::Announce(task, epoch)),
            What::Retry => self.look_at_retry(task, epoch).await,
            What::Pass => self.pass_readable_slot(task, 0).await,
            What::Forget | What::Fire | What::Tidy => Ok(Finding::Done),
            What::Attend | What::ForgetLine | What::ForgetKey => Ok(Finding::Done),
            What::ForgetKiller => Ok(Finding::Done),
            _ => {
                let again = what == What::LookAgain;
                self.examine(task, epoch, Some(0), again).await
            }
        };
        self.unless_unreadable(entry, examined)
    }

    /// A retry's entry comes before its outcome. On a slow store, or where this clock is ahead, its time may come in between: who
    /// ran next would take that run for lost.
    async fn look_at_retry(&self, t: u64, e: u64) -> Result<Finding, QueueError> {
        let key = self.keys.run(t, e.saturating_sub(1));
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        if run.is_some_and(|run| !matches!(run.state, RunState::Running { .. })) {
            return Ok(Finding::Announce(t, e));
        }
        let then_ms = self.env.now_ms() + BEGIN_MS;
        Ok(Finding::Later(t, e, What::Look, then_ms))
    }

    /// One record that can't be read must not stop all others. A newer version's is looked at again.
    pub(crate) fn unless_unreadable(
        &self,
        entry: &Entry,
        examined: Result<Finding, QueueError>,
    ) -> Result<Finding, QueueError> {
        let Err(e) = examined else { return examined };
        if !e.is_unreadable() {
            return Err(e);
        }
        self.env.log(&e.to_string());
        Ok(match e {
            QueueError::Newer { .. } => Finding::PutOff(entry.clone()),
            _ => Finding::Done,
        })
    }

    /// Examines delivery (t, e). Without a start mark the ticket of an epoch 0 was taken at `taken_ms` at the
    /// latest.
    async fn examine(
        &self,
        t: u64,
        e: u64,
        taken_ms: Option<u64>,
        again: bool,
    ) -> Result<Finding, QueueError> {
        let home = self.keys.slot(t);
        let Some(Slot::Task(task)) = decode_opt(&home, self.store.get(&home).await?)? else {
            return Ok(Finding::Done);
        };
        let key = self.keys.result(t);
        let decided: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        if let Some(run) = decided {
            let by_this = run.epoch == e;
            return Ok(if by_this {
                Finding::ended(&run)
            } else {
                Finding::Done
            });
        }
        // Before the read: whoever stalls behind it must not take a run for lost that was heard of meanwhile.
        let looked_ms = self.env.now_ms();
        let key = self.keys.run(t, e);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        let Some(run) = run else {
            let lost_ms = task.lease().unmarked_lost_ms(taken_ms.unwrap_or(0));
            return self
                .examine_unmarked(t, e, (lost_ms, looked_ms), again)
                .await;
        };
        match run.state {
            RunState::Retrying { .. } | RunState::Continued { .. } | RunState::Waiting { .. }
                if !holds(Guard::AnnounceForTheDead) =>
            {
                Ok(Finding::Done)
            }
            RunState::Retrying { timer: true, .. } => Ok(Finding::Done),
            RunState::Continued {
                parked: Some(place),
                ..
            } if self.is_in_line(&place).await? => Ok(Finding::Done),
            RunState::Retrying { at_ms, .. }
            | RunState::Continued {
                ended_ms: at_ms, ..
            } => {
                let due_ms = at_ms + BEGIN_MS + CLOCK_SLACK_MS;
                let later = Finding::Later(t, e, What::Look, due_ms);
                self.unless_claimed(t, e + 1, due_ms, later).await
            }
            RunState::Waiting { .. } => {
                // Whoever wrote that may have died before it looked.
                if holds(Guard::LookAfterWaiting) && self.may_go_on(t, &run.state).await? {
                    return self.announce_unclaimed(t, e + 1).await;
                }
                Ok(Finding::Done)
            }
            RunState::Running { lost_ms, .. } => {
                if lost_ms > looked_ms {
                    return Ok(Finding::Running {
                        task: t,
                        epoch: e,
                        ticket: run.delivered_by(),
                        lost_ms,
                    });
                }
                self.announce_unclaimed(t, e + 1).await
            }
            _ if e == 0 => Ok(Finding::ended(&run)),
            _ if !holds(Guard::DecideForTheDead) => Ok(Finding::Done),
            _ => {
                // Final, but its owner died before it decided: that is anybody's to finish.
                self.publish_late(t, e, &encode(&run)).await?;
                Ok(Finding::ended(&run))
            }
        }
    }

    /// A delivery that has no record.
    async fn examine_unmarked(
        &self,
        t: u64,
        e: u64,
        (lost_ms, looked_ms): (u64, u64),
        again: bool,
    ) -> Result<Finding, QueueError> {
        let now_ms = self.env.now_ms();
        if e == 0 {
            if lost_ms > looked_ms {
                return Ok(Finding::Later(t, 0, What::Look, lost_ms));
            }
            return self.announce_unclaimed(t, 1).await;
        }
        if self.store.counter(&self.keys.claim(t, e)).await? == 0 {
            if e == 1 {
                // An announcement that came after all: epoch 0 is final, nobody needs epoch 1.
                let key = self.keys.run(t, 0);
                let first: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
                if first.is_some_and(|r| r.is_final()) {
                    return Ok(Finding::Done);
                }
            }
            return Ok(Finding::Announce(t, e));
        }
        if again || !holds(Guard::LookAgainAtUnmarked) {
            return self.announce_unclaimed(t, e + 1).await;
        }
        let then_ms = now_ms + BEGIN_MS + CLOCK_SLACK_MS;
        Ok(Finding::Later(t, e, What::LookAgain, then_ms))
    }

    /// (t, e) is to be delivered by now: it must be claimed, or announced.
    async fn announce_unclaimed(&self, t: u64, e: u64) -> Result<Finding, QueueError> {
        self.unless_claimed(t, e, 0, Finding::Done).await
    }

    /// (t, e) is to be delivered: it must be claimed, or announced once it is due. Until then it is `later`: a look at what this
    /// was about, since epoch e has a slot of its own to be passed.
    async fn unless_claimed(
        &self,
        t: u64,
        e: u64,
        due_ms: u64,
        later: Finding,
    ) -> Result<Finding, QueueError> {
        if self.store.counter(&self.keys.claim(t, e)).await? > 0 {
            return Ok(Finding::Done);
        }
        if due_ms > self.env.now_ms() {
            return Ok(later);
        }
        Ok(Finding::Announce(t, e))
    }

    /// Does what findings ask for. Returns when all of it is settled. What runs goes into the keeper's list, or, where
    /// that is full or not at hand, into the timer.
    pub(crate) async fn act(
        &self,
        findings: &[Finding],
        mut running: Option<&mut RunningList>,
    ) -> Result<(), QueueError> {
        let mut announce = Vec::new();
        for finding in findings {
            let mut finding = finding.clone();
            let mut earliest_ms = 0;
            let mut listed = |finding: &Finding| running.as_mut().is_some_and(|r| r.takes(finding));
            while let Some((task, epoch, what, at_ms)) = finding.look_again()
                && !listed(&finding)
            {
                let entry = Entry::new(task, epoch, what);
                let at_ms = at_ms.max(earliest_ms);
                if self.timer_insert(DUE, at_ms, &entry).await? == Inserted::Scheduled {
                    break;
                }
                // That second is passed already: look at once. If it is too early by our clock, a keeper whose clock is
                // ahead of ours has passed it: wait for a later one.
                earliest_ms = at_ms + 1_000;
                finding = self.look_at(&entry).await?;
            }
            match finding {
                Finding::Announce(t, e) => announce.push((t, e)),
                Finding::PutOff(entry) => self.put_off(&encode(&entry)).await?,
                _ => {}
            }
        }
        Ok(self.announce(&announce).await?)
    }
}
