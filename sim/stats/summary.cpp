// SPDX-License-Identifier: Apache-2.0
// Walks the catalogue; see summary.h.
#include "sim/stats/summary.h"

#include <cctype>

#include "sim/base/wrapped_text.h"

namespace stagecoach {

namespace {

template <class View>
void append_declared(std::vector<DeclaredStatistic>& all, const std::string& prefix,
                     const std::vector<Statistic<View>>& rows) {
  for (const auto& row : rows) all.push_back({prefix + row.path, row.unit, row.meaning});
}

}  // namespace

OrderedJson make_summary(const RunResult& run) { return to_json(run_catalogue(), RunView{run}); }

std::string summary_text(const OrderedJson& summary) { return summary.dump(2) + "\n"; }

std::vector<DeclaredStatistic> declared_statistics() {
  std::vector<DeclaredStatistic> all;
  for (const auto& row : run_catalogue()) {
    all.push_back({row.path, row.unit, row.meaning});
    const std::string prefix = row.path + "[].";
    if (row.path == "training.epochs") append_declared(all, prefix, epoch_catalogue());
    if (row.path == "stages") append_declared(all, prefix, stage_catalogue());
    if (row.path == "layers") append_declared(all, prefix, layer_catalogue());
    if (row.path == "interconnect.links") append_declared(all, prefix, link_catalogue());
  }
  return all;
}

std::string list_statistics_text(const std::string& word) {
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  constexpr std::size_t kMeaningColumn = 4;
  const std::string wanted = lower(word);
  std::string text;
  for (const DeclaredStatistic& s : declared_statistics()) {
    if (lower(s.path + " " + s.unit + " " + s.meaning).find(wanted) == std::string::npos) continue;
    text += s.path + " (" + s.unit + ")\n" +
            wrapped(std::string(kMeaningColumn, ' ') + s.meaning, kMeaningColumn) + "\n";
  }
  return text;
}

}  // namespace stagecoach
