// SPDX-License-Identifier: Apache-2.0
// Columns that line up: text cells, widths found from the content.
#pragma once

#include <string>
#include <vector>

#include "sim/base/wrapped_text.h"

namespace stagecoach {

class TextTable {
 public:
  struct Column {
    std::string title;
    bool left = false;  ///< names to the left, numbers to the right
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell per column.
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  /// Title line, then the rows; two spaces between columns, no trailing blanks. Where that is wider
  /// than `width`, one space, and long names lose their end to "..".
  std::string text(std::size_t width = kLineWidth) const;

 private:
  std::vector<std::size_t> widths() const;
  std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                   std::size_t gap) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace stagecoach
