// The report as it was written into the file, and sums over its columns.

const report = JSON.parse(document.getElementById("report").textContent);

const DAY = 86400000;
const OTHERS = -1;
const RULE_MODELS = new Set(["first_touch", "last_touch", "linear", "position_based", "time_decay"]);

function dayNumber(day) {
  return Date.parse(`${day}T00:00:00Z`) / DAY;
}

function dayOf(number) {
  return new Date(number * DAY).toISOString().slice(0, 10);
}

// The last day of a bin; of the last bin no later than the last event.
function lastDay(bin) {
  if (bin + 1 < report.dates.length) {
    return dayOf(dayNumber(report.dates[bin + 1]) - 1);
  }
  const first = report.dates[bin];
  let end = first;
  if (report.grain === "week") {
    end = dayOf(dayNumber(first) + 6);
  } else if (report.grain === "month") {
    const [year, month] = first.split("-").map(Number);
    end = dayOf(Date.UTC(year, month, 0) / DAY);
  }
  const last = report.events.last;
  return last && last < end && last >= first ? last : end;
}

// Add up measures of the rows that are kept, by a key of each row.
function addUp(columns, measures, keep, keyOf) {
  const sums = new Map();
  const length = columns[measures[0]].length;
  for (let row = 0; row < length; row += 1) {
    if (keep(row)) {
      const key = keyOf(row);
      let sum = sums.get(key);
      if (sum === undefined) {
        sum = Object.fromEntries(measures.map((measure) => [measure, 0]));
        sums.set(key, sum);
      }
      for (const measure of measures) {
        sum[measure] += columns[measure][row];
      }
    }
  }
  return sums;
}

function total(sums, measure) {
  let result = 0;
  for (const sum of sums.values()) {
    result += sum[measure];
  }
  return result;
}

// The greatest first; equal ones in the order in which the report names them.
function ranked(sums, measure) {
  return [...sums.entries()].sort((a, b) => b[1][measure] - a[1][measure] || a[0] - b[0]);
}

// The keys that have a place of their own in a chart; the rest is drawn as one.
function leading(sums, measure, count) {
  const order = ranked(sums, measure).filter(([, sum]) => sum[measure] > 0);
  // One more is no more than "all others" would take.
  const kept = order.length <= count + 1 ? order : order.slice(0, count);
  return kept.map(([key]) => key);
}

function channelPosition(name) {
  return report.channels.indexOf(name);
}
