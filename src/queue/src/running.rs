//! Deliveries that ran when rescue passed them: the keeper looks at each until it ends or falls silent.
//!
//! They are in the keeper's record beside its cursors: what lies before a cursor is settled, or here, or in the timer. So
//! a look at a run that goes on costs one read and no entry of the timer.

use crate::config::RECORDS_MAX;
use crate::guard::{Guard, holds};
use crate::record::{RunState, Sound, decode_opt, is_epoch, is_slot, is_time};
use crate::rescue::Finding;
use crate::statistics::Tally;
use crate::timer::{Entry, What};
use crate::{Env, Queue, QueueError, Run, Store};
use serde::{Deserialize, Serialize};

/// The timer knows what runs beyond so many.
const RUNNING_MAX: usize = 1_000;
/// So many are looked at before what was found is settled.
const LOOKS_MAX: usize = 100;

/// A delivery that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Delivered {
    #[serde(rename = "t")]
    task: u64,
    #[serde(rename = "e")]
    epoch: u64,
    /// It counts as lost then, unless it is heard of again.
    #[serde(rename = "l")]
    lost_ms: u64,
    /// Its end counts in the statistics: rescue passed the slot by which it was delivered.
    #[serde(rename = "c")]
    counts: bool,
}

/// What runs, as far as rescue has passed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningList(Vec<Delivered>);

impl Sound for RunningList {
    fn is_sound(&self) -> bool {
        self.0
            .iter()
            .all(|d| is_slot(d.task) && is_epoch(d.epoch) && is_time(d.lost_ms))
    }
}

impl RunningList {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The deliveries: (task, epoch).
    pub(crate) fn deliveries(&self) -> impl ExactSizeIterator<Item = (u64, u64)> {
        self.0.iter().map(|d| (d.task, d.epoch))
    }

    /// Takes a delivery that runs. False if it does not run, or if there is no room for it.
    pub(crate) fn takes(&mut self, finding: &Finding) -> bool {
        let &Finding::Running {
            task,
            epoch,
            lost_ms,
            ..
        } = finding
        else {
            return false;
        };
        let known = self.find(task, epoch);
        if let Some(known) = known {
            known.lost_ms = lost_ms;
            return true;
        }
        let room = self.0.len() < RUNNING_MAX && holds(Guard::WatchWhatRuns);
        if room {
            self.0.push(Delivered {
                task,
                epoch,
                lost_ms,
                counts: false,
            });
        }
        room || !holds(Guard::WatchWhatRuns)
    }

    /// Notes that the end of a delivery counts in the statistics.
    pub(crate) fn count(&mut self, task: u64, epoch: u64) {
        if let Some(known) = self.find(task, epoch) {
            known.counts = true;
        }
    }

    /// Forgets a delivery that does not run any more. Says whether its end counts.
    pub(crate) fn remove(&mut self, task: u64, epoch: u64) -> bool {
        let counts = self.find(task, epoch).is_some_and(|d| d.counts);
        self.0.retain(|d| (d.task, d.epoch) != (task, epoch));
        counts
    }

    fn find(&mut self, task: u64, epoch: u64) -> Option<&mut Delivered> {
        self.0
            .iter_mut()
            .find(|d| (d.task, d.epoch) == (task, epoch))
    }

    /// Those that count as lost by now unless they were heard of again.
    fn due(&self, now_ms: u64) -> Vec<(u64, u64)> {
        let due = self.0.iter().filter(|d| d.lost_ms <= now_ms);
        due.map(|d| (d.task, d.epoch)).collect()
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Looks at the runs that fell silent as far as the keeper knows.
    ///
    /// # Errors
    /// If the store fails. What was not settled stays in the list.
    pub(crate) async fn look_at_running(
        &self,
        running: &mut RunningList,
        tally: &mut Tally,
    ) -> Result<(), QueueError> {
        let began_ms = self.env.now_ms();
        for due in running.due(began_ms).chunks(LOOKS_MAX) {
            let mut findings = Vec::with_capacity(due.len());
            for (&(task, epoch), heard) in due.iter().zip(self.heard_of(due).await?) {
                findings.push(match heard {
                    Some(finding) => finding,
                    None => self.look_at(&Entry::new(task, epoch, What::Look)).await?,
                });
            }
            self.act(&findings, Some(running)).await?;
            let now_ms = self.env.now_ms();
            for (&(task, epoch), finding) in due.iter().zip(&findings) {
                tally.looked(running, (task, epoch), finding, now_ms);
            }
            if self.is_over(began_ms) {
                break;
            }
        }
        Ok(())
    }

    /// Which of these deliveries were heard of: they go on running.
    async fn heard_of(&self, due: &[(u64, u64)]) -> Result<Vec<Option<Finding>>, QueueError> {
        let now_ms = self.env.now_ms();
        let mut heard = Vec::with_capacity(due.len());
        for due in due.chunks(RECORDS_MAX) {
            let keys: Vec<_> = due.iter().map(|&(t, e)| self.keys.run(t, e)).collect();
            let values = self.store.get_many(&keys).await?;
            for ((key, value), &(task, epoch)) in keys.iter().zip(values).zip(due) {
                let run: Option<Run> = decode_opt(key, value).ok().flatten();
                heard.push(run.and_then(|run| match run.state {
                    RunState::Running { lost_ms, .. } if lost_ms > now_ms => {
                        Some(Finding::Running {
                            task,
                            epoch,
                            ticket: run.delivered_by(),
                            lost_ms,
                        })
                    }
                    _ => None,
                }));
            }
        }
        Ok(heard)
    }
}
