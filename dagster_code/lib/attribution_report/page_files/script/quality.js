// What to know before one believes the numbers.

const REASONS = new Map([
  ["unreadable_record", "could not be read as a record"],
  ["missing_client_id", "without a client id"],
  ["invalid_event_time", "time missing, unreadable or impossible"],
  ["unknown_event_type", "neither a page view nor a purchase"],
  ["invalid_revenue", "purchase without a valid revenue"],
  ["duplicate_event_id", "the same event once more"],
  ["invalid_date", "day missing, unreadable or impossible"],
  ["invalid_cost", "cost missing or no valid amount"],
  ["duplicate_record", "the same record once more"],
]);

function drawQuality() {
  const { events, quality, rule_version: version } = report;
  const { records, freshness, checks } = quality;
  const failed = checks.filter((check) => !check.passed && check.severity === "ERROR").length;
  const warned = checks.filter((check) => !check.passed && check.severity !== "ERROR").length;
  const passed = checks.length - failed - warned;
  setText("quality-lede", checks.length
    ? `${counted(passed, "check")} passed, ${whole(warned)} warned, ${whole(failed)} failed. Every landed record is counted below: staged, or rejected with a reason.`
    : "No check has run yet. Every landed record is counted below: staged, or rejected with a reason.");
  const facts = [
    ["Period covered", events.first ? periodText(events.first, events.last) : "no events"],
    ["Events", `${whole(events.count)} of ${counted(events.clients, "client")}`],
    ["Records landed", whole(records.landed)],
    ["Records staged", `${whole(records.staged)} (${percent(records.staged, records.landed)})`],
    ["Records rejected", `${whole(records.rejected)} (${percent(records.rejected, records.landed)})`],
    ["Last landing", instantText(freshness.landed_at)],
    ["Last build", instantText(freshness.built_at)],
    ["Last event", instantText(freshness.last_event_at)],
    ["Report made", instantText(report.generated_at)],
    ["Attribution window", counted(report.attribution_window_days, "day")],
    ["Version of the channel rules", version ? element("code", {}, clean(version)) : "none yet"],
  ];
  byId("quality-facts").replaceChildren(...facts.map(([name, value]) => element(
    "div", {}, element("dt", {}, name), element("dd", {}, value),
  )));
  drawRejected(quality.rejected);
  drawChecks(checks);
}

function drawRejected(rejected) {
  if (!rejected.length) {
    byId("rejected-table").replaceChildren(element("p", { class: "nothing" }, "No record was rejected."));
    return;
  }
  byId("rejected-table").replaceChildren(tableElement({
    caption: "Rejected records by reason",
    columns: [
      { key: "reason", title: "Reason", kind: "node", of: ({ reason }) => element("div", { class: "text" }, element("code", {}, clean(reason)), element("small", {}, REASONS.get(reason) ?? "")) },
      { key: "table", title: "Table", kind: "node", of: ({ table }) => element("bdi", { class: "name" }, clean(table)) },
      { key: "records", title: "Records", kind: "whole", of: ({ records }) => records },
    ],
    isTitled: true,
    rows: [...rejected].sort((a, b) => b.records - a.records),
  }));
}

// What stands between backticks is a name of the tables.
function toldText(text) {
  return clean(text).split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

function outcome(check) {
  if (check.passed) {
    return { rank: 2, word: "✓ passed", tone: "good" };
  }
  return check.severity === "ERROR" ? { rank: 0, word: "✗ failed", tone: "bad" } : { rank: 1, word: "! warned", tone: "warn" };
}

function drawChecks(checks) {
  if (!checks.length) {
    byId("checks-table").replaceChildren(element("p", { class: "nothing" }, "No check has run yet."));
    return;
  }
  byId("checks-table").replaceChildren(tableElement({
    caption: "Checks, those that did not pass first",
    columns: [
      { key: "check", title: "Check", kind: "node", of: (check) => element(
        "div", { class: "text" },
        toldText(check.description || check.name.replaceAll("_", " ")),
        check.passed || !check.message ? null : element("small", {}, clean(check.message)),
        element("small", {}, element("code", {}, clean(check.name)), ` on ${clean(check.table)}${check.at ? `, ${instantText(check.at)}` : ""}`),
      ) },
      { key: "outcome", title: "Outcome", kind: "node", of: (check) => element("span", { class: `outcome ${outcome(check).tone}` }, outcome(check).word) },
    ],
    rows: [...checks].sort((a, b) => outcome(a).rank - outcome(b).rank),
    first: 8,
    isTitled: true,
  }));
}
