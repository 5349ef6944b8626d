//! What an operator does to a queue as a whole: look at it, pause it, resume it, and empty it.
//!
//! A pause is a key that is there. That there may be one is [`PAUSABLE`], added to `head` by the first pause: whoever looks whether
//! slots wait reads that counter anyway, so that nobody misses a pause, and a queue that was never paused pays nothing. So is
//! [`LANES`], once there are tasks with a priority. Nothing is taken away from a counter: not every host's store can subtract.

use crate::before_final::Ends;
use crate::claim::{Around, Found};
use crate::config::RECORDS_MAX;
use crate::lane::{Lane, Lanes};
use crate::presence::WORKERS;
use crate::record::{RunState, encode};
use crate::{Env, Priority, Queue, QueueError, Run, Store, StoreError, Ticket, Waiting, Wake};

/// Above every ticket: with 10,000 in each second in 50 years.
const PAUSABLE: u64 = 1 << 44;
/// Above the first pauses of as many as do so at once, up to 63. Of thousands who are first to use a lane at once each may add it: a store
/// may tell counters from text by their first byte, so that it must stay below 3 * 10^18.
pub(crate) const LANES: u64 = 1 << 50;
/// So many tickets are taken at once to be cancelled: all must be settled within the time to begin.
const PURGE_MAX: u64 = 200;
/// Enqueueing what follows takes long: no more ends than these wait for it.
const FOLLOWED_MAX: usize = 10;

/// The counter `head`, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last slot whose ticket was given out.
    pub taken: u64,
    /// The queue was paused at some time, as far as this counter tells: a key says whether it is.
    pub pausable: bool,
    /// There are tasks with a priority, or were.
    pub lanes: bool,
}

impl Head {
    pub(crate) fn of(counter: u64) -> Self {
        Self {
            taken: counter % PAUSABLE,
            pausable: counter % LANES >= PAUSABLE,
            lanes: counter >= LANES,
        }
    }

    /// Of a lane other than the normal one, which says nothing of the queue.
    pub(crate) fn of_other_lane(taken: u64) -> Self {
        Self {
            taken,
            pausable: true,
            lanes: true,
        }
    }
}

/// How a queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Slots that wait for a worker: tasks, further attempts of tasks, and for a moment those that wait for a time.
    pub waiting: u64,
    /// The same of webhooks and of the turns of workflows, once there was one.
    pub system: Option<u64>,
    /// The same by priority, once any task had one.
    pub by_priority: Option<Waiting>,
    /// Whether workers take none.
    pub paused: bool,
    /// Registered workers that take tasks.
    pub workers: u64,
    /// Workers that compute.
    pub computing: u64,
}

