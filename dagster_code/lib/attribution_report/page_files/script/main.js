// The page as a whole: what is there, what is drawn when, what to do when there is nothing.

// One way to change what is looked at.
function change(next) {
  const { from = state.from, to = state.to, ...others } = next;
  Object.assign(state, others);
  setPeriod(from, to);
  writeAddress();
  draw();
}

const HAS_EVENTS = report.events.count > 0;
const HAS_PURCHASES = HAS_EVENTS && report.totals.conversions > 0 && report.dates.length > 0;

function draw() {
  measureAgain();
  const view = currentView();
  if (HAS_PURCHASES) {
    showControls();
    showStatus(view);
    drawHeadline(view);
    drawModels(view);
    drawPlain(view);
    drawTrend(view);
    drawFlow(view);
    drawJourneys(view);
    drawTouches(view);
    drawPaths(view);
  }
  if (report.performance.channel.length) {
    drawPerformance(view);
  }
}

function setUpPage() {
  const { events, totals } = report;
  document.title = events.first ? `Attribution report, ${periodText(events.first, events.last)}` : "Attribution report";
  setText("subtitle", [
    events.first ? periodText(events.first, events.last) : "No events yet",
    HAS_PURCHASES ? counted(totals.conversions, "conversion") : null,
    `made ${instantText(report.generated_at)}`,
  ].filter(Boolean).join(" · "));
  for (const section of ["headline", "models", "plain", "trend", "flow", "journeys", "touches", "paths", "guide"]) {
    show(section, HAS_PURCHASES);
  }
  show("performance", report.performance.channel.length > 0);
  show("quality", true);
  show("controls", HAS_PURCHASES);
  drawNotice();
  drawNotes();
  drawQuality();
  drawGuide();
  if (HAS_PURCHASES) {
    setUpModels();
    setUpTrend();
    setUpFlow();
    setUpLengths();
    setUpControls();
  }
}

function drawNotice() {
  if (HAS_PURCHASES) {
    return;
  }
  const { events, quality } = report;
  const code = (text) => element("code", {}, text);
  const lines = HAS_EVENTS
    ? [
      element("h2", {}, "No purchases yet"),
      element("p", {}, `${counted(events.count, "event")} of ${counted(events.clients, "client")} came in, and none of them is a purchase: there is nothing to attribute.`),
      element("ul", {},
        element("li", {}, "Purchases are events of type ", code("purchase"), ", or an alias in ", code("dbt_spark/seeds/event_type_aliases.csv"), ": if yours are called otherwise, add a line there and run ", code("attribution run"), "."),
        element("li", {}, "A purchase needs a revenue: rejected ones are counted below as ", code("invalid_revenue"), "."),
        element("li", {}, "If they come in another file: ", code("attribution run --events FILE"), ", then ", code("attribution report"), "."),
      ),
    ]
    : [
      element("h2", {}, "No events yet"),
      element("p", {}, quality.records.landed ? `${counted(quality.records.landed, "record")} landed, and all were rejected: the reasons are below.` : "Nothing has landed in this home."),
      element("ul", {},
        element("li", {}, "Your own events: ", code("attribution run --events FOLDER"), ", then ", code("attribution report"), "."),
        element("li", {}, "The sample that comes with the project: ", code("attribution demo"), "."),
      ),
    ];
  byId("notice").replaceChildren(...lines);
  byId("notice").hidden = false;
}

// What was put together to keep the file small.
function drawNotes() {
  const notes = report.notes ?? [];
  byId("notes").hidden = notes.length === 0;
  byId("notes").replaceChildren(...notes.map((note) => element("li", { class: "note" }, clean(note))));
}

function setUpTheme() {
  const apply = (theme) => {
    if (theme) {
      document.documentElement.dataset.theme = theme;
    } else {
      delete document.documentElement.dataset.theme;
    }
    byId("theme").value = theme;
  };
  // A browser may refuse to keep anything for a file.
  let kept = "";
  try {
    kept = localStorage.getItem("attribution-report-theme") ?? "";
  } catch {
    kept = "";
  }
  apply(["light", "dark"].includes(kept) ? kept : "");
  byId("theme").addEventListener("change", (event) => {
    apply(event.target.value);
    try {
      localStorage.setItem("attribution-report-theme", event.target.value);
    } catch {
      // It lasts as long as the page, then.
    }
    redrawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
}

function setUpPaper() {
  // Charts are drawn for the width and the colours of paper before it is laid out.
  const onPaper = (isPaper) => {
    document.documentElement.classList.toggle("paper", isPaper);
    draw();
  };
  addEventListener("beforeprint", () => onPaper(true));
  addEventListener("afterprint", () => onPaper(false));
  matchMedia("print").addEventListener("change", (event) => onPaper(event.matches));
}

function setUpSize() {
  let width = document.documentElement.clientWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      if (document.documentElement.clientWidth !== width) {
        width = document.documentElement.clientWidth;
        // How many channels have a place depends on it.
        draw();
      }
    });
  });
}

readAddress();
setUpTheme();
setUpPage();
draw();
setUpPaper();
setUpSize();
document.querySelector(".skip").addEventListener("click", (event) => {
  // The address belongs to the view.
  event.preventDefault();
  byId("main").focus();
  byId("main").scrollIntoView();
});
addEventListener("hashchange", () => {
  readAddress();
  draw();
});
