// First against last touch, as a flow.

function setUpFlow() {
  addFigure("flow", "flow-figure", "From first touch to last touch");
}

function drawFlow(view) {
  const { flows } = report;
  const count = report.channels.length;
  const pairs = addUp(
    flows, ["conversions", "revenue"],
    (row) => view.inPeriod(flows, row) && (view.channelOn[flows.first[row]] || view.channelOn[flows.last[row]]),
    (row) => flows.first[row] * count + flows.last[row],
  );
  setNote("flow", view.channels.size ? "Conversions whose first or last touch is of a chosen channel." : null);
  const all = total(pairs, view.metric);
  if (!(all > 0)) {
    drawFigure("flow-figure", null);
    return;
  }
  const sides = [(key) => Math.floor(key / count), (key) => key % count].map((of) => flowSide(view, pairs, of));
  const links = new Map();
  let same = 0;
  for (const [key, sum] of pairs) {
    const ends = sides.map((side) => side.nodeOf(key));
    const link = `${ends[0]}>${ends[1]}`;
    links.set(link, (links.get(link) ?? 0) + sum[view.metric]);
    same += Math.floor(key / count) === key % count ? sum[view.metric] : 0;
  }
  const [[strongest]] = ranked(pairs, view.metric);
  drawFigure("flow-figure", {
    height: Math.max(14, Math.max(sides[0].nodes.length, sides[1].nodes.length) * 3),
    describe: `${percent(same, all)} of ${view.metric === "revenue" ? "the revenue" : "the conversions"} open and close with the same channel. `
      + `The strongest flow is from ${flowLabel(Math.floor(strongest / count))} to ${flowLabel(strongest % count)}, ${metricText(view.metric, pairs.get(strongest)[view.metric])}.`,
    option: () => flowOption(view, sides, links),
    table: () => flowTable(view, pairs, count, all),
  });
}

function flowLabel(channel) {
  return channelLabel(report.channels[channel]);
}

// The greatest channels of one side, and one node for the others.
function flowSide(view, pairs, channelOf) {
  const sums = new Map();
  for (const [key, sum] of pairs) {
    const channel = channelOf(key);
    const of = sums.get(channel) ?? { conversions: 0, revenue: 0 };
    of.conversions += sum.conversions;
    of.revenue += sum.revenue;
    sums.set(channel, of);
  }
  const kept = leading(sums, view.metric, isNarrow() ? 6 : 8);
  const rest = [...sums.keys()].filter((channel) => !kept.includes(channel) && sums.get(channel)[view.metric] > 0);
  const restSum = rest.reduce((sum, channel) => sum + sums.get(channel)[view.metric], 0);
  const nodes = kept.map((channel) => ({ channel, label: flowLabel(channel), amount: sums.get(channel)[view.metric] }));
  if (rest.length) {
    nodes.push({ channel: OTHERS, label: othersLabel(rest.length), amount: restSum });
  }
  return { nodes, nodeOf: (key) => (kept.includes(channelOf(key)) ? channelOf(key) : OTHERS) };
}

function flowOption(view, sides, links) {
  // One colour a channel, on both sides.
  const tones = new Map();
  for (const { channel } of sides.flatMap(({ nodes }) => nodes)) {
    if (!tones.has(channel)) {
      const tone = channel === OTHERS || tones.size >= PALETTE.length ? "rest" : PALETTE[tones.size];
      tones.set(channel, tone);
    }
  }
  const prefix = ["first", "last"];
  const room = isNarrow() ? rem(5.6) : rem(11);
  const labels = new Map();
  const nodes = sides.flatMap((side, place) => side.nodes.map(({ channel, label, amount }) => {
    const name = `${prefix[place]}:${channel}`;
    labels.set(name, { label, amount });
    return {
      name,
      depth: place,
      itemStyle: { color: colour(tones.get(channel)), borderWidth: 0 },
      label: { position: place ? "right" : "left", width: room - rem(0.6), overflow: "truncate" },
    };
  }));
  const data = [...links].filter(([, value]) => value > 0).map(([link, value]) => {
    const [first, last] = link.split(">");
    return { source: `first:${first}`, target: `last:${last}`, value: drawn(view.metric, value), amount: value };
  });
  return {
    series: [{
      type: "sankey",
      data: nodes,
      links: data,
      left: room,
      right: room,
      top: rem(0.6),
      bottom: rem(0.6),
      nodeWidth: rem(0.9),
      nodeGap: rem(0.7),
      draggable: false,
      // In the order given: the greatest on top, all others at the end.
      layoutIterations: 0,
      lineStyle: { color: "source", opacity: 0.32, curveness: 0.5 },
      emphasis: { focus: "adjacency", lineStyle: { opacity: 0.55 } },
      label: { color: colour("ink"), fontSize: rem(0.78), formatter: ({ name }) => isolated(labels.get(name).label) },
    }],
    tooltip: tooltip({
      trigger: "item",
      formatter: ({ dataType, data: item }) => {
        if (dataType === "node") {
          const { label, amount } = labels.get(item.name);
          return tip(label, [[item.name.startsWith("first") ? "first touch" : "last touch", metricText(view.metric, amount)]]);
        }
        const ends = [labels.get(item.source).label, labels.get(item.target).label];
        return tip(`${isolated(ends[0])} → ${isolated(ends[1])}`, [[view.metric === "revenue" ? "Revenue" : "Conversions", metricText(view.metric, item.amount)]]);
      },
    }),
  };
}

function flowTable(view, pairs, count, all) {
  return {
    caption: "Conversions by first and last touch; revenue in full, unattributed included",
    columns: [
      { key: "first", title: "First touch", kind: "name", of: ([key]) => nameElement(flowLabel(Math.floor(key / count))) },
      { key: "last", title: "Last touch", kind: "name", of: ([key]) => nameElement(flowLabel(key % count)) },
      { key: "conversions", title: "Conversions", kind: "whole", of: ([, sum]) => sum.conversions },
      { key: "revenue", title: "Revenue", kind: "money", of: ([, sum]) => sum.revenue },
      { key: "share", title: view.metric === "revenue" ? "Share of revenue" : "Share of conversions", kind: "rate", of: ([, sum]) => sum[view.metric] / all },
    ],
    rows: ranked(pairs, view.metric),
  };
}
