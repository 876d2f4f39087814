// Channels under every model: the chosen one as bars, the others as marks beside them.

const MODEL_MARKS = [
  { symbol: "circle", glyph: "●" },
  { symbol: "rect", glyph: "■" },
  { symbol: "triangle", glyph: "▲" },
  { symbol: "diamond", glyph: "◆" },
  { symbol: "triangle", rotate: 180, glyph: "▼" },
  { symbol: "path://M0,6 L6,6 L6,0 L10,0 L10,6 L16,6 L16,10 L10,10 L10,16 L6,16 L6,10 L0,10 Z", glyph: "✚" },
  { symbol: "path://M3,0 L8,5 L13,0 L16,3 L11,8 L16,13 L13,16 L8,11 L3,16 L0,13 L5,8 L0,3 Z", glyph: "✖" },
];
const MODEL_COLOURS = ["c1", "c2", "c3", "c4", "c5", "c6", "rest"];

const MODEL_SENTENCES = new Map([
  ["first_touch", "All credit to the first marketing touch of the window: who opens."],
  ["last_touch", "All credit to the last marketing touch before the purchase: who closes."],
  ["linear", "The same credit to every marketing touch of the window."],
  ["position_based", "Most to the first and the last touch, the rest shared by those between."],
  ["time_decay", "The closer to the purchase, the more credit; it halves with every half-life of age."],
  ["markov", "What would be lost if a channel were taken out of all paths, those without a purchase included."],
  ["shapley", "What a channel adds on average to the channels that it appears with, as in a game of teams."],
]);

function setUpModels() {
  addFigure("models", "models-figure", "Channels under every model");
}

// The other models that can stand beside the chosen one: about the same conversions.
function comparableModels(view) {
  return report.models.filter((model) => !view.isPartial || RULE_MODELS.has(model) === view.isDated);
}

function drawModels(view) {
  const models = comparableModels(view);
  const sums = view.credits.get(view.model);
  const revenue = view.metric === "revenue";
  setText("models-lede", `Bars: ${modelLabel(view.model)}. Marks: the other models. `
    + "Where they lie apart, the channel's worth depends on the way of counting.");
  drawModelLegend(view, models);
  setNote("models", modelsNote(view));
  const everyone = new Map([...view.credits.values()].flatMap((of) => [...of.keys()]).map((key) => [key, sums.get(key) ?? { conversions: 0, revenue: 0, unattributed: 0 }]));
  const kept = leadingChannels(view, everyone, isNarrow() ? 8 : 12);
  if (!kept.length) {
    drawFigure("models-figure", null);
    return;
  }
  const rest = [...everyone.keys()].filter((key) => !kept.includes(key) && shownAnywhere(view, models, key));
  const rows = [...kept, ...(rest.length ? [OTHERS] : [])];
  const valueOf = (model, row) => {
    const of = view.credits.get(model);
    const channels = row === OTHERS ? rest : [row];
    return channels.reduce((sum, channel) => sum + (of.get(channel)?.[view.metric] ?? 0), 0);
  };
  const labels = rows.map((row) => (row === OTHERS ? othersLabel(rest.length) : channelLabel(report.channels[row])));
  // Hundreds of small channels together would leave the great ones no room: then they are told.
  const greatest = Math.max(...kept.flatMap((row) => models.map((model) => valueOf(model, row))));
  const isBeyond = rest.length > 0 && valueOf(view.model, OTHERS) > greatest * 1.5;
  const all = total(sums, view.metric);
  drawFigure("models-figure", {
    height: rows.length * 2.5 + 3.5,
    describe: `Under ${modelLabel(view.model)}, ${labels[0]} is first with ${metricText(view.metric, valueOf(view.model, rows[0]))}`
      + `, ${percent(valueOf(view.model, rows[0]), all)} of the ${revenue ? "credited revenue" : "conversions"} shown here.`,
    option: () => modelsOption(view, models, { rows, labels, valueOf, isBeyond }),
    table: () => modelsTable(view, everyone),
  });
}

function shownAnywhere(view, models, channel) {
  return models.some((model) => (view.credits.get(model).get(channel)?.[view.metric] ?? 0) > 0);
}

// Ranked by the chosen model, then what only others credit.
function leadingChannels(view, everyone, count) {
  const order = ranked(everyone, view.metric).map(([key]) => key);
  const shown = order.filter((key) => shownAnywhere(view, comparableModels(view), key));
  return shown.length <= count + 1 ? shown : shown.slice(0, count);
}

function othersLabel(count) {
  return `All others (${whole(count)})`;
}

function modelsNote(view) {
  if (!view.isPartial) {
    return null;
  }
  return view.isDated
    ? "Markov and Shapley are not drawn: they cover the whole period and all platforms, so they cannot stand beside a part of it. The table has them."
    : `${modelLabel(view.model)} ${WHOLE_PERIOD} The filters for period and platform do not apply; the models by date are not drawn beside it.`;
}

