// SPDX-License-Identifier: Apache-2.0
// Charts of many runs: Pareto fronts over two columns, and parallel axes with ranges.

const RUN_COLORS = 8;  // --run0 .. --run7
const AXIS_WIDTH = 92;  // least pixels between parallel axes

// Indices of the points that no other point beats in both columns, by rising x. An equal point does
// not beat.
function frontOf(points, x, y, betterX, betterY) {
  const cost = (p) => [betterX === "min" ? p[x] : -p[x], betterY === "min" ? p[y] : -p[y]];
  const known = points.map((p, i) => ({i, p})).filter(({p}) => p[x] !== null && p[y] !== null)
    .map(({i, p}) => ({i, c: cost(p)})).sort((a, b) => a.c[0] - b.c[0] || a.c[1] - b.c[1]);
  const front = [];
  let best = Infinity, last = null;
  for (const {i, c} of known) {
    const equal = last !== null && c[0] === last[0] && c[1] === last[1];
    if (c[1] < best || equal) {
      front.push(i);
      best = c[1];
      last = c;
    }
  }
  return front;
}

function fronts(spec, view) {
  const choice = (key, usual) => (view.choices[key] === undefined ? usual
    : Number(view.choices[key]));
  const x = choice("x", spec.x), y = choice("y", spec.y), group = choice("group", -1);
  const better = (key, column) => view.choices[key] || spec.columns[column].better;
  const betterX = better("betterX", x), betterY = better("betterY", y);
  const means = spec.points.map((p) => p.means);
  const front = frontOf(means, x, y, betterX, betterY);
  const units = [x, y].map((c) => axisUnit(spec.columns[c].unit,
                                           largestOf(means.map((m) => m[c]))));
  const place = (p) => [p.means[x] / units[0].factor, p.means[y] / units[1].factor];
  const option = baseOption(24);
  const title = (c, unit, side) => `${spec.columns[c].name}${unit.name ? `, ${unit.name}` : ""}`
    + ` (${side === "min" ? "less" : "more"} is better)`;
  option.xAxis = valueAxis(title(x, units[0], betterX), {scale: true});
  option.yAxis = upAxis(title(y, units[1], betterY), {scale: true});
  const groups = group < 0 ? [""]
    : [...new Set(spec.points.map((p) => p.fields[group] || "the file's value"))];
  const groupOf = (p) => (group < 0 ? 0 : groups.indexOf(p.fields[group] || "the file's value"));
  const fill = (g) => color(`run${g % RUN_COLORS}`);
  const drawn = spec.points.map((p, i) => ({p, i})).filter(({p}) => p.means[x] !== null
                                                             && p.means[y] !== null);
  option.series = groups.map((name, g) => ({
    type: "scatter", name: name || "settings", symbolSize: 11, color: fill(g), z: 4,
    data: drawn.filter(({p}) => groupOf(p) === g).map(({p, i}) => ({
      value: place(p), index: i,
      itemStyle: front.includes(i) ? {borderColor: color("ink"), borderWidth: 1.5}
        : {opacity: 0.3}}))}));
  option.series.push(frontLine(front.map((i) => place(spec.points[i])), betterX));
  option.series.push(spreadBars(spec, drawn, x, y, units, front));
  option.tooltip.formatter = (item) => pointHover(spec, item.data.index, [x, y]);
  option.toolbox = toolbox({dataZoom: {title: {zoom: "zoom: draw a box", back: "zoom back"}},
                            restore: {title: "whole"}});
  const columns = spec.columns.map((c, i) => [i, c.name]);
  const sides = [["min", "less is better"], ["max", "more is better"]];
  const legend = group < 0 ? [] : groups.map((name, g) => ({name, fill: fill(g)}));
  return {
    option, height: 420, stageOf: () => null,
    legend: [...legend, {name: "front", color: "ink"},
             ...(spec.points.some((p) => p.spreads.some((v) => v !== null))
               ? [{name: "spread over seeds", color: "soft"}] : [])],
    hrefOf: (e) => (e.data && e.data.index !== undefined ? spec.points[e.data.index].href : null),
    controls: [
      {key: "x", label: "across", value: x, options: columns},
      {key: "betterX", label: "", value: betterX, options: sides},
      {key: "y", label: "up", value: y, options: columns},
      {key: "betterY", label: "", value: betterY, options: sides},
      {key: "group", label: "colour", value: group,
       options: [[-1, "none"], ...spec.fields.map((f, i) => [i, f])]}],
    // Another column brings its own side.
    reset: {x: "betterX", y: "betterY"},
    below: `On the front (${front.length} of ${spec.points.length}): `
      + `${front.map((i) => spec.points[i].name).join("; ")}.`};
}

