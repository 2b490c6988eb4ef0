// SPDX-License-Identifier: Apache-2.0
// Errors in configuration: collected, then thrown together; and the words to describe them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stagecoach {

/// One thing wrong with the user's input.
struct Issue {
  std::string where;  ///< "workloads/x.json: /training/epochs" or "--set workload/training/epochs"
  std::string message;  ///< "found 0; allowed: 1 or more"
};

/// Everything wrong with the user's input, so that it can be told in one go.
class Issues {
 public:
  void add(std::string where, std::string message);
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  /// The first kMaxShown; the others are only counted, so that no input costs memory without end.
  const std::vector<Issue>& all() const { return all_; }
  /// True if a further issue would only be counted.
  bool full() const { return count_ >= kMaxShown; }

  /// All issues, a line each, then how many more there are.
  std::string text() const;
  /// Throws UserError with text() unless empty.
  void throw_if_any() const;

  static constexpr std::size_t kMaxShown = 100;

 private:
  std::vector<Issue> all_;
  std::size_t count_ = 0;
};

/// The candidate that differs from `word` by fewest single-letter edits (insert, delete, replace,
/// swap of neighbours); when none is near enough to be a misspelling, the first that begins with
/// `word`; else "".
std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates);

/// `; did you mean "x"?`, or "" when nothing is near.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

/// `"a", "b", "c"`.
std::string quoted_list(const std::vector<std::string>& words);

/// Text safe for one line of a terminal: control characters escaped, cut at `max_length` bytes.
std::string printable(const std::string& text, std::size_t max_length = 80);

}  // namespace stagecoach
