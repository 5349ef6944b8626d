// A real Handoff at HANDOFF_URL. These tests pause and purge the queue HANDOFF_QUEUE.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Client,
  Conflict,
  HandoffError,
  InvalidRequest,
  NotFound,
  type Task,
  TaskCancelled,
  TaskExpired,
  TaskFailed,
  type TasksOptions,
  TimeoutError,
} from "handoff-client";

const url = process.env.HANDOFF_URL;
const own = process.env.HANDOFF_QUEUE ?? "default";
if (url === undefined) console.log("SKIPPED: no HANDOFF_URL");

/** Far beyond what anything here takes. */
const LIMIT = "1m";
/** Fails in its first attempts and then for good, on every deployment. */
const FAILS = { timeout: 100, retry: { attempts: 2, initial: 100 } };

function real(name: string, run: (client: Client) => Promise<void>) {
  test(name, { skip: url === undefined }, () => run(new Client(url!)));
}

async function list<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const read: Item[] = [];
  for await (const item of items) read.push(item);
  return read;
}

real("a result", async (client) => {
  const args = { name: "Zoë 💌 日本", line: "a\u2028b", list: [1, null, { deep: "é" }] };
  const task = await client.enqueue<typeof args>("echo", args, { delay: 50, priority: "high" });
  assert.equal((await task.result(LIMIT)).name, args.name);
  assert.deepEqual(await client.task(task.id).result(LIMIT), args);
  assert.equal((await task.refresh()).priority, "high");
  assert.equal(await (await client.enqueue("echo", null)).result(LIMIT).then(JSON.stringify), "{}");
});

real("a result in the answer to enqueue", async (client) => {
  const task = await client.enqueue("echo", [1], { wait: "20s" });
  assert.deepEqual(task.object?.result, [1]);
  assert.deepEqual(await task.result(0), [1]);
});

real("a wait that is over, and a cancelled task", async (client) => {
  const task = await client.enqueue("sleep", { for: "10m" }, { timeout: "1h" });
  await assert.rejects(task.result(200), TimeoutError);
  await task.cancel();
  await assert.rejects(task.result(LIMIT), TaskCancelled);
  const later = await client.enqueue("echo", 1, { eta: new Date(Date.now() + 3_600_000) });
  assert.equal(later.object?.state, "scheduled");
  assert.equal((await later.cancel()).state, "cancelled");
});

real("a wait that is longer than the server may be silent", async (client) => {
  const { id } = await client.enqueue("sleep", { for: "3s" });
  await new Client(url!, { timeout: "1s", attempts: 1 }).task(id).result(LIMIT);
});

real("a task that fails", async (client) => {
  const task = await client.enqueue("sleep", { for: "1m" }, FAILS);
  await assert.rejects(task.result(LIMIT), (error) => {
    assert.ok(error instanceof TaskFailed);
    assert.equal(error.errors.length, 2);
    assert.equal(error.errors[1]!.error, error.error);
    return true;
  });
});

real("events, until the end", async (client) => {
  const task = await client.enqueue("primes.count", { below: 5_000_000 });
  const events = await list(task.events());
  const types = events.map(({ type }) => type);
  assert.equal(types.at(-1), "end");
  assert.ok(types.includes("log") && types.includes("progress"), types.join());
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  assert.equal(task.object?.message, "348513 primes below 5000000");
  assert.deepEqual(await list(task.events({ lastEventId: events.at(-2)!.id })), events.slice(-1));
  assert.deepEqual(await list(task.events({ lastEventId: events.at(-1)!.id })), []);
});

// Over several connections, if the deployment's `events_max` is short.
real("events come while the task runs", async (client) => {
  const task = await client.enqueue("sleep", { for: "3s" });
  const events = [];
  for await (const event of task.events()) {
    events.push(event.id);
    if (event.type === "state" && event.data.state === "running") {
      assert.equal((await task.refresh()).state, "running");
    }
    if (event.type === "end") assert.equal(event.data.state, "succeeded");
  }
  assert.equal(new Set(events).size, events.length);
});

