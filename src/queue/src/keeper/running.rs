//! Examining the running tasks of the keeper's list until each ends or is lost.
//!
//! The list is in the keeper's record beside the cursors. So everything before a cursor is settled,
//! on the list, or in the timer. A look at a running task costs one read and no timer entry.

use crate::base::config::RECORDS_MAX;
use crate::base::env::Env;
use crate::keeper::pass::Keeper;
use crate::model::run::{Run, RunState};
use crate::progress::running::RunningList;
use crate::progress::tally::Tally;
use crate::rescue::Rescue;
use crate::runs::action::RescueAction;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::decode_opt;
use crate::timer::entry::{Entry, EntryKind};

/// So many tasks are examined before their actions are executed.
const LOOKS_MAX: usize = 100;

impl<S: Store, E: Env> Keeper<'_, S, E> {
    /// Examines the running tasks whose lease is over, as far as the keeper knows.
    ///
    /// # Errors
    /// If the store fails. Tasks that were not settled stay on the list.
    pub(crate) async fn examine_running(
        &self,
        running: &mut RunningList,
        tally: &mut Tally,
    ) -> Result<(), QueueError> {
        let began_ms = self.env.now_ms();
        for due in running.due(began_ms).chunks(LOOKS_MAX) {
            let mut actions = Vec::with_capacity(due.len());
            for (&(task, epoch), heard) in due.iter().zip(self.heard_of(due).await?) {
                actions.push(match heard {
                    Some(action) => action,
                    None => {
                        Rescue::of(self)
                            .examine_entry(&Entry::new(task, epoch, EntryKind::Look))
                            .await?
                    }
                });
            }
            Rescue::of(self).apply(&actions, Some(running)).await?;
            let now_ms = self.env.now_ms();
            for (&(task, epoch), action) in due.iter().zip(&actions) {
                tally.looked(running, (task, epoch), action, now_ms);
            }
            if self.is_over(began_ms) {
                break;
            }
        }
        Ok(())
    }

    /// Finds which of these deliveries wrote a heartbeat: they are still running.
    async fn heard_of(&self, due: &[(u64, u64)]) -> Result<Vec<Option<RescueAction>>, QueueError> {
        let now_ms = self.env.now_ms();
        let mut heard = Vec::with_capacity(due.len());
        for due in due.chunks(RECORDS_MAX) {
            let keys: Vec<_> = due.iter().map(|&(t, e)| self.keys.run(t, e)).collect();
            let values = self.store.get_many(&keys).await?;
            for ((key, value), &(task, epoch)) in keys.iter().zip(values).zip(due) {
                let run: Option<Run> = decode_opt(key, value).ok().flatten();
                heard.push(run.and_then(|run| match run.state {
                    RunState::Running { lost_ms, .. } if lost_ms > now_ms => {
                        Some(RescueAction::Running {
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
