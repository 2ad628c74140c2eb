/* Ages tick, stale values turn stale by themselves, tables sort, and a lost link is said aloud.
   Everything here is an addition: without scripts the page holds the same values and forms. */
(() => {
  "use strict";
  const root = document.documentElement;
  const words = JSON.parse(root.dataset.words || "{}");
  const rate = Number(root.dataset.rate) || 1;
  let base = Number(root.dataset.now);
  let mark = performance.now();

  const now = () => base + ((performance.now() - mark) / 1000) * rate;
  const put = (text, n) => text.replace("%(n)s", String(Math.floor(n)));

  function age(seconds) {
    if (seconds < 10) return words.now;
    if (seconds < 90) return put(words.s, seconds);
    if (seconds < 5400) return put(words.min, seconds / 60);
    if (seconds < 172800) return put(words.h, seconds / 3600);
    return put(words.d, seconds / 86400);
  }

  function tick() {
    const t = now();
    for (const one of document.querySelectorAll("time.age")) {
      const old = t - Number(one.dataset.t);
      const text = age(old);
      if (one.textContent !== text) one.textContent = text;
      if (!one.dataset.staleAfter) continue;
      const stale = old > Number(one.dataset.staleAfter);
      one.classList.toggle("is-stale", stale);
      const value = one.closest(".value");
      if (value && !value.querySelector(".cannot")) value.classList.toggle("is-stale", stale);
    }
  }

  /* The server says what time it is with every event, so a slow phone clock never ages a value.
     What a reader opened stays open when its part is drawn anew. */
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const message = event.detail;
    const open = [...event.target.querySelectorAll("details[open][id]")].map((one) => one.id);
    setTimeout(() => open.forEach((id) => document.getElementById(id)?.setAttribute("open", "")));
    const said = message && /<!--now ([0-9.]+)-->/.exec(message.data || "");
    if (said) {
      base = Number(said[1]);
      mark = performance.now();
    }
  });
  document.addEventListener("htmx:sseMessage", (event) => {
    tick();
    fromEnd();
    document.dispatchEvent(new CustomEvent("oshwatch:changed", { detail: event.target.id }));
  });
  document.addEventListener("htmx:sseOpen", () => {
    document.body.classList.add("is-live");
    document.body.classList.remove("is-offline");
  });
  document.addEventListener("htmx:sseError", () => document.body.classList.add("is-offline"));

  function sortable(table) {
    const heads = [...table.querySelectorAll("thead th")];
    heads.forEach((head, column) => {
      if (head.querySelector("button")) return;
      const button = document.createElement("button");
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
        const rows = [...body.rows].sort((a, b) => compare(key(a), key(b)) * (down ? -1 : 1));
        body.append(...rows);
      });
    });
  }

  function compare(a, b) {
    const [x, y] = [Number.parseFloat(a), Number.parseFloat(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) {
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? -1 : 1;
      return a.localeCompare(b);
    }
    return x - y;
  }

  /* On a phone a row of days is wider than the screen: it opens at its newest day. */
  function fromEnd() {
    for (const one of document.querySelectorAll(".scroll.from-end")) one.scrollLeft = one.scrollWidth;
  }

  function start() {
    document.querySelectorAll("table.sortable").forEach(sortable);
    document.querySelector(".problems")?.focus();
    fromEnd();
    /* Filters apply themselves; the button is for readers without scripts. */
    for (const form of document.querySelectorAll("form.filters:not(.by-hand)")) {
      form.querySelector("button")?.setAttribute("hidden", "");
      form.addEventListener("change", () => form.requestSubmit());
    }
    tick();
    setInterval(tick, 1000);
  }
  start();
})();
