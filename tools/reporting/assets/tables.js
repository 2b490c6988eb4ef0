// SPDX-License-Identifier: Apache-2.0
// Tables that sort by a click on a column, and that show some of their rows.

function keyOf(cell) {
  if (cell.dataset.value !== undefined) {
    const value = Number(cell.dataset.value);
    return Number.isNaN(value) ? cell.dataset.value : value;
  }
  return cell.textContent;
}

// Numbers by size, words in the alphabet's order, cells without a value last.
function compare(a, b) {
  const empty = (key) => key === "" || key === NOTHING;
  if (empty(a) || empty(b)) return 0;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", {numeric: true});
}

function sortBy(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const rising = heads[column].getAttribute("aria-sort") !== "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", rising ? "ascending" : "descending");
  const body = table.tBodies[0];
  const last = (row) => ["", NOTHING].includes(keyOf(row.cells[column]));
  const rows = [...body.rows].sort((a, b) => (last(a) - last(b))
    || (rising ? 1 : -1) * compare(keyOf(a.cells[column]), keyOf(b.cells[column])));
  body.append(...rows);
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.tabIndex = 0;
    head.title = "sort";
    head.addEventListener("click", () => sortBy(table, column));
    head.addEventListener("keydown", (e) => {
      if (e.key === "Enter" || e.key === " ") {
        e.preventDefault();
        sortBy(table, column);
      }
    });
  });
}

// Shows the rows whose number is in `wanted` (null: all) of the table with that id.
function showRows(id, wanted) {
  document.querySelectorAll(`#${id} tr[data-row]`).forEach((row) => {
    row.hidden = wanted !== null && !wanted.has(Number(row.dataset.row));
  });
  const told = document.querySelector(`#${id}-shown`);
  if (told) {
    const all = document.querySelectorAll(`#${id} tr[data-row]`).length;
    told.textContent = wanted === null ? `all ${all} settings`
      : `${wanted.size} of ${all} settings, those inside the ranges marked above`;
  }
}
