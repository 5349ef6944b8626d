// The console in a real browser: pages, buttons, live updates, and what a token may not do.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile, mkdir } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { after, before, test } from "node:test";
import { GUARDED, OPEN, PHONE, TOKENS, api, browser, enqueue, reaches, window } from "./browser.js";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core"), "utf8");
const pages = {};

before(async () => {
  const done = await enqueue({ task: "echo", args: { to: "Ada", api_token: "s3cret" }, key: "customer-17" });
  const failed = await enqueue({
    task: "http.request",
    args: { url: "http://192.0.2.1/a" },
    retry: { attempts: 2, initial: "10ms", max: "10ms" },
  });
  await api("PUT", "/v1/schedules/report", { task: "echo", cron: "30 6 * * MON-FRI", timezone: "Europe/Berlin" });
  await api("PUT", "/v1/schedules/poll", { task: "echo", every: "10m" });
  const workflow = await api("POST", "/v1/workflows?wait=30s", {
    group: { task: "echo", each: [1, 2, 3, 4, 5] },
    then: { task: "echo" },
  });
  await reaches(done, "succeeded");
  await reaches(failed, "failed");
  Object.assign(pages, {
    overview: "/console/",
    tasks: "/console/queues/default",
    filtered: "/console/queues/default?state=failed&task=http.request",
    failed: "/console/queues/default/failed",
    allFailed: "/console/failed",
    workflows: "/console/queues/default/workflows",
    purge: "/console/queues/default/purge",
    task: `/console/tasks/${done}`,
    failedTask: `/console/tasks/${failed}`,
    again: `/console/tasks/${done}/again`,
    schedules: "/console/schedules",
    schedule: "/console/schedules/poll",
    workflow: `/console/workflows/${workflow.id}`,
    signIn: "/console/sign-in",
    docs: "/console/docs",
    nothing: "/console/nothing",
  });
});

after(() => browser.close());

for (const colorScheme of ["light", "dark"]) {
  for (const [name, viewport] of Object.entries({ desk: { width: 1280, height: 800 }, phone: PHONE })) {
    test(`every page is accessible, ${colorScheme}, ${name}`, () =>
      window({ colorScheme, viewport }, async (page) => {
        for (const [which, path] of Object.entries(pages)) {
          await page.goto(OPEN + path);
          await page.locator("footer summary").click({ timeout: 1000 }).catch(() => {});
          const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
          assert.ok(wide <= 0, `${which} is ${wide} px too wide`);
          await page.evaluate(axe);
          const found = await page.evaluate(() => globalThis.axe.run());
          const said = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
          assert.deepEqual(said, [], which);
        }
      }));
  }
}

