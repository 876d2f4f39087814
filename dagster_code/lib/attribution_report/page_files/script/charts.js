// One figure: a chart, a sentence about it, and the same numbers as a table.

const figures = new Map();

// Adds an empty figure to a section.
function addFigure(section, id, name) {
  const chart = element("div", { class: "chart", role: "img", "aria-label": name, "aria-describedby": `${id}-caption` });
  const nothing = element("p", { class: "nothing", hidden: true }, "Nothing in this selection.");
  const caption = element("figcaption", { id: `${id}-caption` });
  const numbers = element("div", {});
  const details = element("details", {}, element("summary", {}, "The numbers as a table", element("span", { class: "unseen" }, `: ${name}`)), numbers);
  byId(section).append(element("figure", { id, "aria-label": name }, chart, nothing, caption, details));
  const figure = { chart, nothing, caption, numbers, details, instance: null, option: null, table: null };
  // A table of 500 channels is made when somebody wants it.
  details.addEventListener("toggle", () => fillNumbers(figure));
  figures.set(id, figure);
}

// Draws what there is: {height in rem, option, describe, table}, or null for nothing.
function drawFigure(id, drawing, nothing = "Nothing in this selection.") {
  const figure = figures.get(id);
  figure.drawing = drawing;
  figure.nothing.hidden = Boolean(drawing);
  figure.nothing.textContent = nothing;
  figure.chart.hidden = !drawing;
  figure.caption.hidden = !drawing;
  figure.details.hidden = !drawing;
  if (!drawing) {
    figure.numbers.replaceChildren();
    return;
  }
  figure.caption.textContent = drawing.describe;
  fillNumbers(figure);
  figure.chart.style.height = `${drawing.height}rem`;
  const size = { width: figure.chart.clientWidth, height: figure.chart.clientHeight };
  if (!figure.instance) {
    figure.instance = echarts.init(figure.chart, null, { renderer: "svg", ...size });
  } else {
    figure.instance.resize(size);
  }
  figure.instance.setOption({ ...commonOption(), ...drawing.option() }, { notMerge: true });
}

function fillNumbers(figure) {
  if (figure.details.open && figure.drawing) {
    figure.numbers.replaceChildren(tableElement(figure.drawing.table()));
  } else {
    figure.numbers.replaceChildren();
  }
}

const probe = element("span", { hidden: true });
// Asking the browser for styles between changes of the page makes it lay out again and again.
const measured = new Map();

function once(key, measure) {
  if (!measured.has(key)) {
    measured.set(key, measure());
  }
  return measured.get(key);
}

// What the reader sees may have another size or other colours now.
function measureAgain() {
  measured.clear();
}

function rem(size) {
  return size * once("rem", () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
}

function fontFamily() {
  return once("font", () => getComputedStyle(document.body).fontFamily);
}

// Where there is room for less.
function isNarrow() {
  return once("narrow", () => document.documentElement.clientWidth < 640);
}

// A colour of the style sheet as it is now, in light or dark.
function colour(name) {
  return once(`colour ${name}`, () => styledColour(name));
}

function styledColour(name) {
  if (!probe.isConnected) {
    document.body.append(probe);
  }
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

const PALETTE = ["c1", "c2", "c3", "c4", "c5", "c6"];

function commonOption() {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: fontFamily(), fontSize: rem(0.8), color: colour("ink") },
    tooltip: tooltip({}),
  };
}

function tooltip(properties) {
  return {
    confine: true,
    backgroundColor: colour("card"),
    borderColor: colour("edge"),
    padding: rem(0.5),
    textStyle: { color: colour("ink"), fontSize: rem(0.8) },
    transitionDuration: 0,
    ...properties,
  };
}

// An element, not markup: names stay text.
function tip(title, lines) {
  return element(
    "div", { class: "tip" },
    element("strong", {}, element("bdi", {}, title)),
    lines.map(([label, value]) => element("div", {}, element("span", {}, label), element("span", {}, value))),
  );
}

function valueAxis(metric, properties = {}) {
  return {
    type: "value",
    axisLabel: { color: colour("muted"), fontSize: rem(0.75), formatter: (value) => compact(value), hideOverlap: true },
    splitLine: { lineStyle: { color: colour("line") } },
    name: metric === "revenue" ? "Revenue" : properties.unit ?? "Conversions",
    nameTextStyle: { color: colour("muted"), fontSize: rem(0.75) },
    splitNumber: isNarrow() ? 3 : 5,
    minInterval: metric === "revenue" ? 0 : 1,
  };
}

function categoryAxis(names, labels = {}) {
  return {
    type: "category",
    data: names,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: colour("edge") } },
    axisLabel: { color: colour("ink"), fontSize: rem(0.78), ...labels },
  };
}

// Charts draw revenue in whole units, tables in cents.
function drawn(metric, value) {
  return metric === "revenue" ? value / 100 : value;
}

function redrawAll() {
  measureAgain();
  for (const [id, figure] of figures) {
    if (figure.drawing) {
      drawFigure(id, figure.drawing);
    }
  }
}
