// Tables: a caption, headings that say what a column is, numbers in line, long ones in pieces.

const KINDS = {
  money: (value) => money(value),
  whole: (value) => whole(value),
  decimal: (value) => decimal(value),
  rate: (value) => `${(value * 100).toFixed(2)}%`,
  ratio: (value) => value.toFixed(2),
};

// A column is {key, title, kind, of, help}: `of` takes a row to its value; kinds `name` and `node`
// give an element, `text` a text, all others numbers, null where there is none.
function tableElement({ caption, columns, rows, foot, first = 25, sort, onSort, dense, isTitled }) {
  const body = element("tbody");
  const box = element(
    "div", { class: dense ? "table-box dense" : "table-box", tabindex: "0", role: "region", "aria-label": caption },
    element(
      "table", {},
      // Under a heading of its own it is only heard.
      element("caption", {}, isTitled ? element("span", { class: "unseen" }, caption) : caption),
      element("thead", {}, element("tr", {}, columns.map((column) => headCell(column, sort, onSort)))),
      body,
      foot?.length ? element("tfoot", {}, foot.map((row) => bodyRow(columns, row))) : null,
    ),
  );
  const more = element("div", { class: "more" });
  const result = element("div", {}, box, more);
  const ordered = sort ? sorted(rows, columns, sort) : rows;
  let shown = 0;
  const showMore = (count) => {
    const next = ordered.slice(shown, shown + count);
    body.append(...next.map((row) => bodyRow(columns, row)));
    shown += next.length;
    moreElements(more, shown, ordered.length, () => {
      const from = shown;
      showMore(1000);
      // Reading goes on at the first new row.
      const target = body.rows[from].cells[0];
      target.tabIndex = -1;
      target.focus();
    });
  };
  showMore(first);
  return result;
}

function moreElements(more, shown, all, onMore) {
  more.replaceChildren();
  if (shown < all) {
    const count = Math.min(1000, all - shown);
    const button = element(
      "button", { type: "button", class: "quiet" },
      shown + count === all ? `Show all ${whole(all)} rows` : `Show ${whole(count)} more rows`,
    );
    button.addEventListener("click", onMore);
    more.append(element("span", {}, `${whole(shown)} of ${whole(all)} rows`), button);
  }
}

function isNumber(column) {
  return column.kind in KINDS;
}

function headCell(column, sort, onSort) {
  const isSorted = sort?.column === column.key;
  const cell = element("th", {
    scope: "col",
    class: isNumber(column) ? "number" : null,
    title: column.help,
    "aria-sort": isSorted ? sort.direction : null,
  });
  if (!onSort) {
    cell.append(column.title);
    return cell;
  }
  const button = element("button", { type: "button", class: "sort", "data-sort": column.key }, column.title);
  button.addEventListener("click", () => {
    const down = isNumber(column) ? "descending" : "ascending";
    const up = isNumber(column) ? "ascending" : "descending";
    onSort({ column: column.key, direction: isSorted && sort.direction === down ? up : down });
  });
  cell.append(button);
  return cell;
}

function bodyRow(columns, row) {
  return element("tr", {}, columns.map((column, place) => {
    const value = column.of(row);
    // The first names its row.
    const properties = place === 0 ? { scope: "row" } : {};
    if (isNumber(column)) {
      properties.class = "number";
    }
    const shown = isNumber(column) && typeof value === "number" ? KINDS[column.kind](value) : value ?? "–";
    return element(place === 0 ? "th" : "td", properties, shown);
  }));
}

function sorted(rows, columns, { column: key, direction }) {
  const column = columns.find((candidate) => candidate.key === key);
  if (!column) {
    return rows;
  }
  const sign = direction === "ascending" ? 1 : -1;
  const value = column.sortBy ?? column.of;
  return [...rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    // What has no value comes last, either way.
    if (left === null || right === null) {
      return (left === null) - (right === null);
    }
    return typeof left === "number" ? sign * (left - right) : sign * left.localeCompare(right);
  });
}

// Of shared conversions all have decimals, so that they stand in line.
function metricKind(metric, values) {
  if (metric === "revenue") {
    return "money";
  }
  return values.every(isWhole) ? "whole" : "decimal";
}
