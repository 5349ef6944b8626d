//! Statistics of a queue, without a scan and without a further store call per task. Rescue passes
//! every ticket anyway and counts the ended tasks. The last seconds, which it has not passed yet,
//! are estimated from a sample.

use crate::base::config::{CLOCK_SLACK_MS, RECORDS_MAX};
use crate::base::env::Env;
use crate::base::histogram::Histogram;
use crate::base::priority::{Lane, Priority};
use crate::failed::list::FailedList;
use crate::metrics::counts::{Increments, OTHER, TaskCounts};
use crate::metrics::publish::Publisher;
use crate::metrics::totals::Period;
use crate::model::ended::Counts;
use crate::model::run::{Run, RunState};
use crate::model::slot::Slot;
use crate::progress::record::{KeeperRecord, Progress};
use crate::progress::tally::{PERIOD_MS, Tally};
use crate::requests::depth::{Admin, Depth};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{Validate, decode_opt};
use crate::timer::entry::DUE;
use crate::timer::insert::Timer;

mechanism!(
    /// Reading the statistics of a queue.
    StatisticsReader
);

/// The size of the sample by which running tasks are counted.
const SAMPLE_MAX: u64 = 50;

/// The number of slots searched for the oldest waiting task.
const WAITING_MAX: u64 = 8;

/// The lengths that half, nine tenths and 99 hundredths of the tasks do not exceed, in
/// milliseconds. They are at most an eighth too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of the tasks.
    pub p50_ms: u64,
    /// Nine tenths of the tasks.
    pub p90_ms: u64,
    /// 99 hundredths of the tasks.
    pub p99_ms: u64,
}

impl Percentiles {
    pub(crate) fn of(histogram: &Histogram) -> Option<Self> {
        Some(Self {
            p50_ms: histogram.percentile_ms(50)?,
            p90_ms: histogram.percentile_ms(90)?,
            p99_ms: histogram.percentile_ms(99)?,
        })
    }
}

/// The statistics of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// The backlog and the workers.
    pub depth: Depth,
    /// How long the next task of each priority has been waiting: the longest of these, in
    /// milliseconds.
    pub oldest_waiting_ms: Option<u64>,
    /// How many of users' tasks run. Of more than 50 tasks of the last seconds it is an estimate
    /// from a sample. Of older tasks at most 1,000 are counted.
    pub running: u64,
    /// How many tasks are in the failed list, of its last 1,000 entries.
    pub failed: u64,
    /// How long ago the keeper should have acted on the next entry or ticket: 0 if nothing is
    /// overdue.
    pub keeper_lag_ms: u64,
    /// The counters, from which `ended` is.
    pub metrics: Metrics,
    /// How many tasks ended since the queue began, up to some 10 s ago.
    pub ended: Counts,
    /// From when a task could have begun to its end. Of tasks that succeeded or failed in the last
    /// half to whole hour.
    pub latency: Option<Percentiles>,
    /// The lengths of the last attempts of the same tasks.
    pub run: Option<Percentiles>,
}

/// Picks at most [`SAMPLE_MAX`] slots, evenly spaced.
fn sample(from: u64, count: u64) -> impl Iterator<Item = u64> {
    let taken = count.min(SAMPLE_MAX);
    (0..taken).map(move |i| from + i * count / taken)
}

/// Scales the hits in a sample up to `count`.
fn scaled(hits: usize, count: u64) -> u64 {
    let taken = count.clamp(1, SAMPLE_MAX);
    (hits as u64 * count).div_ceil(taken)
}

/// The counters of a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The counts of each kind of task, in the order of their names. [`OTHER`] has further kinds,
    /// and tasks that were cancelled before anybody took them.
    pub kinds: Vec<(String, TaskCounts)>,
    /// The number of missed occurrences without a task of each schedule, in the order of their
    /// names.
    pub missed: Vec<(String, u64)>,
    /// What was counted in each of the last 60 minutes, oldest first. Empty ones are left out.
    pub minutes: Vec<Period>,
    /// What was counted in each of the last 24 hours, oldest first. Empty ones are left out.
    pub hours: Vec<Period>,
}

