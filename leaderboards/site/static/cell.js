// How one figure was made.
"use strict";

HB.page(async (board, content) => {
  const { h, percent } = HB;
  const p = HB.index("p", board.protocols.length, 0);
  const a = HB.index("a", board.agents.length, 0);
  const f = HB.index("f", board.factors.length, 0);
  const t = HB.asked().get("t") === "-1" ? -1 : HB.index("t", board.tasks.length, -1);
  const { rows } = await HB.load(`p${p}/figures`);
  const row = rows.find(([x, y, z]) => x === a && y === t && z === f);
  if (!row) throw new HB.Missing("There is no such figure on this board.");
  const [, , , mean, low, high, successes, failures, errors] = row;
  const n = successes + failures + errors;
  const agent = board.agents[a];
  const parts = rows.filter(([x, y, z]) => x === a && y >= 0 && z === f);
  const tasks = t === -1 ? parts.map(([, y]) => y) : [t];
  const lists = await Promise.all(tasks.map((y) => HB.load(`p${p}/a${a}t${y}`)));
  const kinds = new Map();
  lists.forEach((list) => {
    for (let k = 0; k < list.outcome.length; k++) {
      if (list.factor[k] !== f) continue;
      const kind = `${list.outcome[k]} ${list.kinds[list.kind[k]]}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  });
  const what = `${agent.label}, ${t === -1 ? "mean over tasks" : board.tasks[t]}, ${board.factors[f]}`;
  document.title = what;
  const method = t === -1
    ? `The unweighted mean of ${parts.length} tasks: (${parts.map((x) => percent(x[3])).join(" + ")}) / ${parts.length}. Its interval is a score interval from the variance within tasks.`
    : `${successes} / ${n}, with Wilson's score interval at 95 %.`;
  content.append(
    h("p", { class: "lead" }, what),
    h("dl", { class: "numbers" }, [["Success", `${percent(mean)} %`], ["95 % interval", `${percent(low)} to ${percent(high)}`], ["Episodes", n.toLocaleString("en")], ["Errors", errors]]
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value))))),
    HB.whisker(mean, low, high),
    h("p", {}, method),
    h("h2", {}, "How its episodes ended"),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "How its episodes ended" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Outcome"), h("th", { scope: "col" }, "Kind"), h("th", { scope: "col", class: "number" }, "Episodes"))),
      h("tbody", {}, [...kinds].sort((x, y) => y[1] - x[1]).map(([kind, count]) => h("tr", {}, h("td", {}, HB.outcome(kind[0])), h("td", {}, kind.slice(2)), h("td", { class: "number" }, String(count))))))),
    t === -1 ? h("h2", {}, "The tasks in it") : "",
    t === -1 ? h("ul", {}, parts.map((x) => h("li", {}, h("a", { href: `cell.html?p=${p}&a=${a}&t=${x[1]}&f=${f}` }, board.tasks[x[1]]), `: ${percent(x[3])} %, n ${x[6] + x[7] + x[8]}`))) : "",
    h("h2", {}, "What made it"),
    h("dl", { class: "facts" }, [
      ["Agent", `${agent.name}, fingerprint ${agent.fingerprint}`],
      ["Protocol", h("a", { href: "method.html#protocols" }, `${board.protocols[p].label}, fingerprint ${board.protocols[p].fingerprint}`)],
      ["Versions, runs and sources", h("a", { href: "method.html#sources" }, "on the page Method")],
      ["Episodes", h("a", { href: `episodes.html?p=${p}&a=${a}${t === -1 ? "" : `&t=${t}`}&f=${f}` }, `all ${n.toLocaleString("en")} of them`)],
      ["Records", h("a", { href: "method.html#records" }, "to download")],
    ].flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  );
});
