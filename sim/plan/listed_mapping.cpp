// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/listed_mapping.h"

#include <algorithm>
#include <map>

#include "models/base/error.h"
#include "sim/hardware/core_groups.h"

namespace stagecoach {

namespace {

struct Listed {
  Service service;
  std::int64_t first_core = 0;  ///< in its group; of no meaning where the list has no places
};

std::string at_entry(std::size_t i, const char* field) {
  return "hardware /mapping/stages/" + std::to_string(i) + "/" + field;
}

int group_of_entry(const HardwareSpec& hw, std::size_t i) {
  const std::string& name = hw.mapping.stages[i].core;
  if (const std::optional<int> group = group_named(hw, name)) return *group;
  throw UserError(at_entry(i, "core") + ": \"" + name + "\" is no group of /cores");
}

std::vector<Listed> in_order_of_stages(const PlanScope& scope) {
  const HardwareSpec& hw = *scope.hardware;
  std::map<std::string, std::size_t> entry_of;
  for (std::size_t i = 0; i < hw.mapping.stages.size(); ++i) {
    const std::string& stage = hw.mapping.stages[i].stage;
    const auto [known, is_new] = entry_of.emplace(stage, i);
    if (!is_new)
      throw UserError(at_entry(i, "stage") + ": stage \"" + stage +
                      "\" is listed twice, first in entry " + std::to_string(known->second));
  }
  std::vector<Listed> all;
  for (const StageSpec& stage : *scope.partition) {
    const auto found = entry_of.find(stage.name);
    if (found == entry_of.end()) {
      throw UserError("hardware /mapping/stages: stage \"" + stage.name +
                      "\" is not listed; every stage of the network needs an entry");
    }
    const MappingEntry& entry = hw.mapping.stages[found->second];
    all.push_back({{group_of_entry(hw, found->second), entry.cores}, entry.first_core.value_or(0)});
    entry_of.erase(found);
  }
  if (!entry_of.empty()) {
    throw UserError(at_entry(entry_of.begin()->second, "stage") + ": the network has no stage \"" +
                    entry_of.begin()->first + "\"");
  }
  return all;
}

Mapping cores_of_their_own(const PlanScope& scope, const std::vector<Listed>& listed) {
  const HardwareSpec& hw = *scope.hardware;
  std::vector<std::int64_t> used(hw.cores.size(), 0);
  std::vector<Service> services;
  for (const Listed& l : listed) {
    const int k = static_cast<int>(services.size());
    const bool two = scope.has_two_units(k, static_cast<int>(listed.size()));
    used[static_cast<std::size_t>(l.service.group)] += l.service.cores * (two ? 2 : 1);
    services.push_back(l.service);
  }
  for (std::size_t g = 0; g < used.size(); ++g) {
    const std::int64_t count = hw.cores[g].count;
    if (count > 0 && used[g] > count)
      too_few("the mapping of \"" + hw.cores[g].name + "\"", used[g], count);
  }
  return rows_of_units(scope, services);
}

/// Where each group begins in the row of all cores.
std::vector<std::int64_t> begins_of_groups(const HardwareSpec& hw,
                                           const std::vector<Listed>& listed) {
  std::vector<std::int64_t> begins{0};
  for (std::size_t g = 0; g + 1 < hw.cores.size(); ++g) {
    std::int64_t cores = hw.cores[g].count;
    for (const Listed& l : listed) {
      if (hw.cores[g].count == 0 && l.service.group == static_cast<int>(g))
        cores = std::max(cores, l.first_core + l.service.cores);
    }
    begins.push_back(begins.back() + cores);
  }
  return begins;
}

Mapping at_their_places(const HardwareSpec& hw, const std::vector<Listed>& listed) {
  const std::vector<std::int64_t> begins = begins_of_groups(hw, listed);
  const auto place = [&](const Listed& l) {
    return begins[static_cast<std::size_t>(l.service.group)] + l.first_core;
  };
  std::map<std::int64_t, int> unit_at;  // by place
  for (const Listed& l : listed) unit_at[place(l)] = 0;
  Mapping m;
  for (auto& [first_core, unit] : unit_at) {
    unit = static_cast<int>(m.units.size());
    m.units.push_back({{}, first_core});
  }
  for (const Listed& l : listed) {
    const int unit = unit_at[place(l)];
    m.units[static_cast<std::size_t>(unit)].service = l.service;
    m.stages.push_back({unit, unit});
  }
  return m;
}

}  // namespace

Mapping listed_mapping(const PlanScope& scope) {
  const std::vector<MappingEntry>& entries = scope.hardware->mapping.stages;
  const std::vector<Listed> listed = in_order_of_stages(scope);
  const bool placed = std::any_of(entries.begin(), entries.end(),
                                  [](const MappingEntry& e) { return e.first_core.has_value(); });
  return placed ? at_their_places(*scope.hardware, listed) : cores_of_their_own(scope, listed);
}

}  // namespace stagecoach