real("a batch", async (client) => {
  const items = [{ task: "echo", args: 1 }, { task: "nope" }, { task: "echo", args: 3 }];
  for (const once of [true, false]) {
    const [one, wrong, three] = await client.batch(items, { once });
    assert.equal(await (one as Task).result(LIMIT), 1);
    assert.ok(wrong instanceof InvalidRequest && wrong.field === "tasks[1].task", String(wrong));
    assert.equal(await (three as Task).result(LIMIT), 3);
  }
  await assert.rejects(client.batch([{ task: "nope" }]), InvalidRequest);
});

real("workflows", async (client) => {
  const step = { task: "echo", args: 1 };
  const chain = await client.chain([
    { task: "echo", args: "20ms" },
    { task: "sleep", args: {}, into: "for" },
  ]);
  await chain.result(LIMIT);
  assert.equal(chain.object?.progress?.succeeded, 2);
  const group = await client.group({ task: "echo", each: [1, 2, 3] });
  assert.deepEqual(await group.result(LIMIT), { succeeded: 3 });
  assert.deepEqual(
    (await list(group.tasks({ limit: 2 }))).map(({ result }) => result),
    [1, 2, 3],
  );
  const chord = await client.chord([step, step], { task: "echo" }, { wait: "20s" });
  assert.deepEqual(await chord.result(LIMIT), { results: [1, 1] });
  const failing = await client.group([{ task: "sleep", args: { for: "1m" }, ...FAILS }]);
  await assert.rejects(failing.result(LIMIT), TaskFailed);
  const waiting = await client.chain([{ task: "sleep", args: { for: "10m" }, timeout: "1h" }]);
  await waiting.cancel();
  await assert.rejects(client.workflow(waiting.id).result(LIMIT), TaskCancelled);
});

real("a schedule", async (client) => {
  const schedule = client.schedule("client_typescript");
  const put = await schedule.put({ task: "echo", every: 3_600_000, retry: { initial: 10 } });
  assert.equal(put.every, "1h");
  const { next_run } = await schedule.put(await schedule.get());
  assert.equal(next_run, put.next_run);
  assert.ok((await client.schedules()).some(({ name }) => name === schedule.name));
  await schedule.delete();
  await assert.rejects(schedule.delete(), NotFound);
  await assert.rejects(
    schedule.get(),
    (error) => (error as HandoffError).type === "unknown-schedule",
  );
});

real("a lost answer enqueues one task", async () => {
  const ids: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const answer = await globalThis.fetch(input, init);
    ids.push(((await answer.clone().json()) as { id: string }).id);
    if (ids.length === 1) throw new TypeError("the connection is lost");
    return answer;
  };
  const task = await new Client(url!, { fetch }).enqueue("echo", 1);
  assert.deepEqual(ids, [task.id, task.id]);
});

real("a key of the caller's", async (client) => {
  const options = { idempotency_key: `Bestellung 💌 ${crypto.randomUUID()}` };
  const [one, two] = await Promise.all([0, 1].map(() => client.enqueue("echo", 1, options)));
  assert.equal(one!.id, two!.id);
  await assert.rejects(client.enqueue("echo", 2, options), (error) => {
    return error instanceof Conflict && error.type === "idempotency-key-reused";
  });
});

real("invalid requests", async (client) => {
  await assert.rejects(client.enqueue("echo", 1, { delay: "-1s" }), (error) => {
    return error instanceof InvalidRequest && error.status === 400 && error.field === "delay";
  });
  await assert.rejects(client.enqueue("echo", "x".repeat(300_000)), (error) => {
    return error instanceof InvalidRequest && error.type === "too-large" && error.field === "args";
  });
  for (const id of ["nope", "a/b", "ü?#"])
    await assert.rejects(client.task(id).refresh(), NotFound);
  await assert.rejects(list(client.task("nope").events()), NotFound);
  await assert.rejects(client.queue("nope").get(), NotFound);
  await assert.rejects(client.workflow("nope").cancel(), NotFound);
});

