// SPDX-License-Identifier: Apache-2.0
// Charts of the machine itself: the timeline of operations and the map of the chip.

function timeline(spec, view) {
  const begin = Math.min(...spec.slices.map((s) => s[1]));
  const end = Math.max(...spec.slices.map((s) => s[2]));
  const option = baseOption();
  option.xAxis = valueAxis("cycles", {min: begin, max: end, scale: true});
  option.xAxis.axisLabel.showMinLabel = false;
  option.xAxis.axisLabel.showMaxLabel = false;
  option.yAxis = rowAxis(spec.tracks, view.element);
  option.series = spec.classes.map((kind, k) => ({
    type: "custom", name: kind.name, color: color(kind.color), clip: true,
    encode: {x: [1, 2], y: 0},
    data: spec.slices.filter((s) => s[3] === k).map((s) => ({
      value: [s[0], s[1], s[2], s[4]], words: s[5],
      itemStyle: {opacity: shown(spec.stages[s[0]], view.picked)}})),
    renderItem: drawSlice}));
  option.series.push({
    type: "lines", name: "way of a sample", coordinateSystem: "cartesian2d", polyline: true,
    silent: true, z: 4, clip: true,
    lineStyle: {color: color("ink"), width: 1, opacity: 0.45, curveness: 0},
    data: spec.flows.map((way) => ({coords: way.map(([track, x]) => [x, track])}))});
  option.tooltip.formatter = (item) => escapeText(item.data.words || "");
  zoom(option);
  return {option, height: spec.tracks.length * rowHeight(spec.tracks.length) + 100,
          legend: [...spec.classes, {name: "way of a sample", color: "ink"}],
          stageOf: (e) => (e.value ? spec.stages[e.value[0]] : null)};
}

function drawSlice(params, api) {
  const [left, middle] = api.coord([api.value(1), api.value(0)]);
  const [right] = api.coord([api.value(2), api.value(0)]);
  const area = params.coordSys;
  const height = 0.72 * api.size([0, 1])[1];
  const rect = echarts.graphic.clipRectByRect(
    {x: left, y: middle - height / 2, width: Math.max(right - left - 0.6, 0.6), height},
    {x: area.x, y: area.y, width: area.width, height: area.height});
  if (!rect) return null;
  const words = String(api.value(3));
  const fits = rect.width > 7 * words.length + 4;
  return {type: "rect", shape: rect, style: api.style(),
          textContent: fits ? {style: {text: words, fill: "#fff", fontSize: 11,
                                       opacity: api.style().opacity}} : undefined,
          textConfig: {position: "inside"}};
}

const CELL_MOST = 92;

function chip(spec, view) {
  const measure = spec.measures.find((m) => m.name === view.choices.measure) || spec.measures[0];
  const most = measure.most || Math.max(largestOf(measure.cells), 1e-12);
  const mostLinks = measure.links ? Math.max(largestOf(measure.links), 1e-12) : 1;
  const xs = [...spec.cells.map((c) => c.x), ...spec.links.flatMap((l) => [l.from[0], l.to[0]])];
  const ys = [...spec.cells.map((c) => c.y), ...spec.links.flatMap((l) => [l.from[1], l.to[1]])];
  const left = Math.min(...xs) - 0.5, right = Math.max(...xs) + 0.5;
  const top = Math.min(...ys) - 0.5, bottom = Math.max(...ys) + 0.5;
  const cell = Math.min(CELL_MOST, (view.element.clientWidth - 16) / (right - left));
  const option = baseOption();
  const width = cell * (right - left), height = cell * (bottom - top);
  option.grid = {outerBoundsMode: "none", left: (view.element.clientWidth - width) / 2, top: 4,
                 width, height};
  option.xAxis = {type: "value", min: left, max: right, show: false};
  option.yAxis = {type: "value", min: top, max: bottom, inverse: true, show: false};
  const stagesOf = (unit) => (unit === null || unit === undefined ? [] : spec.units[unit].stages);
  const opacity = (unit) => (view.picked === null || stagesOf(unit).includes(view.picked) ? 1
    : DIM);
  option.series = [
    {type: "custom", name: "cores", encode: {x: 0, y: 1},
     data: spec.cells.map((c) => ({value: [c.x, c.y], unit: c.unit})),
     renderItem: (params, api) => {
       const c = spec.cells[params.dataIndex];
       return drawCell(api, cell, c, c.unit === null || c.unit === undefined ? null
         : {share: measure.cells[c.unit] / most, opacity: opacity(c.unit),
            words: cell > 34 ? labelOf(spec, c.unit, cell) : ""});
     }},
    {type: "custom", name: "links", z: 5, encode: {x: 0, y: 1},
     data: spec.links.map((l) => [l.from[0], l.from[1]]),
     renderItem: (params, api) => drawLink(
       api, cell, spec.links[params.dataIndex],
       measure.links ? measure.links[params.dataIndex] / mostLinks : 0)}];
  option.tooltip.formatter = (item) => chipHover(spec, measure, item);
  return {option, height: height + 12, legend: [], stageOf: (e) => {
    const found = e.seriesIndex === 0 ? stagesOf(spec.cells[e.dataIndex].unit) : [];
    return found.length ? found[0] : null;
  }, controls: [{key: "measure", label: "coloured by", value: measure.name,
                  options: spec.measures.map((m) => [m.name, m.name])}], ramp: [
    "cores: " + quantity(0, measure.unit), quantity(most, measure.unit)],
  linkRamp: measure.links && spec.links.length
    ? ["links: " + quantity(0, measure.unit), quantity(mostLinks, measure.unit)] : null};
}

