// One episode: what was proposed, what happened, and how to see it again.
"use strict";

HB.page(async (board, content) => {
  const { h, svg } = HB;
  const p = HB.index("p", board.protocols.length, 0);
  const a = HB.index("a", board.agents.length, 0);
  const scenario = HB.asked().get("s") ?? "";
  const match = /^([a-z0-9_]+)-v(\d+)-([a-z0-9_]+)-e(\d+)-s(\d+)$/.exec(scenario);
  const t = match ? board.tasks.indexOf(match[1]) : -1;
  const f = match ? board.factors.indexOf(match[3]) : -1;
  if (t < 0 || f < 0) throw new HB.Missing("The address names no episode of this board; choose one from the list of episodes.");

  // Only these have a list of episodes: an agent need not have been run under every protocol and on every task.
  const present = new Set((await HB.load(`p${p}/figures`)).rows.filter(([, y]) => y === t).map(([x]) => x));

  async function find(agent) {
    if (!present.has(agent)) return null;
    const list = await HB.load(`p${p}/a${agent}t${t}`);
    for (let k = 0; k < list.outcome.length; k++) {
      if (list.factor[k] === f && list.variation[k] === Number(match[2]) && list.episode[k] === Number(match[4]) && list.seed[k] === Number(match[5])) {
        return { list, k };
      }
    }
    return null;
  }

  const here = await find(a);
  if (!here) throw new HB.Missing(`${board.agents[a].label} has no record of ${scenario} under this protocol.`);
  const details = await HB.load(`p${p}/a${a}t${t}d${Math.floor(here.k / board.details)}`);
  const record = details[here.k % board.details];
  const versions = (await HB.load(`p${p}/versions`))[record.versions];
  const media = await HB.load("media");
  const agent = board.agents[a];
  document.querySelector("h1").textContent = scenario;
  document.title = `${scenario}, ${agent.label}`;

  const address = (number, id) => `episode.html?p=${p}&a=${number}&s=${id}`;
  const neighbour = (k) => {
    const { list } = here;
    return k >= 0 && k < list.outcome.length &&
      `${board.tasks[t]}-v${list.variation[k]}-${board.factors[list.factor[k]]}-e${list.episode[k]}-s${list.seed[k]}`;
  };
  const seconds = (x) => `${x.toFixed(x < 10 ? 2 : 1)} s`;
  const facts = (rows) => h("dl", { class: "facts" }, rows.filter(([, value]) => value != null && value !== "").flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  const pretty = (text) => { try { return JSON.stringify(JSON.parse(text), null, 1); } catch { return text; } };
  const folded = (name, text) => (text == null ? "" : h("details", {}, h("summary", {}, name), h("pre", { tabindex: "0" }, pretty(text))));

  const path = record.path && JSON.parse(record.path);
  const picture = media.pictures[p][scenario];
  const video = media.videos[p][`${a}/${scenario}`];
  const track = record.track && way(record.track);
  const scripted = record.oracle_path && way(record.oracle_path);
  const previous = neighbour(here.k - 1);
  const next = neighbour(here.k + 1);
  const others = (await Promise.all(board.agents.map(async (other, i) => [other, i, i !== a && (await find(i))]))).filter(([, , found]) => found);

  content.append(
    h("p", {}, HB.outcome(record.outcome[0]), record.kind ? ` (${record.kind})` : "", ` by ${agent.label} after ${record.steps} steps. `, record.instruction ? h("q", {}, record.instruction) : ""),
    record.message ? h("pre", { tabindex: "0" }, record.message) : "",
    h("div", { class: "stage" },
      path || picture || track ? h("figure", {}, drawing(path, picture, [[scripted, "scripted"], [track, "track"]]), h("figcaption", {},
        path ? ["Proposed path:", h("span", { class: "key open" }), "gripper open", h("span", { class: "key closed" }), "closed",
          ] : "The first image.",
        track ? [h("span", { class: "key track" }), "gripper as it moved"] : "",
        scripted ? [h("span", { class: "key scripted" }), "scripted solution"] : "",
        picture ? "" : " There is no picture of this scenario; the frame is the image.")) : "",
      video ? h("figure", {}, h("video", { src: video, controls: true, muted: true, loop: true, playsinline: true, preload: "metadata", "aria-label": `Video of ${scenario}` }),
        h("figcaption", {}, "The episode, replayed from its scenario.")) : ""),
    h("h2", {}, "Record"),
    facts([
      ["Agent", `${agent.label}, fingerprint ${record.agent_fingerprint}`],
      ["Protocol", h("a", { href: "method.html#protocols" }, `${board.protocols[p].label} (${record.protocol})`)],
      ["Task", h("a", { href: `task-${board.tasks[t]}.html` }, board.tasks[t])],
      ["Factor", h("a", { href: `factor-${board.factors[f]}.html` }, board.factors[f])],
      ["Outcome", record.outcome + (record.kind ? `, ${record.kind}` : "")],
      ["Stages reached", record.stage == null ? null : `${HB.percent(record.stage)} %`],
      ["Checkpoint", record.checkpoint],
      ["Begun", record.attempts > 1 ? `${record.attempts} times` : null],
      ["Steps", `${record.steps}, of them ${record.motion_failures} whose motion could not be planned`],
      ["Simulated", seconds(record.control_steps * 0.05)],
      ["Return", String(record.episode_return)],
      ["No path, because", record.path_error],
      ["Wall time", `reset ${seconds(record.timings.reset_wall)}, agent ${seconds(record.timings.act_wall)}, simulation ${seconds(record.timings.step_wall)}`],
      ["Versions", Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")],
      ["Counted in", h("a", { href: `cell.html?p=${p}&a=${a}&t=${t}&f=${f}` }, `success of ${agent.label} on ${board.tasks[t]} under ${board.factors[f]}`)],
    ]),
    folded("What the factor drew", record.draws),
    folded("What the path planner said", record.proposals),
    h("h2", {}, "See it again"),
    h("pre", { tabindex: "0" }, `hamster-bench replay DIR ${scenario} --agent ${agent.name} --protocol ${record.protocol} --video episode.mp4`),
    h("h2", {}, "Beside it"),
    h("ul", {},
      previous && h("li", {}, "Before: ", h("a", { href: address(a, previous) }, previous)),
      next && h("li", {}, "After: ", h("a", { href: address(a, next) }, next)),
      board.factors[f] !== board.control && h("li", {}, "Control: ", h("a", { href: address(a, control()) }, control())),
      others.map(([other, i, { list, k }]) => h("li", {}, "The same scenario: ", h("a", { href: address(i, scenario) }, other.label), " ", HB.outcome(list.outcome[k]))),
    ),
  );

  // The variation is the factor itself in these; their control is variation 0.
  function control() {
    const variation = board.variation_factors.includes(match[3]) ? 0 : match[2];
    return `${match[1]}-v${variation}-${board.control}-e${match[4]}-s${match[5]}`;
  }

  // Points of a way that is stored as thousandths of the image, each as the change from the one before.
  function way(text) {
    const { x, y } = JSON.parse(text);
    let [u, v] = [0, 0];
    return x.map((dx, i) => [(u += dx) / 1000, (v += y[i]) / 1000]);
  }

  function drawing(proposed, image, ways) {
    const line = (points, kind) => svg("polyline", { class: kind, points: points.map(([x, y]) => `${100 * x},${100 * y}`).join(" ") });
    const marks = [];
    for (const [points, kind] of ways) if (points) marks.push(line(points, kind));
    if (proposed) {
      const parts = [];
      proposed.points.forEach((point, i) => {
        const open = proposed.gripper_open[i];
        const last = parts.at(-1);
        if (last) last.points.push(point);
        if (!last || last.open !== open) parts.push({ open, points: [point] });
      });
      marks.push(line(proposed.points, "halo"), ...parts.map((part) => line(part.points, part.open ? "open" : "closed")));
      parts.forEach((part) => marks.push(svg("circle", { cx: 100 * part.points[0][0], cy: 100 * part.points[0][1], r: 1.3 })));
    }
    return h("div", { class: "canvas" },
      image ? h("img", { src: image, alt: `First image of ${scenario}` }) : "",
      svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": proposed ? `Path of ${proposed.points.length} points` : "No path" }, marks));
  }
});
