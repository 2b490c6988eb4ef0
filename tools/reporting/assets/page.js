// SPDX-License-Identifier: Apache-2.0
// Draws every figure of the page, and links them: one picked stage is picked in all.

const BUILDERS = {bars, heat, lines, areas, timeline, chip, fronts, parallel};
const CANVAS_FROM = 150000;  // characters of data: from here on a canvas is faster than SVG
const PRINT_WIDTH = 680;

let picked = null;
const charts = [...document.querySelectorAll("figure.chart")].map((figure) => {
  const text = figure.querySelector("script").textContent;
  return {figure, spec: JSON.parse(text), element: figure.querySelector(".plot"), choices: {},
          hidden: new Set(), chart: null, renderer: text.length > CANVAS_FROM ? "canvas" : "svg"};
});

function draw(c, anew = false) {
  const built = BUILDERS[c.spec.kind](c.spec, {element: c.element, picked, choices: c.choices});
  c.built = built;
  c.element.style.height = `${Math.round(built.height)}px`;
  if (built.width) c.element.style.minWidth = `${built.width}px`;
  if (!c.chart) {
    c.chart = echarts.init(c.element, null, {renderer: c.renderer});
    c.chart.on("click", (e) => clicked(c, e));
    if (built.brushed) c.chart.on("axisareaselected", () => c.built.brushed(c.chart));
  }
  c.chart.resize();
  c.chart.setOption(built.option, anew);
  c.figure.querySelector("figcaption").textContent = built.caption || c.spec.title;
  above(c);
  if (built.below) below(c);
}

function clicked(c, event) {
  const stage = c.built.stageOf(event);
  if (stage !== null && stage !== undefined) pick(stage === picked ? null : stage);
  const href = c.built.hrefOf && c.built.hrefOf(event);
  if (href) window.open(href, "_blank", "noopener");
}

// What stands between a figure's title and its chart: controls, legend, colours.
function above(c) {
  let bar = c.figure.querySelector(".above");
  if (!bar) {
    bar = document.createElement("div");
    bar.className = "above";
    c.figure.insertBefore(bar, c.element);
  }
  bar.replaceChildren(...(c.built.controls || []).map((control) => controlOf(c, control)),
                      ...c.built.legend.map((entry) => keyFor(c, entry)),
                      ...[[c.built.ramp, "heat"], [c.built.linkRamp, "link"]]
                        .filter(([ends]) => ends).map(([ends, name]) => rampOf(ends, name)));
}

// A sentence below a chart that says what it shows.
function below(c) {
  let words = c.figure.querySelector(".below");
  if (!words) {
    words = document.createElement("p");
    words.className = "note below";
    c.figure.append(words);
  }
  words.textContent = c.built.below;
}

function controlOf(c, control) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.name = control.key;
  for (const [value, words] of control.options) {
    select.add(new Option(words, value, false, String(value) === String(control.value)));
  }
  select.addEventListener("change", () => {
    c.choices[control.key] = select.value;
    if (c.built.reset && c.built.reset[control.key]) delete c.choices[c.built.reset[control.key]];
    draw(c, true);
    hideAgain(c);
  });
  label.append(control.label ? `${control.label} ` : "", select);
  return label;
}

function keyFor(c, entry) {
  const key = document.createElement("button");
  key.type = "button";
  key.className = "key";
  const mark = document.createElement("i");
  if (entry.color === "frame") mark.className = "frame";
  else if (entry.dashed) mark.style.borderTop = `3px dashed ${entry.fill || color(entry.color)}`;
  else mark.style.background = entry.fill || color(entry.color);
  if (entry.dashed) mark.className = "dashed";
  key.append(mark, entry.name);
  key.setAttribute("aria-pressed", String(!c.hidden.has(entry.name)));
  key.addEventListener("click", () => {
    if (!c.hidden.delete(entry.name)) c.hidden.add(entry.name);
    key.setAttribute("aria-pressed", String(!c.hidden.has(entry.name)));
    c.chart.dispatchAction({type: "legendToggleSelect", name: entry.name});
  });
  return key;
}

function hideAgain(c) {
  c.hidden.forEach((name) => c.chart.dispatchAction({type: "legendUnSelect", name}));
}

function rampOf(ends, name) {
  const ramp = document.createElement("span");
  ramp.className = "ramp";
  const bar = document.createElement("i");
  bar.className = name;
  ramp.append(ends[0], bar, ends[1]);
  return ramp;
}

function pick(stage) {
  picked = stage;
  const select = document.querySelector("#stage");
  if (select) select.value = stage === null ? "" : String(stage);
  document.querySelectorAll("tr[data-stage]").forEach((row) => {
    row.classList.toggle("picked", stage !== null && Number(row.dataset.stage) === stage);
  });
  charts.forEach((c) => draw(c));
}

function drawAll() {
  charts.forEach((c) => {
    draw(c, true);
    hideAgain(c);
  });
}

// ECharts measures its element: while printing, that is as wide as the paper.
function print(on) {
  printing = on;
  document.documentElement.classList.toggle("printing", on);
  charts.forEach((c) => { c.element.style.width = on ? `${PRINT_WIDTH}px` : ""; });
  drawAll();
  charts.forEach((c) => c.chart.getZr().flush());
}

function start() {
  drawAll();
  document.querySelectorAll("table.sortable").forEach(makeSortable);
  document.querySelectorAll("tr[data-stage]").forEach((row) => row.addEventListener("click", () => {
    const stage = Number(row.dataset.stage);
    pick(stage === picked ? null : stage);
  }));
  const select = document.querySelector("#stage");
  if (select) {
    select.addEventListener("change", () => pick(select.value === "" ? null
      : Number(select.value)));
  }
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") pick(null); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  let width = document.body.clientWidth, waiting = null;
  new ResizeObserver(() => {
    if (document.body.clientWidth === width || printing) return;
    width = document.body.clientWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 120);
  }).observe(document.body);
  document.documentElement.dataset.drawn = String(charts.length);
}

start();
