import {
  type Ended,
  HandoffError,
  TaskCancelled,
  TaskExpired,
  TaskFailed,
  TimeoutError,
} from "./errors.js";
import { type Call, type Http, path } from "./http.js";
import { EventParser } from "./sse.js";
import { milliseconds, written } from "./times.js";
import type {
  Duration,
  Filter,
  Member,
  OpenState,
  QueueObject,
  ScheduleFields,
  ScheduleObject,
  State,
  TaskEvent,
  TaskObject,
  WorkflowObject,
} from "./types.js";

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, and its repetitions. */
  signal?: AbortSignal;
}

export interface EventOptions extends CallOptions {
  /** The `id` of an event: the events behind it come. */
  lastEventId?: string;
}

export interface PageOptions extends CallOptions {
  /** How many tasks one request asks for: 20 by default, 100 at most. */
  limit?: number;
}

export interface FailedOptions extends Filter, PageOptions {}

export interface TasksOptions extends FailedOptions {
  /** Only tasks in this state. */
  state?: State;
}

/** What calls that change many tasks take. */
export interface BulkOptions extends Filter, CallOptions {
  /** Changes nothing, and counts what the call would change. */
  dryRun?: boolean;
}

export interface CancelOptions extends BulkOptions {
  /** Only tasks in this state. */
  state?: OpenState;
}

/** One wait is at most so long: shorter than the time after which proxies end quiet requests. */
const WAIT_MS = 25_000;
/** A stream that ended is asked for again after this time, unless it named another. */
const RECONNECT_MS = 1_000;
const RECONNECT_MAX_MS = 30_000;
/** While nothing happens a stream has a comment every so often. */
const COMMENT_MS = 15_000;

const FINAL: State[] = ["succeeded", "failed", "cancelled", "expired"];

/** What can be waited for and cancelled. */
abstract class Handle<Object extends Ended & { result?: unknown; ended_at?: string }, Result> {
  readonly id: string;
  /** As it was last seen; undefined before it was. */
  object: Object | undefined;
  readonly #http: Http;

  constructor(http: Http, id: string, object?: Object) {
    this.#http = http;
    this.id = id;
    this.object = object;
  }

  protected get http(): Http {
    return this.#http;
  }

  protected abstract get path(): string;

  /** Looks at it. */
  async refresh(options: CallOptions = {}): Promise<Object> {
    return this.see({ method: "GET", path: this.path, signal: options.signal });
  }

  /**
   * Asks it to stop. Its `state` tells whether it has: something that runs sees the request at its
   * next checkpoint.
   */
  async cancel(options: CallOptions = {}): Promise<Object> {
    return this.see({ method: "DELETE", path: this.path, signal: options.signal });
  }

  /**
   * Waits until it is final, at most for `wait`, and returns its result. Without `wait` there is no
   * limit.
   *
   * @throws TaskFailed, TaskCancelled or TaskExpired if it did not succeed
   * @throws TimeoutError if it is not final in time
   */
  async result(wait?: Duration, { signal }: CallOptions = {}): Promise<Result> {
    const limitMs = wait === undefined ? Infinity : milliseconds(wait);
    const until = performance.now() + limitMs;
    // An answer without `ended_at` shows no more than the state.
    let object = this.object?.ended_at === undefined ? undefined : this.object;
    for (let last = false; object === undefined || !FINAL.includes(object.state);) {
      if (last) throw new TimeoutError(`${this.id} is ${object?.state} after ${limitMs} ms`);
      const leftMs = Math.max(0, until - performance.now());
      last = leftMs <= WAIT_MS;
      const heldMs = Math.ceil(Math.min(leftMs, WAIT_MS));
      const query = { wait: `${heldMs}ms` };
      object = await this.see({ method: "GET", path: this.path, query, heldMs, until, signal });
    }
    if (object.state === "failed") throw new TaskFailed(object);
    if (object.state === "cancelled") throw new TaskCancelled(object);
    if (object.state === "expired") throw new TaskExpired(object);
    return object.result as Result;
  }

  protected async see(call: Call): Promise<Object> {
    this.object = await this.http.json<Object>({ ...call, answer: "id" });
    return this.object;
  }
}

/** A task. */
export class Task<Result = unknown> extends Handle<TaskObject, Result> {
  protected get path(): string {
    return path`/v1/tasks/${this.id}`;
  }

  /** Enqueues a failed task anew. The new task exists once, however often this is called. */
  async retry(options: CallOptions = {}): Promise<Task<Result>> {
    const path = `${this.path}/retry`;
    const call: Call = { method: "POST", path, answer: "id", signal: options.signal };
    const object = await this.http.json<TaskObject>(call);
    return new Task(this.http, object.id, object);
  }

  /** Takes a failed task off the list of its queue. */
  async discard(options: CallOptions = {}): Promise<TaskObject> {
    return this.see({ method: "POST", path: `${this.path}/discard`, signal: options.signal });
  }

