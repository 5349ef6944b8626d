//! How many tickets a worker takes, and of which lanes.

use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::model::delivery::Ticket;
use crate::presence::{Presence, Registry, WORKERS};
use crate::slots::head::Head;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::core::mechanism;

mechanism!(
    /// Taking tasks out.
    Claims
);

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

impl<S: Store, E: Env> Claims<'_, S, E> {
    /// What a worker should take of what it has room for: of each lane no more than a fair share among the registered workers.
    /// Of users' tasks none while the queue is paused or `workers_max` compute; if a lane has too few, the next one is
    /// looked into.
    pub(crate) async fn share(&self, room: Room, workers_max: u64) -> Result<Share, StoreError> {
        let tail = Slots::of(self).tail().await?;
        let head = Slots::of(self).head().await?;
        let mut share = Share {
            tickets: Vec::new(),
            system: 0,
            short: false,
            around: Around {
                killers: tail.killers,
                ..Around::default()
            },
            paused: Slots::of(self).is_paused(head.pausable).await?,
        };
        let (mut left, mut seen) = (room.user, None);
        if share.paused {
            left = 0;
        }
        for lane in Slots::of(self).lanes_to_claim(head) {
            if left == 0 {
                break;
            }
            let waiting = match lane {
                Lane::Normal => tail.last.saturating_sub(head.taken),
                _ => Slots::of(self).waiting_in(lane).await?,
            };
            if waiting == 0 {
                continue;
            }
            let workers = self.workers(&mut seen).await?;
            if workers.computing() >= workers_max {
                break;
            }
            let count = share.fair(waiting, workers, workers_max).min(left);
            share.tickets.push((lane, count));
            left -= count;
        }
        let open = !share.paused || enabled(Guard::SystemWhilePaused);
        if tail.system && room.system > 0 && open {
            let waiting = Slots::of(self).waiting_in(Lane::System).await?;
            if waiting > 0 {
                let workers = self.workers(&mut seen).await?;
                if workers.computing() >= workers_max && !enabled(Guard::SystemBesideComputing) {
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
            None => *seen.insert(Registry::of(self).presence(WORKERS).await?),
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
}
