//! Resolving tickets: reading their slots, and beginning the tasks there.

use crate::base::config::BEGIN_MS;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::claims::share::{Around, Claims};
use crate::completion::Completion;
use crate::limits::waitlist::Waitlists;
use crate::model::delivery::{Delivery, Ticket};
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::model::slot::Slot;
use crate::model::task::Task;
use crate::model::transition::{Begin, begin};
use crate::runs::killers::{KillerCounts, Killers};
use crate::runs::read::{CancelBlocks, Runs};
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::{decode, decode_opt, encode};

/// A ticket result: the content of a ticket's slot.
#[derive(Debug)]
pub(crate) enum TicketResult {
    /// A task to run.
    Run(Box<Delivery>),
    /// Nothing yet: no enqueuer wrote the slot so far.
    Empty(Ticket),
    /// A task that was cancelled or expired before it began. This write ends it.
    Write(String, Vec<u8>),
    /// Nothing to do.
    Nothing,
}

/// An epoch that this worker has claimed.
struct Claimed {
    task: Task,
    /// The closest record before it.
    earlier: Option<Run>,
    taken_ms: u64,
}

impl<S: Store, E: Env> Claims<'_, S, E> {
    /// Reads the slots of `tickets`. It logs a slot that can't be read or taken, and leaves it to
    /// rescue. `around` decides which runs are alone.
    pub(crate) async fn resolve(
        &self,
        tickets: &[Ticket],
        around: Around,
    ) -> Result<Vec<TicketResult>, QueueError> {
        let keys: Vec<_> = tickets.iter().map(|t| self.keys.slot(t.slot)).collect();
        let values = self.store.get_many(&keys).await?;
        let mut cancels = CancelBlocks::new();
        let mut killers = Killers::default();
        let mut found = Vec::with_capacity(tickets.len());
        for ((ticket, key), value) in tickets.iter().zip(&keys).zip(values) {
            let looked = match decode_opt::<Slot>(key, value) {
                Ok(None) => Ok(TicketResult::Empty(*ticket)),
                Ok(Some(Slot::Void)) => Ok(TicketResult::Nothing),
                Ok(Some(Slot::Task(task))) => {
                    self.take_home(*ticket, *task, &mut cancels, around, &mut killers)
                        .await
                }
                Ok(Some(Slot::Announce(t, e))) => {
                    self.take_announced(ticket.slot, (t, e), &mut cancels, around, &mut killers)
                        .await
                }
                Err(e) => Err(e),
            };
            found.push(looked.unwrap_or_else(|e| {
                self.env.log(&format!("left to rescue: {e}"));
                TicketResult::Nothing
            }));
        }
        Ok(found)
    }

    async fn take_home(
        &self,
        ticket: Ticket,
        task: Task,
        cancels: &mut CancelBlocks,
        around: Around,
        killers: &mut Killers,
    ) -> Result<TicketResult, QueueError> {
        let slot = ticket.slot;
        if task.not_before_ms.is_some() {
            // The timer delivers the task as epoch 1.
            return Ok(TicketResult::Nothing);
        }
        if Runs::of(self).is_cancelled(slot, cancels).await? {
            let run = Run::cancelled_before_start(&task.nonce);
            return self.ends_at_home(slot, &task, run).await;
        }
        let mut run = match begin(&task, 0, None, self.env.now_ms()) {
            Begin::Start(run) => run,
            Begin::Expired(run) => return self.ends_at_home(slot, &task, run).await,
            // No epoch precedes epoch 0.
            Begin::Adopt(_) | Begin::Exhausted(_) => return Ok(TicketResult::Nothing),
        };
        run.alone = self.is_alone(&task, &run, around, killers).await;
        Ok(TicketResult::Run(Box::new(Delivery {
            slot,
            epoch: 0,
            task,
            run,
            unstarted: true,
            called: false,
            unsure: false,
            taken_ms: ticket.taken_ms,
        })))
    }

    /// Whether a run is to be alone in its instance.
    async fn is_alone(
        &self,
        task: &Task,
        run: &Run,
        around: Around,
        killers: &mut Killers,
    ) -> bool {
        if around.crowded || run.alone || !around.killers {
            return run.alone && !around.crowded;
        }
        KillerCounts::of(self)
            .is_killer(&task.kind, killers)
            .await
            .unwrap_or_else(|e| {
                self.env.log(&e.to_string());
                false
            })
    }

    /// Ends a task that did not begin.
    async fn ends_at_home(
        &self,
        slot: u64,
        task: &Task,
        mut run: Run,
    ) -> Result<TicketResult, QueueError> {
        let ends = CompletionEffects::of(task);
        if ends.is_some()
            && self
                .first_outcome(slot)
                .await?
                .is_some_and(|run| run.is_final() && run.is_of(task))
        {
            // Its canceller ended it, perhaps days ago. Then the key of its follow-up may be over,
            // and a second one would be enqueued.
            return Ok(TicketResult::Nothing);
        }
        Completion::of(self)
            .apply(slot, ends.as_deref(), &mut run)
            .await?;
        Ok(TicketResult::Write(self.keys.run(slot, 0), encode(&run)))
    }

    async fn first_outcome(&self, slot: u64) -> Result<Option<Run>, QueueError> {
        let key = self.keys.run(slot, 0);
        decode_opt(&key, self.store.get(&key).await?)
    }

    async fn take_announced(
        &self,
        ticket: u64,
        (slot, epoch): (u64, u64),
        cancels: &mut CancelBlocks,
        around: Around,
        killers: &mut Killers,
    ) -> Result<TicketResult, QueueError> {
        let Some(claimed) = self.claim_epoch(slot, epoch).await? else {
            return Ok(TicketResult::Nothing);
        };
        let Claimed {
            task,
            earlier,
            taken_ms,
        } = claimed;
        self.count_if_lost_alone(&task, earlier.as_ref()).await;
        let mut begins = begin(&task, epoch, earlier.clone(), self.env.now_ms());
        begins.set_ticket(ticket);
        let unstarted = earlier.as_ref().is_none_or(Run::is_unstarted);
        let line = earlier.as_ref().and_then(Run::parked);
        let line = line.map(|place| place.line.clone());
        let ending = match begins {
            Begin::Adopt(run) => {
                Runs::of(self).decide_late(slot, epoch, &run).await?;
                return Ok(TicketResult::Nothing);
            }
            Begin::Exhausted(run) => (run, true, None),
            // A cancel comes before an expiry, since the canceller may have been answered 200.
            _ if Runs::of(self).is_cancelled(slot, cancels).await? => {
                let mut run = earlier.unwrap_or_else(|| Run::cancelled_before_start(&task.nonce));
                (run.epoch, run.ticket) = (epoch, ticket);
                run.state = RunState::Cancelled;
                // The cancel request may be old.
                (run, true, line)
            }
            Begin::Expired(run) => (run, false, line),
            Begin::Start(mut run) => {
                run.alone = self.is_alone(&task, &run, around, killers).await;
                let key = self.keys.run(slot, epoch);
                self.store.set(&key, &encode(&run)).await?;
                return Ok(TicketResult::Run(Box::new(Delivery {
                    slot,
                    epoch,
                    task,
                    run,
                    unstarted,
                    called: line.is_some(),
                    unsure: false,
                    taken_ms,
                })));
            }
        };
        self.end_unbegun(slot, epoch, &task, ending).await?;
        Ok(TicketResult::Nothing)
    }

    /// Claims an announced epoch. Returns `None` if another worker owns it, or if the task is final
    /// or gone.
    async fn claim_epoch(&self, slot: u64, epoch: u64) -> Result<Option<Claimed>, QueueError> {
        let home = self.keys.slot(slot);
        // Write nothing for a task that is final or gone.
        let seen = [self.keys.result(slot), home.clone()];
        let seen = self.store.get_many(&seen).await?;
        if !matches!(seen.as_slice(), [None, Some(_)]) && !self.is_anothers(slot, &seen) {
            return Ok(None);
        }
        let taken_ms = self.env.now_ms();
        let claim = self.keys.claim(slot, epoch);
        if self.store.increment(&claim, 1).await? != 1 && enabled(Guard::ClaimOnce) {
            return Ok(None);
        }
        // Read earlier runs before the home. Retention deletes the home first, so an absent run is
        // meaningful only if the home is still there afterwards.
        let earlier = Runs::of(self).closest_run(slot, epoch).await?;
        let Some(Slot::Task(task)) = decode_opt(&home, self.store.get(&home).await?)? else {
            // Retention deleted the task while an old announcement waited: leave no key behind.
            self.store.delete_many(&[claim]).await?;
            return Ok(None);
        };
        let earlier = earlier.filter(|run| run.is_of(&task));
        Ok(Some(Claimed {
            task: *task,
            earlier,
            taken_ms,
        }))
    }

    /// Whether the result in a slot is another task's. One that can't be read is this one's.
    fn is_anothers(&self, slot: u64, seen: &[Option<Vec<u8>>]) -> bool {
        let [Some(result), Some(home)] = seen else {
            return false;
        };
        let run: Result<Run, _> = decode(&self.keys.result(slot), result);
        let home = decode(&self.keys.slot(slot), home);
        matches!((run, home), (Ok(run), Ok(Slot::Task(task))) if !run.is_of(&task))
    }

    async fn count_if_lost_alone(&self, task: &Task, earlier: Option<&Run>) {
        if earlier.is_some_and(Run::was_lost_alone)
            // If this fails, the next such run is counted.
            && let Err(e) = KillerCounts::of(self).count_killer(&task.kind).await
        {
            self.env.log(&e.to_string());
        }
    }

    /// Ends a task whose claimed epoch does not begin, and calls the next place of its waitlist. An
    /// end that became visible later than it happened is `late`.
    async fn end_unbegun(
        &self,
        slot: u64,
        epoch: u64,
        task: &Task,
        (mut run, late, line): (Run, bool, Option<String>),
    ) -> Result<(), QueueError> {
        let ends = CompletionEffects::of(task);
        Completion::of(self)
            .apply(slot, ends.as_deref(), &mut run)
            .await?;
        match late {
            true => Runs::of(self).decide_late(slot, epoch, &run).await?,
            false => Runs::of(self).decide(slot, epoch, &run).await?,
        }
        Waitlists::of(self).call_instead(line).await
    }

    /// Whether a delivery's right to begin is over.
    pub(crate) fn too_late(&self, delivery: &Delivery) -> bool {
        self.waited_ms(delivery) > BEGIN_MS && enabled(Guard::BeginInTime)
    }

    /// Milliseconds since the delivery's ticket was taken.
    pub(crate) fn waited_ms(&self, delivery: &Delivery) -> u64 {
        self.env.now_ms().saturating_sub(delivery.taken_ms)
    }
}
