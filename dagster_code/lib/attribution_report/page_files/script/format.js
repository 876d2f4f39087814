// How numbers, days and names are written. The same everywhere, whatever the reader's language, so
// that a picture of the page means the same to everybody.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Channels as the rules name them; a sender's own names stay as they are.
const CHANNEL_LABELS = new Map([
  ["affiliates", "Affiliates"], ["ai_assistant", "AI assistant"], ["audio", "Audio"],
  ["cross_network", "Cross-network"], ["direct", "Direct"], ["display", "Display"],
  ["email", "Email"], ["mobile_push", "Mobile push"], ["organic_search", "Organic search"],
  ["organic_shopping", "Organic shopping"], ["organic_social", "Organic social"],
  ["organic_video", "Organic video"], ["paid_other", "Paid other"], ["paid_search", "Paid search"],
  ["paid_shopping", "Paid shopping"], ["paid_social", "Paid social"], ["paid_video", "Paid video"],
  ["referral", "Referral"], ["sms", "SMS"], ["unassigned", "Unassigned"],
  ["unattributed", "Unattributed"],
]);

const MODEL_LABELS = new Map([
  ["first_touch", "First touch"], ["last_touch", "Last touch"], ["linear", "Linear"],
  ["position_based", "Position-based"], ["time_decay", "Time decay"], ["markov", "Markov"],
  ["shapley", "Shapley"],
]);

// What would not be seen, or would turn the text around it: controls, marks of direction.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function clean(text) {
  return String(text).replace(UNSEEN, "\ufffd");
}

function channelLabel(name) {
  return CHANNEL_LABELS.get(name) ?? (clean(name).trim() || "(no name)");
}

function modelLabel(name) {
  return MODEL_LABELS.get(name) ?? clean(name);
}

function platformLabel(name) {
  return clean(name).trim() || "unknown";
}

// Within a chart: no direction of its own leaks into the text beside it.
function isolated(text) {
  return `\u2068${text}\u2069`;
}

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

function whole(value) {
  const rounded = Math.round(value);
  return (rounded < 0 ? "-" : "") + grouped(String(Math.abs(rounded)));
}

// Cents are whole numbers: no float comes between them and what is shown. Sums that are too great to
// be counted exactly are marked, and have no more digits than are known.
function money(cents) {
  const amount = Math.abs(Math.round(cents));
  if (amount > Number.MAX_SAFE_INTEGER) {
    const known = BigInt(Math.round(Number((amount / 100).toPrecision(15))));
    return `≈ ${cents < 0 ? "-" : ""}${grouped(String(known))}`;
  }
  const text = `${grouped(String(Math.floor(amount / 100)))}.${String(amount % 100).padStart(2, "0")}`;
  return (cents < 0 ? "-" : "") + text;
}

function decimal(value) {
  return money(Math.round(value * 100));
}

// Shared conversions have parts, counted ones have none.
function isWhole(value) {
  return Math.abs(value - Math.round(value)) < 1e-6;
}

function conversionsText(value) {
  return isWhole(value) ? whole(value) : decimal(value);
}

function percent(part, all) {
  return all ? `${((part / all) * 100).toFixed(1)}%` : "–";
}

function compact(value) {
  for (const [size, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) {
      return `${Number((value / size).toFixed(1))}${letter}`;
    }
  }
  return String(Number(value.toFixed(2)));
}

function dayText(day) {
  const [year, month, date] = day.split("-").map(Number);
  return `${date} ${MONTHS[month - 1]} ${year}`;
}

function shortDay(day) {
  const [, month, date] = day.split("-").map(Number);
  return `${date} ${MONTHS[month - 1]}`;
}

function periodText(from, to) {
  return from === to ? dayText(from) : `${dayText(from)} – ${dayText(to)}`;
}

function instantText(instant) {
  return instant ? `${dayText(instant.slice(0, 10))}, ${instant.slice(11, 16)} UTC` : "never";
}

function counted(value, one, many) {
  return `${conversionsText(value)} ${isWhole(value) && Math.round(value) === 1 ? one : many ?? `${one}s`}`;
}

// By metric: the text of an amount of it.
function metricText(metric, value) {
  return metric === "revenue" ? money(value) : conversionsText(value);
}