test("a page with its files is small", async () => {
  const sizes = {};
  for (const [which, path] of Object.entries(pages)) {
    const html = await (await fetch(OPEN + path)).text();
    const files = [...html.matchAll(/(?:href|src)="(\/console\/[^"]*\.(?:css|js|svg)\?[^"]*)"/g)];
    assert.equal(files.length, 3, which);
    const texts = await Promise.all(files.map(async ([, file]) => (await fetch(OPEN + file)).text()));
    sizes[which] = [html, ...texts].reduce((sum, text) => sum + gzipSync(text).length, 0);
    assert.ok(sizes[which] <= 60_000, `${which}: ${sizes[which]} bytes`);
  }
});

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with" : "without";
  test(`every button works ${how} JavaScript`, () =>
    window({ javaScriptEnabled }, async (page) => {
      const press = (name) => page.getByRole("button", { name, exact: true }).first().click();
      const says = (text) => page.getByText(text).first().waitFor();

      await page.goto(`${OPEN}/console/`);
      await page.getByRole("link", { name: "default" }).click();
      await press("Pause");
      await says("The queue is paused");
      const waits = await enqueue({ task: "echo", args: how });
      await page.getByRole("link", { name: "Purge…" }).click();
      await page.getByLabel(/Type the queue/).fill("other");
      await press("Purge");
      await says("is not the name of this queue");
      await page.getByLabel(/Type the queue/).fill("default");
      await press("Purge");
      await says("Cancelled 1 waiting tasks");
      await reaches(waits, "cancelled");
      await page.getByRole("link", { name: "To the queue" }).click();
      await press("Resume");
      await says("The queue goes on");

      await enqueue({ task: "echo", delay: "1h", key: how });
      await page.getByLabel("Key").fill(how);
      await press("Filter");
      await press("Cancel open ones…");
      await says("Cancel 1 open tasks?");
      await press("Cancel them");
      await says("Cancelled 1 of");

      const open = await enqueue({ task: "sleep", args: { for: "5m" } });
      await page.getByRole("searchbox").or(page.getByLabel("Task", { exact: true })).first().fill(open);
      await press("Show");
      await press("Cancel");
      await says("The task will stop");
      await reaches(open, "cancelled");

      await page.goto(OPEN + pages.task);
      await page.getByRole("link", { name: "Edit and run again…" }).click();
      const field = page.getByLabel("Arguments, as JSON");
      assert.match(await field.inputValue(), /"api_token": "\[redacted\]"/);
      await field.fill((await field.inputValue()).replace("Ada", "Grace"));
      await press("Enqueue");
      await says("This is the new task.");
      const task = await reaches(new URL(page.url()).pathname.split("/").pop(), "succeeded");
      assert.deepEqual(task.args, { to: "Grace", api_token: "s3cret" });

      const failed = await enqueue({ task: "http.request", args: { url: "http://192.0.2.1/b" }, retry: { attempts: 1 } });
      await reaches(failed, "failed");
      await page.goto(`${OPEN}/console/queues/default/failed`);
      await page.goto(`${OPEN}/console/tasks/${failed}`);
      await press("Discard");
      await says("off the list of failed tasks");
      await press("Retry");
      await says("the failed one was retried");

      await page.goto(`${OPEN}/console/schedules/poll`);
      await press("Run now");
      await says("This is the new task.");
      await api("PUT", `/v1/schedules/short_${how}`, { task: "echo", every: "1h" });
      await page.goto(`${OPEN}/console/schedules/short_${how}`);
      await page.getByLabel(/Type the schedule/).fill(`short_${how}`);
      await press("Delete");
      await says("The schedule is deleted");

      const workflow = await api("POST", "/v1/workflows", { chain: [{ task: "echo" }], delay: "1h" });
      await page.goto(`${OPEN}/console/workflows/${workflow.id}`);
      await press("Cancel");
      await says("cancelled");
    }));
}

test("only the keyboard is needed", () =>
  window({}, async (page) => {
    await page.goto(OPEN + pages.overview);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/console\/queues\/default$/);
  }));

test("an open task is fetched at most once in 2 s, while it can be seen and changes", () =>
  window({}, async (page) => {
    const task = await enqueue({ task: "sleep", args: { for: "10m" } });
    await reaches(task, "running");
    // Its time passes only when the test says so.
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1_000);
    let fetched = 0;
    page.on("request", (request) => {
      if (request.resourceType() === "fetch") fetched += 1;
    });
    await page.goto(`${OPEN}/console/tasks/${task}`);
    const answered = () => page.waitForResponse((answer) => answer.request().resourceType() === "fetch");
    // Whatever was asked is answered, and so was seen here.
    const settle = () => page.waitForFunction(() => !document.getElementById("main").dataset.busy);
    for (let round = 1; round <= 3; round += 1) {
      await page.clock.runFor(1_999);
      await settle();
      assert.equal(fetched, round - 1, "too early");
      const answer = answered();
      await page.clock.runFor(1);
      await (await answer).finished();
      await settle();
      assert.equal(fetched, round);
    }
    const see = (hidden) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await see(true);
    await page.clock.runFor(60_000);
    await settle();
    assert.equal(fetched, 3, "nobody sees it");
    await see(false);
    await page.getByRole("button", { name: "Cancel" }).focus();
    await api("DELETE", `/v1/tasks/${task}`);
    await reaches(task, "cancelled");
    const answer = answered();
    await page.clock.runFor(2_000);
    await (await answer).finished();
    await page.getByText("cancelled").first().waitFor();
    await page.waitForFunction(() => !document.getElementById("main").dataset.live);
    assert.equal(await page.getByRole("button", { name: "Cancel" }).count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "no other button has the focus");
    await page.clock.runFor(60_000);
    await settle();
    assert.equal(fetched, 4, "it is final");
  }));

