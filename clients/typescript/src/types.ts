/** A whole number of milliseconds, or text such as `"1.5s"`, `"10m"`, `"2h 30m"`, `"7d"`. */
export type Duration = number | string;

/** A time: a `Date`, or text such as `"2026-11-23T08:00:00Z"`. */
export type Time = Date | string;

export type Priority = "high" | "normal" | "low";

export type State =
  | "scheduled"
  | "queued"
  | "running"
  | "retrying"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "expired";

/** A state of a task that is not final. */
export type OpenState = "scheduled" | "queued" | "running" | "retrying";

/** Which tasks of a queue: those that fit all that is given. */
export interface Filter {
  /** The kind. */
  task?: string;
  key?: string;
  /** The name of the schedule that enqueued them. */
  schedule?: string;
  /** 1 to 200 characters of the id, the kind, the key or the arguments, in any case. */
  text?: string;
  /** Failed tasks whose error has a first line of this form; `*` stands for any text. */
  error?: string;
  /** Tasks that failed in this time until now, such as `"2h"`, or from this time on. */
  since?: string;
}

/** When failed attempts are tried again. */
export interface Retry {
  attempts?: number;
  initial?: Duration;
  factor?: number;
  max?: Duration;
}

/** How one task runs. */
export interface RunFields {
  timeout?: Duration;
  heartbeat_timeout?: Duration;
  retry?: Retry;
}

/** What tasks and workflows have in common. */
export interface CommonFields {
  priority?: Priority;
  delay?: Duration;
  eta?: Time;
  /** It does not begin after this: a duration from now, or a time. */
  expires?: Duration | Date;
  retention?: Duration;
  webhook?: string;
  /** Repeated requests with this key get the same task. Without one the client sends its own. */
  idempotency_key?: string;
  idempotency_ttl?: Duration;
}

/** The fields of a task besides its kind and arguments. */
export interface TaskFields extends CommonFields, RunFields {
  /** Tasks with the same key share the queue's limits per key. */
  key?: string;
}

/** A task of a batch. */
export interface BatchItem extends TaskFields {
  task: string;
  args?: unknown;
}

/** A task of a workflow. */
export interface Step extends RunFields {
  task: string;
  args?: unknown;
  /** The name under which `args` get the result of what came before; `null` for nowhere. */
  into?: string | null;
}

/** One task for each item of `each`, which is its arguments. */
export interface Each extends RunFields {
  task: string;
  each: unknown[];
}

/** The fields of a workflow besides its tasks. */
export interface WorkflowFields extends CommonFields {
  queue?: string;
  /** When a task of a group does not succeed: end at once, or when all have ended. */
  on_failure?: "fail" | "wait";
}

/** The fields of a schedule. */
export interface ScheduleFields extends RunFields {
  task: string;
  args?: unknown;
  cron?: string;
  timezone?: string;
  every?: Duration;
  overlap?: "queue" | "skip";
  missed?: "skip" | "latest" | "all";
  queue?: string;
  priority?: Priority;
  retention?: Duration;
  webhook?: string;
  key?: string;
  /** A duration after it was enqueued. */
  expires?: Duration;
}

export interface AttemptError {
  attempt: number;
  started_at: string;
  ended_at: string;
  error: string;
}

export interface LogLine {
  at: string;
  attempt: number;
  message: string;
}

/**
 * A task as the API shows it. Fields that do not apply are missing, and with a token that may not
 * read all but `id` and `state`.
 */
export interface TaskObject {
  id: string;
  state: State;
  task?: string;
  args?: unknown;
  result?: unknown;
  error?: string;
  progress?: unknown;
  message?: string;
  queue?: string;
  key?: string;
  priority?: Priority;
  attempt?: number;
  attempts_max?: number;
  errors?: AttemptError[];
  runs_lost?: number;
  logs?: LogLine[];
  logs_dropped?: number;
  enqueued_at?: string;
  next_at?: string;
  expires_at?: string;
  started_at?: string;
  ended_at?: string;
  timeout?: string;
  heartbeat_timeout?: string;
  retention?: string;
  webhook?: string;
  end_of?: string;
  /** Of a failed task that was shown by its id: the task as which it was retried. */
  retried_as?: string;
  retry_of?: string;
  workflow?: { id: string; step: number; index: number };
  schedule?: { name: string; at: string };
  traceparent?: string;
  /** Of a batch's task with an idempotency key: it is an earlier request's. */
  repeated?: boolean;
}

/** A task of a workflow. Before it is enqueued it has only `step` and `index`. */
export interface Member extends Partial<TaskObject> {
  step: number;
  index: number;
}

/** A workflow as the API shows it; with a token that may not read `id` and `state` only. */
export interface WorkflowObject {
  id: string;
  state: State;
  workflow?: "chain" | "group" | "chord";
  queue?: string;
  progress?: {
    total: number;
    succeeded: number;
    failed: number;
    cancelled: number;
    expired: number;
  };
  result?: unknown;
  error?: string;
  enqueued_at?: string;
  next_at?: string;
  expires_at?: string;
  ended_at?: string;
  retention?: string;
  webhook?: string;
  retry_of?: string;
  /** The path of its tasks. */
  tasks?: string;
}

/** A schedule as the API shows it. It can be put again as it is. */
export interface ScheduleObject extends ScheduleFields {
  name: string;
  paused: boolean;
  next_run: string | null;
  last_run: { at: string; task_id: string } | null;
  put_at: string;
}

export interface Percentiles {
  p50: string;
  p90: string;
  p99: string;
}

export interface Limits {
  concurrency: number | null;
  rate: string | null;
}

/** A queue as the API shows it. A list, `pause`, `resume` and `purge` leave out statistics. */
export interface QueueObject {
  name: string;
  paused: boolean;
  waiting: number;
  waiting_by_priority?: { high: number; normal: number; low: number };
  system_waiting?: number;
  workers: number;
  computing: number;
  oldest_waiting?: string | null;
  running?: number;
  /** Failed tasks that wait to be retried or discarded. */
  failed?: number;
  keeper_lag?: string;
  ended?: { succeeded: number; failed: number; cancelled: number; expired: number };
  limits?: Limits & { per_key: Limits };
  latency?: Percentiles | null;
  run?: Percentiles | null;
}

/** What happens to a task. `id` is what `lastEventId` takes. */
export type TaskEvent =
  | {
      type: "state";
      id: string;
      data: {
        state: State;
        attempt: number;
        started_at?: string;
        next_at?: string;
        error?: string;
      };
    }
  | { type: "progress"; id: string; data: { progress: unknown; message?: string } }
  | { type: "log"; id: string; data: LogLine }
  | { type: "end"; id: string; data: TaskObject };
