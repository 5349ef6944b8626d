// The calls, exchanges and outcomes that all clients share: see clients/README.md.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Client, type ClientOptions, HandoffError, TaskError } from "handoff-client";
import { type Exchange, scripted } from "./server.js";

interface Step {
  call: string;
  args?: unknown[];
  with?: Record<string, unknown>;
}

interface ExpectedError {
  class: string;
  says?: string[];
  hides?: string[];
  length_max?: number;
  [field: string]: unknown;
}

interface Vector {
  name: string;
  url?: string;
  options?: ClientOptions;
  calls: Step[];
  exchanges: Exchange[];
  outcome: { value?: unknown; error?: ExpectedError; pauses?: [number, number][] };
}

const file = new URL("../../vectors.json", import.meta.url);
const vectors: Vector[] = JSON.parse(readFileSync(file, "utf8"));

for (const vector of vectors) {
  test(vector.name, async () => {
    const server = await scripted(vector.exchanges);
    const pauses: number[] = [];
    try {
      const client = new Client(server.url + (vector.url ?? ""), {
        ...vector.options,
        sleep: async (ms) => void pauses.push(ms),
      });
      const { value, error } = await run(client, vector.calls);
      if (error === undefined || vector.outcome.error === undefined) {
        assert.equal(error, undefined, String(error));
        assert.equal(vector.outcome.error, undefined, "an error was expected");
      } else {
        compareError(error, vector.outcome.error);
      }
      if ("value" in vector.outcome) assert.deepEqual(shown(value ?? null), vector.outcome.value);
    } finally {
      await server.finish();
    }
    for (const [i, [min, max]] of (vector.outcome.pauses ?? []).entries()) {
      assert.ok(pauses[i]! >= min && pauses[i]! <= max, `pause ${i} is ${pauses[i]} ms`);
    }
    if (vector.outcome.pauses) assert.equal(pauses.length, vector.outcome.pauses.length, "pauses");
  });
}

/** Makes one call on the value of the one before, and reads the last one to its end. */
async function run(client: Client, calls: Step[]): Promise<{ value: unknown; error?: unknown }> {
  let value: unknown = client;
  const read: unknown[] = [];
  try {
    for (const step of calls) {
      const name = camel(step.call);
      const method = (value as Record<string, (...args: unknown[]) => unknown>)[name]!;
      const args = (step.args ?? []).map(inLanguage);
      value = method.call(value, ...args, ...(step.with ? [options(step.with)] : []));
      value = await value;
    }
    if (Symbol.asyncIterator in Object(value)) {
      for await (const item of value as AsyncIterable<unknown>) read.push(item);
      return { value: read };
    }
    return { value };
  } catch (error) {
    return { value: read, error };
  }
}

function options(given: Record<string, unknown>): Record<string, unknown> {
  const options = ["last_event_id", "dry_run"];
  const own = (name: string) => (options.includes(name) ? camel(name) : name);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [own(name), inLanguage(value)]),
  );
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function inLanguage(value: unknown): unknown {
  const time = (value as { $time?: string } | null)?.$time;
  return time === undefined ? value : new Date(time);
}

/** A value as the file writes it. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (value instanceof HandoffError) {
    const { name, type, status, detail, field } = value;
    return { class: name, type, status, detail, field };
  }
  const kind = (value as object | null)?.constructor.name;
  if (kind === "Task" || kind === "Workflow") {
    const { id, object } = value as { id: string; object: unknown };
    return { [kind.toLowerCase()]: id, object };
  }
  return value;
}

function compareError(error: unknown, expected: ExpectedError) {
  assert.ok(error instanceof HandoffError, String((error as Error).stack));
  const { class: name, says = [], hides = [], length_max = Infinity, ...fields } = expected;
  assert.equal(error.name, name, error.stack);
  assert.equal(error.constructor.name, name);
  for (const [field, value] of Object.entries(fields)) {
    assert.deepEqual((error as unknown as Record<string, unknown>)[field] ?? null, value, field);
  }
  assert.equal(error instanceof TaskError, name.startsWith("Task"));
  for (const part of says) assert.ok(error.message.includes(part), error.message);
  for (const part of hides) assert.ok(!JSON.stringify([error.message, error]).includes(part));
  assert.ok(error.message.length <= length_max, error.message);
}
