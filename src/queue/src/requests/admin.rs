//! An operator's requests for a queue as a whole: pause, resume and purge.
//!
//! A pause is a key. The first pause also adds `PAUSABLE` to `head`. Every reader of the backlog
//! reads that counter anyway, so no reader misses a pause, and a queue that was never paused pays
//! nothing. `LANES` works in the same way, once tasks with a priority exist. Nothing is ever
//! subtracted from a counter, since some hosts' stores can't.

use crate::base::config::RECORDS_MAX;
use crate::base::env::{Env, Wake};
use crate::base::priority::{Lane, Priority};
use crate::claims::share::{Around, Claims};
use crate::claims::tickets::TicketResult;
use crate::completion::Completion;
use crate::model::delivery::Ticket;
use crate::model::effects::CompletionEffects;
use crate::model::run::{Run, RunState};
use crate::requests::depth::Admin;
use crate::runs::read::Runs;
use crate::slots::head::{PAUSABLE, Waiting};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::encode;

/// A purge takes so many tickets at once. It must settle all of them within the time to begin.
const PURGE_MAX: u64 = 200;

/// Enqueueing follow-ups takes long: at most so many outcomes wait for it.
const FOLLOWED_MAX: usize = 10;

impl<S: Store, E: Env> Admin<'_, S, E> {
    /// Pauses the queue: from now on no worker takes users' tasks. Running tasks and system tasks
    /// go on, and the queue still accepts tasks. The call is idempotent.
    pub(crate) async fn pause(&self) -> Result<(), QueueError> {
        let now_ms = encode(&self.env.now_ms());
        self.store.set(&self.keys.paused(), &now_ms).await?;
        if !Slots::of(self).head().await?.pausable {
            let head = self.keys.head(Lane::Normal);
            self.store.increment(&head, PAUSABLE).await?;
        }
        Ok(())
    }

    /// Resumes the queue: workers take tasks again. Wakes a worker if slots wait. The call is
    /// idempotent.
    pub(crate) async fn resume(&self) -> Result<(), QueueError> {
        self.store.delete_many(&[self.keys.paused()]).await?;
        if Slots::of(self).takeable().await?.user > 0 {
            self.wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Cancels users' tasks that wait in the backlog, paused or not. It takes the oldest slots, at
    /// most `left` of each priority and at most 200 in all. It subtracts the number taken from
    /// `left` and returns it: 0 if nothing waits. Tasks that wait for a time, or run, stay
    /// untouched.
    pub(crate) async fn purge(&self, left: &mut Waiting) -> Result<u64, QueueError> {
        let waiting = Slots::of(self).lanes().await?.waiting;
        let mut tickets = Vec::new();
        for lane in Priority::ALL {
            let most = left.of(lane).min(PURGE_MAX - tickets.len() as u64);
            let count = waiting.of(lane).min(most);
            if count > 0 {
                tickets.extend(Claims::of(self).tickets(lane.into(), count).await?);
                *left.of_mut(lane) -= count;
            }
        }
        let mut empty = Vec::new();
        for some in tickets.chunks(RECORDS_MAX) {
            empty.extend(self.cancel_all(some).await?);
        }
        let mut filled = Vec::new();
        for ticket in empty {
            if Slots::of(self).give_up(ticket.slot).await? {
                filled.push(ticket);
            }
        }
        self.cancel_all(&filled).await?;
        Ok(tickets.len() as u64)
    }

    /// Cancels the tasks in the slots of these tickets. Returns the tickets whose slot is empty.
    async fn cancel_all(&self, tickets: &[Ticket]) -> Result<Vec<Ticket>, QueueError> {
        let mut empty = Vec::new();
        let (mut notes, mut outcomes) = (Vec::new(), Vec::new());
        for found in Claims::of(self).resolve(tickets, Around::default()).await? {
            match found {
                TicketResult::Run(delivery) if delivery.epoch == 0 => {
                    let slot = delivery.slot;
                    // The bytes that a canceller of this task writes.
                    let mut run = Run::cancelled_before_start(&delivery.task.nonce);
                    let ends = CompletionEffects::of(&delivery.task);
                    if let Err(e) = Completion::of(self)
                        .apply(slot, ends.as_deref(), &mut run)
                        .await
                    {
                        self.env.log(&format!("left to rescue: {e}"));
                        continue;
                    }
                    notes.push((self.keys.cancel(slot), encode(&self.env.now_ms())));
                    outcomes.push((self.keys.run(slot, 0), encode(&run)));
                    if ends.is_some() && outcomes.len() >= FOLLOWED_MAX {
                        self.write(std::mem::take(&mut notes)).await?;
                        self.write(std::mem::take(&mut outcomes)).await?;
                    }
                }
                TicketResult::Run(delivery) => {
                    let mut run = delivery.run;
                    if delivery.unstarted {
                        (run.attempt, run.started_ms) = (0, 0);
                    }
                    run.state = RunState::Cancelled;
                    let ends = CompletionEffects::of(&delivery.task);
                    let decided = async {
                        let ends = ends.as_deref();
                        Completion::of(self)
                            .apply(delivery.slot, ends, &mut run)
                            .await?;
                        Runs::of(self)
                            .decide_late(delivery.slot, delivery.epoch, &run)
                            .await
                    };
                    if let Err(e) = decided.await {
                        // Cancel the others all the same.
                        self.env.log(&format!("left to rescue: {e}"));
                    }
                }
                TicketResult::Write(key, value) => outcomes.push((key, value)),
                TicketResult::Empty(ticket) => empty.push(ticket),
                TicketResult::Nothing => {}
            }
        }
        // Write the times first, since retention counts from them.
        self.write(notes).await?;
        self.write(outcomes).await?;
        Ok(empty)
    }
}
