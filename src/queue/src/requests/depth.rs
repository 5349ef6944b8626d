//! The depth of a queue: its backlog and its workers.

use crate::base::env::Env;
use crate::presence::{Registry, WORKERS};
use crate::slots::head::{Lanes, Waiting};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;

mechanism!(
    /// An operator's requests for a queue as a whole.
    Admin
);

/// The backlog and the workers of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Slots that wait for a ticket: tasks, announcements, and for a moment tasks that wait for a
    /// time.
    pub waiting: u64,
    /// Such slots of the system lane, once it is in use.
    pub system: Option<u64>,
    /// Such slots by priority, once any task had one.
    pub by_priority: Option<Waiting>,
    /// Whether the queue is paused.
    pub paused: bool,
    /// Registered workers that take tasks.
    pub workers: u64,
    /// Workers that compute.
    pub computing: u64,
}

impl Depth {
    /// The backlog by priority.
    pub fn each(&self) -> Waiting {
        self.by_priority.unwrap_or(Waiting {
            normal: self.waiting,
            ..Waiting::default()
        })
    }
}

impl<S: Store, E: Env> Admin<'_, S, E> {
    /// Reads the depth of the queue in 3 reads. It takes 4 more once any task had a priority, 2
    /// once the queue had a system task, and 1 once it was paused.
    pub(crate) async fn depth(&self) -> Result<Depth, QueueError> {
        let Lanes {
            waiting,
            system,
            head,
        } = Slots::of(self).lanes().await?;
        let workers = Registry::of(self).presence(WORKERS).await?;
        Ok(Depth {
            waiting: waiting.total(),
            system,
            by_priority: head.lanes.then_some(waiting),
            paused: Slots::of(self).is_paused(head.pausable).await?,
            workers: workers.present(),
            computing: workers.computing(),
        })
    }
}