impl<S: Store, E: Env> StatisticsReader<'_, S, E> {
    /// Reads the counters, in three calls and one more for those of the last seconds.
    pub(crate) async fn metrics(&self) -> Result<Metrics, QueueError> {
        let mut totals = Publisher::of(self).totals().await?;
        totals.forget_before(self.env.now_ms());
        let cancelled = self.store.counter(&self.keys.cancelled()).await?;
        if cancelled > 0 {
            let ended = &mut totals.counted.kinds.of(OTHER).ended;
            ended.cancelled = ended.cancelled.saturating_add(cancelled);
        }
        let Increments { kinds, missed } = totals.counted;
        Ok(Metrics {
            kinds: kinds.0.into_iter().collect(),
            missed: missed.into_iter().collect(),
            minutes: totals.minutes,
            hours: totals.hours,
        })
    }

    /// Reads the statistics of the queue.
    pub(crate) async fn statistics(&self) -> Result<Statistics, QueueError> {
        let now_ms = self.env.now_ms();
        let stored = KeeperRecord::of(self).stored_progress().await?;
        let progress = stored.clone().unwrap_or_else(|| Progress::first(0, 0));
        let (known, mut tally) = (&progress.running, progress.tally.clone());
        let depth = Admin::of(self).depth().await?;
        // Move on to this period, in which nothing may have been counted.
        tally.turn(now_ms.saturating_sub(CLOCK_SLACK_MS) / PERIOD_MS);
        let Tally {
            current, before, ..
        } = tally;
        let metrics = self.metrics().await?;
        let mut ended = Counts::default();
        for (_, counts) in &metrics.kinds {
            ended.add(counts.ended);
        }
        let of_users = |&(task, _): &(u64, u64)| !Lane::of(task).is_system();
        let known: Vec<_> = known.deliveries().filter(of_users).collect();
        let (mut oldest_ms, mut running) = (None, self.known_running(&known).await?);
        let in_use = |lane: &Priority| lane.is_normal() || depth.by_priority.is_some();
        for lane in Priority::ALL.into_iter().filter(in_use) {
            let head = Slots::of(self).last_ticket(lane.into()).await?;
            let since_ms = self.oldest_waiting_ms(head, depth.each().of(lane)).await?;
            oldest_ms = since_ms.into_iter().chain(oldest_ms).min();
            running += self.running(progress.passed(lane.into()), head).await?;
        }
        Ok(Statistics {
            depth,
            oldest_waiting_ms: oldest_ms.map(|ms| now_ms.saturating_sub(ms)),
            running,
            failed: FailedList::of(self).count().await?,
            keeper_lag_ms: self.keeper_lag_ms(stored.as_ref()).await?,
            ended,
            metrics,
            latency: Percentiles::of(&current.latency.with(&before.latency)),
            run: Percentiles::of(&current.run.with(&before.run)),
        })
    }

    /// Reads how late the keeper is: how long ago it should have acted on the next entry or ticket.
    async fn keeper_lag_ms(&self, stored: Option<&Progress>) -> Result<u64, QueueError> {
        let now_ms = self.env.now_ms();
        let (from_s, samples) = match stored {
            Some(progress) => (progress.due_s, progress.rescue_due_ms()),
            None => (Timer::of(self).first_s().await?, None),
        };
        let due_s = Timer::of(self)
            .overdue_s(DUE, from_s, now_ms / 1_000)
            .await?;
        let due_ms = due_s.map(|s| s * 1_000);
        let since_ms = samples.into_iter().chain(due_ms).min();
        Ok(since_ms.map_or(0, |ms| now_ms.saturating_sub(ms)))
    }

    /// Reads records and keeps a part of each. All at once would take too much memory, since any
    /// may be large.
    async fn records<T: serde::de::DeserializeOwned + Validate, U>(
        &self,
        keys: &[String],
        of: impl Fn(T) -> U,
    ) -> Result<Vec<Option<U>>, QueueError> {
        let mut records = Vec::with_capacity(keys.len());
        for keys in keys.chunks(RECORDS_MAX) {
            let values = self.store.get_many(keys).await?;
            for (key, value) in keys.iter().zip(values) {
                // An unreadable record is not counted.
                records.push(decode_opt(key, value).ok().flatten().map(&of));
            }
        }
        Ok(records)
    }

    /// Reads since when the first task behind `head` has been waiting.
    async fn oldest_waiting_ms(&self, head: u64, waiting: u64) -> Result<Option<u64>, QueueError> {
        let next = head + 1..=head + waiting.min(WAITING_MAX);
        let keys: Vec<_> = next.map(|n| self.keys.slot(n)).collect();
        let waits = |slot| match slot {
            Slot::Task(task) => (
                task.not_before_ms.is_none().then_some(task.enqueued_ms),
                None,
            ),
            Slot::Announce(task, epoch) => (None, Some((task, epoch))),
            Slot::Void => (None, None),
        };
        for waits in self.records(&keys, waits).await?.into_iter().flatten() {
            let since_ms = match waits {
                (None, Some((task, epoch))) => self.announced_ms(task, epoch).await?,
                (since_ms, _) => since_ms,
            };
            if since_ms.is_some() {
                return Ok(since_ms);
            }
        }
        Ok(None)
    }

    /// Reads when a later epoch of a task could begin.
    async fn announced_ms(&self, task: u64, epoch: u64) -> Result<Option<u64>, QueueError> {
        let key = self.keys.run(task, epoch.saturating_sub(1));
        let state = |run: Run| run.state;
        let earlier = self.records(&[key], state).await?.remove(0);
        match earlier {
            Some(RunState::Retrying { at_ms, .. }) => return Ok(Some(at_ms)),
            Some(RunState::Continued { ended_ms, .. } | RunState::Waiting { ended_ms, .. }) => {
                return Ok(Some(ended_ms));
            }
            _ => {}
        }
        let due_ms = |slot| match slot {
            Slot::Task(task) => Some(task.not_before_ms.unwrap_or(task.enqueued_ms)),
            _ => None,
        };
        let home = self.records(&[self.keys.slot(task)], due_ms).await?;
        Ok(home.into_iter().flatten().flatten().next())
    }

    /// Counts the running tasks among those whose tickets rescue has not passed yet.
    async fn running(&self, passed: u64, head: u64) -> Result<u64, QueueError> {
        let recent = (head + 1).saturating_sub(passed);
        let slots: Vec<_> = sample(passed, recent).collect();
        let keys: Vec<_> = slots.iter().map(|&n| self.keys.slot(n)).collect();
        // A task's own slot delivers epoch 0.
        let delivers = |slot| match slot {
            Slot::Task(task) if task.not_before_ms.is_none() => Some((None, 0)),
            Slot::Announce(task, epoch) => Some((Some(task), epoch)),
            _ => None,
        };
        let found = self.records(&keys, delivers).await?;
        let taken = slots.iter().zip(found).filter_map(|(&n, found)| {
            let (task, epoch) = found??;
            Some((task.unwrap_or(n), epoch))
        });
        let taken: Vec<_> = taken.collect();
        Ok(scaled(self.open(&taken, true).await?, recent))
    }

    /// Counts the running tasks on the keeper's list.
    async fn known_running(&self, known: &[(u64, u64)]) -> Result<u64, QueueError> {
        let count = known.len() as u64;
        let known: Vec<_> = sample(0, count).map(|i| known[i as usize]).collect();
        Ok(scaled(self.open(&known, false).await?, count))
    }

    /// Counts how many of these deliveries run. A delivery without a record runs if it was taken
    /// just now.
    async fn open(&self, deliveries: &[(u64, u64)], just_now: bool) -> Result<usize, QueueError> {
        let keys = deliveries.iter().map(|&(t, e)| self.keys.run(t, e));
        let keys: Vec<_> = keys.collect();
        let runs = |run: Run| matches!(run.state, RunState::Running { .. });
        let running = self.records(&keys, runs).await?;
        let results = deliveries.iter().map(|&(t, _)| self.keys.result(t));
        let results: Vec<_> = results.collect();
        let decided = self.records(&results, |_: Run| ()).await?;
        let open = running
            .iter()
            .zip(&decided)
            .filter(|(running, decided)| decided.is_none() && running.unwrap_or(just_now));
        Ok(open.count())
    }
}
