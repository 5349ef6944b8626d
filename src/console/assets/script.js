"use strict";
// Three things that the pages do not need: what can still change is fetched again, commands can be copied, and what takes long goes on.
(() => {
  const main = document.getElementById("main");
  const note = document.getElementById("live");
  let timer;

  // While the page is hidden, or what it shows is final, nothing is asked.
  const plan = () => {
    clearTimeout(timer);
    const seconds = Number(main.dataset.live);
    if (seconds > 0 && !document.hidden) timer = setTimeout(update, Math.max(seconds, 2) * 1000);
  };

  // The console itself waits 30 s for the API.
  const LIMIT_MS = 35000;
  // The page has nothing more for this user.
  const FINAL = [401, 403, 404];
  let updated = new Date();

  const update = async () => {
    if (main.dataset.busy || document.hidden) return;
    main.dataset.busy = "yes";
    try {
      const answer = await fetch(location.href, { redirect: "error", signal: AbortSignal.timeout(LIMIT_MS) });
      if (answer.ok) {
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
        updated = new Date();
        say("");
      } else if (FINAL.includes(answer.status)) {
        stale(`the console answered ${answer.status}. Load the page again.`);
        delete main.dataset.live;
      } else {
        stale(`the console answered ${answer.status}. It is asked again.`);
      }
    } catch {
      stale("the console can't be reached. It is asked again.");
    }
    delete main.dataset.busy;
    plan();
  };

  const say = (text) => {
    if (note.textContent !== text) note.textContent = text;
  };

  const stale = (why) => say(`Last updated at ${updated.toLocaleTimeString()}: ${why}`);

  const FOCUSABLE = "a, button, summary, [tabindex]";

  // Stands for what an element does: a button with the same place may do something else.
  const purpose = (element) =>
    element.getAttribute("href") ?? element.form?.getAttribute("action") ?? element.getAttribute("aria-label") ?? element.textContent;

  const focusAgain = (part, wanted) => {
    const same = [...part.querySelectorAll(FOCUSABLE)].find((element) => purpose(element) === wanted);
    if (same) return same.focus();
    const heading = main.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  };

  // Parts that are as before stay, with what is selected or has the focus in them.
  const show = (page) => {
    const now = page.getElementById("main");
    if (!now) return;
    for (const part of main.querySelectorAll("[data-part]")) {
      const other = now.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!other || other.innerHTML === part.innerHTML) continue;
      const focus = part.contains(document.activeElement) ? document.activeElement : null;
      if (focus && focus.matches("input, select, textarea")) continue;
      const open = new Set([...part.querySelectorAll("details[open]")].map(label));
      part.replaceChildren(...other.childNodes);
      part.querySelectorAll("details").forEach((details) => {
        details.open = open.has(label(details));
      });
      if (focus) focusAgain(part, purpose(focus));
    }
    if (now.dataset.live) main.dataset.live = now.dataset.live;
    else delete main.dataset.live;
  };

  const label = (details) => details.querySelector("summary").textContent;

  for (const field of document.querySelectorAll("input.command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy");
      }
      button.textContent = "Copied";
    });
    field.after(button);
  }

  // What takes several calls goes on, and shows in between how far it came.
  const unfinished = document.querySelector("form[data-go-on]");
  if (unfinished) setTimeout(() => unfinished.requestSubmit(), 300);

  document.addEventListener("visibilitychange", plan);
  plan();
})();
