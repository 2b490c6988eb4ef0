// SPDX-License-Identifier: Apache-2.0
// What all charts share: colours from the style sheet, axes, hover, zoom.

const RAMP = 7;  // --ramp0 .. --ramp6 in the style sheet: colours along the pipeline
const DIM = 0.13;  // opacity of what is not picked

let printing = false;

function color(name, place = 0, places = 1) {
  const style = getComputedStyle(document.documentElement);
  const read = (key) => style.getPropertyValue(`--${key}`).trim();
  if (name !== "stage") return read(name);
  const at = places > 1 ? (place / (places - 1)) * (RAMP - 1) : 0;
  const low = Math.min(Math.floor(at), RAMP - 2);
  return mix(read(`ramp${low}`), read(`ramp${low + 1}`), at - low);
}

// Between two colours written as #rrggbb.
function mix(a, b, share) {
  const parts = [1, 3, 5].map((i) => {
    const from = parseInt(a.slice(i, i + 2), 16), to = parseInt(b.slice(i, i + 2), 16);
    return Math.round(from + (to - from) * share);
  });
  return `rgb(${parts.join(",")})`;
}

// The colour of a share 0..1 of something: from nearly the paper to full.
function heatColor(share) {
  return mix(color("paper"), color("heat"), 0.1 + 0.9 * Math.min(1, Math.max(0, share)));
}

function textStyle() { return {color: color("ink"), fontFamily: "system-ui, sans-serif"}; }

function valueAxis(name, more = {}) {
  return {
    type: "value", name, nameLocation: "middle", nameGap: 24,
    nameTextStyle: {color: color("soft")},
    axisLabel: {color: color("soft"), formatter: tick, hideOverlap: true},
    axisLine: {show: false}, axisTick: {show: false},
    splitLine: {lineStyle: {color: color("grid")}}, ...more,
  };
}

// A vertical axis: its name stands above it, where it takes no width.
function upAxis(name, more = {}) {
  return valueAxis(name, {nameLocation: "end", nameGap: 10,
                          nameTextStyle: {color: color("soft"), align: "left"}, ...more});
}

// Pixels of a row of a chart with that many rows: very many must fit too.
function rowHeight(rows) { return rows <= 40 ? 24 : Math.max(5, Math.round(960 / rows)); }

// Names of rows, cut to what a narrow page has room for; from the top down.
function rowAxis(names, element) {
  return {
    type: "category", data: names, inverse: true,
    axisLabel: {color: color("ink"), width: Math.min(160, 0.42 * element.clientWidth),
                overflow: "truncate", interval: rowHeight(names.length) > 13 ? 0 : "auto"},
    axisLine: {show: false}, axisTick: {show: false}, splitLine: {show: false},
  };
}

function baseOption(top = 4) {
  return {
    animation: false, textStyle: textStyle(), backgroundColor: "transparent",
    grid: {left: 2, right: 18, top, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "all"},
    legend: {show: false},
    tooltip: {confine: true, backgroundColor: color("paper"),
              borderColor: color("grid"), textStyle: {color: color("ink"), fontSize: 13},
              extraCssText: "max-width: 26rem; white-space: normal;"},
    aria: {enabled: true},
  };
}

// Zoom along one axis: the slider below, a box drawn with the tool at the top, Ctrl and the wheel.
function zoom(option) {
  option.dataZoom = [
    {type: "slider", xAxisIndex: 0, height: 14, bottom: 2, filterMode: "none", showDetail: false,
     borderColor: color("grid"), fillerColor: "rgba(128,128,128,.18)", brushSelect: false,
     dataBackground: {lineStyle: {opacity: 0}, areaStyle: {opacity: 0}},
     selectedDataBackground: {lineStyle: {opacity: 0}, areaStyle: {opacity: 0}}},
    {type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl",
     moveOnMouseMove: false, preventDefaultMouseMove: false}];
  option.toolbox = toolbox({dataZoom: {yAxisIndex: "none", title: {zoom: "zoom: draw a box",
                                                                     back: "zoom back"}},
                            restore: {title: "whole"}});
  option.grid.bottom += 22;
  option.grid.top = Math.max(option.grid.top, 30);
  return option;
}

function toolbox(features) {
  return {show: !printing, right: 6, top: -4, itemSize: 13, feature: features,
          iconStyle: {borderColor: color("soft")}};
}

function dot(fill) {
  return `<span class="dot" style="background:${fill}"></span>`;
}

// Lines of a hover: [colour or null, name, value].
function hover(title, entries) {
  const rows = entries.map(([fill, name, value]) =>
    `<tr><td>${fill ? dot(fill) : ""}${escapeText(name)}</td><td>${escapeText(value)}</td></tr>`);
  return `<b>${escapeText(title)}</b><table class="hover">${rows.join("")}</table>`;
}

// Opacity of something of a stage when `picked` (null: none) is picked.
function shown(stage, picked) {
  return picked === null || stage === null || stage === undefined || stage === picked ? 1 : DIM;
}

function largestOf(values) {
  return values.reduce((most, v) => (v !== null && Math.abs(v) > most ? Math.abs(v) : most), 0);
}
