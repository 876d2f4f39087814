// Elements, made of text: no name ever becomes markup.

function element(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === true) {
      made.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

function nameElement(label) {
  return element("bdi", { class: "name", dir: "auto", title: label.length > 40 ? label : null }, label);
}

function setText(id, ...children) {
  byId(id).replaceChildren(...children.flat());
}

// A line about what a part does not follow; without text there is none.
function setNote(section, text) {
  const note = byId(section).querySelector(":scope > .note");
  note.hidden = !text;
  note.textContent = text ?? "";
}

function show(section, isShown) {
  byId(section).hidden = !isShown;
}
