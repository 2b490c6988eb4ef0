// SPDX-License-Identifier: Apache-2.0
#include "sim/config/errors.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "models/base/error.h"

namespace stagecoach {
namespace {

// Longer words are no misspellings of ours; the bound keeps hostile input from costing time.
constexpr std::size_t kMaxCompared = 64;

/// Optimal string alignment distance.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

/// Case and separators are the most common slips, and papers write 1F1B for one_f_one_b: they cost
/// nothing.
std::string folded(const std::string& word) {
  std::string out;
  for (const char c : word) {
    if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
    else if (c != '-' && c != ' ' && c != '.' && c != '_')
      out += c;
  }
  const std::string short_form = "1f1b";
  const std::size_t at = out.find(short_form);
  return at == std::string::npos ? out : out.replace(at, short_form.size(), "onefoneb");
}

}  // namespace

void Issues::add(std::string where, std::string message) {
  if (!full()) all_.push_back({std::move(where), std::move(message)});
  ++count_;
}

std::string Issues::text() const {
  std::string out;
  for (const Issue& issue : all_) {
    out += (out.empty() ? "" : "\n") + issue.where + ": " + issue.message;
  }
  if (count_ > all_.size()) {
    out += "\n... and " + std::to_string(count_ - all_.size()) + " more errors";
  }
  return out;
}

void Issues::throw_if_any() const {
  if (!empty()) throw UserError(text());
}

std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kMaxCompared) return "";
  const std::string wanted = folded(word);
  std::string best;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(wanted, folded(candidate));
    if (best.empty() || distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  // A third of the letters wrong is still a misspelling; more is another word.
  const std::size_t limit = std::max<std::size_t>(1, std::max(word.size(), best.size()) / 3);
  if (best_distance <= limit) return best;
  const auto begins_so = [&](const std::string& c) {
    return wanted.size() > 2 && folded(c).compare(0, wanted.size(), wanted) == 0;
  };
  const auto longer = std::find_if(candidates.begin(), candidates.end(), begins_so);
  return longer == candidates.end() ? "" : *longer;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string best = nearest_word(word, candidates);
  return best.empty() ? "" : "; did you mean \"" + best + "\"?";
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "\"" : ", \"") + word + "\"";
  return out;
}

std::string printable(const std::string& text, std::size_t max_length) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= max_length) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace stagecoach
