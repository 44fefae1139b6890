// Two agents on the scenarios that both have met.
"use strict";

HB.page(async (board, content, controls) => {
  const { h, signed, pValue, select } = HB;
  if (board.agents.length < 2) throw new HB.Missing("There is only one agent on this board.");
  const state = {
    p: HB.index("p", board.protocols.length, 0),
    a: HB.index("a", board.agents.length, 0),
    b: HB.index("b", board.agents.length, 1),
    t: HB.asked().get("t") === "-2" ? -2 : HB.index("t", board.tasks.length, ""),
  };
  const names = board.agents.map((agent, i) => [i, agent.label]);
  const set = (name) => (value) => { state[name] = value === "" ? value : Number(value); show(); };
  controls.append(
    ...(board.protocols.length > 1 ? [select("Protocol", board.protocols.map((x, i) => [i, x.label]), state.p, set("p"))] : []),
    select("First agent", names, state.a, set("a")),
    select("Second agent", names, state.b, set("b")),
    select("Task", [["", "mean over tasks"], ...board.tasks.map((x, i) => [i, x]), ["-2", "each task apart"]], state.t, set("t")),
  );

  async function pairs() {
    const [low, high] = [Math.min(state.a, state.b), Math.max(state.a, state.b)];
    // Only agents with records under the protocol are in a file of comparisons.
    const present = new Set((await HB.load(`p${state.p}/figures`)).rows.map(([x]) => x));
    if (!present.has(low) || !present.has(high)) return [];
    const others = await HB.load(`p${state.p}/compare${low}`);
    const rows = (others[high] ?? []).map(([f, t, d, lo, hi, p, holm, both, first, second, neither]) => ({ f, t, d, lo, hi, p, holm, both, first, second, neither }));
    // Files hold each pair once; the other way round everything changes its sign.
    return state.a < state.b ? rows : rows.map((row) => ({ ...row, d: -row.d, lo: -row.hi, hi: -row.lo, first: row.second, second: row.first }));
  }

  async function show() {
    HB.remember(state);
    const [first, second] = [board.agents[state.a].label, board.agents[state.b].label];
    content.replaceChildren();
    if (state.a === state.b) return HB.say("Choose two different agents.");
    const task = state.t === "" ? -1 : state.t;
    const all = await pairs();
    const rows = all.filter((row) => (task === -2 ? row.t >= 0 : row.t === task));
    if (!rows.length) return HB.say(`${first} and ${second} have no scenario in common here.`);
    const single = task !== -1;
    const n = (row) => row.both + row.first + row.second + row.neither;
    const columns = [
      { label: "Factor", head: true, value: (row) => row.f, cell: (row) => h("a", { href: `factor-${board.factors[row.f]}.html` }, board.factors[row.f]) },
      ...(task === -2 ? [{ label: "Task", value: (row) => board.tasks[row.t], cell: (row) => board.tasks[row.t] }] : []),
      { label: "Difference", number: true, value: (row) => row.d, cell: (row) => h("span", { class: "strong" }, signed(row.d)) },
      { label: "Interval", hidden: true, wide: true, cell: (row) => HB.whisker(row.d, row.lo, row.hi, -1, 1) },
      { label: "95 % interval", number: true, value: (row) => row.lo, cell: (row) => `${signed(row.lo)} to ${signed(row.hi)}` },
      { label: single ? "p, unadjusted" : "p (Holm)", number: true, value: (row) => (single ? row.p : row.holm), cell: (row) => pValue(single ? row.p : row.holm) },
      { label: "Pairs", number: true, value: n, cell: n },
      { label: "Both", number: true, value: (row) => row.both, cell: (row) => row.both },
      { label: "Only first", number: true, value: (row) => row.first, cell: (row) => row.first },
      { label: "Only second", number: true, value: (row) => row.second, cell: (row) => row.second },
      { label: "Neither", number: true, value: (row) => row.neither, cell: (row) => row.neither },
    ];
    const table = HB.table(`${first} against ${second}`, columns, { sort: 0 });
    table.update(rows);
    content.replaceChildren(h("h2", {}, `${first} less ${second}`), table.element,
      h("p", { class: "note" }, "Right of the middle, and above 0: the first agent is better. Errors count as not solved."));
    HB.say(`${rows.reduce((sum, row) => sum + n(row), 0).toLocaleString("en")} pairs`);
  }

  await show();
});
