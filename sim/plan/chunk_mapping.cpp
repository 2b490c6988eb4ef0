// SPDX-License-Identifier: Apache-2.0
#include "sim/plan/chunk_mapping.h"

#include "models/base/error.h"
#include "sim/plan/listed_mapping.h"

namespace stagecoach {

namespace {

std::string name_of(const PlanScope& scope, int stage) {
  return "\"" + (*scope.partition)[static_cast<std::size_t>(stage)].name + "\"";
}

/// Names of the stages that the schedule puts on a core.
std::string stages_of_core(const PlanScope& scope, int core) {
  std::string names;
  for (int k = 0; k < static_cast<int>(scope.partition->size()); ++k) {
    if (scope.chunked->core_of(k) == core) names += (names.empty() ? "" : ", ") + name_of(scope, k);
  }
  return names;
}

Mapping dealt_out(const PlanScope& scope, std::int64_t each) {
  const int cores = scope.chunked->cores();
  const std::int64_t have = cores_available(*scope.hardware);
  if (have < cores * each)
    too_few("the schedule, which deals the stages out to " + std::to_string(cores) +
                (each > 1 ? " rectangles," : " cores,"),
            cores * each, have);
  const std::vector<Service> services = rectangles_in_groups(
      *scope.hardware, std::vector<std::int64_t>(static_cast<std::size_t>(cores), 1), each);
  Mapping m;
  std::int64_t next = 0;
  for (const Service& service : services) {
    m.units.push_back({service, next});
    next += each;
  }
  for (int k = 0; k < static_cast<int>(scope.partition->size()); ++k) {
    const int core = scope.chunked->core_of(k);
    m.stages.push_back({core, core});
  }
  return m;
}

/// Each core of the schedule is one unit of the list, and no two are the same.
Mapping as_listed(const PlanScope& scope) {
  const Mapping m = listed_mapping(scope);
  const int stages = static_cast<int>(m.stages.size());
  const auto unit = [&](int k) { return m.stages[static_cast<std::size_t>(k)].forward_unit; };
  for (int k = 0; k < stages; ++k) {
    for (int other = 0; other < k; ++other) {
      const bool together = scope.chunked->core_of(k) == scope.chunked->core_of(other);
      if (together == (unit(k) == unit(other))) continue;
      throw UserError("hardware /mapping/stages: stages " + name_of(scope, other) + " and " +
                      name_of(scope, k) + (together ? " have cores of their own" : " share cores") +
                      "; under this schedule allowed: the same first_core for " +
                      stages_of_core(scope, scope.chunked->core_of(other)) +
                      ", and other cores for the other stages");
    }
  }
  return m;
}

}  // namespace

Mapping chunk_mapping(const PlanScope& scope) {
  const MappingSpec& mapping = scope.hardware->mapping;
  if (mapping.split_forward_backward)
    throw UserError(
        "hardware /mapping/split_forward_backward: found true; a schedule over chunks orders all "
        "that a core does, so that allowed is: false, or another /pipeline/schedule");
  switch (mapping.kind) {
    case MappingKind::one_core_per_stage:
      return dealt_out(scope, 1);
    case MappingKind::rectangle:
      return dealt_out(scope, std::int64_t{1} * mapping.rows * mapping.columns);
    case MappingKind::explicit_list:
      return as_listed(scope);
    case MappingKind::balanced:
      break;
  }
  throw UserError(
      "hardware /mapping: found \"balanced\", and a schedule over chunks deals stages out to cores "
      "that are alike; allowed: \"one_core_per_stage\", a rectangle or a list, or another "
      "/pipeline/schedule");
}

}  // namespace stagecoach
