// SPDX-License-Identifier: Apache-2.0
// What can be said about a machine before time zero: does it fit, what limits it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/plan/machine_plan.h"
#include "sim/plan/mapping.h"

namespace stagecoach {

/// Memory of one stage against the buffers beside its cores.
struct StageFit {
  std::string stage;
  MemoryNeeds needs;
  Bytes capacity_bytes = kUnlimited<std::int64_t>;
  std::int64_t capacity_micro_batches = kUnlimited<std::int64_t>;
  bool fits = true;
};

enum class LimitKind { core, link, host, dram, in_flight };

/// Something that bounds the steady rate, and the cycles a micro-batch keeps it busy.
struct RateLimit {
  std::string name;  ///< "core3 (stage conv2 backward)", "link conv1 -> conv2", "host"
  double cycles_per_micro_batch = 0;
  LimitKind kind = LimitKind::core;
  int core = -1;  ///< index in MachinePlan::cores where it is one
};

struct BalanceReport {
  std::vector<RateLimit> limits;  ///< slowest first: the first sets the steady rate
  double mean_load = 0;  ///< mean over cores of their cycles per micro-batch, over the slowest's
  /// Cycles per micro-batch with one more core (balanced: of the group where it brings most, all
  /// shared out anew; else given to the stage that limits), other limits as they are; absent where
  /// no core sets the rate, or a core more cannot be priced (kind fixed, shared cores).
  std::optional<double> with_one_more_core;

  double cycles_per_micro_batch() const {
    return limits.empty() ? 0 : limits[0].cycles_per_micro_batch;
  }
};

struct PlanReport {
  std::vector<StageFit> stages;
  std::vector<std::string> problems;  ///< why it does not fit; empty: it does
  std::vector<std::string> notes;     ///< stalls and spills that the policy allows
  BalanceReport balance;
};

/// The steady rate's bounds in closed form: cores, what crosses between two cores, a bus, a
/// crossbar's ports, the host, and the micro-batches that schedule and buffers let a stage hold
/// during a round trip. Contention on shared links of a ring or a mesh is left to the simulation.
BalanceReport balance_report(const PlanScope& scope, const Mapping& mapping,
                             const std::vector<StageSlots>& slots, const MachinePlan& plan);

}  // namespace stagecoach
