// SPDX-License-Identifier: Apache-2.0
// The statistics of energy and area (summary.json: energy, area).
#include "sim/stats/derived.h"
#include "sim/stats/statistic.h"

namespace stagecoach {

namespace {

using Rows = std::vector<Statistic<RunView>>;

/// Total, band and parts of a sum under `path`; null and no parts where there is none.
void append_sum(Rows& rows, const std::string& path, const char* unit, const std::string& unit_name,
                std::optional<BandedSum> RunResult::*member) {
  auto add = [&](const std::string& name, const char* meaning,
                 std::function<double(const BandedSum&)> of) {
    rows.push_back({path + "." + name, unit, meaning, [member, of](const RunView& v) {
                      const auto& sum = v.run.*member;
                      return sum ? finite_or_null(of(*sum)) : OrderedJson();
                    }});
  };
  const std::string total = "total_" + unit_name;
  add(total, "Sum of the parts.", [](const BandedSum& s) { return s.total(); });
  add(total + "_low", "Total with every constant at the low end of its uncertainty.",
      [](const BandedSum& s) { return s.low(); });
  add(total + "_high", "Total with every constant at the high end of its uncertainty.",
      [](const BandedSum& s) { return s.high(); });
  rows.push_back({path + ".parts", unit, "One entry per part.", [member](const RunView& v) {
                    return v.run.*member ? parts_json(*(v.run.*member)) : OrderedJson::object();
                  }});
}

}  // namespace

OrderedJson parts_json(const BandedSum& sum) {
  OrderedJson parts = OrderedJson::object();
  for (const BandedPart& part : sum.parts) parts[part.name] = finite_or_null(part.value);
  return parts;
}

std::vector<Statistic<RunView>> energy_catalogue() {
  Rows rows;
  append_sum(rows, "energy", "joules", "joules", &RunResult::energy);
  rows.push_back(
      {"energy.per_sample_joules", "joules", "total_joules over samples.", [](const RunView& v) {
         return v.run.energy ? ratio_or_null(v.run.energy->total(), samples_of(v.run))
                             : OrderedJson();
       }});
  rows.push_back({"energy.shared_joules", "joules",
                  "Energy that belongs to no stage and no link: the host channel and the static "
                  "power of the chip. Together with the joules of all stages and links it is "
                  "total_joules.",
                  [](const RunView& v) {
                    const auto& shares = v.run.energy_by_place;
                    return shares ? finite_or_null(shares->shared.total()) : OrderedJson();
                  }});
  rows.push_back({"energy.shared_parts", "joules", "Parts of shared_joules.", [](const RunView& v) {
                    const auto& shares = v.run.energy_by_place;
                    return shares ? parts_json(shares->shared) : OrderedJson::object();
                  }});
  append_sum(rows, "area", "mm2", "mm2", &RunResult::area);
  rows.push_back(
      {"area.used_mm2", "mm2",
       "The part of total_mm2 of the cores that serve a stage and of the area around all "
       "cores. total_mm2 is the area of the chip for any workload.",
       [](const RunView& v) {
         return v.run.used_area_mm2 ? finite_or_null(*v.run.used_area_mm2) : OrderedJson();
       }});
  return rows;
}

}  // namespace stagecoach
