// The most frequent paths to a purchase.

// Touches in their order, the same ones in a row as one.
function pathSteps(path) {
  const steps = [];
  for (const name of path.split(" > ")) {
    if (steps.at(-1)?.name === name) {
      steps.at(-1).count += 1;
    } else {
      steps.push({ name, count: 1 });
    }
  }
  return steps;
}

const pathChannels = report.paths.map(({ path }) => new Set(path === "" ? [] : path.split(" > ")));

function pathElement({ path, is_truncated: isTruncated }) {
  if (path === "") {
    return element("div", { class: "path" }, "no touch in the window");
  }
  const parts = pathSteps(path).flatMap(({ name, count }, place) => [
    place ? element("span", { class: "arrow" }, "→") : null,
    element("bdi", {}, channelLabel(name)),
    count > 1 ? ` ×${count}` : null,
  ]);
  const cut = isTruncated ? " (longer: the list of touches is cut)" : null;
  return element("div", { class: "path", title: path.length > 200 ? clean(path) : null }, parts, cut);
}

function drawPaths(view) {
  const { path_counts: counts } = report;
  const chosen = new Set([...view.channels].map((position) => report.channels[position]));
  const isOn = pathChannels.map((channels) => !chosen.size || [...channels].some((name) => chosen.has(name)));
  const sums = addUp(
    counts, ["conversions", "revenue", "days"],
    (row) => view.inPeriod(counts, row) && isOn[counts.path[row]],
    (row) => counts.path[row],
  );
  setText("paths-lede", `Touches in the ${counted(report.attribution_window_days, "day")} before a purchase, by ${view.metric}. `
    + `Of the whole period the ${whole(report.paths.length)} most frequent paths are in this file.`);
  setNote("paths", view.channels.size ? "Paths with a touch of a chosen channel." : null);
  const rows = ranked(sums, view.metric);
  if (!rows.length) {
    byId("paths-table").replaceChildren(element("p", { class: "nothing" }, "Nothing in this selection."));
    return;
  }
  const all = conversionsOf(view);
  const most = rows[0][1][view.metric] || 1;
  byId("paths-table").replaceChildren(tableElement({
    caption: "Paths to purchase",
    columns: [
      { key: "path", title: "Path", kind: "node", of: ([path, sum]) => element("div", {}, pathElement(report.paths[path]), meter(sum[view.metric] / most)) },
      { key: "conversions", title: "Conversions", kind: "whole", of: ([, sum]) => sum.conversions },
      { key: "share", title: "Share of all conversions", kind: "rate", of: ([, sum]) => sum.conversions / all, help: "of the chosen period and platforms, any path" },
      { key: "revenue", title: "Revenue", kind: "money", of: ([, sum]) => sum.revenue },
      { key: "average", title: "Revenue per conversion", kind: "money", of: ([, sum]) => sum.revenue / sum.conversions },
      { key: "days", title: "Days, mean", kind: "decimal", of: ([, sum]) => sum.days / sum.conversions, help: "from the first touch of the window to the purchase" },
    ],
    rows,
    first: 12,
    isTitled: true,
  }));
}

function meter(share) {
  return element("div", { class: "meter", style: `width: ${Math.max(share * 100, 0.5).toFixed(2)}%`, "aria-hidden": "true" });
}

// All conversions of the period and platforms, whatever their path.
function conversionsOf(view) {
  const { flows } = report;
  return total(addUp(flows, ["conversions"], (row) => view.inPeriod(flows, row), () => 0), "conversions");
}
