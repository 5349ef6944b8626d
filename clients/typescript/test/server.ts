import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as after } from "node:timers/promises";

/** What a request must be. */
export interface Expected {
  method: string;
  path: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  absent?: string[];
  body?: unknown;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  text?: string;
  /** Chunks, with a character for each byte. */
  pieces?: string[];
  /** The body comes in ten parts, after so many milliseconds each. */
  slow?: number;
  /** The connection breaks in the middle of the body. */
  cut?: boolean;
  /** The connection breaks before there is an answer. */
  drop?: boolean;
  /** There is never an answer. */
  hang?: boolean;
}

export interface Exchange {
  request: Expected;
  answer: Answer;
}

/** A server that expects these requests, in their order, and has these answers. */
export async function scripted(exchanges: Exchange[]) {
  const problems: unknown[] = [];
  const keys = new Map<string, string>();
  let count = 0;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const exchange = exchanges[count++];
    try {
      assert.ok(exchange, `request ${count}, ${request.method} ${request.url}, is one too many`);
      compare(request, body.toString(), exchange.request, keys);
    } catch (error) {
      problems.push(error);
      response.writeHead(418).end("not what the script says");
      return;
    }
    await reply(response, exchange.answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Closes it, and fails unless all requests came, and as expected. */
    async finish() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (problems.length > 0) throw problems[0];
      assert.equal(count, exchanges.length, "requests");
    },
    /** Closes it. */
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function compare(
  request: IncomingMessage,
  body: string,
  expected: Expected,
  keys: Map<string, string>,
) {
  const { pathname, searchParams } = new URL(request.url!, "http://server");
  assert.equal(request.method, expected.method);
  const decoded = (path: string) => path.split("/").map(decodeURIComponent);
  assert.deepEqual(decoded(pathname), decoded(expected.path));
  bind(Object.fromEntries(searchParams), expected.query ?? {}, keys);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    assert.equal(request.headers[name], value, name);
  }
  for (const name of expected.absent ?? []) assert.equal(request.headers[name], undefined, name);
  if (expected.body === undefined) assert.equal(body, "");
  else bind(JSON.parse(body), expected.body, keys);
}

/**
 * Compares values. `$key` and `$key2` stand for keys that the client makes, each for one and the
 * same in all requests; `$ms:4-9` for a number of milliseconds in these bounds.
 */
function bind(actual: unknown, expected: unknown, keys: Map<string, string>) {
  const replaced = (value: unknown, pattern: unknown): unknown => {
    if (typeof pattern === "string" && pattern.startsWith("$key") && typeof value === "string") {
      assert.match(value, /^[0-9a-f]{32}$/);
      const others = [...keys].filter(([name]) => name !== pattern);
      assert.ok(!others.some(([, other]) => other === value), "two keys are the same");
      if (!keys.has(pattern)) keys.set(pattern, value);
      return keys.get(pattern) === value ? pattern : value;
    }
    if (typeof pattern === "string" && pattern.startsWith("$ms:") && typeof value === "string") {
      const [min, max] = pattern.slice(4).split("-").map(Number);
      const ms = Number(/^(\d+)ms$/.exec(value)?.[1]);
      return ms >= min! && ms <= max! ? pattern : value;
    }
    if (typeof value !== "object" || value === null || typeof pattern !== "object") return value;
    if (Array.isArray(value))
      return value.map((item, i) => replaced(item, (pattern as unknown[])?.[i]));
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([name, item]) => [
        name,
        replaced(item, (pattern as Record<string, unknown>)?.[name]),
      ]),
    );
  };
  assert.deepEqual(replaced(actual, expected), expected);
}

async function reply(response: ServerResponse, answer: Answer) {
  if (answer.hang) {
    // Not longer, so that a client that waits for ever fails and ends.
    setTimeout(() => response.destroy(), 20_000).unref();
    return;
  }
  if (answer.drop) {
    response.destroy();
    return;
  }
  const type = answer.status! >= 400 ? "application/problem+json" : "application/json";
  const json = answer.json === undefined ? undefined : JSON.stringify(answer.json);
  const headers = { ...(json === undefined ? {} : { "content-type": type }), ...answer.headers };
  const body = Buffer.from(json ?? answer.text ?? "");
  const end = () => (answer.cut ? response.destroy() : response.end());
  if (answer.pieces !== undefined) {
    response.writeHead(answer.status!, headers);
    const pieces = answer.pieces.map((piece) => Buffer.from(piece, "latin1"));
    const last = pieces.pop()!;
    for (const piece of pieces) response.write(piece);
    response.write(last, end);
  } else if (answer.cut) {
    response.writeHead(answer.status!, { ...headers, "content-length": body.length + 1 });
    response.write(body, end);
  } else if (answer.slow) {
    response.writeHead(answer.status!, headers).flushHeaders();
    for (let part = 0; part < 10 && !response.destroyed; part++) {
      await after(answer.slow);
      response.write(body.subarray((part * body.length) / 10, ((part + 1) * body.length) / 10));
    }
    response.end();
  } else {
    response.writeHead(answer.status!, headers).end(body);
  }
}
