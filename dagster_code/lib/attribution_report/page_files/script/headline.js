// The numbers on top, and what no campaign explains.

const WHOLE_PERIOD = "covers the whole period and all platforms: it is worked out over all conversions at once.";

function drawHeadline(view) {
  const sums = view.credits.get(view.model);
  const credited = total(sums, "revenue");
  const revenue = credited + total(sums, "unattributed");
  const conversions = total(sums, "conversions");
  const marketing = total(
    new Map([...sums].filter(([channel]) => !["direct", "unattributed"].includes(report.channels[channel]))),
    "revenue",
  );
  const { journeys } = report;
  const lengths = addUp(
    journeys, ["clients"],
    (row) => view.inPeriod(journeys, row) && view.channelOn[journeys.channel[row]],
    (row) => journeys.days[row],
  );
  const customers = view.isFiltered ? total(lengths, "clients") : report.totals.purchasers;
  const chosen = view.channels.size ? "credited to the chosen channels" : null;
  byId("tiles").replaceChildren(
    tile("Revenue", money(revenue), chosen ?? `${money(credited)} of it credited to a channel`),
    tile("Conversions", conversionsText(conversions), chosen ?? "purchases of one client at one instant"),
    tile("Revenue per conversion", conversions ? money(revenue / conversions) : "–", null),
    tile("Credited to marketing", money(marketing), `${percent(marketing, revenue)} of this revenue`),
    tile("Customers", whole(customers), customersText(view)),
    tile("Median journey", customers ? lengthText(median(lengths, "clients")) : "–", "from first touch to last purchase"),
  );
  setNote("headline", view.isPartial && !view.isDated
    ? `Revenue, conversions and marketing under ${modelLabel(view.model)}: it ${WHOLE_PERIOD}` : null);
}

function lengthText(days) {
  return days === 0 ? "under a day" : counted(days, "day");
}

function customersText(view) {
  if (!view.isFiltered) {
    return "clients with a purchase";
  }
  return view.channels.size ? "by last purchase and first touch's channel" : "by their last purchase";
}

function tile(name, value, aside) {
  return element(
    "div", {},
    element("dt", {}, name),
    element("dd", { class: "value" }, value),
    aside ? element("dd", { class: "aside" }, aside) : null,
  );
}

// Of keys that are numbers, each so many times.
function median(sums, measure) {
  const half = total(sums, measure) / 2;
  let seen = 0;
  for (const [key, sum] of [...sums.entries()].sort((a, b) => a[0] - b[0])) {
    seen += sum[measure];
    if (seen >= half) {
      return key;
    }
  }
  return 0;
}

function drawPlain(view) {
  // About three channels by name: a choice of channels would only hide them.
  const sums = creditsByModel(view, () => true).get(view.model);
  const revenue = total(sums, "revenue") + total(sums, "unattributed");
  const of = (name) => sums.get(channelPosition(name)) ?? { conversions: 0, revenue: 0, unattributed: 0 };
  const [direct, unassigned, lost] = ["direct", "unassigned", "unattributed"].map(of);
  const days = report.attribution_window_days;
  byId("plain-cards").replaceChildren(
    plainCard("direct", "Direct", direct.revenue, direct.conversions, revenue,
      "Purchases of clients who never came by a campaign, a search or a link. Nothing is known that brought them."),
    plainCard("unassigned", "Unassigned", unassigned.revenue, unassigned.conversions, revenue,
      "Visits with tags that match no channel rule. It is marketing without a name: the mart unassigned_sources lists the tags, with a suggestion for each."),
    plainCard("unattributed", "Unattributed", total(sums, "unattributed"), lost.conversions, revenue,
      `Purchases whose marketing touches are all more than ${counted(days, "day")} before. No model gives this revenue to a channel, and it is in no channel's numbers.`),
  );
  const notes = [];
  if (view.isPartial && !view.isDated) {
    notes.push(`${modelLabel(view.model)} ${WHOLE_PERIOD}`);
  }
  if (view.channels.size) {
    notes.push("The choice of channels does not apply to this part.");
  }
  setNote("plain", notes.join(" "));
}

function plainCard(id, name, revenue, conversions, all, meaning) {
  return element(
    "div", { class: "card", id: `plain-${id}` },
    element("h3", {}, name),
    element("p", { class: "value" }, money(revenue)),
    element("p", { class: "aside" }, `${percent(revenue, all)} of revenue, ${counted(conversions, "conversion")}`),
    element("p", {}, meaning),
  );
}
