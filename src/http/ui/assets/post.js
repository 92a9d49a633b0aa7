"use strict";
// The form of /post works without this file. With it files can be dropped and taken back, the rubric is looked at while
// it is written, and a quote or a refusal appears without the page being loaded again, so that chosen files stay chosen.
(() => {
  const form = document.querySelector("form.post");
  if (!form) return;
  const by = (id) => document.getElementById(id);
  const field = (name) => form.elements.namedItem(name);
  const doing = by("doing");
  const make = (tag, cls, ...inside) => {
    const element = document.createElement(tag);
    if (cls) element.className = cls;
    element.append(...inside);
    return element;
  };
  const size = (bytes) => bytes < 1e3 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  const count = (number, one, more) => `${number} ${number === 1 ? one : more}`;

  // Files: what is chosen or dropped later comes on top of what is there.
  const files = field("file");
  let chosen = [];
  function keep(list) {
    const holder = new DataTransfer();
    for (const file of list) holder.items.add(file);
    chosen = [...list];
    files.files = holder.files;
    const rows = by("chosen");
    rows.hidden = !chosen.length;
    rows.replaceChildren(...chosen.map((file) => {
      const remove = make("button", "plain", "Remove");
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove ${file.name}`);
      remove.addEventListener("click", () => {
        const at = chosen.indexOf(file);
        keep(chosen.filter((one) => one !== file));
        changed();
        (by("chosen").querySelectorAll("button")[Math.max(0, at - 1)] || files).focus();
      });
      return make("li", "", make("span", "name", file.name), make("span", "quiet num", size(file.size)), remove);
    }));
  }
  function add(list) {
    // The same name again is a newer one of the same file.
    const names = new Set([...list].map((file) => file.name));
    keep([...chosen.filter((file) => !names.has(file.name)), ...list]);
  }
  files.addEventListener("change", () => add([...files.files]));

  // A rubric's file becomes the text that is looked at.
  const rubric = field("rubric");
  async function open(file) {
    if (!file) return;
    field("rubric_file").value = "";
    try {
      rubric.value = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      say(by("lint"), make("p", "", `${file.name} is not a text in UTF-8.`));
      return;
    }
    field("rubric_id").value = "";
    changed();
    lint();
  }
  field("rubric_file").addEventListener("change", (event) => open(event.target.files[0]));

  // Dropping: on a drop area, or the rubric's text; elsewhere a file that misses does not replace the page.
  const brings = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  let over = null;
  const mark = (area) => {
    if (over !== area) { over?.classList.remove("over"); area?.classList.add("over"); over = area; }
  };
  addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    const area = event.target.closest?.("[data-drop], #rubric");
    event.dataTransfer.dropEffect = area ? "copy" : "none";
    mark(area);
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
  addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    mark(null);
    const area = event.target.closest?.("[data-drop], #rubric");
    if (!area) return;
    // A folder has no bytes to send.
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file" && !item.webkitGetAsEntry?.()?.isDirectory);
    const dropped = items.map((item) => item.getAsFile());
    if (!dropped.length) return refuse("A folder cannot be posted; drop its files, or an archive of it.");
    if (area.contains(files)) { add(dropped); changed(); } else open(dropped[0]);
  });

  // The rubric, looked at half a second after the last key.
  const LEVELS = { error: ["failed", "!"], warning: ["cannot", "?"] };
  let waiting = 0;
  let asking = null;
  const idle = by("lint").innerHTML.trim() && !rubric.value ? [...by("lint").childNodes] : [make("p", "quiet", "")];
  const say = (box, ...inside) => box.replaceChildren(...inside);
  function finding(level, code, at, message) {
    const [kind, glyph] = LEVELS[level] || ["busy", "·"];
    const shape = make("i", "", glyph);
    shape.setAttribute("aria-hidden", "true");
    const item = make("li", "", make("span", `mark ${kind}`, shape, level), " ");
    if (code) item.append(make("code", "", code), " ");
    if (at) item.append(make("span", "mono", at), " ");
    // Names stand in backticks.
    item.append(...message.split("`").map((part, i) => i % 2 ? make("code", "", part) : part));
    return item;
  }
  async function lint() {
    clearTimeout(waiting);
    asking?.abort();
    const text = rubric.value;
    if (!text.trim()) return say(by("lint"), ...idle);
    const query = new URLSearchParams({ format: field("rubric_format").value });
    const task = field("task_id").value.trim();
    if ([...by("tasks").options].some((known) => known.value === task)) query.set("task_id", task);
    asking = new AbortController();
    const { signal } = asking;
    try {
      const answer = await fetch(`/v1/rubrics/lint?${query}`, { method: "POST", headers: { "content-type": "text/plain", "x-csrf-token": document.querySelector("input[name=form_secret]")?.value ?? "" }, body: text, signal });
      const said = await answer.json();
      if (signal.aborted) return;
      const head = make("p");
      head.id = "lint-head";
      const list = make("ul", "plain-list");
      if (answer.ok) {
        const none = said.lint.length ? "" : " Nothing to remark.";
        head.append(make("strong", "", said.title || "Rubric without a title"), `: ${count(said.criteria, "criterion", "criteria")}, ${count(+said.max_points.toFixed(2), "point", "points")}.${none}`);
        list.append(...said.lint.slice(0, 60).map((one) => finding(one.level, one.code, one.criterion_id, one.message)));
      } else {
        const errors = said.errors || [];
        head.append(make("strong", "", `It cannot be read as ${field("rubric_format").selectedOptions[0].text} yet.`), errors.length ? "" : ` ${said.detail}`);
        list.append(...errors.slice(0, 60).map((one) => finding("error", "", one.pointer, one.detail)));
      }
      say(by("lint"), head, ...(list.children.length ? [list] : []));
    } catch (error) {
      if (error.name !== "AbortError") say(by("lint"), make("p", "quiet", "The service cannot be reached to look at the rubric."));
    }
  }
  rubric.addEventListener("input", () => {
    if (rubric.value) field("rubric_id").value = "";
    clearTimeout(waiting);
    waiting = setTimeout(lint, 500);
  });
  for (const name of ["rubric_format", "task_id"]) field(name).addEventListener("change", lint);
  if (rubric.value) lint();

  // A quote holds for the form as it was.
  function changed() {
    const stale = by("quote").querySelector(".stale");
    if (!stale || !stale.hidden) return;
    stale.hidden = false;
    by("quote").classList.add("old");
    doing.textContent = "The quote is out of date.";
  }
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);

  function refuse(...inside) {
    const box = make("div", "error", ...inside);
    box.setAttribute("role", "alert");
    show(box);
  }
  function show(box) {
    box.tabIndex = -1;
    by("refused").replaceChildren(box);
    box.focus();
    box.scrollIntoView({ block: "nearest" });
  }
  // What is too large is not sent first.
  function tooLarge() {
    const limit = (name) => Number(form.dataset[name]);
    if (chosen.length > limit("files")) return `${chosen.length} files are more than ${limit("files")}; post an archive.`;
    const large = chosen.find((file) => file.size > limit("fileBytes"));
    if (large) return `${large.name} has ${size(large.size)}, more than ${size(limit("fileBytes"))}.`;
    const all = chosen.reduce((sum, file) => sum + file.size, 0);
    return all > limit("uploadBytes") ? `The files have ${size(all)} together, more than ${size(limit("uploadBytes"))}.` : "";
  }
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    const quotes = event.submitter?.hasAttribute("formaction");
    const large = tooLarge();
    if (large) return refuse(large);
    busy = true;
    form.setAttribute("aria-busy", "true");
    by("refused").replaceChildren();
    doing.textContent = quotes ? "Reading the work and counting…" : "Sending…";
    try {
      const answer = await fetch(quotes ? event.submitter.formAction : form.action, { method: "POST", body: new FormData(form), headers: { accept: "text/html" } });
      const path = new URL(answer.url).pathname;
      if (answer.redirected && path.startsWith("/gradings")) {
        location.assign(answer.url);
        return;
      }
      doing.textContent = "";
      if (path === "/login") return refuse("You are logged out. Log in in another tab, then press the button again: nothing here is lost.");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const problem = page.querySelector("#refused .error, main .error, [role=alert]");
      const key = page.querySelector("form.post [name=key]");
      if (key) field("key").value = key.value;
      if (problem || !answer.ok) {
        if (problem) show(document.adoptNode(problem)); else refuse(page.querySelector("main")?.textContent.trim() || `The service answered ${answer.status}.`);
        return;
      }
      for (const id of ["quote", "lint"]) {
        const fresh = page.getElementById(id);
        if (fresh) by(id).replaceWith(document.adoptNode(fresh));
      }
      doing.textContent = "This is the quote for the form as it stands.";
    } catch {
      doing.textContent = "";
      refuse("The service cannot be reached; nothing here is lost. Press the button again: the same form never starts two gradings.");
    } finally {
      busy = false;
      form.removeAttribute("aria-busy");
    }
  });
  // A page that comes back from the browser's memory still has its files.
  if (files.files.length) add([...files.files]);
})();
