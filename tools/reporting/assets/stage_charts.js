// SPDX-License-Identifier: Apache-2.0
// Charts whose rows or lines are stages or runs: bars, heat, lines, areas.
// Each builder takes (spec, view) and returns {option, height, legend, stageOf}: an ECharts option,
// the height in pixels, [{name, color}] for the legend, and which stage a clicked element is of;
// where a chart has them, controls, ramp (the ends of its colours), caption.
// view: {element, picked: the picked stage or null, choices: of the chart's own controls}.

const MOST_IN_HOVER = 10;

function bars(spec, view) {
  const totals = spec.rows.map((_, r) => spec.series.reduce((sum, s) => sum + s.values[r], 0));
  const marks = spec.marks ? spec.marks.values : [];
  const largest = spec.largest || largestOf([...totals, ...marks]);
  const unit = axisUnit(spec.unit, largest);
  const option = baseOption();
  option.xAxis = valueAxis(unit.name, {min: 0, max: spec.largest ? largest / unit.factor : null});
  if (spec.largest) option.xAxis.axisLabel.showMaxLabel = false;
  option.yAxis = rowAxis(spec.rows, view.element);
  option.series = spec.series.map((s) => ({
    type: "bar", stack: "all", name: s.name, barWidth: "68%", itemStyle: {color: color(s.color)},
    emphasis: {disabled: true},
    data: s.values.map((v, r) => ({
      value: v / unit.factor,
      itemStyle: {opacity: shown(spec.stages && spec.stages[r], view.picked)}})),
  }));
  if (spec.marks && marks.some((v) => v !== null)) {
    option.series.push({
      type: "scatter", name: spec.marks.name, symbol: "rect", z: 5,
      symbolSize: [2.5, 0.84 * rowHeight(spec.rows.length)],
      itemStyle: {color: color("ink")},
      data: marks.map((v, r) => (v === null ? null : [v / unit.factor, r])).filter(Boolean)});
  }
  option.tooltip.trigger = "axis";
  option.tooltip.axisPointer = {type: "shadow"};
  option.tooltip.formatter = (items) => {
    const r = items[0].componentSubType === "scatter" ? items[0].value[1] : items[0].dataIndex;
    const seen = new Set(items.map((i) => i.seriesName));
    const entries = spec.series.filter((s) => seen.has(s.name)
      && (s.values[r] || spec.series.length === 1)).map((s) => [
      color(s.color), spec.series.length === 1 ? "" : s.name,
      quantity(s.values[r], spec.unit) + (spec.largest
        ? `, ${quantity(s.values[r] / spec.largest, "ratio")}` : "")]);
    if (spec.marks && marks[r] !== null && seen.has(spec.marks.name)) {
      entries.push([color("ink"), spec.marks.name, quantity(marks[r], spec.unit)]);
    }
    return hover(spec.rows[r], entries);
  };
  const legend = spec.series.length > 1
    ? spec.series.filter((s) => s.values.some((v) => v > 0)) : [];
  if (spec.marks && marks.some((v) => v !== null)) {
    legend.push({name: spec.marks.name, color: "ink"});
  }
  return {option, height: spec.rows.length * rowHeight(spec.rows.length) + 48, legend,
          stageOf: (e) => (spec.stages ? spec.stages[e.componentSubType === "bar" ? e.dataIndex
            : e.value[1]] : null)};
}