real("a queue", async (client) => {
  const queue = client.queue(own);
  const failed = await client.enqueue("sleep", { for: "1m" }, { ...FAILS, queue: own });
  await assert.rejects(failed.result(LIMIT), TaskFailed);
  assert.ok((await list(queue.failed({ limit: 1 }))).some(({ id }) => id === failed.id));
  const retry = await failed.retry();
  assert.equal(retry.object?.retry_of, failed.id);
  assert.equal((await failed.retry()).id, retry.id);
  await assert.rejects(retry.result(LIMIT), TaskFailed);
  assert.ok((await queue.retryFailed()) >= 1);
  await assert.rejects((await retry.retry()).result(LIMIT), TaskFailed);
  await retry.retry().then((again) => again.discard());
  await queue.discardFailed();

  assert.equal((await queue.pause()).paused, true);
  const purged = await client.enqueue("echo", 1, { queue: own });
  assert.ok((await queue.purge()).purged >= 1);
  const expired = await client.enqueue("echo", 1, { queue: own, expires: 100 });
  await assert.rejects(expired.result(150), TimeoutError);
  assert.equal((await queue.resume()).paused, false);
  await assert.rejects(purged.result(LIMIT), TaskCancelled);
  await assert.rejects(expired.result(LIMIT), TaskExpired);
  assert.ok((await client.queues()).some(({ name }) => name === own));
  assert.equal((await queue.get()).name, own);
});

real("tasks that fit", async (client) => {
  const queue = client.queue(own);
  const key = `Zoë & Söhne + 50%=?#/ ${crypto.randomUUID()}`;
  const ids: string[] = [];
  for (const n of [0, 1, 2])
    ids.unshift((await client.enqueue("echo", { n }, { queue: own, key, delay: "1h" })).id);
  const listed = async (options: TasksOptions) =>
    (await list(queue.tasks({ key, ...options }))).map(({ id }) => id);
  assert.deepEqual(await listed({ limit: 1 }), ids);
  assert.deepEqual(await listed({ text: '"n":1' }), ids.slice(1, 2));
  assert.equal(await queue.cancel({ key, task: "sleep" }), 0);
  assert.equal(await queue.cancel({ key, state: "scheduled", dryRun: true }), 3);
  assert.deepEqual(await listed({ state: "scheduled" }), ids);
  assert.equal(await queue.cancel({ key, state: "scheduled" }), 3);
  assert.deepEqual(await listed({ state: "cancelled" }), ids);
  // @ts-expect-error There is no such filter. Plain JavaScript must not cancel everything.
  await assert.rejects(queue.cancel({ keys: key }), InvalidRequest);
});

real("failed tasks that fit", async (client) => {
  const queue = client.queue(own);
  const key = `Käse & Brot ${crypto.randomUUID()}`;
  const failed = await client.enqueue("sleep", { for: "1m" }, { ...FAILS, queue: own, key });
  await assert.rejects(failed.result(LIMIT), TaskFailed);
  const listed = async () => (await list(queue.failed({ key }))).map(({ id }) => id);
  assert.deepEqual(await listed(), [failed.id]);
  assert.equal(await queue.retryFailed({ key, dryRun: true }), 1);
  assert.equal(await queue.discardFailed({ key, task: "echo" }), 0);
  assert.equal(await queue.discardFailed({ key, dryRun: true }), 1);
  assert.equal(await queue.retryFailed({ key }), 1);
  assert.equal(await queue.retryFailed({ key }), 0);
  await assert.rejects((await failed.retry()).result(LIMIT), TaskFailed);
  assert.equal(await queue.discardFailed({ key }), 1);
  assert.deepEqual(await listed(), []);
});
