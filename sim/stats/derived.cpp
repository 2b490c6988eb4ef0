// SPDX-License-Identifier: Apache-2.0
// Formulas over counters; see derived.h.
#include "sim/stats/derived.h"

#include <algorithm>

namespace stagecoach {

namespace {

std::int64_t packet_samples(const StagePlan& plan) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(plan.cost.size()));
}

}  // namespace

StageMemory stage_peak_memory(const StagePlan& plan, const StageStatistics& statistics) {
  StageMemory m;
  m.weights = plan.weights_bytes + plan.predicted_bytes;
  m.optimizer = plan.optimizer_bytes;
  m.stashed_weights = statistics.peak_stashed_versions * plan.version_bytes;
  m.activations = statistics.peak_activation_samples * plan.activation_bytes_per_sample;
  m.gradients = statistics.peak_gradient_samples * plan.gradient_bytes_per_sample +
                plan.weight_gradient_bytes;
  return m;
}

StageMemory stage_memory_at(const StagePlan& plan, const MemorySample& sample) {
  const std::int64_t samples = packet_samples(plan);
  StageMemory m;
  m.weights = plan.weights_bytes + plan.predicted_bytes;
  m.optimizer = plan.optimizer_bytes;
  m.stashed_weights = sample.stashed_versions * plan.version_bytes;
  m.activations = sample.activation_packets * samples * plan.activation_bytes_per_sample;
  m.gradients = sample.gradient_packets * samples * plan.gradient_bytes_per_sample +
                plan.weight_gradient_bytes;
  return m;
}

std::int64_t macs_done(const StageStatistics& statistics) {
  return statistics.forward_macs + statistics.backward_macs;
}

std::optional<double> macs_possible(const MachinePlan& plan, int stage, Cycles cycles) {
  const StagePlan& s = plan.stages[stage];
  double per_cycle = plan.cores[s.forward_core].peak_macs_per_cycle;
  if (per_cycle <= 0) return std::nullopt;
  if (s.backward_core != s.forward_core) {
    const double other = plan.cores[s.backward_core].peak_macs_per_cycle;
    if (other <= 0) return std::nullopt;
    per_cycle += other;
  }
  return per_cycle * static_cast<double>(cycles);
}

std::optional<double> steady_utilization(const RunStatistics& statistics, int stage) {
  Cycles busy = 0;
  Cycles total = 0;
  const auto& windows = statistics.stages[stage].windows;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const bool inside =
        windows[w].begin >= statistics.cycles / 4 &&
        window_end(statistics, stage, w) <= statistics.cycles - statistics.cycles / 4;
    if (!inside) continue;
    busy += windows[w].cycles.busy();
    total += windows[w].cycles.total();
  }
  if (total == 0) return std::nullopt;
  return static_cast<double>(busy) / static_cast<double>(total);
}

Cycles window_end(const RunStatistics& statistics, int stage, std::size_t window) {
  const auto& windows = statistics.stages[stage].windows;
  return window + 1 < windows.size() ? windows[window + 1].begin : statistics.cycles;
}

std::string core_name(const MachinePlan& plan, int stage) {
  const StagePlan& s = plan.stages[stage];
  const std::string& forward = plan.cores[s.forward_core].name;
  if (s.backward_core == s.forward_core) return forward;
  return forward + " + " + plan.cores[s.backward_core].name;
}

}  // namespace stagecoach
