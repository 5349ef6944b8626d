"use strict";
// Two things that the pages do not need: what can still change is fetched again, and commands can be copied.
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

  const update = async () => {
    if (main.dataset.busy || document.hidden) return;
    main.dataset.busy = "yes";
    try {
      const answer = await fetch(location.href, { redirect: "error" });
      if (answer.ok) {
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
        say("");
      } else {
        say(`Not up to date: the console answered ${answer.status}. Load the page again.`);
        delete main.dataset.live;
      }
    } catch {
      say("Not up to date: the console can't be reached. It is tried again.");
    }
    delete main.dataset.busy;
    plan();
  };

  const say = (text) => {
    if (note.textContent !== text) note.textContent = text;
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
      const places = focus && [...part.querySelectorAll("a, button, summary")].indexOf(focus);
      const open = [...part.querySelectorAll("details")].map((details) => details.open);
      part.replaceChildren(...other.childNodes);
      part.querySelectorAll("details").forEach((details, i) => {
        details.open = open[i] ?? details.open;
      });
      if (focus) part.querySelectorAll("a, button, summary")[places]?.focus();
    }
    if (now.dataset.live) main.dataset.live = now.dataset.live;
    else delete main.dataset.live;
  };

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

  document.addEventListener("visibilitychange", plan);
  plan();
})();
