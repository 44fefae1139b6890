// What all pages share: data, which arrives as scripts; elements, made without ever reading text as HTML; figures in words.
"use strict";

const HB = (() => {
  const data = {};
  const waiting = {};

  // Called by every data file.
  function put(name, value) {
    data[name] = value;
  }

  // A promise of a data file; a page opened from a file may load scripts but cannot fetch.
  function load(name) {
    if (name in data) return Promise.resolve(data[name]);
    waiting[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `data/${name}.js`;
      script.onload = () => { script.remove(); resolve(data[name]); };
      script.onerror = () => reject(new Error(`data/${name}.js cannot be loaded`));
      document.head.append(script);
    });
    return waiting[name];
  }

  // An element with attributes and children; texts stay texts.
  function h(tag, attributes, ...children) {
    return fill(document.createElement(tag), attributes, children);
  }

  function svg(tag, attributes, ...children) {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  }

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child != null && child !== false));
    return element;
  }

  const percent = (x) => (100 * x).toFixed(1);
  const signed = (x) => `${x < 0 ? "\u2212" : "+"}${Math.abs(100 * x).toFixed(1)}`;
  const pValue = (p) => (p < 0.0001 ? "< 0.0001" : p < 0.01 ? p.toFixed(4) : p.toFixed(3));

  // An interval as a drawing on [from, to]; the figures stand beside it, so it is none to a screen reader.
  function whisker(mean, low, high, from = 0, to = 1) {
    const x = (value) => (100 * (value - from)) / (to - from);
    const line = (kind, x1, x2, y1 = 6, y2 = 6) => svg("line", { class: kind, x1, x2, y1, y2 });
    return svg("svg", { class: "whisker", viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
      line("axis", 0, 100), from < 0 && line("zero", x(0), x(0), 0, 12), line("range", x(low), x(high)), line("point", x(mean), x(mean), 1, 11));
  }

  const OUTCOMES = { s: "success", f: "failure", e: "error" };
  const outcome = (letter) => h("span", { class: `mark ${letter}` }, OUTCOMES[letter]);

  // The part of the address after the question mark: what is shown can be linked to.
  const asked = () => new URLSearchParams(location.search);

  function remember(values) {
    const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value != null));
    // Not every browser lets a page from a file change its address.
    try { history.replaceState(null, "", `?${query}`); } catch { /* the address stays as it was */ }
  }

  // A number from the address, if it is one of 0 to count - 1.
  function index(name, count, fallback) {
    const text = asked().get(name);
    const value = Number(text);
    return text !== null && /^\d+$/.test(text) && value < count ? value : fallback;
  }

  function select(label, options, value, onchange) {
    const element = h("select", { onchange: () => onchange(element.value) },
      options.map(([key, text]) => h("option", { value: key, selected: String(key) === String(value) }, text)));
    return h("label", {}, label, element);
  }

  function say(text) {
    document.getElementById("status").textContent = text;
  }

  // Starts a page; what goes wrong is said on it.
  function page(start) {
    const run = async () => {
      try {
        await start(await load("board"), document.getElementById("content"), document.getElementById("controls"));
      } catch (error) {
        say(error instanceof HB.Missing ? error.message : `This page cannot be shown: ${error.message}`);
      }
      document.body.setAttribute("data-ready", "");
    };
    document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
    run();
  }

  class Missing extends Error {}

  return { put, load, h, svg, percent, signed, pValue, whisker, outcome, OUTCOMES, asked, remember, index, select, say, page, Missing };
})();
