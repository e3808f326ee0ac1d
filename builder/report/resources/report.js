"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  const hits = (element, query) => {
    const text = element.textContent.toLowerCase();
    return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  };

  const findings = () => {
    const form = one("filter");
    if (!form) return;
    const query = one("query");
    const groups = all(".group").map((group) => ({
      group, opened: group.open, items: all(".finding", group), summary: group.querySelector("summary"),
    }));
    const total = groups.reduce((sum, { items }) => sum + items.length, 0);
    let filtering = false;

    const apply = () => {
      const wanted = new Set(all("input:checked", form).map((box) => box.value));
      const words = query.value.trim();
      if (words && !filtering) groups.forEach((entry) => { entry.opened = entry.group.open; });
      let shown = 0;
      for (const { group, opened, items, summary } of groups) {
        const whole = !words || hits(summary, words);
        let here = 0;
        for (const item of items) {
          item.hidden = !wanted.has(group.dataset.severity) || !(whole || hits(item, words));
          here += item.hidden ? 0 : 1;
        }
        group.hidden = here === 0;
        if (words) group.open = here > 0;
        else if (filtering) group.open = opened;
        shown += here;
      }
      filtering = words !== "";
      one("none").hidden = shown > 0;
      one("shown").textContent = `${shown} of ${total} finding${total === 1 ? "" : "s"} shown`;
    };

    const reset = () => {
      form.reset();
      apply();
    };

    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", apply);
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") reset(); });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !event.target.closest("input")) {
        event.preventDefault();
        query.focus();
      }
    });
    window.addEventListener("hashchange", () => {
      const target = one(location.hash.slice(1));
      if (!target?.matches(".finding")) return;
      if (target.hidden || target.closest(".group").hidden) reset();
      target.closest(".group").open = true;
      target.scrollIntoView({ block: "center" });
    });
    apply();
  };

  const rows = (form, lines) => {
    if (!form) return;
    const query = form.querySelector("input[type=search]");
    const concerned = form.querySelector("input[type=checkbox]");
    const apply = () => {
      const words = query.value.trim(); // who looks for something looks through all
      for (const line of lines) {
        line.hidden = words ? !hits(line, words) : concerned?.checked && !line.matches(".concerned");
      }
      const shown = lines.filter((line) => !line.hidden).length;
      form.querySelector("[role=status]").textContent = `${shown} of ${lines.length} distributions shown`;
    };
    const reset = () => {
      form.reset();
      apply();
    };
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", apply);
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") reset(); });
    window.addEventListener("hashchange", () => {
      const target = one(decodeURIComponent(location.hash.slice(1)));
      if (!lines.includes(target)) return;
      if (target.hidden) reset();
      target.scrollIntoView({ block: "center" });
    });
    apply();
  };

  // From a file there may be no clipboard for scripts: then the browser copies what is selected, or a person does.
  const copied = async (element) => {
    try {
      await navigator.clipboard.writeText(element.textContent);
      return true;
    } catch {
      const chosen = getSelection();
      chosen.selectAllChildren(element);
      const done = document.execCommand("copy");
      if (done) chosen.removeAllRanges();
      return done;
    }
  };

  const commands = () => {
    for (const element of all("code.command")) {
      const button = document.createElement("button");
      const word = document.createElement("span");
      const what = document.createElement("span");
      Object.assign(button, { type: "button", className: "copy" });
      word.textContent = "Copy";
      Object.assign(what, { className: "sr", textContent: `: ${element.textContent}` });
      word.setAttribute("role", "status");
      button.append(word, what);
      button.addEventListener("click", async (event) => {
        event.preventDefault();
        word.textContent = await copied(element) ? "Copied" : "Selected: press Ctrl+C";
        setTimeout(() => { word.textContent = "Copy"; }, 2500);
      });
      element.after(button);
    }
  };

  commands();
  findings();
  rows(one("rows"), all("#distributions tbody tr"));
  rows(one("links"), all("#related tbody tr"));
})();