impl Depth {
    /// What waits, by priority.
    pub fn each(&self) -> Waiting {
        self.by_priority.unwrap_or(Waiting {
            normal: self.waiting,
            ..Waiting::default()
        })
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    pub(crate) async fn head(&self) -> Result<Head, StoreError> {
        let key = self.keys.head(Lane::Normal);
        Ok(Head::of(self.store.counter(&key).await?))
    }

    /// Whether no tickets are to be taken.
    pub(crate) async fn is_paused(&self, pausable: bool) -> Result<bool, StoreError> {
        Ok(pausable && self.store.get(&self.keys.paused()).await?.is_some())
    }

    /// How the queue stands, in 3 reads; 4 more once any task had a priority, 2 once it had a webhook or a workflow, and one
    /// once it was paused.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        let Lanes {
            waiting,
            system,
            head,
        } = self.lanes().await?;
        let workers = self.presence(WORKERS).await?;
        Ok(Depth {
            waiting: waiting.total(),
            system,
            by_priority: head.lanes.then_some(waiting),
            paused: self.is_paused(head.pausable).await?,
            workers: workers.present(),
            computing: workers.aside(),
        })
    }

    /// From now on no worker takes users' tasks from the queue; what runs goes on, and tasks are taken in. What follows from an
    /// end goes on, too. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails; the queue may be paused all the same.
    pub async fn pause(&self) -> Result<(), QueueError> {
        let now_ms = encode(&self.env.now_ms());
        self.store.set(&self.keys.paused(), &now_ms).await?;
        if !self.head().await?.pausable {
            let head = self.keys.head(Lane::Normal);
            self.store.increment(&head, PAUSABLE).await?;
        }
        Ok(())
    }

    /// Workers take tasks again, and one is woken for those that wait. Repeating it is harmless.
    ///
    /// # Errors
    /// If the store fails; the queue may be resumed all the same.
    pub async fn resume(&self) -> Result<(), QueueError> {
        self.store.delete_many(&[self.keys.paused()]).await?;
        if self.takeable().await?.user > 0 {
            self.wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Cancels users' deliveries that wait, paused or not: the oldest, of each priority no more than `left` says, and no more
    /// than 200 in all. Takes what it does off `left`, and says how many that were: none if nothing waits. Tasks that wait for
    /// a time, or that run, are not touched.
    ///
    /// # Errors
    /// If the store fails. Some may be cancelled; the others run, later.
    pub async fn purge(&self, left: &mut Waiting) -> Result<u64, QueueError> {
        let waiting = self.lanes().await?.waiting;
        let mut tickets = Vec::new();
        for lane in Priority::ALL {
            let most = left.of(lane).min(PURGE_MAX - tickets.len() as u64);
            let count = waiting.of(lane).min(most);
            if count > 0 {
                tickets.extend(self.tickets(lane.into(), count).await?);
                *left.of_mut(lane) -= count;
            }
        }
        let mut empty = Vec::new();
        for some in tickets.chunks(RECORDS_MAX) {
            empty.extend(self.cancel_all(some).await?);
        }
        let mut filled = Vec::new();
        for ticket in empty {
            if self.give_up(ticket.slot).await? {
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
        for found in self.look(tickets, Around::default()).await? {
            match found {
                Found::Run(delivery) if delivery.epoch == 0 => {
                    let slot = delivery.slot;
                    // The bytes that whoever cancels just this task writes.
                    let mut run = Run::cancelled_before_start(&delivery.task.nonce);
                    let ends = Ends::of(&delivery.task);
                    if let Err(e) = self.before_final(slot, ends.as_deref(), &mut run).await {
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
                Found::Run(delivery) => {
                    let mut run = delivery.run;
                    if delivery.unstarted {
                        (run.attempt, run.started_ms) = (0, 0);
                    }
                    run.state = RunState::Cancelled;
                    let ends = Ends::of(&delivery.task);
                    let decided = async {
                        let ends = ends.as_deref();
                        self.before_final(delivery.slot, ends, &mut run).await?;
                        self.decide_late(delivery.slot, delivery.epoch, &run).await
                    };
                    if let Err(e) = decided.await {
                        // The others are cancelled all the same.
                        self.env.log(&format!("left to rescue: {e}"));
                    }
                }
                Found::Write(key, value) => outcomes.push((key, value)),
                Found::Empty(ticket) => empty.push(ticket),
                Found::Nothing => {}
            }
        }
        // First when, since retention counts from there.
        self.write(notes).await?;
        self.write(outcomes).await?;
        Ok(empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_pauses_and_lanes_share_a_counter() {
        let table = [
            (0, 0, false),
            (7, 7, false),
            (PAUSABLE - 1, PAUSABLE - 1, false),
            (PAUSABLE + 7, 7, true),
            // Of all who were first to pause it each said so.
            (2 * PAUSABLE + 7, 7, true),
            (63 * PAUSABLE + 7, 7, true),
        ];
        for (counter, taken, pausable) in table {
            // And of all who were first to use a lane.
            for first in [0, 1, 2, 2_500] {
                let lanes = first > 0;
                let head = Head {
                    taken,
                    pausable,
                    lanes,
                };
                let counter = counter + first * LANES;
                assert!(counter < 3_000_000_000_000_000_000);
                assert_eq!(Head::of(counter), head, "{counter}");
            }
        }
    }
}
