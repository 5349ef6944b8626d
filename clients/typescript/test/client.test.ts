// What only this language has: signals, dates, the global fetch.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspect } from "node:util";
import { Client, Unavailable } from "handoff-client";
import { scripted } from "./server.js";

const GET = { method: "GET", path: "/v1/tasks/a" };

/** The compiler must refuse these calls; nothing runs them. */
export async function refused(client: Client) {
  // @ts-expect-error There is no such option.
  await client.enqueue("echo", 1, { delai: "5s" });
  // @ts-expect-error There is no such priority.
  await client.enqueue("echo", 1, { priority: "urgent" });
  // @ts-expect-error A batch names the queue for all items.
  await client.batch([{ task: "echo", queue: "emails" }]);
  for await (const event of client.task("a").events()) {
    // @ts-expect-error Only the event `log` is sure to have one.
    console.log(event.data.message);
  }
}

/** A `fetch` that answers with bytes in these pieces. */
function streaming(pieces: Uint8Array[]): typeof fetch {
  return async () => {
    const body = new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
}

test("streams are read the same wherever they are cut", async () => {
  const file = new URL("../../vectors.json", import.meta.url);
  const vectors: any[] = JSON.parse(readFileSync(file, "utf8"));
  const whole = vectors.filter(({ exchanges, outcome }) => {
    return exchanges.length === 1 && exchanges[0].answer.pieces && !outcome.error;
  });
  assert.ok(whole.length >= 5);
  for (const { name, exchanges, outcome } of whole) {
    const bytes = Buffer.from(exchanges[0].answer.pieces.join(""), "latin1");
    for (let at = 0; at <= bytes.length; at++) {
      const fetch = streaming([bytes.subarray(0, at), bytes.subarray(at)]);
      const events = [];
      for await (const event of new Client("http://host", { fetch }).task("a").events())
        events.push(event);
      assert.deepEqual(events, outcome.value, `${name}, cut at ${at}`);
    }
    const fetch = streaming([...bytes].map((byte) => Uint8Array.of(byte)));
    const events = [];
    for await (const event of new Client("http://host", { fetch }).task("a").events())
      events.push(event);
    assert.deepEqual(events, outcome.value, name);
  }
});

test("an abort ends a request that waits, with its reason", async () => {
  const server = await scripted([
    { request: { ...GET, query: { wait: "25000ms" } }, answer: { hang: true } },
  ]);
  const stop = new AbortController();
  const fetch: typeof globalThis.fetch = (input, init) => {
    const answer = globalThis.fetch(input, init);
    stop.abort(new Error("the user left"));
    return answer;
  };
  const task = new Client(server.url, { fetch, attempts: 1 }).task("a");
  await assert.rejects(task.result(undefined, { signal: stop.signal }), /the user left/);
  await server.close();
});

// With its limit, since the pause would end by itself after 30 s.
test("an abort ends a pause, and nothing is repeated", { timeout: 10_000 }, async () => {
  const busy = { status: 503, headers: { "retry-after": "30" } };
  const server = await scripted([{ request: GET, answer: busy }]);
  const stop = new AbortController();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const answer = await globalThis.fetch(input, init);
    setTimeout(() => stop.abort(new Error("the user left")));
    return answer;
  };
  const task = new Client(server.url, { fetch }).task("a");
  await assert.rejects(task.refresh({ signal: stop.signal }), /the user left/);
  await server.finish();
});

test("nothing is sent for a signal that was aborted before", async () => {
  const server = await scripted([]);
  const call = new Client(server.url).enqueue("echo", 1, {
    signal: AbortSignal.abort(new Error("no")),
  });
  await assert.rejects(call, /no/);
  await server.finish();
});

test("leaving the loop closes the stream", async () => {
  let left = false;
  const text = 'event: state\ndata: {"state":"running","attempt":1}\n\n';
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
    cancel: () => void (left = true),
  });
  const fetch = async () =>
    new Response(body, { headers: { "content-type": "text/event-stream" } });
  for await (const event of new Client("http://host", { fetch }).task("a").events()) {
    assert.equal(event.type, "state");
    break;
  }
  assert.ok(left);
});

test("leaving the loop asks for no further page", async () => {
  const page = { tasks: [{ id: "a" }, { id: "b" }], next: "/v1/queues/default/tasks?from=1" };
  const request = { method: "GET", path: "/v1/queues/default/tasks" };
  const server = await scripted([{ request, answer: { status: 200, json: page } }]);
  for await (const task of new Client(server.url).queue().tasks()) {
    assert.equal(task.id, "a");
    break;
  }
  await server.finish();
});

test("an invalid date is no task that begins at once", async () => {
  const server = await scripted([]);
  const call = new Client(server.url).enqueue("echo", 1, { eta: new Date("soon") });
  await assert.rejects(call, RangeError);
  await server.finish();
});

test("tokens and passwords are shown nowhere", async () => {
  const secret = "s3cret";
  for (const [url, token] of [
    ["http://host", `${secret}\n`],
    ["http://host", `${secret}"`],
    ["http://host", `${secret}\\`],
    ["http://host", `=${secret}`],
    [`http://user:${secret}@host`, undefined],
    [`http://host?token=${secret}`, undefined],
  ] as const) {
    const make = () => new Client(url, token === undefined ? {} : { token });
    assert.throws(make, (error) => error instanceof TypeError && !inspect(error).includes(secret));
  }
  const client = new Client("http://127.0.0.1:1", { token: secret, attempts: 1 });
  assert.ok(!inspect([client, client.task("a"), client.queue()], { depth: 9 }).includes(secret));
  await assert.rejects(client.task("a").refresh(), (error) => {
    assert.ok(error instanceof Unavailable);
    return !inspect(error, { depth: 9 }).includes(secret);
  });
});

test("an error says that nobody listens", async () => {
  // `fetch` itself refuses port 1.
  await assert.rejects(new Client("http://127.0.0.1:2", { attempts: 1 }).task("a").refresh(), {
    name: "Unavailable",
    message: /^GET http:\/\/127.0.0.1:2\/v1\/tasks\/a: no answer: connection refused \(1 attempt /,
  });
});

test("a URL without a good host and port is refused", () => {
  for (const address of ["localhost:abc", "localhost:65536", "localhost:-1", "local host", ":80"])
    assert.throws(() => new Client(`http://${address}`), TypeError, address);
});

test("another JSON keeps numbers beyond 2^53", async () => {
  const text = '{"id":"a","state":"succeeded","result":9007199254740993}';
  const fetch = async () => new Response(text);
  const parse = (json: string) => JSON.parse(json.replace(/\d{16,}/g, '"$&n"'));
  const client = new Client("http://host", { fetch, json: { parse, stringify: JSON.stringify } });
  assert.equal(await client.task("a").result(), "9007199254740993n");
});

test("durations", async () => {
  const waits: (string | null)[] = [];
  const fetch = async (input: unknown) => {
    waits.push(new URL(String(input)).searchParams.get("wait"));
    return new Response(JSON.stringify({ id: "a", state: "queued" }));
  };
  const client = new Client("http://host", { fetch });
  for (const wait of [1500, "1.5s", "250ms", "2m 30s", "0.5h", "1d"]) {
    await client.enqueue("echo", 1, { wait });
  }
  const expected = [1500, 1500, 250, 150_000, 1_800_000, 86_400_000];
  assert.deepEqual(
    waits,
    expected.map((ms) => `${ms}ms`),
  );
  for (const wrong of ["10", "-1s", "", "1 s", "s", -1, NaN]) {
    await assert.rejects(client.enqueue("echo", 1, { wait: wrong }), RangeError, String(wrong));
  }
});
