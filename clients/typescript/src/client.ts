import { HandoffError } from "./errors.js";
import { type CallOptions, Queue, Schedule, Task, Workflow } from "./handles.js";
import { type Call, type ClientOptions, Http } from "./http.js";
import { milliseconds, written } from "./times.js";
import type {
  BatchItem,
  CommonFields,
  Duration,
  Each,
  QueueObject,
  ScheduleObject,
  Step,
  TaskFields,
  TaskObject,
  WorkflowFields,
  WorkflowObject,
} from "./types.js";

/** What calls that enqueue take besides fields. */
export interface SendOptions extends CallOptions {
  /** Waits for the end, at most 60 s. The answer's object is final if it came in time. */
  wait?: Duration;
  /** The W3C trace that the task belongs to. */
  traceparent?: string;
}

export interface EnqueueOptions extends TaskFields, SendOptions {
  queue?: string;
}

export interface WorkflowOptions extends WorkflowFields, SendOptions {}

export interface BatchOptions extends CallOptions {
  /** The queue of all items. */
  queue?: string;
  /**
   * Whether each item without an idempotency key gets one, so that the batch can be repeated; true
   * by default. Each item then costs as much as a request of its own, and without keys all cost
   * two writes.
   */
  once?: boolean;
  traceparent?: string;
}

type Sent = { [Name in keyof SendOptions]: SendOptions[Name] | undefined };

/** The least retention: the client's own keys keep no task for longer than it is kept anyway. */
const OWN_KEY_TTL = "1h";

/** A deployment of Handoff. It has no connection of its own, and needs no closing. */
export class Client {
  readonly #http: Http;

  /** `url` may have a path, such as `http://127.0.0.1:3000/handoff`. */
  constructor(url: string | URL, options: ClientOptions = {}) {
    this.#http = new Http(url, options);
  }

  /** Enqueues a task. Once this returns, the task is in the store. */
  async enqueue<Result = unknown>(
    task: string,
    args?: unknown,
    options: EnqueueOptions = {},
  ): Promise<Task<Result>> {
    const { wait, traceparent, signal, ...fields } = options;
    const body = { task, args, ...this.#keyed(fields) };
    const object = await this.#send<TaskObject>("/v1/tasks", body, { wait, traceparent, signal });
    return new Task(this.#http, object.id, object);
  }

  /**
   * Enqueues up to 1,000 tasks in one request. Valid ones are enqueued; in the place of each other
   * one is its error. If none is valid, the first one's error is thrown.
   */
  async batch(items: BatchItem[], options: BatchOptions = {}): Promise<(Task | HandoffError)[]> {
    const { queue, once = true, traceparent, signal } = options;
    const tasks = items.map((item) => (once ? this.#keyed(item) : written(item)));
    const { tasks: entries } = await this.#http.json<{
      tasks: (TaskObject | { error: unknown })[];
    }>({
      method: "POST",
      path: "/v1/tasks:batch",
      headers: { traceparent },
      body: { tasks, queue },
      answer: "tasks",
      // Items without a key would be enqueued twice.
      repeat: tasks.every((task) => task.idempotency_key != null),
      signal,
    });
    return entries.map((entry) =>
      "id" in entry
        ? new Task(this.#http, entry.id, entry)
        : (this.#http.problem(entry.error) ??
          new HandoffError("an item that is neither a task nor a problem")),
    );
  }

  /** The task of an id. No request is made. */
  task<Result = unknown>(id: string): Task<Result> {
    return new Task(this.#http, id);
  }

  /** Enqueues tasks that run one after the other, each with the result of the one before. */
  async chain(tasks: Step[], options: WorkflowOptions = {}): Promise<Workflow> {
    return this.#workflow({ chain: tasks.map(written) }, options);
  }

  /** Enqueues tasks that run at once. */
  async group(tasks: Step[] | Each, options: WorkflowOptions = {}): Promise<Workflow> {
    return this.#workflow({ group: members(tasks) }, options);
  }

  /** Enqueues tasks that run at once, and one more that gets all their results. */
  async chord(tasks: Step[] | Each, then: Step, options: WorkflowOptions = {}): Promise<Workflow> {
    return this.#workflow({ group: members(tasks), then: written(then) }, options);
  }

  /** The workflow of an id. No request is made. */
  workflow(id: string): Workflow {
    return new Workflow(this.#http, id);
  }

  /** The schedule of a name. No request is made. */
  schedule(name: string): Schedule {
    return new Schedule(this.#http, name);
  }

  /** All schedules, in the order of their names. An unreadable one has only `name` and `error`. */
  async schedules({ signal }: CallOptions = {}): Promise<ScheduleObject[]> {
    const call: Call = { method: "GET", path: "/v1/schedules", answer: "schedules", signal };
    return (await this.#http.json<{ schedules: ScheduleObject[] }>(call)).schedules;
  }

  /** The queue of a name. No request is made. */
  queue(name = "default"): Queue {
    return new Queue(this.#http, name);
  }

  /** All queues, without statistics. */
  async queues({ signal }: CallOptions = {}): Promise<QueueObject[]> {
    const call: Call = { method: "GET", path: "/v1/queues", answer: "queues", signal };
    return (await this.#http.json<{ queues: QueueObject[] }>(call)).queues;
  }

  async #workflow(tasks: object, options: WorkflowOptions): Promise<Workflow> {
    const { wait, traceparent, signal, ...fields } = options;
    const body = { ...tasks, ...this.#keyed(fields) };
    const object = await this.#send<WorkflowObject>("/v1/workflows", body, {
      wait,
      traceparent,
      signal,
    });
    return new Workflow(this.#http, object.id, object);
  }

  #send<T>(path: string, body: object, { wait, traceparent, signal }: Sent): Promise<T> {
    const heldMs = wait === undefined ? 0 : milliseconds(wait);
    const query: Record<string, string> = wait === undefined ? {} : { wait: `${heldMs}ms` };
    const held = { query, heldMs, headers: { traceparent } };
    return this.#http.json({ method: "POST", path, body, answer: "id", signal, ...held });
  }

  /** Adds a key of the client's own, unless the caller gave one or nothing is repeated. */
  #keyed<Fields extends CommonFields>(fields: Fields): Fields {
    const given = written(fields);
    if (fields.idempotency_key != null || !this.#http.repeats) return given;
    return { idempotency_ttl: OWN_KEY_TTL, ...given, idempotency_key: randomKey() };
  }
}

function members(tasks: Step[] | Each): object {
  return Array.isArray(tasks) ? tasks.map(written) : written(tasks);
}

/** 128 random bits. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