// Columns are words, or (column_unit) the ends of windows: one more than there are columns.
function heat(spec, view) {
  const timed = Boolean(spec.column_unit);
  const most = Math.max(largestOf(spec.values.flat()), 1e-12);
  const option = baseOption();
  const unit = timed ? axisUnit(spec.column_unit, largestOf(spec.columns)) : {factor: 1, name: ""};
  option.xAxis = timed ? valueAxis(`${spec.column_name}, ${unit.name}`, {
    min: spec.columns[0] / unit.factor, max: spec.columns[spec.columns.length - 1] / unit.factor,
    splitLine: {show: false}, axisLabel: {color: color("soft"), formatter: tick,
                                          hideOverlap: true, showMaxLabel: false}}) : {
    type: "category", data: spec.columns, name: spec.column_name, nameLocation: "middle",
    nameGap: 24, nameTextStyle: {color: color("soft")}, axisLine: {show: false},
    axisTick: {show: false}, axisLabel: {color: color("soft"), hideOverlap: true}};
  option.yAxis = rowAxis(spec.rows, view.element);
  const cells = [];
  spec.values.forEach((row, r) => row.forEach((v, c) => {
    if (v === null) return;
    const place = timed ? [spec.columns[c] / unit.factor, r, spec.columns[c + 1] / unit.factor, c]
      : [c, r, c, c];
    cells.push({value: place, itemStyle: {
      color: heatColor(v / most),
      opacity: shown(spec.stages && spec.stages[r], view.picked)}});
  }));
  option.series = [{type: "custom", name: "measured", data: cells, encode: {x: [0, 2], y: 1},
                    clip: true,
                    renderItem: (params, api) => {
                      const box = fieldOf(api, timed);
                      return {type: "rect", style: api.style(),
                              shape: {...box, width: box.width + 0.4}};
                    }}];
  const legend = [];
  if (spec.frames) {
    option.series.push(framesOf(spec));
    legend.push({name: "measured", color: "heat"}, {name: spec.frames.name, color: "frame"});
  }
  option.tooltip.formatter = (item) => {
    if (item.seriesIndex === 1) {
      return hover(spec.rows[item.value[1]], [[null, spec.frames.name,
                                               spec.columns[item.value[0]]]]);
    }
    const r = item.value[1], c = item.value[3], v = spec.values[r][c];
    const where = timed ? `${quantity(spec.columns[c], spec.column_unit)} to `
      + quantity(spec.columns[c + 1], spec.column_unit) : spec.columns[c];
    return hover(spec.rows[r], [[null, spec.column_name, where],
                                [heatColor(v / most), "share", quantity(v, spec.unit)]]);
  };
  const wide = spec.columns.length > 40;
  if (wide) zoom(option);
  return {option, height: spec.rows.length * rowHeight(spec.rows.length) + (wide ? 98 : 52), legend,
          ramp: [quantity(0, spec.unit), quantity(most, spec.unit)],
          stageOf: (e) => (spec.stages && e.value ? spec.stages[e.value[1]] : null)};
}

function fieldOf(api, timed) {
  const [x, y] = api.coord([api.value(0), api.value(1)]);
  const [w, h] = api.size([1, 1]);
  const left = timed ? x : x - w / 2;
  const width = timed ? api.coord([api.value(2), api.value(1)])[0] - x : w;
  return {x: left, y: y - 0.42 * h, width, height: 0.84 * h};
}

function framesOf(spec) {
  return {
    type: "custom", name: spec.frames.name, z: 5, encode: {x: 0, y: 1},
    data: spec.frames.columns.map((c, r) => (c === null ? null : [c, r])).filter(Boolean),
    renderItem: (params, api) => {
      const box = fieldOf(api, false);
      return {type: "rect", shape: {...box, x: box.x + 1, width: box.width - 2},
              style: {fill: "transparent", stroke: color("ink"), lineWidth: 1.6}};
    }};
}

// Up to MOST_IN_HOVER entries, the largest ones, in their order.
function fewest(entries) {
  if (entries.length <= MOST_IN_HOVER) return entries;
  const least = [...entries].sort((a, b) => b.raw - a.raw)[MOST_IN_HOVER - 1].raw;
  const kept = entries.filter((e) => e.raw >= least).slice(0, MOST_IN_HOVER);
  const more = [null, `and ${entries.length - kept.length} more, below`, ""];
  return [...kept, more];
}

