// marts.channel_performance, to be sorted by any column.

const PERFORMANCE = [
  ["sessions", "Sessions", "whole", "sessions of this channel"],
  ["touches", "Touches", "whole", "touches of this channel, also of clients who did not buy"],
  ["clients", "Clients", "whole", "clients with a touch of this channel"],
  ["first_touch_conversions", "First-touch conversions", "whole", "that this channel opened"],
  ["first_touch_revenue", "First-touch revenue", "money", "attributed to it by first touch"],
  ["last_touch_conversions", "Last-touch conversions", "whole", "that this channel closed"],
  ["last_touch_revenue", "Last-touch revenue", "money", "attributed to it by last touch"],
  ["assisted_conversions", "Assisted conversions", "whole", "had it in the window, closed by another"],
  ["conversion_rate", "Conversion rate", "rate", "last-touch conversions per session"],
  ["average_order_value", "Average order value", "money", "revenue per last-touch conversion"],
  ["unattributed_revenue", "Unattributed revenue", "money", "left out of attribution: all touches are too old"],
];
const SPEND = [
  ["cost", "Cost", "money", "ad spend of all days"],
  ["cpa", "CPA", "money", "cost per last-touch conversion"],
  ["roas", "ROAS", "ratio", "last-touch revenue per cost"],
];

function performanceColumns() {
  const { performance } = report;
  const hasSpend = performance.cost.some((cost) => cost > 0);
  const hasLost = performance.unattributed_revenue.some((amount) => amount > 0);
  const shown = [...PERFORMANCE.filter(([key]) => key !== "unattributed_revenue" || hasLost), ...(hasSpend ? SPEND : [])];
  return [
    {
      key: "channel", title: "Channel", kind: "name",
      of: (row) => nameElement(channelLabel(report.channels[performance.channel[row]])),
      sortBy: (row) => channelLabel(report.channels[performance.channel[row]]),
    },
    ...shown.map(([key, title, kind, help]) => ({ key, title, kind, help, of: (row) => performance[key][row] })),
  ];
}

function drawPerformance(view) {
  const { performance } = report;
  const rows = performance.channel.map((_, row) => row).filter((row) => view.channelOn[performance.channel[row]]);
  const hasSpend = performance.cost.some((cost) => cost > 0);
  setText("performance-lede", "Of the whole period and all platforms. ", ...(hasSpend
    ? ["Cost is all ad spend that has landed."]
    : ["No ad spend has landed: with ", element("code", {}, "attribution run --spend FILE"), " there are cost, CPA and ROAS as well."]));
  setNote("performance", view.isPartial ? "The filters for period and platform do not apply to this table: sessions and clients are known for the whole period only." : null);
  const sort = view.sort ?? { column: "last_touch_revenue", direction: "descending" };
  const table = byId("performance-table");
  const focused = table.contains(document.activeElement) ? document.activeElement.dataset.sort : null;
  if (!rows.length) {
    table.replaceChildren(element("p", { class: "nothing" }, "Nothing in this selection."));
    return;
  }
  table.replaceChildren(tableElement({
    caption: "Channel performance; press a heading to sort",
    columns: performanceColumns(),
    rows,
    dense: true,
    sort,
    // Of all the page only this table is ordered anew.
    onSort: (chosen) => {
      state.sort = chosen;
      writeAddress();
      drawPerformance(currentView());
    },
  }));
  if (focused) {
    table.querySelector(`[data-sort="${focused}"]`).focus();
  }
}
