// How long journeys are, and how many touches a purchase takes.

// Each reaches to the one before the next. The last is open, as it is in the report: MOST_DAYS and
// MOST_TOUCHES of its contract mean as many or more.
const DAY_STEPS = [0, 1, 2, 4, 8, 15, 31, 61, 91, 180];
const TOUCH_STEPS = [0, 1, 2, 3, 4, 5, 6, 11, 21, 50];

function setUpLengths() {
  addFigure("journeys", "journeys-figure", "Journeys by length in days");
  addFigure("touches", "touches-figure", "Purchases by number of touches");
}

function drawJourneys(view) {
  const { journeys } = report;
  const sums = addUp(
    journeys, ["clients", "revenue"],
    (row) => view.inPeriod(journeys, row) && view.channelOn[journeys.channel[row]],
    (row) => journeys.days[row],
  );
  setNote("journeys", view.isFiltered ? `Clients by ${[
    "the date and platform of their last purchase",
    view.channels.size ? "the channel of their first touch" : null,
  ].filter(Boolean).join(" and ")}.` : null);
  drawLengths("journeys-figure", view, sums, {
    count: "clients", title: "Clients", one: "client", unit: "day", steps: DAY_STEPS, axis: "Days",
    caption: "Clients and their revenue by length of the journey",
    half: (middle) => `Half of the clients needed ${middle === 0 ? "less than a day" : `${counted(middle, "day")} or less`}`,
  });
}

function drawTouches(view) {
  const { touch_counts: touches } = report;
  const sums = addUp(
    touches, ["conversions", "revenue"],
    (row) => view.inPeriod(touches, row) && view.channelOn[touches.channel[row]],
    (row) => touches.touches[row],
  );
  setText("touches-lede", `Touches of any channel in the ${counted(report.attribution_window_days, "day")} before a purchase.`);
  setNote("touches", view.channels.size ? "Conversions whose last touch is of a chosen channel." : null);
  drawLengths("touches-figure", view, sums, {
    count: "conversions", title: "Conversions", one: "conversion", unit: "touch", units: "touches", steps: TOUCH_STEPS, axis: "Touches",
    caption: "Conversions and their revenue by number of touches",
    half: (middle) => `Half of the purchases took ${counted(middle, "touch", "touches")} or fewer`,
  });
}

function drawLengths(id, view, sums, words) {
  const measure = view.metric === "revenue" ? "revenue" : words.count;
  const all = total(sums, words.count);
  if (!all) {
    drawFigure(id, null);
    return;
  }
  const steps = binned(sums, words.steps, words.count);
  let weighted = 0;
  for (const [key, sum] of sums) {
    weighted += key * sum[words.count];
  }
  const mean = decimal(weighted / all);
  const isOpen = [...sums.keys()].some((key) => key >= words.steps.at(-1));
  drawFigure(id, {
    height: 15,
    describe: `${words.half(median(sums, words.count))}; the mean is ${isOpen ? "at least " : ""}${mean} ${words.units ?? `${words.unit}s`}, over ${counted(all, words.one)}.`,
    option: () => lengthsOption(view, steps, measure, words),
    table: () => lengthsTable(steps, words, all),
  });
}

// Sums by step, from the first to the last that has anything.
function binned(sums, starts, count) {
  const steps = starts.map((start, place) => ({ start, end: (starts[place + 1] ?? Infinity) - 1, [count]: 0, revenue: 0 }));
  for (const [key, sum] of sums) {
    const step = steps.findLast(({ start }) => key >= start) ?? steps[0];
    step[count] += sum[count];
    step.revenue += sum.revenue;
  }
  for (const step of steps) {
    step.label = stepLabel(step);
  }
  const last = steps.findLastIndex((step) => step[count] > 0);
  const first = steps[0][count] > 0 ? 0 : 1;
  return steps.slice(starts === DAY_STEPS ? 0 : first, Math.max(last + 1, first + 1));
}

function stepLabel({ start, end }) {
  if (end === Infinity) {
    return `${start}+`;
  }
  return start === end ? String(start) : `${start}–${end}`;
}

function lengthsOption(view, steps, measure, words) {
  return {
    grid: { left: 4, right: 8, top: rem(1.8), bottom: rem(1.4), containLabel: true },
    xAxis: {
      ...categoryAxis(steps.map(({ label }) => label), { color: colour("muted"), hideOverlap: true }),
      name: words.axis,
      nameLocation: "middle",
      nameGap: rem(1.8),
      nameTextStyle: { color: colour("muted"), fontSize: rem(0.75) },
    },
    yAxis: valueAxis(view.metric, { unit: words.title }),
    series: [{
      type: "bar",
      barCategoryGap: "22%",
      itemStyle: { color: colour("bar"), borderRadius: [3, 3, 0, 0] },
      data: steps.map((step) => drawn(measure, step[measure])),
    }],
    tooltip: tooltip({
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: ([{ dataIndex }]) => {
        const step = steps[dataIndex];
        const unit = step.start === 1 && step.end === 1 ? words.unit : words.units ?? `${words.unit}s`;
        return tip(`${step.label} ${unit}`, [[words.title, whole(step[words.count])], ["Revenue", money(step.revenue)]]);
      },
    }),
  };
}

function lengthsTable(steps, words, all) {
  return {
    caption: words.caption,
    columns: [
      { key: "step", title: words.axis, kind: "text", of: (step) => step.label },
      { key: "count", title: words.title, kind: "whole", of: (step) => step[words.count] },
      { key: "share", title: "Share", kind: "rate", of: (step) => step[words.count] / all },
      { key: "revenue", title: "Revenue", kind: "money", of: (step) => step.revenue },
    ],
    rows: steps,
  };
}
