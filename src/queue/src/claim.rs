//! Taking tasks out: tickets, and what is found in their slots.

use crate::before_final::Ends;
use crate::config::{BEGIN_MS, CANCEL_BLOCK};
use crate::guard::{Guard, holds};
use crate::killers::Killers;
use crate::lane::Lane;
use crate::operate::Head;
use crate::presence::{Presence, WORKERS};
use crate::record::{Slot, decode_opt, encode};
use crate::transition::{Begin, begin};
use crate::{Delivery, Env, Queue, QueueError, Run, RunState, Store, StoreError, Task};
use std::collections::BTreeMap;

/// A worker that finds more than this waiting for each that is registered wakes another one. Well above what one takes at
/// once, since a further instance is worth its start only where it finds enough.
const CALLS_ANOTHER_ABOVE: u64 = 1_024;

/// What was lost runs alone in its instance while fewer workers than this joined the window. Above what one instance has in
/// progress in most cases, below what a host has room for.
const ALONE_BELOW: u64 = 128;

/// What a worker should take.
pub(crate) struct Share {
    /// How many tickets of which lanes of users' tasks, in this order.
    pub tickets: Vec<(Lane, u64)>,
    /// How many of the system's lane, which no limit counts.
    pub system: u64,
    /// So much waits that another worker should be there.
    pub short: bool,
    /// What decides whether a task begins alone.
    pub around: Around,
    /// The queue is paused: of users' tasks nothing is to be taken.
    pub paused: bool,
}

/// What decides whether a task begins alone in its instance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Around {
    /// So many workers are there that what was lost shares an instance.
    pub crowded: bool,
    /// There are kinds that end their instances.
    pub killers: bool,
}

/// What a worker has room for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Room {
    /// For users' tasks.
    pub user: u64,
    /// For the system's.
    pub system: u64,
}

/// How much waits for tickets that may be taken, limits aside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takeable {
    /// Of users' tasks: none while the queue is paused.
    pub user: u64,
    /// Of the system's.
    pub system: u64,
}

/// The right to look into a slot and to run what is there, for [`BEGIN_MS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) slot: u64,
    pub(crate) taken_ms: u64,
}

impl Ticket {
    pub(crate) fn is_system(&self) -> bool {
        Lane::of(self.slot).is_system()
    }
}

/// What a ticket came to.
#[derive(Debug)]
pub(crate) enum Found {
    /// Run this.
    Run(Box<Delivery>),
    /// The slot is not written yet.
    Empty(Ticket),
    /// This write settles it: a task that was cancelled or expired before it began.
    Write(String, Vec<u8>),
    /// Nothing to do.
    Nothing,
}

/// Cancel requests per block of slots, read at most once per batch.
pub(crate) type CancelBlocks = BTreeMap<u64, bool>;

