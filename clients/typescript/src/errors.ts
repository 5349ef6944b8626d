import type { AttemptError, State } from "./types.js";

/** What an answer said about an error. */
export interface Problem {
  /** The last part of `urn:handoff:problem:…`, such as `invalid-request`. */
  type?: string;
  /** The status of the answer. */
  status?: number;
  /** What is wrong, in words. */
  detail?: string;
  /** The field that is to blame. */
  field?: string;
}

/**
 * The base of all errors of this client.
 *
 * `type` is missing where the answer was no problem document of Handoff, `status` where there was
 * no answer.
 */
export class HandoffError extends Error {
  override name = "HandoffError";
  readonly type: string | undefined;
  readonly status: number | undefined;
  readonly detail: string | undefined;
  readonly field: string | undefined;

  constructor(message: string, problem: Problem = {}, options?: ErrorOptions) {
    super(message, options);
    this.type = problem.type;
    this.status = problem.status;
    this.detail = problem.detail;
    this.field = problem.field;
  }
}

/**
 * A field, a parameter or the body can't be used, or is too large: 400, 405, 413, 415. Without a
 * request, if an id or a name is empty, `.` or `..`.
 */
export class InvalidRequest extends HandoffError {
  override name = "InvalidRequest";
}

/** There is no known token: 401. */
export class Unauthorized extends HandoffError {
  override name = "Unauthorized";
}

/** The token's scopes don't suffice, or the page or host may not call: 403. */
export class Forbidden extends HandoffError {
  override name = "Forbidden";
}

/** There is no such task, workflow, queue, schedule or path: 404. */
export class NotFound extends HandoffError {
  override name = "NotFound";
}

/** The state of a task, or an idempotency key, stands against the request: 409, 422. */
export class Conflict extends HandoffError {
  override name = "Conflict";
}

/**
 * There was no answer, or one that says to come back later: 408, 429, 502, 503, 504. What was asked
 * for may have happened all the same.
 */
export class Unavailable extends HandoffError {
  override name = "Unavailable";
}

/** The task or workflow was not final in time. It goes on. */
export class TimeoutError extends HandoffError {
  override name = "TimeoutError";
}

/** The end of a task or workflow that did not succeed. */
export interface Ended {
  id: string;
  state: State;
  error?: string;
  errors?: AttemptError[];
}

/** The task or workflow is final, and did not succeed. */
export class TaskError extends HandoffError {
  override name = "TaskError";
  /** The task object, or the workflow object. */
  readonly object: Ended;

  constructor(object: Ended) {
    const end = object.state === "failed" ? `failed: ${object.error}` : `is ${object.state}`;
    super(`${object.id} ${end}`);
    this.object = object;
  }
}

/** The task or workflow failed for good. */
export class TaskFailed extends TaskError {
  override name = "TaskFailed";

  /** Why it failed. */
  get error(): string | undefined {
    return this.object.error;
  }

  /** The attempts that failed. A workflow has none. */
  get errors(): AttemptError[] {
    return this.object.errors ?? [];
  }
}

/** The task or workflow was cancelled. */
export class TaskCancelled extends TaskError {
  override name = "TaskCancelled";
}

/** The task or workflow did not begin before it expired. */
export class TaskExpired extends TaskError {
  override name = "TaskExpired";
}

const BY_STATUS: Record<number, typeof HandoffError> = {
  400: InvalidRequest,
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  405: InvalidRequest,
  408: Unavailable,
  409: Conflict,
  413: InvalidRequest,
  415: InvalidRequest,
  422: Conflict,
  429: Unavailable,
  502: Unavailable,
  503: Unavailable,
  504: Unavailable,
};

const PREFIX = "urn:handoff:problem:";

/**
 * The error that a problem document describes, or undefined if `value` is none. Free text is
 * cleaned.
 */
export function ofProblem(
  value: unknown,
  clean: (text: string) => string,
): HandoffError | undefined {
  const { type, status, detail, field } = (value ?? {}) as Record<string, unknown>;
  if (typeof type !== "string" || !type.startsWith(PREFIX) || typeof status !== "number") {
    return undefined;
  }
  const problem: Problem = { type: type.slice(PREFIX.length), status };
  if (typeof detail === "string") problem.detail = clean(detail);
  if (typeof field === "string") problem.field = clean(field);
  const message = `${status} ${problem.type}: ${problem.detail ?? ""}`;
  return new (BY_STATUS[status] ?? HandoffError)(message, problem);
}

const EXCERPT_MAX = 200;

/** The error for an answer to `request` that Handoff did not give, such as a proxy's page. */
export function ofForeign(
  request: string,
  status: number,
  contentType: string,
  body: string,
): HandoffError {
  const text = body.replace(/\s+/g, " ").trim();
  const excerpt = text.length > EXCERPT_MAX ? `${text.slice(0, EXCERPT_MAX)}…` : text;
  const what = excerpt === "" ? "without a body" : `with ${contentType}: ${excerpt}`;
  const hint = status === 404 ? "; is a part of the path missing, such as /handoff?" : "";
  const message = `${request}: an answer that is not Handoff's: ${status} ${what}${hint}`;
  // Another server's 404 or 403 says nothing about a task or a token.
  const kind = BY_STATUS[status] === Unavailable ? Unavailable : HandoffError;
  return new kind(message, { status });
}