function labelOf(spec, unit, cell) {
  const stages = spec.units[unit].stages;
  const last = stages[stages.length - 1];
  const neighbours = last - stages[0] === stages.length - 1;
  const words = stages.length > 2 && neighbours ? `${stages[0]}–${last}` : stages.join(",");
  const name = spec.units[unit].stageNames || "";
  return cell > 70 && name ? `${words}\n${inTwoLines(name)}` : words;
}

const LINE = 11;  // characters of a name that a cell has room for

// A long name of one stage, broken behind the underscore that is nearest to its middle.
function inTwoLines(name) {
  if (name.length <= LINE || name.includes(" ")) return name;
  const breaks = [...name].flatMap((c, i) => (c === "_" ? [i + 1] : []));
  const off = (i) => Math.abs(i - name.length / 2);
  const best = breaks.sort((a, b) => off(a) - off(b))[0];
  return best ? `${name.slice(0, best)}\n${name.slice(best)}` : name;
}

function drawCell(api, cell, place, filled) {
  const [x, y] = api.coord([place.x, place.y]);
  const edge = cell * 0.78;
  const shape = {x: x - edge / 2, y: y - edge / 2, width: edge, height: edge, r: 3};
  if (!filled) {
    return {type: "rect", shape, style: {fill: "transparent", stroke: color("grid")}};
  }
  return {type: "rect", shape,
          style: {fill: heatColor(filled.share), stroke: color("soft"), opacity: filled.opacity},
          textContent: {style: {text: filled.words, fontSize: 11, width: edge - 4,
                               overflow: "truncate", ellipsis: "…", lineHeight: 14,
                               opacity: filled.opacity, align: "center",
                               fill: filled.share > 0.55 ? color("on-heat") : color("ink")}},
          textConfig: {position: "inside"}};
}

// A link from cell to cell keeps to the right of its way, so that both directions are seen.
function drawLink(api, cell, link, share) {
  const [x1, y1] = api.coord(link.from), [x2, y2] = api.coord(link.to);
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const ux = (x2 - x1) / length, uy = (y2 - y1) / length;
  const across = !link.both && Math.abs(link.from[0] - link.to[0])
    + Math.abs(link.from[1] - link.to[1]) >= 1;
  const aside = across ? cell * 0.11 : 0, cut = across ? cell * 0.30 : 0;
  const a = [x1 - uy * aside + ux * cut, y1 + ux * aside + uy * cut];
  const b = [x2 - uy * aside - ux * cut, y2 + ux * aside - uy * cut];
  const head = Math.min(6, cell * 0.12);
  const stroke = mix(color("grid"), color("link"), 0.15 + 0.85 * Math.min(1, share));
  return {type: "group", children: [
    {type: "line", shape: {x1: a[0], y1: a[1], x2: b[0], y2: b[1]},
     style: {stroke, lineWidth: Math.max(2, cell * 0.05)}},
    {type: "polygon", ignore: Boolean(link.both), shape: {points: [
      b, [b[0] - ux * head - uy * head * 0.7, b[1] - uy * head + ux * head * 0.7],
      [b[0] - ux * head + uy * head * 0.7, b[1] - uy * head - ux * head * 0.7]]},
     style: {fill: stroke, stroke, lineWidth: 1}}]};
}

function chipHover(spec, measure, item) {
  if (item.seriesIndex === 1) {
    const name = spec.links[item.dataIndex].name;
    return hover(name, spec.measures.filter((m) => m.links).map((m) => [
      null, m.name, quantity(m.links[item.dataIndex], m.unit)]));
  }
  const cell = spec.cells[item.dataIndex];
  if (cell.unit === null || cell.unit === undefined) return "a core without work";
  const unit = spec.units[cell.unit];
  return hover(unit.name, [
    ...spec.measures.map((m) => [null, m.name, quantity(m.cells[cell.unit], m.unit)]),
    [null, unit.stages.length > 1 ? "stages" : "stage", unit.stageNames || unit.stages.join(", ")],
    ...unit.hover.map((words) => [null, words, ""])]);
}
