import type { Duration } from "./types.js";

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The milliseconds of a duration. */
export function milliseconds(duration: Duration): number {
  if (typeof duration === "number" && duration >= 0) return duration;
  if (typeof duration === "string" && /^(\d+(\.\d+)?(ms|s|m|h|d) ?)+$/.test(duration)) {
    const parts = [...duration.matchAll(/([\d.]+)([a-z]+)/g)];
    return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
  }
  throw new RangeError(`${duration} is not a duration: write milliseconds, or text such as "1.5s"`);
}

const DURATIONS = new Set([
  "delay",
  "every",
  "expires",
  "heartbeat_timeout",
  "idempotency_ttl",
  "initial",
  "max",
  "retention",
  "timeout",
]);

/** Fields as the API takes them: durations and times are text. */
export function written<Fields extends object>(fields: Fields): Fields {
  const entries = Object.entries(fields).map(([name, value]): [string, unknown] => {
    if (typeof value === "number" && DURATIONS.has(name)) return [name, `${value}ms`];
    // An invalid date throws here. As JSON it would be `null`, which means "at once".
    if (value instanceof Date && name !== "args") return [name, value.toISOString()];
    if (name === "retry" && value) return [name, written(value)];
    return [name, value];
  });
  return Object.fromEntries(entries) as Fields;
}
