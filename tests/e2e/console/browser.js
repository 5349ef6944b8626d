// What all tests of the console need: a browser, the API, and pages that report every fault.

import { chromium } from "playwright-core";

const environment = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

/** A deployment without tokens, and one with the tokens below. */
export const OPEN = environment("HANDOFF_URL");
export const GUARDED = environment("HANDOFF_GUARDED_URL");
export const TOKENS = { all: "t0ken", reads: "r34der" };

export const browser = await chromium.launch({
  executablePath: environment("HANDOFF_CHROMIUM"),
  // Where tests run as root, as in a container, there is no other way. Everything here is on loopback.
  args: ["--no-sandbox", "--no-proxy-server"],
});

/** Calls the API of the deployment without tokens. */
export const api = async (method, path, body) => {
  const answer = await fetch(OPEN + path, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text && JSON.parse(text);
};

export const enqueue = async (task) => (await api("POST", "/v1/tasks", task)).id;

/** So often a task is read, each time for a second. */
const LOOKS = 120;

/** Waits until a task has a state. */
export const reaches = async (id, state) => {
  let last;
  for (let look = 0; look < LOOKS; look += 1) {
    const task = await api("GET", `/v1/tasks/${id}?wait=1s`);
    if (task.state === state) return task;
    last = task.state;
    if (["succeeded", "failed", "cancelled"].includes(last)) break;
  }
  throw new Error(`${id} is ${last}, not ${state}`);
};

/** Runs a test in a browser window of its own, where nothing may go wrong unnoticed. */
export const window = async (options, test) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const faults = [];
  try {
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      // A page that is refused is an error to the browser, and here it is expected.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        faults.push(message.text());
      }
    });
    await test(page, context);
  } finally {
    await context.close();
  }
  if (faults.length > 0) throw new Error(`the page says: ${faults.join("; ")}`);
};

export const PHONE = { width: 360, height: 740 };
