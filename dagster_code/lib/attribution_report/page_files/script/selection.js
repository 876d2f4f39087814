// What the reader looks at: kept in the address after the #, so that a link shows the same.

const state = {
  model: "last_touch",
  metric: "revenue",
  from: null,
  to: null,
  // Positions; empty means all.
  channels: new Set(),
  platforms: new Set(),
  sort: null,
};

function span() {
  const bins = report.dates.length;
  return bins ? { from: report.dates[0], to: lastDay(bins - 1) } : null;
}

function readAddress() {
  const fields = new Map();
  for (const part of location.hash.slice(1).split("&")) {
    const at = part.indexOf("=");
    if (at > 0) {
      fields.set(part.slice(0, at), part.slice(at + 1));
    }
  }
  const known = (name, values, fallback) => (values.includes(fields.get(name)) ? fields.get(name) : fallback);
  state.model = known("model", report.models, report.models.includes("last_touch") ? "last_touch" : report.models[0]);
  state.metric = known("metric", ["revenue", "conversions"], "revenue");
  const all = span();
  const day = (name) => {
    const text = fields.get(name) ?? "";
    const valid = /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(dayNumber(text));
    return all && valid && text >= all.from && text <= all.to ? text : null;
  };
  setPeriod(day("from"), day("to"));
  state.channels = positions(fields.get("channels"), report.channels);
  state.platforms = positions(fields.get("platforms"), report.platforms);
  const [column, direction] = (fields.get("sort") ?? "").split(":");
  state.sort = column && ["ascending", "descending"].includes(direction) ? { column, direction } : null;
}

function positions(text, names) {
  const found = new Set();
  if (text === undefined) {
    return found;
  }
  for (const part of text.split(",")) {
    let name = part;
    try {
      name = decodeURIComponent(part);
    } catch {
      continue;
    }
    const position = names.indexOf(name);
    if (position >= 0) {
      found.add(position);
    }
  }
  return found.size === names.length ? new Set() : found;
}

// Encoded by hand where the standard would fail: half of a surrogate pair is no text.
function encoded(name) {
  return encodeURIComponent(name.replace(/[\ud800-\udfff]/gu, "\ufffd"));
}

function writeAddress() {
  const named = (chosen, names) => [...chosen].map((position) => encoded(names[position])).join(",");
  const fields = [["model", state.model], ["metric", state.metric]];
  if (state.from) {
    fields.push(["from", state.from]);
  }
  if (state.to) {
    fields.push(["to", state.to]);
  }
  if (state.channels.size) {
    fields.push(["channels", named(state.channels, report.channels)]);
  }
  if (state.platforms.size) {
    fields.push(["platforms", named(state.platforms, report.platforms)]);
  }
  if (state.sort) {
    fields.push(["sort", `${state.sort.column}:${state.sort.direction}`]);
  }
  history.replaceState(null, "", `#${fields.map((field) => field.join("=")).join("&")}`);
}

// Whole bins only: a week of which one day is chosen is chosen. Null is the end of what there is.
function setPeriod(from, to) {
  const all = span();
  state.from = null;
  state.to = null;
  if (!all) {
    return;
  }
  let [first, last] = [from ?? all.from, to ?? all.to];
  if (first > last) {
    [first, last] = [last, first];
  }
  report.dates.forEach((start, bin) => {
    if (start <= first && first <= lastDay(bin) && start !== all.from) {
      state.from = start;
    }
    if (start <= last && last <= lastDay(bin) && lastDay(bin) !== all.to) {
      state.to = lastDay(bin);
    }
  });
}

// The view that the parts of the page draw: the state, worked out once.
function currentView() {
  const all = span();
  const period = all && { from: state.from ?? all.from, to: state.to ?? all.to };
  const dateOn = report.dates.map((start, bin) => start >= period.from && lastDay(bin) <= period.to);
  const on = (chosen, names) => names.map((_, position) => chosen.size === 0 || chosen.has(position));
  const view = {
    ...state,
    period,
    dateOn,
    channelOn: on(state.channels, report.channels),
    platformOn: on(state.platforms, report.platforms),
    // What the parts of the whole period cannot follow.
    isPartial: Boolean(state.from || state.to || state.platforms.size),
    isFiltered: Boolean(state.from || state.to || state.platforms.size || state.channels.size),
    isDated: RULE_MODELS.has(state.model),
  };
  view.inPeriod = (columns, row) => dateOn[columns.date[row]] && view.platformOn[columns.platform[row]];
  view.credits = creditsByModel(view, (channel) => view.channelOn[channel]);
  return view;
}

// For each model the sums by channel. Data-driven ones know neither dates nor platforms.
function creditsByModel(view, isChannelKept) {
  const measures = ["conversions", "revenue", "unattributed"];
  const { credits, data_driven: driven } = report;
  const count = report.channels.length;
  const result = new Map(report.models.map((model) => [model, new Map()]));
  const spread = (columns, keep) => {
    const sums = addUp(
      columns, measures,
      (row) => isChannelKept(columns.channel[row]) && keep(row),
      (row) => columns.model[row] * count + columns.channel[row],
    );
    for (const [key, sum] of sums) {
      result.get(report.models[Math.floor(key / count)]).set(key % count, sum);
    }
  };
  spread(credits, (row) => view.inPeriod(credits, row));
  spread(driven, () => true);
  return result;
}

function chosenChannels(view) {
  const names = [...view.channels].map((position) => channelLabel(report.channels[position]));
  return names.length > 3 ? `${names.length} of ${report.channels.length} channels` : names.join(", ");
}

function chosenPlatforms(view) {
  return [...view.platforms].map((position) => platformLabel(report.platforms[position])).join(", ");
}