function drawModelLegend(view, models) {
  byId("models-legend").replaceChildren(...report.models.map((model, place) => {
    const isChosen = model === view.model;
    const glyph = isChosen ? "▬" : MODEL_MARKS[place].glyph;
    const button = element(
      "button", { type: "button", "aria-pressed": String(isChosen), "data-model": model },
      element("span", { class: "mark", "aria-hidden": "true", style: `color: var(--${isChosen ? "bar" : MODEL_COLOURS[place]})` }, glyph),
      modelLabel(model),
      models.includes(model) ? null : element("span", { class: "aside" }, "(whole period)"),
    );
    button.addEventListener("click", () => {
      change({ model });
      byId("models-legend").querySelector(`[data-model="${model}"]`).focus();
    });
    return button;
  }));
}

function modelsOption(view, models, { rows, labels, valueOf, isBeyond }) {
  const isDrawn = (row) => row !== OTHERS || !isBeyond;

  const marks = models.filter((model) => model !== view.model).map((model) => {
    const place = report.models.indexOf(model);
    const { symbol, rotate } = MODEL_MARKS[place];
    return {
      type: "scatter",
      name: modelLabel(model),
      symbol,
      symbolRotate: rotate ?? 0,
      symbolSize: rem(0.62),
      itemStyle: { color: colour(MODEL_COLOURS[place]), borderColor: colour("card"), borderWidth: 1, opacity: 1 },
      data: rows.flatMap((row, index) => (isDrawn(row) ? [[drawn(view.metric, valueOf(model, row)), index]] : [])),
      z: 5,
    };
  });
  return {
    grid: { left: 4, right: rem(1.2), top: rem(0.5), bottom: rem(1.6), containLabel: true },
    xAxis: { ...valueAxis(view.metric), nameLocation: "middle", nameGap: rem(1.7) },
    yAxis: { ...categoryAxis(labels.map(isolated), { width: isNarrow() ? rem(6.5) : rem(13), overflow: "truncate" }), inverse: true },
    series: [
      {
        type: "bar",
        name: modelLabel(view.model),
        barWidth: "52%",
        itemStyle: { color: colour("soft"), borderColor: colour("bar"), borderWidth: 1.2, borderRadius: [0, 3, 3, 0] },
        data: rows.map((row) => (isDrawn(row) ? drawn(view.metric, valueOf(view.model, row)) : {
          value: 0,
          itemStyle: { borderWidth: 0 },
          label: {
            show: true, position: "right", color: colour("ink"), fontSize: rem(0.78),
            formatter: () => `${metricText(view.metric, valueOf(view.model, row))}, beyond the scale`,
          },
        })),
      },
      ...marks,
    ],
    tooltip: tooltip({
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: (points) => {
        const index = points[0].componentSubType === "bar" ? points[0].dataIndex : points[0].value[1];
        return tip(labels[index], models.map((model) => [modelLabel(model), metricText(view.metric, valueOf(model, rows[index]))]));
      },
    }),
  };
}

function modelsTable(view, everyone) {
  const measured = (of, channel) => of.get(channel)?.[view.metric] ?? 0;
  // Its revenue is in no model; it stands below the channels.
  const isListed = (channel) => view.metric !== "revenue" || report.channels[channel] !== "unattributed";
  const rows = ranked(everyone, view.metric).map(([channel]) => channel).filter(isListed);
  const columns = [{ key: "channel", title: "Channel", kind: "name", of: (row) => (typeof row === "number" ? nameElement(channelLabel(report.channels[row])) : row.title) }];
  for (const model of report.models) {
    const of = view.credits.get(model);
    const wide = view.isPartial && !RULE_MODELS.has(model);
    columns.push({
      key: model,
      title: modelLabel(model) + (wide ? " (whole period)" : ""),
      kind: metricKind(view.metric, [...of.values()].map((sum) => sum.conversions)),
      of: (row) => (typeof row === "number" ? measured(of, row) : row.of(of)),
    });
  }
  const foot = [{ title: "All of these", of: (of) => total(of, view.metric) }];
  if (view.metric === "revenue") {
    foot.push({ title: "Unattributed", of: (of) => total(of, "unattributed") });
    foot.push({ title: "Revenue", of: (of) => total(of, "revenue") + total(of, "unattributed") });
  }
  const caption = view.metric === "revenue" ? "Attributed revenue by channel and model" : "Conversions by channel and model";
  return { caption, columns, rows, foot };
}

function drawGuide() {
  byId("guide-list").replaceChildren(...report.models.map((model) => element(
    "div", {},
    element("dt", {}, modelLabel(model)),
    element("dd", {}, MODEL_SENTENCES.get(model) ?? ""),
  )));
}
