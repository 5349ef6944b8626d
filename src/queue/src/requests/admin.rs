//! What an operator does to a queue as a whole: look at it, pause it, resume it, and empty it.
//!
//! A pause is a key that is there. That there may be one is [`PAUSABLE`], added to `head` by the first pause: whoever looks whether
//! slots wait reads that counter anyway, so that nobody misses a pause, and a queue that was never paused pays nothing. So is
//! [`LANES`], once there are tasks with a priority. Nothing is taken away from a counter: not every host's store can subtract.

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

/// So many tickets are taken at once to be cancelled: all must be settled within the time to begin.
const PURGE_MAX: u64 = 200;

/// Enqueueing what follows takes long: no more ends than these wait for it.
const FOLLOWED_MAX: usize = 10;

impl<S: Store, E: Env> Admin<'_, S, E> {
    /// From now on no worker takes users' tasks from the queue; what runs goes on, and tasks are taken in. What follows from an
    /// end goes on, too. Repeating it is harmless.
    pub(crate) async fn pause(&self) -> Result<(), QueueError> {
        let now_ms = encode(&self.env.now_ms());
        self.store.set(&self.keys.paused(), &now_ms).await?;
        if !Slots::of(self).head().await?.pausable {
            let head = self.keys.head(Lane::Normal);
            self.store.increment(&head, PAUSABLE).await?;
        }
        Ok(())
    }

    /// Workers take tasks again, and one is woken for those that wait. Repeating it is harmless.
    pub(crate) async fn resume(&self) -> Result<(), QueueError> {
        self.store.delete_many(&[self.keys.paused()]).await?;
        if Slots::of(self).takeable().await?.user > 0 {
            self.wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Cancels users' deliveries that wait, paused or not: the oldest, of each priority no more than `left` says, and no more
    /// than 200 in all. Takes what it does off `left`, and says how many that were: none if nothing waits. Tasks that wait for
    /// a time, or that run, are not touched.
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

    /// Cancels what is in the slots of these tickets. Returns those whose slot is empty.
    async fn cancel_all(&self, tickets: &[Ticket]) -> Result<Vec<Ticket>, QueueError> {
        let mut empty = Vec::new();
        let (mut notes, mut outcomes) = (Vec::new(), Vec::new());
        for found in Claims::of(self).resolve(tickets, Around::default()).await? {
            match found {
                TicketResult::Run(delivery) if delivery.epoch == 0 => {
                    let slot = delivery.slot;
                    // The bytes that whoever cancels just this task writes.
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
                        // The others are cancelled all the same.
                        self.env.log(&format!("left to rescue: {e}"));
                    }
                }
                TicketResult::Write(key, value) => outcomes.push((key, value)),
                TicketResult::Empty(ticket) => empty.push(ticket),
                TicketResult::Nothing => {}
            }
        }
        // First when, since retention counts from there.
        self.write(notes).await?;
        self.write(outcomes).await?;
        Ok(empty)
    }
}