  /**
   * Follows the task until its end, each event once. Connections that end or break are made again.
   * Leave the loop, or abort, to stop.
   */
  async *events(options: EventOptions = {}): AsyncGenerator<TaskEvent, void, void> {
    const { signal } = options;
    let last = options.lastEventId ?? "";
    for (;;) {
      const stream = await this.#connect(last, signal);
      if (stream === undefined) return;
      const { reader, watch } = stream;
      const decoder = new TextDecoder();
      const parser = new EventParser(last);
      try {
        for (;;) {
          const { done, value } = await reader
            .read()
            .catch(() => ({ done: true, value: undefined }));
          if (done || value === undefined) break;
          watch.alive();
          for (const { name, data } of parser.feed(decoder.decode(value, { stream: true }))) {
            const event = this.#event(name, parser.lastEventId, data);
            if (event !== undefined) yield event;
            if (event?.type === "end") return;
          }
        }
      } finally {
        watch.end();
        reader.cancel().catch(() => {});
      }
      signal?.throwIfAborted();
      last = parser.lastEventId;
      await this.http.sleep(Math.min(parser.retryMs ?? RECONNECT_MS, RECONNECT_MAX_MS), signal);
    }
  }

  /** A stream of what comes behind an event, or undefined if nothing does. */
  #connect(last: string, signal?: AbortSignal) {
    const headers = {
      accept: "text/event-stream",
      // An id that no header can have is not one of Handoff's.
      "last-event-id": /^[\x21-\x7e]+$/.test(last) ? last : undefined,
    };
    const call: Call = { method: "GET", path: this.path, headers, heldMs: COMMENT_MS, signal };
    return this.http.send(call, async (response, watch) => {
      if (response.status === 204) {
        watch.end();
        return undefined;
      }
      const isStream = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
      if (!isStream || response.body === null) {
        throw this.http.foreign(call, response, await watch.text(response));
      }
      return { reader: response.body.getReader(), watch };
    });
  }

  /** The event, or undefined for one that this client does not know. */
  #event(type: string, id: string, text: string): TaskEvent | undefined {
    if (!["state", "progress", "log", "end"].includes(type)) return undefined;
    let data: unknown;
    try {
      data = this.http.parse(text);
    } catch (cause) {
      throw new HandoffError(`the data of the event ${type} is no JSON`, {}, { cause });
    }
    if (type === "end") this.object = data as TaskObject;
    return { type, id, data } as TaskEvent;
  }
}

/** A workflow. Its id is also a task's: `client.task(id)` has its events, and retries it. */
export class Workflow<Result = unknown> extends Handle<WorkflowObject, Result> {
  protected get path(): string {
    return path`/v1/workflows/${this.id}`;
  }

  /** Its tasks, also those that are not enqueued yet. */
  async *tasks(options: PageOptions = {}): AsyncGenerator<Member, void, void> {
    yield* pages<Member>(this.http, `${this.path}/tasks`, "tasks", {}, options);
  }
}

/** The schedule of a name. */
export class Schedule {
  readonly name: string;
  readonly #http: Http;

  constructor(http: Http, name: string) {
    this.#http = http;
    this.name = name;
  }

  /** Creates or replaces the schedule. Putting it unchanged changes nothing. */
  async put(fields: ScheduleFields, options: CallOptions = {}): Promise<ScheduleObject> {
    return this.#http.json({ ...this.#call("PUT", options, written(fields)), answer: "name" });
  }

  async get(options: CallOptions = {}): Promise<ScheduleObject> {
    return this.#http.json({ ...this.#call("GET", options), answer: "name" });
  }

  /**
   * Pauses the schedule: it enqueues nothing until it is resumed. With a token that may not read
   * the answer has only `name` and `paused`.
   */
  async pause(options: CallOptions = {}): Promise<ScheduleObject> {
    return this.#http.json({ ...this.#call("POST", options, undefined, "/pause"), answer: "name" });
  }

  /** Resumes the schedule: it goes on at its next regular time. */
  async resume(options: CallOptions = {}): Promise<ScheduleObject> {
    return this.#http.json({ ...this.#call("POST", options, undefined, "/resume"), answer: "name" });
  }

  /** Ends the schedule. The tasks that it enqueued stay. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#http.json({ ...this.#call("DELETE", options), goneIsDone: true });
  }

  #call(method: Call["method"], options: CallOptions, body?: unknown, more = ""): Call {
    return { method, path: path`/v1/schedules/${this.name}` + more, body, signal: options.signal };
  }
}

/** The queue of a name. */
export class Queue {
  readonly name: string;
  readonly #http: Http;

  constructor(http: Http, name: string) {
    this.#http = http;
    this.name = name;
  }

  /** The queue with its statistics. */
  async get(options: CallOptions = {}): Promise<QueueObject> {
    return this.#http.json(this.#call("GET", "", options));
  }

