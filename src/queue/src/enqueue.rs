//! Taking tasks in.

use crate::config::{ACKNOWLEDGE_MS, RETENTION_DEFAULT_MS, TIMEOUT_DEFAULT_MS};
use crate::guard::{Guard, holds};
use crate::lane::Lane;
use crate::operate::Head;
use crate::presence::{KEEPER, WORKERS};
use crate::record::Slot;
use crate::timer::{DUE, Entry, Inserted};
use crate::{
    Env, FollowUp, Json, Occurrence, Priority, Queue, QueueError, RetryPolicy, Store, Task, TaskId,
    Trace, Wake,
};
use serde::{Deserialize, Serialize};

/// Registered workers are taken to be enough for this many waiting tasks each.
const BACKLOG_PER_WORKER: u64 = 16;

/// A task to be enqueued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewTask {
    /// Which of the deployment's tasks it is.
    pub kind: String,
    /// Its arguments, already checked.
    pub args: Json,
    /// Not before this time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<u64>,
    /// Not to begin after this time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Which of a queue's tasks are taken first.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// A run that was silent for this long, in milliseconds, counts as lost; `None` for
    /// [`crate::HEARTBEAT_TIMEOUT_DEFAULT_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// How long it stays readable once it is final, in milliseconds.
    pub retention_ms: u64,
    /// The trace that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// The failed task that it does again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<TaskId>,
    /// What is enqueued when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_end: Option<FollowUp>,
    /// The task whose end it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of: Option<TaskId>,
    /// The schedule's occurrence that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Occurrence>,
    /// Of tasks with the same key only so many run at once, or begin in a period, as the queue's limits say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl NewTask {
    /// A task with the defaults: at once, 60 s per attempt, 5 attempts, results kept for 24 h.
    pub fn new(kind: &str, args: impl Into<Json>) -> Self {
        Self {
            kind: kind.to_owned(),
            args: args.into(),
            not_before_ms: None,
            expires_ms: None,
            priority: Priority::Normal,
            timeout_ms: TIMEOUT_DEFAULT_MS,
            heartbeat_timeout_ms: None,
            retry: RetryPolicy::default(),
            retention_ms: RETENTION_DEFAULT_MS,
            trace: None,
            retry_of: None,
            on_end: None,
            end_of: None,
            occurrence: None,
            key: None,
        }
    }
}

/// The acknowledgement of enqueued tasks: they will not be lost.
#[derive(Debug, Default)]
pub struct Receipt {
    /// The ids, in the order of the tasks.
    pub ids: Vec<TaskId>,
    /// The tasks as they were stored, in the same order.
    pub tasks: Vec<Task>,
    pub(crate) backlog: u64,
    /// Something waits for its time, so that somebody must keep it.
    pub(crate) timed: bool,
    /// Workers may take none for now.
    pub(crate) pausable: bool,
    /// Something is in the system's lane, where neither a pause nor a limit counts.
    pub(crate) system: bool,
}

impl Receipt {
    /// Adds another one, so that a worker is woken for both at once.
    pub fn merge(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.tasks.extend(other.tasks);
        self.backlog = self.backlog.max(other.backlog);
        self.timed |= other.timed;
        self.pausable |= other.pausable;
        self.system |= other.system;
    }
}

