// SPDX-License-Identifier: Apache-2.0
// Numbers as a person reads them: the units and rules of words.py, in the browser.

const NOTHING = "–";
const WHOLE = ["cycles", "samples", "updates", "count"];
const SI = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"],
            [1e-9, "n"], [1e-12, "p"]];
const BINARY = [[1024 ** 4, "TiB"], [1024 ** 3, "GiB"], [1024 ** 2, "MiB"], [1024, "KiB"],
                [1, "B"]];
const LARGE = [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"], [1e3, "thousand"], [1, ""]];

function grouped(value, digits) {
  return value.toLocaleString("en-US", {minimumFractionDigits: digits,
                                        maximumFractionDigits: digits});
}

function number(value) {
  if (value === null || value === undefined) return NOTHING;
  const size = Math.abs(value);
  if (size === 0 || size >= 999.5) return grouped(value, 0);
  if (size < 1e-4) return value.toExponential(2);
  const rounded = Number(value.toPrecision(3));
  return grouped(rounded, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded)))));
}

function factorOf(table, value) {
  const size = Math.abs(value) * 1.0005;
  return table.find(([factor]) => size >= factor) || table[table.length - 1];
}

function quantity(value, unit) {
  if (value === null || value === undefined) return NOTHING;
  if (unit === "ratio") return `${Number((100 * value).toFixed(2))} %`;
  if (unit === "mm2") return `${number(value)} mm²`;
  if (unit === "bytes") {
    const [factor, name] = factorOf(BINARY, value);
    return `${number(value / factor)} ${name}`;
  }
  if (unit === "s" || unit === "J") {
    if (value === 0) return `0 ${unit}`;
    const [factor, prefix] = factorOf(SI, value);
    return `${number(value / factor)} ${prefix}${unit}`;
  }
  if (WHOLE.includes(unit)) {
    const words = Number.isInteger(value) ? grouped(value, 0) : number(value);
    return unit === "count" ? words : `${words} ${unit}`;
  }
  return number(value);
}

// How an axis up to `largest` is written: values divided by `factor`, and the name of that unit.
// Ticks are then round numbers of a unit that people use.
function axisUnit(unit, largest) {
  if (unit === "ratio") return {factor: 0.01, name: "%"};
  if (unit === "mm2") return {factor: 1, name: "mm²"};
  if (unit === "bytes") {
    const [factor, name] = factorOf(BINARY, largest || 1);
    return {factor, name};
  }
  if (unit === "s" || unit === "J") {
    const [factor, prefix] = factorOf(SI, largest || 1);
    return {factor, name: prefix + unit};
  }
  if (WHOLE.includes(unit)) {
    const [factor, name] = factorOf(LARGE, largest < 1e4 ? 1 : largest);
    const what = unit === "count" ? "" : unit;
    return {factor, name: name && what ? `${name} ${what}` : name || what};
  }
  return {factor: 1, name: ""};
}

function tick(value) {
  return Math.abs(value) >= 1e-3 || value === 0
    ? value.toLocaleString("en-US", {maximumFractionDigits: 4}) : value.toExponential(0);
}

function escapeText(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
