//! Objects as the API shows them. Fields that do not apply, or that a token may not read, are
//! `None`. Times are text in the form of RFC 3339, durations are text such as `"1m"`.

use serde::Deserialize;

use crate::json::Json;
use crate::words::{Priority, State};

/// Makes objects whose fields are public, described by the API, and read from JSON.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, Deserialize)]
            #[serde(default)]
            #[non_exhaustive]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)+
            }
        )+
    };
}

objects! {
    /// An attempt that failed.
    AttemptError {
        /// Its number, from 1.
        attempt: u32,
        /// When it began.
        started_at: Option<String>,
        /// When it ended.
        ended_at: Option<String>,
        /// Why it failed.
        error: String,
    }

    /// A line that a task logged.
    LogLine {
        /// When.
        at: String,
        /// The attempt that logged it.
        attempt: u32,
        /// The line.
        message: String,
    }

    /// The place of a task in its workflow.
    Membership {
        /// The workflow's id.
        id: String,
        /// The step, from 0.
        step: u32,
        /// The number within the step, from 0.
        index: u32,
    }

    /// The occurrence of a schedule that enqueued a task.
    Occurrence {
        /// The schedule's name.
        name: String,
        /// When it was due.
        at: String,
    }

    /// A task. With a token that may not read it has `id` and `state` only. An entry of a list whose
    /// record is unreadable has an `error`, and may lack the rest.
    TaskObject {
        /// Its id.
        id: String,
        /// Its state.
        state: State,
        /// Its kind.
        task: Option<String>,
        /// Its arguments.
        args: Option<Json>,
        /// The result, if it succeeded.
        result: Option<Json>,
        /// Why it failed.
        error: Option<String>,
        /// What it reported.
        progress: Option<Json>,
        /// Words about the progress.
        message: Option<String>,
        /// Its queue.
        queue: Option<String>,
        /// Tasks with the same key share limits.
        key: Option<String>,
        /// Its priority.
        priority: Option<Priority>,
        /// The current or last attempt, 0 before the first.
        attempt: Option<u32>,
        /// How many attempts there may be.
        attempts_max: Option<u32>,
        /// The attempts that failed.
        errors: Vec<AttemptError>,
        /// How many of its runs were lost: the worker died, or the task computed without a pause.
        runs_lost: Option<u32>,
        /// The last lines that it logged.
        logs: Vec<LogLine>,
        /// How many older lines there were.
        logs_dropped: Option<u64>,
        /// When it was enqueued.
        enqueued_at: Option<String>,
        /// When a scheduled or retrying task is due.
        next_at: Option<String>,
        /// It does not begin after.
        expires_at: Option<String>,
        /// When its current or last attempt began.
        started_at: Option<String>,
        /// When it became final.
        ended_at: Option<String>,
        /// The limit of one attempt.
        timeout: Option<String>,
        /// An attempt that is silent for this long counts as lost.
        heartbeat_timeout: Option<String>,
        /// How long the final task stays readable.
        retention: Option<String>,
        /// The URL that receives its end.
        webhook: Option<String>,
        /// Of a webhook's task: the task whose end it sends.
        end_of: Option<String>,
        /// Of a failed task that was shown by its id: the task as which it was retried.
        retried_as: Option<String>,
        /// Of a retry: the failed task.
        retry_of: Option<String>,
        /// Of a workflow's task.
        workflow: Option<Membership>,
        /// Of a schedule's task.
        schedule: Option<Occurrence>,
        /// The trace that it belongs to.
        traceparent: Option<String>,
        /// Of an entry of a batch: whether an earlier request enqueued it.
        repeated: Option<bool>,
    }

    /// A task of a workflow. Before it is enqueued it has only its place.
    Member {
        /// The step, from 0.
        step: u32,
        /// The number within the step, from 0.
        index: u32,
        /// Its id.
        id: Option<String>,
        /// Its state.
        state: Option<State>,
        /// Its kind.
        task: Option<String>,
        /// Its arguments.
        args: Option<Json>,
        /// The result, if it succeeded.
        result: Option<Json>,
        /// Why it failed.
        error: Option<String>,
        /// The current or last attempt.
        attempt: Option<u32>,
        /// How many attempts there may be.
        attempts_max: Option<u32>,
        /// The attempts that failed.
        errors: Vec<AttemptError>,
        /// When its current or last attempt began.
        started_at: Option<String>,
        /// When it became final.
        ended_at: Option<String>,
    }

    /// How many tasks of a workflow there are, and ended.
    Progress {
        /// All of them.
        total: u64,
        /// Those that succeeded.
        succeeded: u64,
        /// Those that failed.
        failed: u64,
        /// Those that were cancelled.
        cancelled: u64,
        /// Those that expired.
        expired: u64,
    }

    /// A workflow. With a token that may not read it has `id` and `state` only.
    WorkflowObject {
        /// Its id, which is also a task's.
        id: String,
        /// Its state.
        state: State,
        /// `chain`, `group` or `chord`.
        workflow: Option<String>,
        /// Its queue.
        queue: Option<String>,
        /// How far it is.
        progress: Option<Progress>,
        /// The result, if it succeeded.
        result: Option<Json>,
        /// Why it failed.
        error: Option<String>,
        /// When it was enqueued.
        enqueued_at: Option<String>,
        /// When it is due.
        next_at: Option<String>,
        /// It does not begin after.
        expires_at: Option<String>,
        /// When it became final.
        ended_at: Option<String>,
        /// How long it stays readable.
        retention: Option<String>,
        /// The URL that receives its end.
        webhook: Option<String>,
        /// Of a retry: the failed workflow.
        retry_of: Option<String>,
        /// The path of its tasks.
        tasks: Option<String>,
    }

    /// The last occurrence of a schedule.
    LastRun {
        /// When it was due.
        at: String,
        /// The task that it enqueued.
        task_id: Option<String>,
    }

    /// A schedule. One whose record is unreadable has only `name` and `error`.
    ScheduleObject {
        /// Its name.
        name: String,
        /// The kind of the tasks that it enqueues.
        task: Option<String>,
        /// Their arguments.
        args: Option<Json>,
        /// When it is due.
        cron: Option<String>,
        /// The time zone of `cron`.
        timezone: Option<String>,
        /// The interval, if there is no `cron`.
        every: Option<String>,
        /// `queue` or `skip`, while the task before still runs.
        overlap: Option<String>,
        /// `skip`, `latest` or `all` of the missed occurrences.
        missed: Option<String>,
        /// The queue of its tasks.
        queue: Option<String>,
        /// Whether it is paused.
        paused: bool,
        /// When it is due next.
        next_run: Option<String>,
        /// When it was due last.
        last_run: Option<LastRun>,
        /// When it was put.
        put_at: Option<String>,
        /// Why it can't be read.
        error: Option<String>,
    }

    /// How many tasks wait, by their priority.
    WaitingByPriority {
        /// With the priority high.
        high: u64,
        /// With the priority normal.
        normal: u64,
        /// With the priority low.
        low: u64,
    }

    /// How many tasks ended since the queue began.
    Counts {
        /// Those that succeeded.
        succeeded: u64,
        /// Those that failed.
        failed: u64,
        /// Those that were cancelled.
        cancelled: u64,
        /// Those that expired.
        expired: u64,
    }

    /// Durations that so many percent of the tasks did not exceed.
    Percentiles {
        /// Half of them.
        p50: Option<String>,
        /// 90 %.
        p90: Option<String>,
        /// 99 %.
        p99: Option<String>,
    }

    /// A queue. A list, `pause`, `resume` and `purge` leave out statistics.
    QueueObject {
        /// Its name.
        name: String,
        /// Whether workers take nothing of it.
        paused: bool,
        /// Tasks that wait for a worker.
        waiting: u64,
        /// The same, once the queue had a priority.
        waiting_by_priority: Option<WaitingByPriority>,
        /// Webhooks and turns of workflows that wait.
        system_waiting: Option<u64>,
        /// Workers that take tasks.
        workers: u64,
        /// Workers that are busy with a task that computes.
        computing: u64,
        /// How long the next task has been waiting.
        oldest_waiting: Option<String>,
        /// Running tasks.
        running: Option<u64>,
        /// Failed tasks that wait to be retried or discarded.
        failed: Option<u64>,
        /// How late delays, retries and rescue are.
        keeper_lag: Option<String>,
        /// Ended tasks.
        ended: Option<Counts>,
        /// The limits of the deployment.
        limits: Option<Json>,
        /// From when a task could have begun until it ended.
        latency: Option<Percentiles>,
        /// The length of the last attempt.
        run: Option<Percentiles>,
        /// Of a purge: how much it cancelled.
        purged: Option<u64>,
    }

    /// The answer of `/status/{id}`.
    StatusObject {
        /// `processing`, `done`, `failed`, `cancelled` or `expired`.
        status: String,
        /// The result, if it is done.
        result: Option<Json>,
        /// Why it failed.
        error: Option<String>,
        /// Of `/readyz`: problems that do not stop the application.
        warnings: Vec<String>,
        /// Of `/readyz`: how long the host lets a worker live.
        worker_lifetime: Option<String>,
    }

    /// How far a page of a list looked.
    Searched {
        /// At how many places of the queue.
        slots: u64,
        /// When the oldest task among them was enqueued.
        back_to: Option<String>,
    }

    /// The data of an event `state`.
    StateData {
        /// The new state.
        state: State,
        /// The attempt.
        attempt: u32,
        /// When the attempt began.
        started_at: Option<String>,
        /// When it is due.
        next_at: Option<String>,
        /// Why the attempt before failed.
        error: Option<String>,
    }

    /// The data of an event `progress`.
    ProgressData {
        /// What the task reported.
        progress: Option<Json>,
        /// Words about it.
        message: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Shown;

    #[test]
    fn later_fields_and_states_are_kept() {
        let text =
            r#"{"id":"a-1","state":"parked","later":[1e400],"progress":12345678901234567890123}"#;
        let task: Shown<TaskObject> = serde_json::from_str(text).expect("a task");
        assert_eq!(task.state, State::Other("parked".to_owned()));
        assert!(!task.state.is_final());
        let progress = task.progress.as_ref().expect("progress");
        assert_eq!(progress.text(), "12345678901234567890123");
        assert_eq!(serde_json::to_string(&task).expect("JSON"), text);
    }
}