test("a page that can't be fetched says so, and is fetched again", () =>
  window({}, async (page) => {
    const task = await enqueue({ task: "sleep", args: { for: "10m" } });
    await reaches(task, "running");
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1_000);
    let status = 503;
    await page.route(`**/console/tasks/${task}`, (route) =>
      status && route.request().resourceType() === "fetch" ? route.fulfill({ status, body: "" }) : route.continue());
    await page.goto(`${OPEN}/console/tasks/${task}`);
    const says = (text) => page.waitForFunction((text) => {
      const { textContent } = document.getElementById("live");
      return text ? textContent.includes(text) : textContent === "";
    }, text);
    await page.clock.runFor(2_000);
    await says("answered 503. It is asked again");
    status = 0;
    await page.clock.runFor(2_000);
    await says("");
    status = 404;
    await page.clock.runFor(2_000);
    await says("answered 404. Load the page again");
    assert.equal(await page.evaluate(() => document.getElementById("main").dataset.live), undefined);
    await api("DELETE", `/v1/tasks/${task}`);
  }));

test("ten thousand tasks are a list of pages", () =>
  window({ viewport: PHONE }, async (page) => {
    await api("POST", "/v1/queues/many/pause");
    for (let batch = 0; batch < 10; batch += 1) {
      const tasks = Array.from({ length: 1_000 }, (_, i) => ({ task: "echo", args: `many ${batch} ${i}` }));
      await api("POST", "/v1/tasks:batch", { queue: "many", tasks });
    }
    const list = "/console/queues/many?text=many";
    await page.goto(OPEN + list);
    await page.getByText("10000 waiting").waitFor();
    assert.equal(await page.locator("tbody tr").count(), 50);
    await page.getByText(/Searched \d+ places/).waitFor();
    await page.getByRole("link", { name: "Next page" }).click();
    await page.waitForURL(/from=/);
    assert.equal(await page.locator("tbody tr").count(), 50);
    const html = await (await fetch(OPEN + list)).text();
    assert.ok(gzipSync(html).length < 50_000, "the page is small");
    await page.getByRole("button", { name: "Cancel open ones…" }).click();
    await page.getByText(/Cancel 10000 open tasks\?/).waitFor();
  }));

test("a token opens the console, and may do what it may", () =>
  window({}, async (page, context) => {
    const signIn = async (token) => {
      await page.getByLabel("Token").fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    await page.goto(`${GUARDED}/console/queues/default`);
    await signIn("wrong");
    await page.getByText("does not know this token").waitFor();
    await signIn(TOKENS.reads);
    await page.waitForURL(/\/console\/queues\/default$/);
    const [cookie] = await context.cookies(`${GUARDED}/console/`);
    const { httpOnly, sameSite, path, expires } = cookie;
    assert.deepEqual({ httpOnly, sameSite, path, expires }, { httpOnly: true, sameSite: "Strict", path: "/console", expires: -1 });
    assert.deepEqual(await context.cookies(`${GUARDED}/v1/queues`), []);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("needs the scope \"operate\"").waitFor();
    await page.getByRole("link", { name: "Sign in with another token" }).click();
    await signIn(TOKENS.all);
    await page.getByRole("link", { name: "default" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("The queue is paused").waitFor();
    assert.ok(!(await page.content()).includes(TOKENS.all), "the token is in no page");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You are signed out").waitFor();
    assert.deepEqual(await context.cookies(), []);
  }));

test("another site can't act through the browser", () =>
  window({}, async (page) => {
    // Another port of this machine is the same site to SameSite, and still not the same origin.
    await page.route("http://evil.localhost/**", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${OPEN}/console/queues/default/do/pause"><button>Win</button></form>`,
      }));
    await page.goto("http://evil.localhost/");
    await page.getByRole("button", { name: "Win" }).click();
    await page.getByText("Another site sent this").waitFor();
    const queue = await api("GET", "/v1/queues/default");
    assert.equal(queue.paused, false);
  }));

test("pictures for the documentation", { skip: !process.env.HANDOFF_SCREENSHOTS && "only if HANDOFF_SCREENSHOTS names a folder" }, () =>
  window({ viewport: { width: 900, height: 480 } }, async (page) => {
    const folder = process.env.HANDOFF_SCREENSHOTS;
    await mkdir(folder, { recursive: true });
    await page.goto(OPEN + pages.overview);
    await page.screenshot({ path: `${folder}/console-queues.png` });
    await page.goto(OPEN + pages.failedTask);
    await page.screenshot({ path: `${folder}/console-task.png` });
  }));