  /** Lets workers take nothing more of your tasks. */
  async pause(options: CallOptions = {}): Promise<QueueObject> {
    return this.#http.json(this.#call("POST", "/pause", options));
  }

  /** Lets workers take your tasks again. */
  async resume(options: CallOptions = {}): Promise<QueueObject> {
    return this.#http.json(this.#call("POST", "/resume", options));
  }

  /**
   * Cancels what waits; `purged` says how much. It is never repeated: a repetition would cancel
   * what came meanwhile, too.
   */
  async purge(options: CallOptions = {}): Promise<QueueObject & { purged: number }> {
    return this.#http.json({ ...this.#call("POST", "/purge", options), repeat: false });
  }

  /**
   * Tasks that fit, the newest first; failed ones by their failures, and queued ones in the order
   * in which workers claim them. One whose record is unreadable has only an `error`.
   */
  async *tasks(options: TasksOptions = {}): AsyncGenerator<Task, void, void> {
    const { limit, signal, ...filter } = options;
    const list = path`/v1/queues/${this.name}/tasks`;
    const query = parameters(filter);
    for await (const object of pages<TaskObject>(this.#http, list, "tasks", query, options)) {
      // What has no id can't be asked for.
      if (object.id !== undefined) yield new Task(this.#http, object.id, object);
    }
  }

  /** Failed tasks that fit, the last failures first: `tasks` with this state. */
  failed(options: FailedOptions = {}): AsyncGenerator<Task, void, void> {
    return this.tasks({ ...options, state: "failed" });
  }

  /** Workflows of the queue, the newest first. */
  async *workflows(options: PageOptions = {}): AsyncGenerator<Workflow, void, void> {
    const list = path`/v1/queues/${this.name}/workflows`;
    for await (const object of pages<WorkflowObject>(this.#http, list, "workflows", {}, options)) {
      // What has no id can't be asked for.
      if (object.id !== undefined) yield new Workflow(this.#http, object.id, object);
    }
  }

  /** Enqueues the failed tasks that fit anew. Returns how many, less those of lost answers. */
  async retryFailed(options: BulkOptions = {}): Promise<number> {
    return this.#all("retry-failed", ["retried", "would_retry"], options);
  }

  /** Takes the failed tasks that fit off the list. Returns how many, less those of lost answers. */
  async discardFailed(options: BulkOptions = {}): Promise<number> {
    return this.#all("discard-failed", ["discarded", "would_discard"], options);
  }

  /**
   * Cancels the open tasks that fit: without a filter all of them. Returns how many, less those of
   * lost answers; running ones count, which see the request at their next checkpoint.
   */
  async cancel(options: CancelOptions = {}): Promise<number> {
    return this.#all("cancel", ["cancelled", "would_cancel"], options);
  }

  async #all(
    what: string,
    [done, would]: [string, string],
    options: CancelOptions,
  ): Promise<number> {
    const { dryRun, signal, ...filter } = options;
    const count = dryRun ? would : done;
    const call = { ...this.#call("POST", `/${what}`, options), answer: count };
    let sum = 0;
    let query: Record<string, string> | undefined = parameters(filter);
    if (dryRun) query.dry_run = "true";
    while (query !== undefined) {
      const answer: Record<string, unknown> = await this.#http.json({ ...call, query });
      sum += answer[count] as number;
      query = queryOf(answer.next as string | null);
    }
    return sum;
  }

  #call(method: Call["method"], more: string, options: CallOptions): Call {
    const { signal } = options;
    return { method, path: path`/v1/queues/${this.name}` + more, answer: "name", signal };
  }
}

/**
 * A filter as a query. Names that only plain JavaScript lets through are sent, too: Handoff refuses
 * them, and a misspelt filter does not become none.
 */
function parameters(filter: Filter & { state?: State }): Record<string, string> {
  const given = Object.entries(filter).filter(([, value]) => value != null);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

/** The entries of a list, page by page. */
async function* pages<Entry>(
  http: Http,
  path: string,
  answer: "tasks" | "workflows",
  query: Record<string, string>,
  { limit, signal }: PageOptions,
): AsyncGenerator<Entry, void, void> {
  let next: Record<string, string> | undefined = query;
  if (limit !== undefined) next = { ...query, limit: String(limit) };
  while (next !== undefined) {
    const page: Record<typeof answer, Entry[]> & { next: string | null } = await http.json({
      method: "GET",
      path,
      query: next,
      answer,
      signal,
    });
    yield* page[answer];
    next = queryOf(page.next);
  }
}

/** The query of a link. Its path may be that of another route than this client's. */
function queryOf(link: string | null): Record<string, string> | undefined {
  if (link === null) return undefined;
  return Object.fromEntries(new URLSearchParams(link.slice(link.indexOf("?") + 1)));
}
