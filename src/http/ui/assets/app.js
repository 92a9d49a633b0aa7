"use strict";
// Everything works without this file; it saves clicks and reloads.

// A choice in a filter is its own submit; by keyboard with Enter, because the arrows pass by what is not meant.
let keyed = false;
document.addEventListener("pointerdown", () => { keyed = false; }, true);
document.addEventListener("keydown", (event) => {
  if (!event.target.matches("select[data-submit]")) return;
  keyed = true;
  if (event.key === "Enter") { event.preventDefault(); event.target.form.requestSubmit(); }
}, true);
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]") && !keyed) event.target.form.requestSubmit();
});

function fill(details, detail) {
  delete details.dataset.src;
  details.querySelector(":scope > p")?.replaceWith(document.adoptNode(detail));
}

// What stands behind the criteria of a small grading comes when the page stands: each opens at once, and all are printed.
const ahead = document.querySelector(".matrix[data-ahead]");
async function fetchAhead() {
  const address = new URL(location.href);
  address.searchParams.set("details", "1");
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const details of ahead.querySelectorAll("details[data-src]")) {
      const detail = parsed.getElementById(details.closest("tbody").id)?.querySelector(".detail");
      if (detail) fill(details, detail);
    }
  } catch { /* Each is fetched when it is opened. */ }
}
if (ahead) addEventListener("load", () => (window.requestIdleCallback || setTimeout)(fetchAhead));

// What stands behind a criterion is fetched when it is opened.
document.addEventListener("toggle", async (event) => {
  const details = event.target;
  const source = details.dataset && details.dataset.src;
  if (!source || !details.open) return;
  delete details.dataset.src;
  try {
    const answer = await fetch(source, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const detail = parsed.querySelector(".detail");
    if (!detail) throw new Error("no detail");
    fill(details, detail);
  } catch {
    details.dataset.src = source; // The link to the page of its own stays.
  }
}, true);

// What a decision would change is told where it is made, as soon as it is chosen.
async function effect(form, button) {
  const told = form.querySelector(".effect");
  try {
    const answer = await fetch(form.dataset.effect, { method: "POST", body: new URLSearchParams(new FormData(form, button)), headers: { accept: "text/html" } });
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    told.textContent = (parsed.querySelector(".effect:not(:empty)") || parsed.querySelector(".error"))?.textContent.trim() || "";
  } catch { told.textContent = ""; }
}
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-effect]");
  if (form && event.target.name === "value") effect(form);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("form[data-effect]");
  if (!form || !event.submitter?.hasAttribute("formaction")) return;
  event.preventDefault();
  effect(form);
});

// A cell of the matrix opens what stands behind it, at the vote of its judge.
document.addEventListener("click", (event) => {
  const cell = event.target.closest?.(".matrix .vote-cell");
  if (!cell) return;
  const details = cell.closest("tbody").querySelector(".more details");
  const nth = cell.cellIndex - 2;
  const show = () => details.querySelectorAll(".votes > .vote")[nth]?.scrollIntoView({ block: "nearest" });
  details.addEventListener("toggle", () => setTimeout(show, 200), { once: true });
  if (details.open) show(); else details.open = true;
});

// Printed, a page shows what is on it.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll(".matrix details:not(.overrule):not([data-src])")) details.open = true;
});

// A list with something unsettled is read again now and then, unless somebody is in it.
function refresh() {
  const live = document.querySelector("[data-refresh]");
  if (!live) return;
  setTimeout(async () => {
    if (!document.hidden && !live.contains(document.activeElement)) {
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (answer.ok) {
          const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = parsed.getElementById(live.id);
          if (fresh) live.replaceWith(document.adoptNode(fresh));
        }
      } catch { /* The service is away: try again later. */ }
    }
    refresh();
  }, Number(live.dataset.refresh) * 1000);
}
refresh();

// A running grading tells how far it is, and the page is read again when it has ended.
const running = document.querySelector("[data-events]");
if (running) {
  const words = running.querySelector("[data-progress]");
  const events = new EventSource(running.dataset.events);
  const end = () => { events.close(); location.reload(); };
  events.addEventListener("progress", (event) => {
    const said = JSON.parse(event.data);
    const { calls_planned: planned, calls_done: done, calls_failed: failed } = said.progress || said;
    if (!(planned >= 0)) return;
    let bar = running.querySelector("progress");
    if (!bar) { bar = document.createElement("progress"); bar.setAttribute("aria-label", "calls done"); running.prepend(bar); }
    bar.max = planned; bar.value = done;
    words.textContent = `${done} of ${planned} calls${failed ? `, ${failed} failed` : ""}`;
  });
  events.addEventListener("completed", end);
  // A stream that the service will not give is no reason to show an old page for ever.
  events.addEventListener("error", () => { if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000); });
}
