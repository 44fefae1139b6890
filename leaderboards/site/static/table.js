// A table that sorts by any column, and shows so many rows at a time.
"use strict";

// columns: {label, value(row) for sorting, cell(row) -> content, number: bool, figure: bool, head: bool, wide: bool}
HB.table = (label, columns, { perPage = 100, sort = null, descending = false, rowClass = () => null } = {}) => {
  const { h } = HB;
  let rows = [];
  let first = 0;
  let by = sort;
  let down = descending;
  const body = h("tbody");
  const kind = (column) => [column.number && "number", column.figure && "figure", column.wide && "wide"].filter(Boolean).join(" ") || null;
  const heads = columns.map((column, i) => {
    const text = column.value
      ? h("button", { type: "button", onclick: () => { down = by === i ? !down : Boolean(column.number || column.figure); by = i; first = 0; show(); } }, column.label)
      : column.hidden ? h("span", { class: "hidden" }, column.label) : column.label;
    return h("th", { scope: "col", class: kind({ ...column, number: column.number || column.figure, figure: false }) }, text);
  });
  const table = h("table", {}, h("thead", {}, h("tr", {}, heads)), body);
  const back = h("button", { type: "button", onclick: () => { first -= perPage; show(); } }, "Previous");
  const on = h("button", { type: "button", onclick: () => { first += perPage; show(); } }, "Next");
  const where = h("span", { role: "status" });
  const pager = h("div", { class: "pager" }, back, on, where);
  const element = h("div", {}, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table), pager);

  function compare(a, b) {
    const [x, y] = [columns[by].value(a), columns[by].value(b)];
    // Rows without a figure come last, whichever way the others are sorted.
    if (x == null || y == null) return (x == null) - (y == null);
    const order = typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return down ? -order : order;
  }

  function show() {
    heads.forEach((head, i) => (i === by ? head.setAttribute("aria-sort", down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    const sorted = by === null ? rows : [...rows].sort(compare);
    first = Math.max(0, Math.min(first, Math.floor((rows.length - 1) / perPage) * perPage));
    body.replaceChildren(...sorted.slice(first, first + perPage).map((row) => h("tr", { class: rowClass(row) },
      columns.map((column) => h(column.head ? "th" : "td", { class: kind(column), scope: column.head ? "row" : null }, column.cell(row))))));
    pager.hidden = rows.length <= perPage;
    pager.style.display = pager.hidden ? "none" : "";
    back.disabled = first === 0;
    on.disabled = first + perPage >= rows.length;
    where.textContent = pager.hidden ? "" : `${first + 1} to ${Math.min(first + perPage, rows.length)} of ${rows.length.toLocaleString("en")}`;
  }

  return { element, update(next) { rows = next; first = 0; show(); } };
};
