import {
  HandoffError,
  InvalidRequest,
  NotFound,
  TimeoutError,
  Unavailable,
  ofForeign,
  ofProblem,
} from "./errors.js";
import { milliseconds } from "./times.js";
import type { Duration } from "./types.js";

/** How JSON is read and written. */
export interface Json {
  parse(text: string): unknown;
  stringify(value: unknown): string;
}

export interface ClientOptions {
  /** One of the deployment's `api_tokens`. */
  token?: string;
  /** How often a request is sent at most; 5 by default. With 1 nothing is repeated. */
  attempts?: number;
  /** No repetition begins after this time; a minute by default. */
  within?: Duration;
  /** How long the server may be silent, besides a wait that was asked for; 30 s by default. */
  timeout?: Duration;
  /** Replaces `JSON`, such as by a library that keeps numbers beyond 2^53. */
  json?: Json;
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch;
  /** Replaces the waits between attempts, for tests. It rejects when the signal aborts. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** A request, until it is answered for good. */
export interface Call {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Encoded, without the URL's own path. */
  path: string;
  query?: Record<string, string>;
  headers?: Record<string, string | undefined>;
  body?: unknown;
  /** A field of Handoff's answer. Without it the answer is another application's. */
  answer?: string;
  /** Whether the request may be sent again when it is not known what became of it. */
  repeat?: boolean;
  /** Whether a 404 to a repetition means that an earlier attempt did it. */
  goneIsDone?: boolean;
  /** How long the server was asked to wait, or may do so by itself. */
  heldMs?: number;
  /**
   * No repetition begins after this time of `performance`. An answer that is not whole soon after
   * it is a `TimeoutError`.
   */
  until?: number;
  signal?: AbortSignal | undefined;
}

/** A path with each name in it as one segment. */
export function path(texts: TemplateStringsArray, ...names: string[]): string {
  return String.raw(texts, ...names.map(segment));
}

function segment(name: string): string {
  // They are no segments: the path would be that of something else.
  if (["", ".", ".."].includes(name)) {
    throw new InvalidRequest(`${JSON.stringify(name)} is neither an id nor a name`);
  }
  return encodeURIComponent(name);
}

/** Reads an answer of a good status. A reader that keeps the answer open ends the watch later. */
type Read<T> = (response: Response, watch: Watch) => Promise<T>;

type Attempt<T> = { value: T } | { failure: HandoffError; again: boolean; afterMs: number };

/** The first pause is at most so long; each further one at most twice as long as the one before. */
const PAUSE_MS = 500;
const PAUSE_MAX_MS = 8_000;

/** The answer to a wait may take so long on its way. */
const GRACE_MS = 1_000;

/** Ends a request when nothing comes for too long, at a time, and when the caller aborts. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #silenceMs: number;
  readonly #end: number;
  readonly #caller: AbortSignal | undefined;
  readonly #abort = () => this.#controller.abort(this.#caller?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(silenceMs: number, end: number, caller?: AbortSignal) {
    this.#silenceMs = silenceMs;
    this.#end = end;
    this.#caller = caller;
    caller?.addEventListener("abort", this.#abort);
    this.alive();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came. */
  alive(): void {
    clearTimeout(this.#timer);
    const leftMs = Math.max(0, this.#end - performance.now());
    const reason =
      leftMs < this.#silenceMs ? "the time is over" : `nothing came for ${this.#silenceMs} ms`;
    const abort = () => this.#controller.abort(new Error(reason));
    this.#timer = setTimeout(abort, Math.min(this.#silenceMs, leftMs));
  }

  /** Reads the whole body. */
  async text(response: Response): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    const reader = response.body?.getReader();
    for (let read = await reader?.read(); read && !read.done; read = await reader!.read()) {
      this.alive();
      text += decoder.decode(read.value, { stream: true });
    }
    this.end();
    return text + decoder.decode();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#abort);
  }
}

/** Sends requests to one deployment. */
export class Http {
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #attempts: number;
  readonly #withinMs: number;
  readonly #timeoutMs: number;
  readonly #json: Json;
  readonly #fetch: typeof fetch;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;

  constructor(url: string | URL, options: ClientOptions) {
    const { origin, protocol, pathname, search, hash, username, password } = new URL(url);
    // The messages show neither: a password, or a token, may be in it.
    if (!/^https?:$/.test(protocol) || search + hash + username + password !== "") {
      throw new TypeError("the URL must be http or https, without user name, query and fragment");
    }
    // The characters of a token by RFC 6750.
    if (options.token !== undefined && !/^[\w\-.~+/]+=*$/.test(options.token)) {
      throw new TypeError("the token is empty, or has a character that no token can have");
    }
    this.#base = origin + pathname.replace(/\/+$/, "");
    this.#token = options.token;
    this.#attempts = options.attempts ?? 5;
    this.#withinMs = milliseconds(options.within ?? "1m");
    this.#timeoutMs = milliseconds(options.timeout ?? "30s");
    this.#json = options.json ?? JSON;
    // Browsers refuse to run `fetch` as a method of anything else.
    const fetch = options.fetch ?? globalThis.fetch;
    this.#fetch = (input, init) => fetch(input, init);
    this.sleep = options.sleep ?? sleep;
  }

  /** Whether requests are repeated at all. */
  get repeats(): boolean {
    return this.#attempts > 1;
  }

