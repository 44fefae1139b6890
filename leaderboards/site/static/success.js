// Success of every agent: one column a factor, or one row a figure.
"use strict";

HB.page(async (board, content, controls) => {
  const { h, percent, select } = HB;
  const asked = HB.asked();
  const state = {
    p: HB.index("p", board.protocols.length, 0),
    t: HB.index("t", board.tasks.length, ""),
    f: HB.index("f", board.factors.length, ""),
    view: asked.get("view") === "rows" ? "rows" : "factors",
    q: asked.get("q") ?? "",
    published: asked.get("published") !== "0",
  };
  const privileged = (a) => board.agents[a].privileged && h("span", { class: "badge privileged" }, "privileged");
  const address = (row) => `cell.html?p=${state.p}&a=${row.a}&t=${row.t}&f=${row.f}`;

  const search = h("input", { type: "search", value: state.q, oninput: () => { state.q = search.value; show(); } });
  const published = h("input", { type: "checkbox", checked: state.published, onchange: () => { state.published = published.checked; show(); } });
  const set = (name) => (value) => { state[name] = value === "" || name === "view" ? value : Number(value); show(); };
  controls.append(
    ...(board.protocols.length > 1 ? [select("Protocol", board.protocols.map((x, i) => [i, x.label]), state.p, set("p"))] : []),
    select("View", [["factors", "a column for each factor"], ["rows", "a row for each figure"]], state.view, set("view")),
    select("Task", [["", "mean over tasks"], ...board.tasks.map((x, i) => [i, x])], state.t, set("t")),
    select("Factor", [["", "all"], ...board.factors.map((x, i) => [i, x])], state.f, set("f")),
    h("label", {}, "Agent contains", search),
    h("label", { class: "check" }, published, "published rows"),
  );

  async function show() {
    const { rows } = await HB.load(`p${state.p}/figures`);
    const figures = rows.map(([a, t, f, mean, low, high, s, fails, e]) => ({ a, t, f, mean, low, high, n: s + fails + e, errors: e }));
    const words = state.q.trim().toLowerCase();
    const named = (label) => label.toLowerCase().includes(words);
    HB.remember({ p: state.p, t: state.t, f: state.f, view: state.view, q: state.q, published: state.published ? "" : "0" });
    const shown = figures.filter((row) => named(board.agents[row.a].label) && (state.f === "" || row.f === state.f));
    (state.view === "rows" ? showRows : showFactors)(shown, named);
  }

  function showFactors(figures, named) {
    const factors = board.factors.map((name, f) => ({ name, f })).filter(({ f }) => state.f === "" || f === state.f);
    const t = state.t === "" ? -1 : state.t;
    const agents = new Map();
    for (const row of figures.filter((x) => x.t === t)) {
      if (!agents.has(row.a)) agents.set(row.a, { label: board.agents[row.a].label, a: row.a, cells: [] });
      agents.get(row.a).cells[row.f] = row;
    }
    const lines = [...agents.values()];
    if (state.published && t === -1) {
      for (const [label, row] of Object.entries(board.published.rows).filter(([x]) => named(x))) {
        lines.push({ label, published: true, cells: board.factors.map((name) => row[name] && { mean: row[name][0], deviation: row[name][1] }) });
      }
    }
    const figure = (row, f) => {
      const cell = row.cells[f];
      if (!cell) return "\u2013";
      if (row.published) return [percent(cell.mean), h("small", {}, cell.deviation == null ? "\u00a0" : `\u00b1 ${percent(cell.deviation)}`)];
      return [h("a", { href: address(cell) }, percent(cell.mean)),
        h("small", {}, `${percent(cell.low)} to ${percent(cell.high)}`), h("small", {}, `n ${cell.n}${cell.errors ? `, ${cell.errors} errors` : ""}`)];
    };
    const columns = [
      { label: "Agent", head: true, value: (row) => row.label, cell: (row) => [row.label, " ", row.published ? h("span", { class: "badge published" }, "published") : privileged(row.a)] },
      ...factors.map(({ name, f }) => ({ label: name, figure: true, value: (row) => row.cells[f]?.mean, cell: (row) => figure(row, f) })),
    ];
    const table = HB.table("Success of agents by factor", columns, { sort: 1, descending: true, rowClass: (row) => row.published && "published" });
    table.update(lines);
    const source = lines.some((row) => row.published) &&
      h("p", { class: "note" }, h("span", { class: "badge published" }, "published"), ` ${board.published.source}. ${board.published.conditions} Not comparable with the other rows.`);
    content.replaceChildren(table.element, source || "");
    HB.say(`${agents.size} agents, ${t === -1 ? "mean over tasks" : board.tasks[t]}`);
  }

  function showRows(figures) {
    const wanted = figures.filter((row) => (state.t === "" ? row.t >= 0 : row.t === state.t));
    const columns = [
      { label: "Agent", head: true, value: (row) => board.agents[row.a].label, cell: (row) => [board.agents[row.a].label, " ", privileged(row.a)] },
      { label: "Task", value: (row) => board.tasks[row.t], cell: (row) => h("a", { href: `task-${board.tasks[row.t]}.html` }, board.tasks[row.t]) },
      { label: "Factor", value: (row) => board.factors[row.f], cell: (row) => h("a", { href: `factor-${board.factors[row.f]}.html` }, board.factors[row.f]) },
      { label: "Success %", number: true, value: (row) => row.mean, cell: (row) => h("a", { class: "strong", href: address(row) }, percent(row.mean)) },
      { label: "Interval", hidden: true, wide: true, cell: (row) => HB.whisker(row.mean, row.low, row.high) },
      { label: "Low", number: true, value: (row) => row.low, cell: (row) => percent(row.low) },
      { label: "High", number: true, value: (row) => row.high, cell: (row) => percent(row.high) },
      { label: "n", number: true, value: (row) => row.n, cell: (row) => row.n },
      { label: "Errors", number: true, value: (row) => row.errors, cell: (row) => row.errors },
    ];
    const table = HB.table("Success of every agent, task and factor", columns, { sort: 3, descending: true });
    table.update(wanted);
    content.replaceChildren(table.element);
    HB.say(`${wanted.length.toLocaleString("en")} figures`);
  }

  await show();
});
