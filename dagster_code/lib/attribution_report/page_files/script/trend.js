// The chosen model by week, or by month where the report's bins are months.

function setUpTrend() {
  addFigure("trend", "trend-figure", "Trend of the chosen model");
}

// The week of each bin: those of days together, since one day alone says little.
function trendSlots(view) {
  const slots = [];
  const slotOf = report.dates.map((start, bin) => {
    // 1970-01-01 was a Thursday: Mondays are the days with number 4 modulo 7.
    const monday = dayOf(dayNumber(start) - ((dayNumber(start) + 3) % 7));
    const slot = report.grain === "day" ? monday : start;
    if (view.dateOn[bin] && slots.at(-1) !== slot) {
      slots.push(slot);
    }
    return slot;
  });
  return { slots, slotOf };
}

function drawTrend(view) {
  const unit = report.grain === "month" ? "month" : "week";
  setText("trend-title", `Trend by ${unit}`);
  byId("trend-legend").replaceChildren();
  if (!view.isDated) {
    setText("trend-lede", "");
    drawFigure("trend-figure", null, `${modelLabel(view.model)} is worked out over all conversions at once and has no trend. Choose one of the first five models.`);
    return;
  }
  setText("trend-lede", `${view.metric === "revenue" ? "Attributed revenue" : "Conversions"} under ${modelLabel(view.model)}, by the ${unit} of the purchase`
    + `${unit === "week" ? "; weeks begin on Monday" : ""}.`);
  const { credits } = report;
  const model = report.models.indexOf(view.model);
  const { slots, slotOf } = trendSlots(view);
  const places = new Map(slots.map((slot, place) => [slot, place]));
  const kept = leading(view.credits.get(view.model), view.metric, 5);
  const lines = new Map(kept.map((channel) => [channel, slots.map(() => 0)]));
  const rest = slots.map(() => 0);
  const others = new Set();
  for (let row = 0; row < credits.date.length; row += 1) {
    if (credits.model[row] === model && view.inPeriod(credits, row) && view.channelOn[credits.channel[row]]) {
      const amount = credits[view.metric][row];
      const line = lines.get(credits.channel[row]) ?? rest;
      line[places.get(slotOf[credits.date[row]])] += amount;
      if (line === rest && amount > 0) {
        others.add(credits.channel[row]);
      }
    }
  }
  const series = kept.map((channel, place) => ({ name: channelLabel(report.channels[channel]), colour: PALETTE[place], values: lines.get(channel) }));
  if (others.size) {
    series.push({ name: othersLabel(others.size), colour: "rest", values: rest });
  }
  const sums = slots.map((_, place) => series.reduce((sum, { values }) => sum + values[place], 0));
  if (!sums.some((sum) => sum > 0)) {
    drawFigure("trend-figure", null);
    return;
  }
  drawTrendLegend(series);
  const best = sums.indexOf(Math.max(...sums));
  drawFigure("trend-figure", {
    height: 17,
    describe: `The strongest ${unit} began on ${dayText(slots[best])} with ${metricText(view.metric, sums[best])}. A ${unit} at either end may be cut by the period.`,
    option: () => trendOption(view, slots, series, sums),
    table: () => trendTable(view, unit, slots, series, sums),
  });
}

function drawTrendLegend(series) {
  byId("trend-legend").replaceChildren(...series.map(({ name, colour: tone }) => element(
    "li", {},
    element("span", { class: "swatch", style: `background: var(--${tone})`, "aria-hidden": "true" }),
    element("bdi", { dir: "auto", title: name }, name),
  )));
}

function trendOption(view, slots, series, sums) {
  return {
    grid: { left: 4, right: 8, top: rem(1.8), bottom: 4, containLabel: true },
    xAxis: categoryAxis(slots, { formatter: shortDay, hideOverlap: true, color: colour("muted") }),
    yAxis: valueAxis(view.metric),
    series: series.map(({ name, colour: tone, values }) => ({
      type: "bar",
      stack: "all",
      name,
      barMaxWidth: rem(3),
      itemStyle: { color: colour(tone), borderColor: colour("card"), borderWidth: slots.length > 60 ? 0 : 0.5 },
      // Nothing has no bar, not even the edge of one.
      data: values.map((value) => (value > 0 ? drawn(view.metric, value) : null)),
    })),
    tooltip: tooltip({
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: (points) => {
        const place = points[0].dataIndex;
        const lines = series.map(({ name, values }) => [element("bdi", {}, name), metricText(view.metric, values[place])]);
        return tip(dayText(slots[place]), [...lines, ["Together", metricText(view.metric, sums[place])]]);
      },
    }),
  };
}

function trendTable(view, unit, slots, series, sums) {
  const kind = metricKind(view.metric, series.flatMap(({ values }) => values));
  return {
    caption: `${view.metric === "revenue" ? "Attributed revenue" : "Conversions"} by ${unit} under ${modelLabel(view.model)}`,
    columns: [
      { key: "slot", title: unit === "week" ? "Week from" : "Month from", kind: "text", of: (place) => dayText(slots[place]) },
      ...series.map(({ name, values }, index) => ({ key: `line-${index}`, title: element("bdi", { class: "name" }, name), kind, of: (place) => values[place] })),
      { key: "sum", title: "Together", kind, of: (place) => sums[place] },
    ],
    rows: slots.map((_, place) => place),
    first: 60,
  };
}
