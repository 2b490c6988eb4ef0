// SPDX-License-Identifier: Apache-2.0
// Helpers for the tests of sim/config.
#pragma once

#include <fstream>
#include <string>

#include "sim/config/param_table.h"

namespace stagecoach {
namespace test {

/// Reads text as a file called "f.json" through a table; returns all issues as one text.
template <class T>
std::string issues_of(const Table<T>& table, const std::string& text, T& out) {
  Issues issues;
  const Document document = Document::from_text("f.json", text, issues);
  if (document.ok()) table.read(document.root(), Place(document, issues), out);
  return issues.text();
}

template <class T>
std::string issues_of(const Table<T>& table, const std::string& text) {
  T out;
  return issues_of(table, text, out);
}

/// The same with `--set` options applied.
template <class T>
std::string issues_with(const Table<T>& table, const std::string& text,
                        const std::vector<std::string>& sets, T& out) {
  Issues issues;
  Document document = Document::from_text("f.json", text, issues);
  for (const std::string& set : sets) {
    Override override;
    if (!parse_override(set, override, issues).empty()) document.apply(override, issues);
  }
  if (document.ok()) table.read(document.root(), Place(document, issues), out);
  return issues.text();
}

}  // namespace test
}  // namespace stagecoach
