//! How much waits in a queue, and for whom.

use crate::base::env::Env;
use crate::presence::{Registry, WORKERS};
use crate::slots::head::{Lanes, Waiting};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;

mechanism!(
    /// What operators ask of a queue.
    Admin
);

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

impl<S: Store, E: Env> Admin<'_, S, E> {
    /// How the queue stands, in 3 reads; 4 more once any task had a priority, 2 once it had a webhook or a workflow, and one
    /// once it was paused.
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
