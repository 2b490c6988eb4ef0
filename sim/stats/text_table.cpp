// SPDX-License-Identifier: Apache-2.0
// See text_table.h.
#include "sim/stats/text_table.h"

#include <algorithm>

namespace stagecoach {

std::string TextTable::line(const std::vector<std::string>& cells,
                            const std::vector<std::size_t>& widths) const {
  std::string text;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const std::string blanks(widths[c] - cells[c].size(), ' ');
    text += (c ? "  " : "") + (columns_[c].left ? cells[c] + blanks : blanks + cells[c]);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string TextTable::text() const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(column.title.size());
  }
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text = line(titles, widths);
  for (const auto& row : rows_) text += line(row, widths);
  return text;
}

}  // namespace stagecoach
