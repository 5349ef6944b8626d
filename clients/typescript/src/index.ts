export { Client } from "./client.js";
export type { BatchOptions, EnqueueOptions, SendOptions, WorkflowOptions } from "./client.js";
export {
  Conflict,
  Forbidden,
  HandoffError,
  InvalidRequest,
  NotFound,
  TaskCancelled,
  TaskError,
  TaskExpired,
  TaskFailed,
  TimeoutError,
  Unauthorized,
  Unavailable,
} from "./errors.js";
export type { Ended } from "./errors.js";
export type {
  BulkOptions,
  CallOptions,
  CancelOptions,
  EventOptions,
  FailedOptions,
  PageOptions,
  Queue,
  Schedule,
  Task,
  TasksOptions,
  Workflow,
} from "./handles.js";
export type { ClientOptions, Json } from "./http.js";
export type * from "./types.js";
