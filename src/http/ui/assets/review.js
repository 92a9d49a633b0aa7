"use strict";
// A question answered by keyboard. Letters are shortcuts only while nobody types; a draft survives a reload; what is
// undone first is the last change on the page, then the answer given before.
(() => {
  const desk = document.querySelector("[data-review]");
  if (!desk) return;
  const form = document.querySelector("form[data-answer]");
  const help = document.getElementById("keys");
  const helper = document.querySelector("[data-help]");
  if (helper) { helper.hidden = false; helper.addEventListener("click", () => help.showModal()); }

  const draftKey = `empanel:draft:${desk.dataset.review}`;
  const fields = () => [...form.querySelectorAll("input:not([type=hidden]), textarea, select")];
  const value = (field) => (field.type === "radio" || field.type === "checkbox" ? field.checked : field.value);
  const state = () => JSON.stringify(fields().map(value));
  function restore(text) {
    const values = JSON.parse(text);
    fields().forEach((field, at) => {
      if (typeof values[at] === "boolean") field.checked = values[at];
      else if (values[at] !== undefined) field.value = values[at];
    });
  }
  // Not every browser lets a page keep something.
  const store = {
    get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, text) => { try { localStorage.setItem(key, text); } catch { /* Then a reload loses the draft. */ } },
    drop: (key) => { try { localStorage.removeItem(key); } catch { /* There is none. */ } },
  };

  const undone = [];
  let before = "";
  if (form) {
    const empty = fields().every((field) => value(field) === false || value(field) === "");
    const draft = store.get(draftKey);
    if (empty && draft) { try { restore(draft); } catch { store.drop(draftKey); } }
    before = state();
    form.addEventListener("input", () => {
      const now = state();
      if (now === before) return;
      // Letters of one word are one change.
      const typing = document.activeElement?.matches("textarea, input:not([type=radio]):not([type=checkbox])");
      if (!typing || undone.at(-1)?.field !== document.activeElement) undone.push({ field: typing ? document.activeElement : null, text: before });
      before = now;
      store.set(draftKey, now);
    });
    form.addEventListener("submit", () => store.drop(draftKey));
  }
  function changed() { form.dispatchEvent(new Event("input", { bubbles: true })); }

  function choose(radio) {
    if (!radio) return;
    radio.checked = true;
    radio.focus();
    changed();
  }
  const choices = () => (form ? [...form.querySelectorAll("input[type=radio][name=value]")] : []);
  const named = (name) => choices().find((radio) => radio.value === name);

  // The nearest place that is written before a node of the deliverable.
  function placeOf(node) {
    const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
    const body = element?.closest(".pane-body");
    if (!body) return null;
    const cell = element.closest("td");
    const grid = element.closest("table.grid");
    if (cell && grid) {
      const column = grid.tHead.rows[0].cells[cell.cellIndex]?.textContent || "";
      return `${body.dataset.file}, ${grid.dataset.sheet}!${column}${cell.parentElement.cells[0].textContent}`;
    }
    let place = "";
    for (const one of body.querySelectorAll("[data-place]")) {
      if (one.contains(element) || one.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING) place = one.dataset.place;
      else break;
    }
    return [body.dataset.file, place].filter(Boolean).join(", ");
  }

  let quoted = -1;
  function evidence() {
    const chosen = document.getSelection();
    const reason = form?.querySelector("textarea[name=reason]");
    const text = chosen && !chosen.isCollapsed ? chosen.toString().trim().replace(/\s+/g, " ") : "";
    const place = text && placeOf(chosen.getRangeAt(0).startContainer);
    if (reason && place) {
      const lead = reason.value && !reason.value.endsWith("\n") ? "\n" : "";
      reason.value += `${lead}“${text.slice(0, 600)}” (${place})`;
      changed();
      reason.focus();
      return;
    }
    const quotes = [...desk.querySelectorAll("a[data-quote]")];
    const panes = desk.querySelector("[data-viewer]");
    if (quotes.length && panes) {
      quoted = (quoted + 1) % quotes.length;
      quotes[quoted].focus();
      window.empanel.swap(panes, quotes[quoted].getAttribute("href"));
      return;
    }
    desk.querySelector(".pane-body")?.focus();
  }

  function undo() {
    const last = undone.pop();
    if (form && last) {
      restore(last.text);
      before = last.text;
      store.set(draftKey, before);
      return;
    }
    document.querySelector("[data-undo]")?.click();
  }

  document.addEventListener("click", (event) => {
    const quote = event.target.closest?.("[data-review] a[data-quote]");
    const panes = desk.querySelector("[data-viewer]");
    if (quote && panes && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.button) {
      event.preventDefault();
      window.empanel.swap(panes, quote.getAttribute("href"));
    }
  });

  const go = (to) => document.querySelector(`[data-go=${to}]`)?.click();
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    const typing = at.matches?.("textarea, select, input:not([type=radio]):not([type=checkbox]), [contenteditable]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const on = form ? form.querySelector("button[name=then]") || form.querySelector("button") : document.querySelector("[data-on]");
      if (!on) return;
      event.preventDefault();
      if (form) form.requestSubmit(on); else on.click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing) { if (event.key === "Escape") at.blur(); return; }
    if (help?.open) return;
    const arrows = at.matches?.("input[type=radio]") || at.closest?.(".pane-body");
    const act = {
      y: () => choose(named("met")), n: () => choose(named("unmet")), a: () => choose(named("inconclusive")),
      r: () => form?.querySelector("textarea[name=reason]")?.focus(),
      e: evidence, u: undo, t: () => (document.querySelector("[data-take]") || document.querySelector("[data-on]"))?.click(),
      j: () => go("next"), k: () => go("previous"),
      ArrowRight: arrows ? null : () => go("next"), ArrowLeft: arrows ? null : () => go("previous"),
      "?": () => help?.showModal(),
    }[event.key] || (/^[1-9]$/.test(event.key) ? () => choose(choices()[Number(event.key) - 1]) : null);
    if (!act) return;
    event.preventDefault();
    act();
  });

  // How far it is until two systems are told apart: asked after everything else, because it reads every grading.
  const told = document.querySelector("[data-progress-of-reviews]");
  if (told) {
    const tell = (more) => { if (more > 0) told.textContent = `; about ${more} more of each of two systems tell these apart`; };
    const kept = JSON.parse(store.get("empanel:apart") || "{}");
    if (Date.now() - kept.at < 600_000) tell(kept.more);
    else fetch("/v1/reviews/progress").then((answer) => (answer.ok ? answer.json() : null)).then((said) => {
      const more = said?.separation?.more_reviews || 0;
      store.set("empanel:apart", JSON.stringify({ at: Date.now(), more }));
      tell(more);
    }).catch(() => { /* It is told on the page of all reviews. */ });
  }
})();
