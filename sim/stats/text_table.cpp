// SPDX-License-Identifier: Apache-2.0
// See text_table.h.
#include "sim/stats/text_table.h"

#include <algorithm>
#include <numeric>

namespace stagecoach {
namespace {

constexpr std::size_t kLeastName = 10;  ///< characters of a name that always stay

}  // namespace

std::vector<std::size_t> TextTable::widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(column.title.size());
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  return widths;
}

std::string TextTable::line(const std::vector<std::string>& cells,
                            const std::vector<std::size_t>& widths, std::size_t gap) const {
  std::string text;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::string cell = cells[c];
    if (cell.size() > widths[c]) cell = cell.substr(0, widths[c] - 2) + "..";
    const std::string blanks(widths[c] - cell.size(), ' ');
    text += std::string(c ? gap : 0, ' ') + (columns_[c].left ? cell + blanks : blanks + cell);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string TextTable::text(std::size_t width) const {
  std::vector<std::size_t> widths = this->widths();
  const std::size_t cells = std::accumulate(widths.begin(), widths.end(), std::size_t{0});
  const std::size_t gaps = columns_.size() - 1;
  const std::size_t gap = cells + 2 * gaps <= width ? 2 : 1;
  std::size_t excess = cells + gap * gaps > width ? cells + gap * gaps - width : 0;
  for (std::size_t c = 0; c < columns_.size() && excess > 0; ++c) {
    if (!columns_[c].left || widths[c] <= kLeastName) continue;
    const std::size_t cut = std::min(excess, widths[c] - kLeastName);
    widths[c] -= cut;
    excess -= cut;
  }
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::string text = line(titles, widths, gap);
  for (const auto& row : rows_) text += line(row, widths, gap);
  return text;
}

}  // namespace stagecoach
