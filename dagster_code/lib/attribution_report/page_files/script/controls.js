// The bar of controls: each writes the state, and shows it.

const choices = [];

const PRESETS = [7, 30, 90, 365];

function setUpControls() {
  byId("model").append(...report.models.map((model) => element("option", { value: model }, modelLabel(model))));
  byId("model").addEventListener("change", (event) => change({ model: event.target.value }));
  for (const radio of document.querySelectorAll("input[name=metric]")) {
    radio.addEventListener("change", () => change({ metric: radio.value }));
  }
  setUpPeriod();
  setUpChoices();
  byId("reset").addEventListener("click", () => {
    change({ from: null, to: null, channels: new Set(), platforms: new Set() });
    byId("preset").focus();
  });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
}

function setUpPeriod() {
  const all = span();
  const length = dayNumber(all.to) - dayNumber(all.from) + 1;
  byId("preset").append(
    element("option", { value: "all" }, "Whole period"),
    ...PRESETS.filter((days) => days < length).map((days) => element("option", { value: String(days) }, `Last ${days} days`)),
    element("option", { value: "custom", disabled: true }, "From … to …"),
  );
  byId("preset").addEventListener("change", (event) => {
    const from = presetFrom(event.target.value);
    change({ from, to: null });
  });
  for (const id of ["from", "to"]) {
    const input = byId(id);
    input.min = all.from;
    input.max = all.to;
    // A day half typed is not valid yet, and stays as it is typed.
    input.addEventListener("change", () => {
      if (input.value && input.validity.valid) {
        change({ from: state.from, to: state.to, [id]: input.value });
      }
    });
    input.addEventListener("blur", showControls);
  }
}

function presetFrom(value) {
  return value === "all" ? null : dayOf(dayNumber(span().to) - Number(value) + 1);
}

// The preset of which the period is what one gets.
function currentPreset() {
  if (!state.from && !state.to) {
    return "all";
  }
  const shown = { from: state.from, to: state.to };
  const fitting = state.to ? undefined : [...byId("preset").options].find(({ value }) => {
    if (["all", "custom"].includes(value)) {
      return false;
    }
    const from = presetFrom(value);
    return report.dates.some((start, bin) => start === shown.from && start <= from && from <= lastDay(bin));
  });
  return fitting?.value ?? "custom";
}

function setUpChoices() {
  const worth = addUp(report.credits, ["revenue", "conversions"], () => true, (row) => report.credits.channel[row]);
  const order = report.channels.map((_, position) => position)
    .sort((a, b) => (worth.get(b)?.revenue ?? 0) - (worth.get(a)?.revenue ?? 0) || a - b);
  choices.push(makeChoice({
    root: "channel-choice", id: "channels", title: "Channels", order,
    names: report.channels.map((name) => ({ name, label: channelLabel(name) })),
    chosen: () => state.channels,
    onChoose: (channels) => change({ channels }),
  }));
  choices.push(makeChoice({
    root: "platform-choice", id: "platforms", title: "Platforms", order: report.platforms.map((_, position) => position),
    names: report.platforms.map((name) => ({ name, label: platformLabel(name) })),
    chosen: () => state.platforms,
    onChoose: (platforms) => change({ platforms }),
  }));
  show("platform-choice", report.platforms.length > 1);
}

function showControls() {
  const all = span();
  byId("model").value = state.model;
  for (const radio of document.querySelectorAll("input[name=metric]")) {
    radio.checked = radio.value === state.metric;
  }
  byId("preset").value = currentPreset();
  byId("from").value = state.from ?? all.from;
  byId("to").value = state.to ?? all.to;
  byId("reset").disabled = !(state.from || state.to || state.channels.size || state.platforms.size);
  for (const showChoice of choices) {
    showChoice();
  }
}

// Told to whoever does not see the page change, and printed.
function showStatus(view) {
  const sums = view.credits.get(view.model);
  const parts = [
    `${modelLabel(view.model)}: ${counted(total(sums, "conversions"), "conversion")}, revenue ${money(total(sums, "revenue") + total(sums, "unattributed"))}`,
    view.isDated ? periodText(view.period.from, view.period.to) : "whole period, all platforms",
  ];
  if (view.channels.size) {
    parts.push(chosenChannels(view));
  }
  if (view.platforms.size && view.isDated) {
    parts.push(`on ${chosenPlatforms(view)}`);
  }
  if (view.isFiltered && !view.isDated && view.isPartial) {
    parts.push(`other parts: ${periodText(view.period.from, view.period.to)}${view.platforms.size ? `, on ${chosenPlatforms(view)}` : ""}`);
  }
  const unit = { week: " Periods are whole weeks.", month: " Periods are whole months." }[report.grain] ?? "";
  setText("status", `${parts.map(isolated).join("; ")}.${view.isFiltered ? unit : ""}`);
}
