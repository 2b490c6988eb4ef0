// SPDX-License-Identifier: Apache-2.0
// Walks the catalogue; see summary.h.
#include "sim/stats/summary.h"

#include <algorithm>

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

std::string list_statistics_text() {
  const auto all = declared_statistics();
  std::size_t path_width = 0;
  std::size_t unit_width = 0;
  for (const auto& s : all) {
    path_width = std::max(path_width, s.path.size());
    unit_width = std::max(unit_width, s.unit.size());
  }
  std::string text;
  for (const auto& s : all) {
    text += s.path + std::string(path_width + 2 - s.path.size(), ' ') + s.unit +
            std::string(unit_width + 2 - s.unit.size(), ' ') + s.meaning + "\n";
  }
  return text;
}

}  // namespace stagecoach