impl<S: Store, E: Env> Queue<S, E> {
    /// Enqueues tasks: all of one lane in one increment and one write, whatever their number. Returning is the
    /// acknowledgement; wake a worker with [`Queue::wake_for`] after it was passed on.
    ///
    /// # Errors
    /// If the store fails or takes longer than 30 s. The tasks may run all the same, or some of them.
    pub async fn enqueue(&self, tasks: Vec<NewTask>) -> Result<Receipt, QueueError> {
        let began_ms = self.env.now_ms();
        let tasks: Vec<Task> = tasks
            .into_iter()
            .map(|t| self.record(t, began_ms))
            .collect();
        let mut receipt = Receipt {
            timed: tasks.iter().any(|t| t.not_before_ms.is_some()),
            ..Receipt::default()
        };
        let mut slots = vec![0; tasks.len()];
        for lane in Lane::ALL {
            let of_lane = |&i: &usize| tasks[i].lane() == lane;
            let places: Vec<_> = (0..tasks.len()).filter(of_lane).collect();
            if places.is_empty() {
                continue;
            }
            let of_lane: Vec<_> = places.iter().map(|&i| &tasks[i]).collect();
            let (first, head) = self.enqueue_in(lane, &of_lane).await?;
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
        if took_ms > ACKNOWLEDGE_MS && holds(Guard::AcknowledgeInTime) {
            return Err(QueueError::TooLate);
        }
        let id = |(slot, task): (u64, &Task)| TaskId::new(self.name(), slot, &task.nonce);
        receipt.ids = slots.into_iter().zip(&tasks).map(id).collect();
        receipt.tasks = tasks;
        Ok(receipt)
    }

    /// Enqueues tasks of one lane. Returns the first of their slots, and the head of their lane, looked at afterwards.
    async fn enqueue_in(&self, lane: Lane, tasks: &[&Task]) -> Result<(u64, Head), QueueError> {
        self.open_lane(lane).await?;
        let records = tasks.iter().map(|&t| Slot::Task(Box::new(t.clone())));
        let slots = self.append(lane, 0, &records.collect::<Vec<_>>()).await?;
        let (first, last) = (*slots.start(), *slots.end());
        let mut announce = Vec::new();
        for (t, task) in (first..).zip(tasks) {
            if let Some(due_ms) = task.not_before_ms {
                // A delayed task's home never runs; the timer delivers it as epoch 1.
                let entry = Entry::deliver(t, 1);
                if self.timer_insert(DUE, due_ms, &entry).await? == Inserted::Due {
                    announce.push((t, 1));
                }
            }
        }
        let (given_up, head) = self.settle(slots).await?;
        let runs_at_home = |n: &u64| tasks[(n - first) as usize].not_before_ms.is_none();
        announce.extend(given_up.into_iter().filter(runs_at_home).map(|n| (n, 1)));
        self.announce_behind(lane, head.taken.saturating_sub(last), &announce)
            .await?;
        if !holds(Guard::OpenLaneFirst) {
            self.say_lane_in_use(lane).await?;
        }
        Ok((first, head))
    }

    /// Wakes a worker for what was just enqueued unless enough are registered. Enqueueing wrote first and looks now;
    /// a worker that leaves does so first and looks then: one of the two sees the other. Says whether nobody was there.
    ///
    /// # Errors
    /// If the store fails; then the next request wakes a worker.
    pub async fn wake_for(&self, receipt: &Receipt, workers_max: u64) -> Result<bool, QueueError> {
        let presence = self.presence(WORKERS).await?;
        let workers = presence.present();
        if receipt.system && workers == 0 && holds(Guard::SystemWhilePaused) {
            let unkept = receipt.timed && self.presence(KEEPER).await?.present() == 0;
            self.wake(if unkept { Wake::Keep } else { Wake::Work })
                .await;
            return Ok(true);
        }
        let short = receipt.backlog > workers * BACKLOG_PER_WORKER && workers < workers_max;
        let deserted = workers == 0 && presence.aside() < workers_max;
        let wanted = deserted || short;
        // Who resumes the queue looks for what waits then: only a pause that is seen behind the write is one.
        let paused = wanted && self.is_paused(receipt.pausable).await?;
        // Where nothing may begin now, a keeper is enough: it sees when something may.
        let full = wanted && !paused && self.is_full().await?;
        let may_begin = !paused && !full;
        let timed = receipt.timed || full;
        let unkept = timed && self.presence(KEEPER).await?.present() == 0;
        if unkept {
            self.wake(Wake::Keep).await;
        } else if wanted && may_begin {
            self.wake(Wake::Work).await;
        }
        Ok(unkept || (deserted && may_begin))
    }

    pub(crate) fn record(&self, task: NewTask, enqueued_ms: u64) -> Task {
        Task {
            nonce: TaskId::nonce_from(self.env.random(), self.env.random()),
            kind: task.kind,
            args: task.args,
            enqueued_ms,
            not_before_ms: task.not_before_ms,
            expires_ms: task.expires_ms,
            priority: task.priority,
            timeout_ms: task.timeout_ms,
            heartbeat_timeout_ms: task.heartbeat_timeout_ms,
            retry: task.retry,
            retention_ms: task.retention_ms,
            trace: task.trace,
            retry_of: task.retry_of,
            on_end: task.on_end,
            end_of: task.end_of,
            occurrence: task.occurrence,
            member_of: None,
            kept_until_ms: None,
            key: task.key,
        }
    }
}