  /** Sends a request and returns the JSON of its answer; undefined for a 204. */
  async json<T>(call: Call): Promise<T> {
    return this.send(call, async (response, watch) => {
      const text = await watch.text(response);
      return (response.status === 204 ? undefined : this.#parse(call, response, text)) as T;
    });
  }

  /** Reads the data of an event. */
  parse(text: string): unknown {
    return this.#json.parse(text);
  }

  /** Sends a request, again if it may be, until there is an answer to read. */
  async send<T>(call: Call, read: Read<T>): Promise<T> {
    const begin = performance.now();
    const end = Math.min(begin + this.#withinMs, call.until ?? Infinity);
    for (let number = 1; ; number++) {
      const attempt = await this.#attempt(call, read, number, begin);
      if ("value" in attempt) return attempt.value;
      const { failure, again, afterMs } = attempt;
      if (call.goneIsDone && number > 1 && failure instanceof NotFound) return undefined as T;
      // Full jitter, behind the time that the server asks for.
      const pauseMs =
        afterMs + Math.random() * Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (number - 1));
      const may = again && call.repeat !== false && number < this.#attempts;
      if (!may || performance.now() + pauseMs > end) throw failure;
      await this.sleep(pauseMs, call.signal);
    }
  }

  /** Sends a request once. `number` and `begin` are for the message of an error. */
  async #attempt<T>(
    call: Call,
    read: Read<T>,
    number: number,
    begin: number,
  ): Promise<Attempt<T>> {
    call.signal?.throwIfAborted();
    const request = this.#request(call);
    const until = call.until ?? Infinity;
    const silenceMs = this.#timeoutMs + (call.heldMs ?? 0);
    const watch = new Watch(silenceMs, until + GRACE_MS, call.signal);
    try {
      const response = await this.#fetch(this.#url(call), { ...request, signal: watch.signal });
      watch.alive();
      if (response.ok) return { value: await read(response, watch) };
      const failure = this.#failure(call, response, await watch.text(response));
      return { failure, again: isTransient(failure), afterMs: retryAfterMs(response) };
    } catch (error) {
      watch.end();
      call.signal?.throwIfAborted();
      if (error instanceof HandoffError) return { failure: error, again: false, afterMs: 0 };
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      const effort = `${number} ${number === 1 ? "attempt" : "attempts"} in ${seconds} s`;
      const reason = this.#clean(describe(error));
      const message = `${this.#shown(call)}: no answer: ${reason} (${effort})`;
      if (watch.signal.aborted && performance.now() >= until) {
        throw new TimeoutError(message, {}, { cause: error });
      }
      return { failure: new Unavailable(message, {}, { cause: error }), again: true, afterMs: 0 };
    }
  }

  #url(call: Call): string {
    const query = String(new URLSearchParams(call.query));
    return this.#base + call.path + (query && `?${query}`);
  }

  /** A request, for messages. */
  #shown(call: Call): string {
    return this.#clean(`${call.method} ${this.#base}${call.path}`);
  }

  #request(call: Call): RequestInit {
    const headers = new Headers({ accept: "application/json" });
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      if (value !== undefined) headers.set(name, value);
    }
    if (this.#token !== undefined) headers.set("authorization", `Bearer ${this.#token}`);
    // A redirected POST would become a GET.
    const request: RequestInit = { method: call.method, headers, redirect: "manual" };
    if (call.body !== undefined) {
      headers.set("content-type", "application/json");
      request.body = this.#json.stringify(call.body);
    }
    return request;
  }

  #failure(call: Call, response: Response, text: string): HandoffError {
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      const to = response.headers.get("location") ?? "another URL";
      const message = `the URL redirects to ${this.#clean(to)}: use that one`;
      return new HandoffError(message, { status: response.status });
    }
    try {
      const problem = this.problem(this.#json.parse(text));
      if (problem !== undefined) return problem;
    } catch {
      // It is no JSON.
    }
    return this.foreign(call, response, text);
  }

  #parse(call: Call, response: Response, text: string): unknown {
    try {
      const value = this.#json.parse(text);
      if (call.answer === undefined || call.answer in (value as object)) return value;
    } catch {
      // It is no JSON, or no object.
    }
    throw this.foreign(call, response, text);
  }

  /** The error that a problem document describes, or undefined if `value` is none. */
  problem(value: unknown): HandoffError | undefined {
    return ofProblem(value, (text) => this.#clean(text));
  }

  /** The error for an answer that is not Handoff's. */
  foreign(call: Call, response: Response, text: string): HandoffError {
    const type = this.#clean(response.headers.get("content-type") ?? "an untyped body");
    return ofForeign(this.#shown(call), response.status, type, this.#clean(text));
  }

  /** Leaves out the token, which a server may send back, or a path may have. */
  #clean(text: string): string {
    if (this.#token === undefined) return text;
    const encoded = encodeURIComponent(this.#token);
    return text.replaceAll(this.#token, "[token]").replaceAll(encoded, "[token]");
  }
}

/** Whether another attempt may have another answer. */
function isTransient({ status, type }: HandoffError): boolean {
  // The host's own 500: its instance ended before it answered.
  if (status === 500) return type === undefined || type === "component-failed";
  return type === "idempotency-key-busy" || [408, 429, 502, 503, 504].includes(status!);
}

/** The time that `Retry-After` asks for, in seconds or as a date; 0 if it is unreadable. */
function retryAfterMs(response: Response): number {
  const text = response.headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Math.max(0, ms) || 0;
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
};

/** Why a `fetch` failed. Node hides it in the cause. */
function describe(error: unknown): string {
  const { message, cause } = error as {
    message?: string;
    cause?: { message?: string; code?: string };
  };
  const code = cause?.code ?? "";
  return REASONS[code] ?? (cause?.message || code || String(message ?? error));
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const done = () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
