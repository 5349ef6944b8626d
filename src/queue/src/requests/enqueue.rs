//! Enqueueing tasks.

use crate::base::config::ACKNOWLEDGE_MS;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::base::id::TaskId;
use crate::base::priority::Lane;
use crate::model::receipt::Receipt;
use crate::model::slot::Slot;
use crate::model::task::{Task, TaskSpec};
use crate::presence::{Registry, WORKERS};
use crate::slots::append::Filled;
use crate::slots::head::Head;
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::timer::entry::{DUE, Entry, Inserted};
use crate::timer::insert::Timer;

mechanism!(
    /// Enqueueing tasks.
    Enqueuer
);

impl<S: Store, E: Env> Enqueuer<'_, S, E> {
    /// Enqueues tasks. All tasks of one lane take one increment and one write, whatever their
    /// number. The return acknowledges them. The caller passes the answer on first, then wakes a
    /// worker with [`crate::Queue::wake_for`].
    pub(crate) async fn enqueue(&self, tasks: Vec<TaskSpec>) -> Result<Receipt, QueueError> {
        let began_ms = self.env.now_ms();
        let tasks: Vec<Task> = tasks
            .into_iter()
            .map(|task| task.enqueued(self.nonce(), began_ms))
            .collect();
        let mut receipt = Receipt {
            timed: tasks.iter().any(|t| t.not_before_ms.is_some()),
            ..Receipt::default()
        };
        let last_lane = tasks.iter().map(Task::lane).max();
        let mut slots = vec![0; tasks.len()];
        for lane in Lane::ALL {
            let of_lane = |&i: &usize| tasks[i].lane() == lane;
            let places: Vec<_> = (0..tasks.len()).filter(of_lane).collect();
            if places.is_empty() {
                continue;
            }
            let of_lane: Vec<_> = places.iter().map(|&i| &tasks[i]).collect();
            // What is read with the last lane is read when all tasks are written.
            let look = Some(lane) == last_lane;
            let (first, head, workers) = self.enqueue_in(lane, &of_lane, look).await?;
            receipt.workers = workers;
            for (slot, &i) in (first..).zip(&places) {
                slots[i] = slot;
            }
            if lane.is_system() {
                receipt.system = true;
                continue;
            }
            let last = first + places.len() as u64 - 1;
            receipt.backlog += last.saturating_sub(head.taken);
            receipt.pausable |= head.pausable;
        }
        let took_ms = self.env.now_ms().saturating_sub(began_ms);
        if took_ms > ACKNOWLEDGE_MS && enabled(Guard::AcknowledgeInTime) {
            return Err(QueueError::TooLate);
        }
        let id = |(slot, task): (u64, &Task)| TaskId::new(self.name(), slot, &task.nonce);
        receipt.ids = slots.into_iter().zip(&tasks).map(id).collect();
        receipt.tasks = tasks;
        Ok(receipt)
    }

    /// Enqueues tasks of one lane. Returns the first of their slots, and the head of the lane as
    /// read afterwards; with `look` also the workers that were registered then, unless something
    /// was written later.
    async fn enqueue_in(
        &self,
        lane: Lane,
        tasks: &[&Task],
        look: bool,
    ) -> Result<(u64, Head, Option<u64>), QueueError> {
        Slots::of(self).open_lane(lane).await?;
        let records = tasks.iter().map(|&t| Slot::Task(Box::new(t.clone())));
        let records: Vec<_> = records.collect();
        let look: Vec<_> = look
            .then(|| Registry::of(self).key(WORKERS))
            .into_iter()
            .collect();
        let filled = Slots::of(self).append(lane, 0, &records, look).await?;
        let Filled { slots, head, look } = filled;
        let (first, last) = (*slots.start(), *slots.end());
        let mut announce = Vec::new();
        for (t, task) in (first..).zip(tasks) {
            if let Some(due_ms) = task.not_before_ms {
                // The home of a delayed task never runs. The timer delivers the task as epoch 1.
                let entry = Entry::deliver(t, 1);
                if Timer::of(self).insert(DUE, due_ms, &entry).await? == Inserted::Due {
                    announce.push((t, 1));
                }
            }
        }
        let given_up = Slots::of(self).settle(slots, head).await?;
        let runs_at_home = |n: &u64| tasks[(n - first) as usize].not_before_ms.is_none();
        announce.extend(given_up.into_iter().filter(runs_at_home).map(|n| (n, 1)));
        Slots::of(self)
            .announce_behind(lane, head.taken.saturating_sub(last), &announce)
            .await?;
        if !enabled(Guard::OpenLaneFirst) {
            Slots::of(self).set_lane_in_use(lane).await?;
        }
        let mut workers = look.first().copied();
        if tasks.iter().any(|task| task.not_before_ms.is_some()) || !announce.is_empty() {
            workers = None;
        }
        Ok((first, head, workers))
    }
}
