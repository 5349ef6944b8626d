//! How many tickets a worker takes, and from which lanes.

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
    /// Claims: taking tickets and their tasks.
    Claims
);

/// A worker wakes another one if more than this waits per registered worker. It is well above one
/// claim's tickets, since starting an instance pays only if it finds enough.
const CALLS_ANOTHER_ABOVE: u64 = 1_024;

/// A lost run is alone in its instance while fewer workers than this joined the window. It is above
/// one instance's usual tasks in progress, and below a host's room for instances.
const ALONE_BELOW: u64 = 128;

/// The tickets that a worker should take.
pub(crate) struct Share {
    /// The number of tickets of users' tasks from each lane, in this order.
    pub tickets: Vec<(Lane, u64)>,
    /// The number of tickets from the system lane, to which no limit applies.
    pub system: u64,
    /// The backlog is so long that another worker should be registered.
    pub short: bool,
    /// The surroundings that decide whether a task begins alone.
    pub around: Around,
    /// The queue is paused: the worker must take no users' tickets.
    pub paused: bool,
}

/// The surroundings that decide whether a task begins alone in its instance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Around {
    /// So many workers joined that lost runs share an instance.
    pub crowded: bool,
    /// Some kinds end their instances.
    pub killers: bool,
}

/// The number of tasks that a worker can still begin.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Room {
    /// Users' tasks.
    pub user: u64,
    /// System tasks.
    pub system: u64,
}

impl Share {
    /// This worker's fair share of a backlog.
    fn fair(&mut self, waiting: u64, workers: Presence, workers_max: u64) -> u64 {
        // Count at least the caller, even if a leave that was counted twice suggests that none is
        // there.
        let present = workers.present().max(1);
        self.short |= waiting > present * CALLS_ANOTHER_ABOVE && present < workers_max;
        self.around.crowded = workers.joined() >= ALONE_BELOW;
        waiting.div_ceil(present)
    }
}

impl<S: Store, E: Env> Claims<'_, S, E> {
    /// Finds what a worker should take within its room: of each lane at most a fair share among the
    /// registered workers. It takes no users' tasks while the queue is paused or `workers_max`
    /// workers compute. If a lane has too few, it goes on to the next one.
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

    /// Reads the registrations of workers, once.
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
                // The worker must use the tickets that it already has.
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
        // A store that lost `head` may answer less than was added.
        let first = (taken + 1).saturating_sub(count).max(1);
        Ok((first..=taken).map(ticket).collect())
    }
}
