// SPDX-License-Identifier: Apache-2.0
// Formulas over counters; see derived.h.
#include "sim/stats/derived.h"

#include <algorithm>

namespace stagecoach {

namespace {

std::int64_t micro_batch_samples(const StagePlan& plan) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(plan.cost.size()));
}

}  // namespace

StageMemory stage_peak_memory(const StagePlan& plan, const StageStatistics& statistics) {
  StageMemory m;
  m.weights = plan.weights_bytes + plan.predicted_bytes;
  m.optimizer = plan.optimizer_bytes;
  m.stashed_weights = statistics.peak_stashed_versions * plan.version_bytes;
  std::int64_t samples = statistics.peak_activation_samples;
  // Memories beside concurrent datapaths also hold the set that is being filled.
  if (!plan.cost.empty() && plan.cost.front().concurrent) {
    samples = std::max(samples, statistics.peak_activation_sets * micro_batch_samples(plan));
  }
  m.activations = samples * plan.activation_bytes_per_sample +
                  statistics.peak_backward_samples * plan.recomputed_bytes_per_sample;
  m.gradients = statistics.peak_gradient_samples * plan.gradient_bytes_per_sample +
                plan.weight_gradient_bytes;
  return m;
}

StageMemory stage_memory_at(const StagePlan& plan, const MemorySample& sample) {
  const std::int64_t samples = micro_batch_samples(plan);
  StageMemory m;
  m.weights = plan.weights_bytes + plan.predicted_bytes;
  m.optimizer = plan.optimizer_bytes;
  m.stashed_weights = sample.stashed_versions * plan.version_bytes;
  m.activations = sample.activation_micro_batches * samples * plan.activation_bytes_per_sample +
                  sample.backward_micro_batches * samples * plan.recomputed_bytes_per_sample;
  m.gradients = sample.gradient_micro_batches * samples * plan.gradient_bytes_per_sample +
                plan.weight_gradient_bytes;
  return m;
}

Bytes activation_bytes(const StagePlan& plan, const HeldSamples& held) {
  return held.activations * plan.activation_bytes_per_sample +
         held.backwards * plan.recomputed_bytes_per_sample;
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

std::optional<double> steady_cycles_per_sample(const RunResult& run) {
  const RunStatistics* s = run.statistics;
  if (!s || s->steady_samples == 0) return std::nullopt;
  const double measured =
      static_cast<double>(s->steady_cycles) / static_cast<double>(s->steady_samples);
  if (!run.limit_cycles_per_micro_batch || !run.plan || run.plan->stages.empty()) return measured;
  constexpr double kPhase = 0.01;  // of the bound: more is no question of where the part ends
  const double bound = *run.limit_cycles_per_micro_batch /
                       static_cast<double>(micro_batch_samples(run.plan->stages[0]));
  if (measured < bound * (1 - kPhase)) return std::nullopt;
  return std::max(measured, bound);
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

std::int64_t samples_of(const RunResult& run) {
  if (run.training) return run.training->samples;
  return run.statistics ? run.statistics->samples : 0;
}

std::int64_t epoch_end_samples(const RunResult& run, std::size_t index) {
  return std::min(static_cast<std::int64_t>(index + 1) * run.samples_per_epoch, samples_of(run));
}

std::size_t epochs_begun(const RunResult& run) {
  const std::size_t trained = run.training ? run.training->epochs.size() : 0;
  const std::size_t timed = run.statistics ? run.statistics->epochs.size() : 0;
  return std::max(trained, timed);
}

double seconds_of(const MachinePlan& plan, Cycles cycles) {
  return static_cast<double>(cycles) / (plan.clock_mhz * 1e6);
}

std::optional<Cycles> epoch_end_cycle(const RunResult& run, std::size_t index) {
  if (!run.statistics || index >= run.statistics->epochs.size()) return std::nullopt;
  return run.statistics->epochs[index].end_cycle;
}

std::optional<double> epoch_end_seconds(const RunResult& run, std::size_t index) {
  const auto end = epoch_end_cycle(run, index);
  if (!end || !run.plan) return std::nullopt;
  return seconds_of(*run.plan, *end);
}

std::optional<double> epoch_end_joules(const RunResult& run, std::size_t index) {
  if (index >= run.epoch_joules.size()) return std::nullopt;
  return run.epoch_joules[index];
}

std::optional<double> epoch_accuracy(const RunResult& run, std::size_t index) {
  if (!run.training || index >= run.training->epochs.size()) return std::nullopt;
  const EpochResult& epoch = run.training->epochs[index];
  return epoch.test_accuracy ? epoch.test_accuracy : epoch.train_accuracy;
}

std::optional<std::size_t> epoch_to_target(const RunResult& run) {
  if (!run.training || !run.target_accuracy) return std::nullopt;
  const auto complete = static_cast<std::size_t>(run.training->complete_epochs);
  for (std::size_t e = 0; e < complete; ++e) {
    const auto accuracy = epoch_accuracy(run, e);
    if (accuracy && *accuracy >= *run.target_accuracy) return e;
  }
  return std::nullopt;
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
