// The list of episodes of an agent.
"use strict";

HB.page(async (board, content, controls) => {
  const { h, select } = HB;
  const state = {
    p: HB.index("p", board.protocols.length, 0),
    a: HB.index("a", board.agents.length, 0),
    t: HB.index("t", board.tasks.length, ""),
    f: HB.index("f", board.factors.length, ""),
    o: Object.keys(HB.OUTCOMES).includes(HB.asked().get("o")) ? HB.asked().get("o") : "",
  };
  const set = (name) => (value) => { state[name] = value === "" || name === "o" ? value : Number(value); show(); };
  controls.append(
    ...(board.protocols.length > 1 ? [select("Protocol", board.protocols.map((x, i) => [i, x.label]), state.p, set("p"))] : []),
    select("Agent", board.agents.map((x, i) => [i, x.label]), state.a, set("a")),
    select("Task", [["", "all"], ...board.tasks.map((x, i) => [i, x])], state.t, set("t")),
    select("Factor", [["", "all"], ...board.factors.map((x, i) => [i, x])], state.f, set("f")),
    select("Outcome", [["", "all"], ...Object.entries(HB.OUTCOMES)], state.o, set("o")),
  );
  const id = (row) => `${board.tasks[row.t]}-v${row.variation}-${board.factors[row.f]}-e${row.episode}-s${row.seed}`;
  const columns = [
    { label: "Scenario", head: true, value: id, cell: (row) => h("a", { href: `episode.html?p=${state.p}&a=${state.a}&s=${id(row)}` }, id(row)) },
    { label: "Outcome", value: (row) => row.outcome, cell: (row) => HB.outcome(row.outcome) },
    { label: "Kind", value: (row) => row.kind, cell: (row) => row.kind },
    { label: "Steps", number: true, value: (row) => row.steps, cell: (row) => row.steps },
    { label: "Task", value: (row) => board.tasks[row.t], cell: (row) => board.tasks[row.t] },
    { label: "Factor", value: (row) => board.factors[row.f], cell: (row) => board.factors[row.f] },
    { label: "Episode", number: true, value: (row) => row.episode, cell: (row) => row.episode },
  ];
  const table = HB.table("Episodes", columns, { perPage: 50 });
  content.append(table.element);

  async function show() {
    HB.remember(state);
    const { rows } = await HB.load(`p${state.p}/figures`);
    // Only what has figures has a file.
    const tasks = [...new Set(rows.filter(([a, t]) => a === state.a && t >= 0 && (state.t === "" || t === state.t)).map(([, t]) => t))].sort((x, y) => x - y);
    const lists = await Promise.all(tasks.map((t) => HB.load(`p${state.p}/a${state.a}t${t}`)));
    const found = [];
    lists.forEach((list, i) => {
      for (let k = 0; k < list.outcome.length; k++) {
        if ((state.f === "" || list.factor[k] === state.f) && (state.o === "" || list.outcome[k] === state.o)) {
          found.push({ t: tasks[i], f: list.factor[k], variation: list.variation[k], episode: list.episode[k], seed: list.seed[k],
            outcome: list.outcome[k], kind: list.kinds[list.kind[k]], steps: list.steps[k] });
        }
      }
    });
    table.update(found);
    HB.say(`${found.length.toLocaleString("en")} episodes of ${board.agents[state.a].label}`);
  }

  await show();
});
