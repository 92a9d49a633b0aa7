"use strict";
// The viewer: panes are exchanged without leaving the page, a quote is scrolled into sight, and where a page has a
// place for the deliverable it is fetched after everything else. Without this file every link leads to a page.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  // Brings what is marked into sight, inside its pane alone.
  function reveal(root) {
    const mark = root.querySelector("#mark");
    if (!mark) return;
    const body = mark.closest(".pane-body");
    if (body && body.scrollHeight > body.clientHeight) {
      const top = mark.getBoundingClientRect().top - body.getBoundingClientRect().top + body.scrollTop;
      body.scrollTo({ top: Math.max(0, top - body.clientHeight / 3), behavior: still ? "auto" : "smooth" });
    } else mark.scrollIntoView({ block: "center" });
  }

  async function swap(root, address) {
    root.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { headers: { accept: "text/html" } });
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = parsed.querySelector("[data-viewer]");
      if (!fresh) throw new Error(parsed.querySelector("main")?.textContent.trim() || String(answer.status));
      // What did not change stays where it was scrolled to.
      const kept = new Map([...root.querySelectorAll(".pane-body")].map((body) => [body.dataset.file, body.scrollTop]));
      root.className = fresh.className;
      root.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
      for (const body of root.querySelectorAll(".pane-body")) body.scrollTop = kept.get(body.dataset.file) || 0;
      root.dataset.at = address;
      reveal(root);
    } catch (error) {
      const told = document.createElement("p");
      told.className = "error";
      told.setAttribute("role", "alert");
      told.textContent = `The deliverable cannot be shown: ${error.message}`;
      const way = document.createElement("a");
      way.href = address; way.textContent = "Open it on a page of its own";
      told.append(" ", way);
      root.replaceChildren(told);
    } finally { root.removeAttribute("aria-busy"); }
  }
  window.empanel = Object.assign(window.empanel || {}, { swap });

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const inside = event.target.closest?.("[data-viewer] a[data-swap]");
    if (inside) {
      event.preventDefault();
      const root = inside.closest("[data-viewer]");
      const nth = [...root.querySelectorAll("a[data-swap]")].indexOf(inside);
      swap(root, inside.getAttribute("href")).then(() => {
        // The keyboard stays where it was.
        const links = root.querySelectorAll("a[data-swap]");
        (links[nth] || root.querySelector(".pane-body"))?.focus({ preventScroll: true });
      });
      if (root.dataset.address !== undefined) return;
      history.replaceState(null, "", inside.getAttribute("href"));
      return;
    }
    const quote = event.target.closest?.("a[data-quote]");
    const drawer = document.getElementById("drawer");
    if (quote && drawer) {
      event.preventDefault();
      drawer.hidden = false;
      document.documentElement.classList.add("with-drawer");
      drawer.from = quote;
      swap(drawer.querySelector("[data-viewer]"), quote.getAttribute("href"));
      drawer.querySelector("[data-close]").focus({ preventScroll: true });
    }
    if (event.target.closest?.("[data-close]")) close();
  });

  function close() {
    const drawer = document.getElementById("drawer");
    if (!drawer || drawer.hidden) return;
    drawer.hidden = true;
    document.documentElement.classList.remove("with-drawer");
    drawer.from?.focus();
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

  for (const root of document.querySelectorAll("[data-viewer][data-load]")) swap(root, root.dataset.load);
  const here = document.querySelector("[data-viewer]:not([data-load])");
  if (here) reveal(here);
})();