// Steps: between two settings of the front, no more than the one that costs less is reached.
function frontLine(places, betterX) {
  return {type: "line", name: "front", step: betterX === "min" ? "end" : "start",
          data: [...places].sort((a, b) => a[0] - b[0]), z: 3,
          showSymbol: false, silent: true, color: color("ink"),
          lineStyle: {width: 1.5, type: "solid", opacity: 0.6}};
}

// Bars of one standard deviation over the seeds, in both directions.
function spreadBars(spec, drawn, x, y, units, front) {
  const bars = drawn.filter(({p}) => p.spreads[x] || p.spreads[y]);
  return {
    type: "custom", name: "spread over seeds", z: 2, silent: true, color: color("soft"),
    clip: true, encode: {x: [0, 2, 3], y: [1, 4, 5]},
    data: bars.map(({p}) => {
      const [fx, fy] = units.map((unit) => unit.factor);
      const dx = p.spreads[x] || 0, dy = p.spreads[y] || 0;
      return [p.means[x] / fx, p.means[y] / fy, (p.means[x] - dx) / fx, (p.means[x] + dx) / fx,
              (p.means[y] - dy) / fy, (p.means[y] + dy) / fy];
    }),
    renderItem: (params, api) => {
      const {p, i} = bars[params.dataIndex];
      const at = api.coord([api.value(0), api.value(1)]);
      const size = api.size([(p.spreads[x] || 0) / units[0].factor,
                             (p.spreads[y] || 0) / units[1].factor]);
      const style = {stroke: color("soft"), lineWidth: 1.2,
                     opacity: front.includes(i) ? 0.9 : 0.3};
      return {type: "group", children: [
        {type: "line", shape: {x1: at[0] - size[0], y1: at[1], x2: at[0] + size[0], y2: at[1]},
         style},
        {type: "line", shape: {x1: at[0], y1: at[1] - size[1], x2: at[0], y2: at[1] + size[1]},
         style}]};
    }};
}

function pointHover(spec, index, wanted) {
  if (index === undefined) return "";
  const p = spec.points[index];
  const order = [...wanted, ...spec.columns.keys()].filter((c, i, all) => all.indexOf(c) === i);
  return hover(p.name, order.filter((c) => p.means[c] !== null).map((c) => [
    null, spec.columns[c].name, quantity(p.means[c], spec.columns[c].unit)
      + (p.spreads[c] ? ` ± ${quantity(p.spreads[c], spec.columns[c].unit)}` : "")])
    .concat([[null, "seeds", String(p.seeds)]]));
}

function parallel(spec, view) {
  const units = spec.axes.map((axis, a) => (axis.words ? null
    : axisUnit(axis.unit, largestOf(spec.rows.map((r) => r[a])))));
  const option = baseOption();
  delete option.grid;
  option.tooltip.formatter = (item) => hover("", spec.axes.map((axis, a) => [
    null, axis.name, axis.words ? axis.words[spec.rows[item.dataIndex][a]]
      : quantity(spec.rows[item.dataIndex][a], axis.unit)]));
  option.parallel = {left: 60, right: 60, top: 64, bottom: 24};
  option.parallelAxis = spec.axes.map((axis, a) => ({
    dim: a, name: axis.name + (units[a] && units[a].name ? `\n${units[a].name}` : ""),
    nameGap: 12,
    nameTextStyle: {color: color("ink"), width: AXIS_WIDTH - 4, overflow: "break",
                    lineHeight: 15},
    type: axis.words ? "category" : "value", data: axis.words, scale: true,
    axisLabel: {color: color("soft"), formatter: axis.words ? null : tick},
    axisLine: {lineStyle: {color: color("soft")}},
    areaSelectStyle: {color: color("heat"), borderColor: color("heat"), opacity: 0.3}}));
  option.series = [{
    type: "parallel", name: "settings", smooth: false, inactiveOpacity: 0.06, activeOpacity: 0.9,
    lineStyle: {width: 1.6, color: color("run0"), opacity: 0.55},
    data: spec.rows.map((row) => row.map((v, a) => (v === null ? "-"
      : spec.axes[a].words ? spec.axes[a].words[v] : v / units[a].factor)))}];
  return {option, height: 340, legend: [], stageOf: () => null,
          width: spec.axes.length * AXIS_WIDTH, brushed: (chart) => {
            const model = chart.getModel();
            const active = model.getSeriesByIndex(0).getRawIndicesByActiveState("active");
            const ranged = model.getComponent("parallel").coordinateSystem
              .hasAxisBrushed();
            showRows(spec.table, ranged ? new Set(active) : null);
          }};
}
