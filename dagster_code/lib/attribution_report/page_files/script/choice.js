// A choice of several names, with a search where there are many: a button that opens a panel.

function makeChoice({ root, id, title, names, order, chosen, onChoose }) {
  const list = element("ul", { "aria-label": title, role: "list" });
  const found = element("p", { class: "found", "aria-live": "polite" });
  const search = element("input", { type: "search", id: `${id}-search`, autocomplete: "off", spellcheck: "false" });
  const only = element("button", { type: "button", class: "quiet" }, "Choose those listed");
  const all = element("button", { type: "button", class: "quiet" }, "All");
  const panel = element(
    "div", { class: "panel", id: `${id}-panel`, role: "group", "aria-label": title, hidden: true },
    names.length > 8 ? element("label", { class: "search" }, `Search ${title.toLowerCase()}`, search) : null,
    element("div", { class: "row" }, names.length > 8 ? only : null, all),
    found,
    list,
  );
  const button = element("button", { type: "button", id: `${id}-button`, "aria-expanded": "false", "aria-controls": `${id}-panel` });
  byId(root).replaceChildren(element("span", { class: "label", "aria-hidden": "true" }, title), button, panel);

  const boxes = order.map((position) => {
    const box = element("input", { type: "checkbox", value: String(position) });
    const item = element("li", {}, element("label", {}, box, element("bdi", { dir: "auto" }, names[position].label)));
    const text = `${names[position].label} ${names[position].name}`.toLowerCase();
    box.addEventListener("change", () => {
      const next = new Set(chosen());
      if (box.checked) {
        next.add(position);
      } else {
        next.delete(position);
      }
      onChoose(next.size === names.length ? new Set() : next);
    });
    return { position, box, item, text };
  });
  list.append(...boxes.map(({ item }) => item));

  const listed = () => {
    const wanted = search.value.trim().toLowerCase();
    return boxes.filter(({ text }) => text.includes(wanted));
  };
  const filter = () => {
    const kept = new Set(listed());
    for (const entry of boxes) {
      entry.item.hidden = !kept.has(entry);
    }
    found.textContent = `${whole(kept.size)} of ${whole(names.length)} listed; ${chosen().size ? whole(chosen().size) : "all"} chosen`;
    only.disabled = kept.size === 0;
  };
  const open = (isOpen) => {
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      filter();
      (names.length > 8 ? search : panel.querySelector("input, button")).focus();
    }
  };
  button.addEventListener("click", () => open(panel.hidden));
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
    }
  });
  only.addEventListener("click", () => {
    const next = new Set(listed().map(({ position }) => position));
    onChoose(next.size === names.length ? new Set() : next);
  });
  all.addEventListener("click", () => onChoose(new Set()));
  byId(root).addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) {
      open(false);
      button.focus();
    }
  });
  // Whoever goes on by keyboard or presses elsewhere has chosen.
  byId(root).addEventListener("focusout", (event) => {
    if (event.relatedTarget && !byId(root).contains(event.relatedTarget)) {
      open(false);
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!panel.hidden && !byId(root).contains(event.target)) {
      open(false);
    }
  });
  return () => {
    const count = chosen().size;
    for (const { position, box } of boxes) {
      box.checked = chosen().has(position);
    }
    button.replaceChildren(
      element("span", { class: "unseen" }, `${title}: `),
      count ? `${whole(count)} of ${whole(names.length)}` : `All ${whole(names.length)}`,
    );
    filter();
  };
}