impl Share {
    /// How much of what waits is this worker's part.
    fn fair(&mut self, waiting: u64, workers: Presence, workers_max: u64) -> u64 {
        // At least who asks, though after a leave that was counted twice it may look as if there were nobody.
        let present = workers.present().max(1);
        self.short |= waiting > present * CALLS_ANOTHER_ABOVE && present < workers_max;
        self.around.crowded = workers.joined() >= ALONE_BELOW;
        waiting.div_ceil(present)
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// How many slots wait for a ticket that somebody may take.
    pub(crate) async fn takeable(&self) -> Result<Takeable, StoreError> {
        let lanes = self.lanes().await?;
        let (mut user, mut system) = (lanes.waiting.total(), lanes.system.unwrap_or(0));
        if user > 0 && self.is_paused(lanes.head.pausable).await? {
            user = 0;
        }
        if !holds(Guard::SystemWhilePaused) && self.is_paused(lanes.head.pausable).await? {
            system = 0;
        }
        Ok(Takeable { user, system })
    }

    /// What a worker should take of what it has room for: of each lane no more than a fair share among the registered workers.
    /// Of users' tasks none while the queue is paused or `workers_max` compute; if a lane has too few, the next one is
    /// looked into.
    pub(crate) async fn share(&self, room: Room, workers_max: u64) -> Result<Share, StoreError> {
        let tail = self.tail().await?;
        let head = self.head().await?;
        let mut share = Share {
            tickets: Vec::new(),
            system: 0,
            short: false,
            around: Around {
                killers: tail.killers,
                ..Around::default()
            },
            paused: self.is_paused(head.pausable).await?,
        };
        let (mut left, mut seen) = (room.user, None);
        if share.paused {
            left = 0;
        }
        for lane in self.lanes_to_claim(head) {
            if left == 0 {
                break;
            }
            let waiting = match lane {
                Lane::Normal => tail.last.saturating_sub(head.taken),
                _ => self.waiting_in(lane).await?,
            };
            if waiting == 0 {
                continue;
            }
            let workers = self.workers(&mut seen).await?;
            if workers.aside() >= workers_max {
                break;
            }
            let count = share.fair(waiting, workers, workers_max).min(left);
            share.tickets.push((lane, count));
            left -= count;
        }
        let open = !share.paused || holds(Guard::SystemWhilePaused);
        if tail.system && room.system > 0 && open {
            let waiting = self.waiting_in(Lane::System).await?;
            if waiting > 0 {
                let workers = self.workers(&mut seen).await?;
                if workers.aside() >= workers_max && !holds(Guard::SystemBesideComputing) {
                    return Ok(share);
                }
                share.system = share.fair(waiting, workers, workers_max).min(room.system);
            }
        }
        Ok(share)
    }

    /// The registered workers, read once.
    async fn workers(&self, seen: &mut Option<Presence>) -> Result<Presence, StoreError> {
        Ok(match *seen {
            Some(workers) => workers,
            None => *seen.insert(self.presence(WORKERS).await?),
        })
    }

    /// Takes `most` tickets of a share.
    pub(crate) async fn claim(
        &self,
        share: &[(Lane, u64)],
        most: u64,
    ) -> Result<Vec<Ticket>, StoreError> {
        let mut tickets = Vec::new();
        for &(lane, count) in share {
            let count = count.min(most - tickets.len() as u64);
            if count == 0 {
                break;
            }
            match self.tickets(lane, count).await {
                Ok(taken) => tickets.extend(taken),
                Err(e) if tickets.is_empty() => return Err(e),
                // Those that it has must be used.
                Err(e) => {
                    self.env.log(&e.to_string());
                    break;
                }
            }
        }
        Ok(tickets)
    }

    /// Takes `count` tickets of a lane.
    pub(crate) async fn tickets(&self, lane: Lane, count: u64) -> Result<Vec<Ticket>, StoreError> {
        let taken_ms = self.env.now_ms();
        let head = self.keys.head(lane);
        let head = self.store.increment(&head, count).await?;
        let taken = match lane {
            Lane::Normal => Head::of(head).taken,
            _ => head,
        };
        let ticket = |n| Ticket {
            slot: lane.base() + n,
            taken_ms,
        };
        // Of a head that was lost there may be fewer than we added.
        let first = (taken + 1).saturating_sub(count).max(1);
        Ok((first..=taken).map(ticket).collect())
    }

    /// Looks into the slots of `tickets`. A slot that can't be read or taken is logged and left to rescue. What is
    /// `around` decides which run alone.
    pub(crate) async fn look(
        &self,
        tickets: &[Ticket],
        around: Around,
    ) -> Result<Vec<Found>, QueueError> {
        let keys: Vec<_> = tickets.iter().map(|t| self.keys.slot(t.slot)).collect();
        let values = self.store.get_many(&keys).await?;
        let mut cancels = CancelBlocks::new();
        let mut killers = Killers::default();
        let mut found = Vec::with_capacity(tickets.len());
        for ((ticket, key), value) in tickets.iter().zip(&keys).zip(values) {
            let looked = match decode_opt::<Slot>(key, value) {
                Ok(None) => Ok(Found::Empty(*ticket)),
                Ok(Some(Slot::Void)) => Ok(Found::Nothing),
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
                Found::Nothing
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
    ) -> Result<Found, QueueError> {
        let slot = ticket.slot;
        if task.not_before_ms.is_some() {
            // The timer delivers it, as epoch 1.
            return Ok(Found::Nothing);
        }
        if self.is_cancelled(slot, cancels).await? {
            let run = Run::cancelled_before_start(&task.nonce);
            return self.ends_at_home(slot, &task, run).await;
        }
        let mut run = match begin(&task, 0, None, self.env.now_ms()) {
            Begin::Start(run) => run,
            Begin::Expired(run) => return self.ends_at_home(slot, &task, run).await,
            // There is nothing before epoch 0.
            Begin::Adopt(_) | Begin::Exhausted(_) => return Ok(Found::Nothing),
        };
        run.alone = self.is_alone(&task, &run, around, killers).await;
        Ok(Found::Run(Box::new(Delivery {
            slot,
            epoch: 0,
            task,
            run,
            unstarted: true,
            called: false,
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
        self.is_killer(&task.kind, killers)
            .await
            .unwrap_or_else(|e| {
                self.env.log(&e.to_string());
                false
            })
    }

    /// A task that ends before it began.
    async fn ends_at_home(
        &self,
        slot: u64,
        task: &Task,
        mut run: Run,
    ) -> Result<Found, QueueError> {
        let ends = Ends::of(task);
        if ends.is_some()
            && self
                .first_outcome(slot)
                .await?
                .is_some_and(|r| r.is_final())
        {
            // Its canceller ended it, perhaps days ago: what follows is no longer found by its key.
            return Ok(Found::Nothing);
        }
        self.before_final(slot, ends.as_deref(), &mut run).await?;
        Ok(Found::Write(self.keys.run(slot, 0), encode(&run)))
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
    ) -> Result<Found, QueueError> {
        let home = self.keys.slot(slot);
        // Of a task that is final or gone nothing is touched.
        let seen = [self.keys.result(slot), home.clone()];
        let seen = self.store.get_many(&seen).await?;
        if !matches!(seen.as_slice(), [None, Some(_)]) {
            return Ok(Found::Nothing);
        }
        let taken_ms = self.env.now_ms();
        let claim = self.keys.claim(slot, epoch);
        if self.store.increment(&claim, 1).await? != 1 && holds(Guard::ClaimOnce) {
            return Ok(Found::Nothing);
        }
        // Earlier runs before the home: deletion takes the home first, so an absent run means nothing once the home is
        // read after it and is still there.
        let earlier = self.closest_run(slot, epoch).await?;
        let Some(Slot::Task(task)) = decode_opt(&home, self.store.get(&home).await?)? else {
            // Deleted after its retention, while an old announcement waited: leave nothing behind.
            self.store.delete_many(&[claim]).await?;
            return Ok(Found::Nothing);
        };
        let ends = Ends::of(&task);
        if earlier.as_ref().is_some_and(Run::was_lost_alone) {
            // Should it fail, the next such run is counted.
            if let Err(e) = self.count_killer(&task.kind).await {
                self.env.log(&e.to_string());
            }
        }
        let mut begins = begin(&task, epoch, earlier.clone(), self.env.now_ms());
        begins.delivered_by(ticket);
        if let Begin::Adopt(run) = begins {
            self.decide_late(slot, epoch, &run).await?;
            return Ok(Found::Nothing);
        }
        if let Begin::Exhausted(mut run) = begins {
            self.before_final(slot, ends.as_deref(), &mut run).await?;
            self.decide_late(slot, epoch, &run).await?;
            return Ok(Found::Nothing);
        }
        let unstarted = earlier.as_ref().is_none_or(Run::is_unstarted);
        let line = earlier.as_ref().and_then(Run::parked);
        let line = line.map(|place| place.line.clone());
        if self.is_cancelled(slot, cancels).await? {
            let mut run = earlier.unwrap_or_else(|| Run::cancelled_before_start(&task.nonce));
            (run.epoch, run.ticket) = (epoch, ticket);
            run.state = RunState::Cancelled;
            self.before_final(slot, ends.as_deref(), &mut run).await?;
            // Who asked for it may have done so long ago.
            self.decide_late(slot, epoch, &run).await?;
            self.call_instead(line).await?;
            return Ok(Found::Nothing);
        }
        // After a cancel: who asked for that may have been told that it is done.
        let Begin::Start(mut run) = begins else {
            if let Begin::Expired(mut run) = begins {
                self.before_final(slot, ends.as_deref(), &mut run).await?;
                self.decide(slot, epoch, &run).await?;
                self.call_instead(line).await?;
            }
            return Ok(Found::Nothing);
        };
        run.alone = self.is_alone(&task, &run, around, killers).await;
        self.store
            .set(&self.keys.run(slot, epoch), &encode(&run))
            .await?;
        let delivery = Delivery {
            slot,
            epoch,
            task: *task,
            run,
            unstarted,
            called: line.is_some(),
            taken_ms,
        };
        Ok(Found::Run(Box::new(delivery)))
    }

    /// The record of the closest epoch before `epoch` that has one. An epoch that was claimed but has none died before
    /// it began. Looking further down is not needed: whoever wrote that record looked down itself.
    pub(crate) async fn closest_run(
        &self,
        slot: u64,
        epoch: u64,
    ) -> Result<Option<Run>, QueueError> {
        for e in (0..epoch).rev() {
            let key = self.keys.run(slot, e);
            if let Some(run) = decode_opt(&key, self.store.get(&key).await?)? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    pub(crate) async fn is_cancelled(
        &self,
        slot: u64,
        cancels: &mut CancelBlocks,
    ) -> Result<bool, StoreError> {
        if !holds(Guard::LookForCancel) {
            return Ok(false);
        }
        let any = self.any_cancelled(slot, cancels).await;
        Ok(any && self.store.get(&self.keys.cancel(slot)).await?.is_some())
    }

    /// Whether somebody asked to cancel any of the tasks in this one's block.
    pub(crate) async fn any_cancelled(&self, slot: u64, cancels: &mut CancelBlocks) -> bool {
        let block = slot / CANCEL_BLOCK;
        if let Some(any) = cancels.get(&block) {
            return *any;
        }
        // Should just this counter be broken, the flags tell.
        let any = self.store.counter(&self.keys.cancel_block(slot)).await != Ok(0);
        cancels.insert(block, any);
        any
    }

    /// Whether a delivery's right to begin is over.
    pub(crate) fn too_late(&self, delivery: &Delivery) -> bool {
        self.waited_ms(delivery) > BEGIN_MS && holds(Guard::BeginInTime)
    }

    /// How long ago its ticket was taken, in milliseconds.
    pub(crate) fn waited_ms(&self, delivery: &Delivery) -> u64 {
        self.env.now_ms().saturating_sub(delivery.taken_ms)
    }
}
