// Shows one picture after the other, its paths under letters, and sends the ranks.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  let rater = "";
  let number = null;

  function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function shape(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function drawing(path, letter) {
    const svg = shape("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": path ? `Path ${letter}, ${path.points.length} points` : `${letter} has no path` });
    const line = (points, kind) => svg.append(shape("polyline", { class: kind, points: points.map(([x, y]) => `${100 * x},${100 * y}`).join(" ") }));
    if (path) {
      line(path.points, "halo");
      for (let i = 1; i < path.points.length; i++) line([path.points[i - 1], path.points[i]], path.gripper_open[i - 1] ? "open" : "closed");
      svg.append(shape("circle", { cx: 100 * path.points[0][0], cy: 100 * path.points[0][1], r: 1.4 }));
    }
    return h("div", { class: "canvas" }, h("img", { src: `picture/${number}`, alt: "" }), svg);
  }

  function show({ total, done, item }) {
    $("item").hidden = item === null;
    $("status").textContent = item === null ? `Thank you: all ${total} pictures are ranked.` : `${done} of ${total} done`;
    if (item === null) return;
    number = item.number;
    $("instruction").textContent = item.instruction;
    $("paths").replaceChildren(...item.paths.map(({ letter, path }) => h("fieldset", {},
      h("legend", {}, `Path ${letter}${path ? "" : ": none was proposed"}`),
      drawing(path, letter),
      h("div", { class: "ranks" }, ...item.paths.map((_, i) => {
        const input = h("input", { type: "radio", name: letter, value: i + 1, required: "", "aria-label": `Path ${letter}: rank ${i + 1}` });
        return h("label", {}, input, String(i + 1));
      })))));
    $("instruction").scrollIntoView({ block: "start" });
  }

  async function ask(address, options) {
    try {
      const response = await fetch(address, options);
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      show(answer);
    } catch (error) {
      $("status").textContent = `Not saved or not loaded: ${error.message}`;
    }
  }

  $("who").addEventListener("submit", (event) => {
    event.preventDefault();
    rater = $("rater").value.trim();
    if (rater) ask(`next?rater=${encodeURIComponent(rater)}`);
  });

  $("item").addEventListener("submit", (event) => {
    event.preventDefault();
    const ranks = Object.fromEntries([...new FormData($("item"))].map(([letter, rank]) => [letter, Number(rank)]));
    ask("ratings", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ rater, number, ranks }) });
  });
})();