function lines(spec, view) {
  const xs = spec.series.flatMap((s) => s.points.map((p) => p[0]));
  const ys = spec.series.flatMap((s) => s.points.map((p) => p[1]));
  const xUnit = axisUnit(spec.x.unit, largestOf(xs)), yUnit = axisUnit(spec.y.unit, largestOf(ys));
  const known = ys.filter((y) => y !== null);
  const low = Math.min(...known), high = Math.max(...known);
  const option = baseOption(24);
  const title = (axis, unit) => (axis.name === axis.unit ? unit.name
    : axis.name + (unit.name ? `, ${unit.name}` : ""));
  option.xAxis = valueAxis(title(spec.x, xUnit), {splitLine: {show: false}});
  option.xAxis.min = spec.x.unit === "index" ? "dataMin" : 0;
  option.xAxis.max = spec.x.unit === "samples" || spec.x.unit === "index" || spec.small ? null
    : Math.max(...xs) / xUnit.factor;
  option.xAxis.axisLabel.showMaxLabel = option.xAxis.max === null ? null : false;
  option.yAxis = upAxis(title(spec.y, yUnit));
  option.yAxis.scale = spec.y.unit === "ratio" && low > 0.5 * high;
  if (!option.yAxis.scale && low >= 0) option.yAxis.min = 0;
  const places = spec.series.length;
  const fill = (s, i) => color(s.color, s.stage === null ? i : s.stage, places);
  option.series = spec.series.map((s, i) => ({
    type: "line", name: s.name, step: spec.step ? "middle" : false, showSymbol: s.dots,
    symbol: s.dashed ? "emptyCircle" : "circle", symbolSize: 6, color: fill(s, i), triggerLineEvent: true,
    lineStyle: {width: view.picked === s.stage && s.stage !== null ? 3 : 1.8,
                type: s.dashed ? "dashed" : "solid", opacity: shown(s.stage, view.picked)},
    itemStyle: {opacity: shown(s.stage, view.picked)}, emphasis: {disabled: true},
    z: view.picked === s.stage && s.stage !== null ? 4 : 2,
    data: s.points.map(([x, y]) => [x / xUnit.factor, y === null ? null : y / yUnit.factor])}));
  option.tooltip.trigger = "axis";
  option.tooltip.axisPointer = {type: "line", lineStyle: {color: color("soft")}};
  option.tooltip.formatter = (items) => {
    const found = items.filter((i) => i.value[1] !== null && i.value[1] !== undefined);
    const entries = found.map((i) => {
      const s = spec.series[i.seriesIndex];
      const [x, y] = s.points[i.dataIndex];
      const at = spec.series.length > 1 && spec.x.unit !== "index" && x !== found[0].x
        && spec.small ? ` at ${quantity(x, spec.x.unit)}` : "";
      const entry = [fill(s, i.seriesIndex), s.name, quantity(y, spec.y.unit) + at];
      entry.raw = y;
      entry.stage = s.stage;
      return entry;
    });
    const wanted = entries.filter((e) => view.picked === null || e.stage === null
                                  || e.stage === view.picked);
    if (!found.length) return "";
    const [x] = spec.series[found[0].seriesIndex].points[found[0].dataIndex];
    return hover(`${spec.x.name}: ${spec.x.unit === "index" ? x : quantity(x, spec.x.unit)}`,
                 fewest(wanted.length ? wanted : entries));
  };
  if (!spec.small) zoom(option);
  const legend = spec.series.map((s, i) => ({name: s.name, fill: fill(s, i), dashed: s.dashed}));
  return {option, height: spec.small ? 220 : 300, legend: legend.length > 1 ? legend : [],
          stageOf: (e) => (e.seriesIndex === undefined ? null : spec.series[e.seriesIndex].stage)};
}

function areas(spec, view) {
  const stage = view.picked === null ? spec.first : view.picked;
  const values = spec.values[stage] || [];
  const totals = spec.xs.map((_, i) => values.reduce((sum, v) => sum + (v[i] || 0), 0));
  const xUnit = axisUnit(spec.x.unit, largestOf(spec.xs));
  const yUnit = axisUnit(spec.y.unit, largestOf(totals));
  const option = baseOption(24);
  option.xAxis = valueAxis(`${spec.x.name}, ${xUnit.name}`, {
    min: 0, max: largestOf(spec.xs) / xUnit.factor, splitLine: {show: false}});
  option.xAxis.axisLabel.showMaxLabel = false;
  option.yAxis = upAxis(`${spec.y.name}, ${yUnit.name}`, {min: 0});
  option.series = spec.series.map((s, k) => ({
    type: "line", stack: "all", name: s.name, showSymbol: false, color: color(s.color),
    lineStyle: {width: 0}, areaStyle: {opacity: 0.85, color: color(s.color)},
    emphasis: {disabled: true},
    data: (values[k] || []).map((v, i) => [spec.xs[i] / xUnit.factor, v / yUnit.factor])}));
  option.tooltip.trigger = "axis";
  option.tooltip.formatter = (items) => {
    const i = items[0].dataIndex;
    return hover(`${spec.names[stage]}, ${spec.x.name} ${quantity(spec.xs[i], spec.x.unit)}`,
                 items.filter((item) => values[item.seriesIndex][i]).map((item) => [
                   color(spec.series[item.seriesIndex].color), spec.series[item.seriesIndex].name,
                   quantity(values[item.seriesIndex][i], spec.y.unit)]).reverse());
  };
  zoom(option);
  return {option, height: 280, legend: spec.series, stageOf: () => null,
          caption: `${spec.title}: ${spec.names[stage]}`
            + (view.picked === null ? " (pick a stage to see another)" : "")};
}
