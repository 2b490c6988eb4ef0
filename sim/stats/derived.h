// SPDX-License-Identifier: Apache-2.0
// Figures computed from counters: the formulas that the summary, the tables and the text share.
#pragma once

#include <optional>

#include "sim/plan/machine_plan.h"
#include "sim/stats/run_result.h"

namespace stagecoach {

/// Bytes per class at one stage. Peaks are measured counts (samples held, versions kept) times
/// the plan's sizes; weights and optimizer state are there for the whole run.
struct StageMemory {
  Bytes weights = 0;  ///< current version, and its predicted weights
  Bytes optimizer = 0;
  Bytes stashed_weights = 0;
  Bytes activations = 0;
  Bytes gradients = 0;  ///< boundary gradients, and the gradient of the weights
  Bytes total() const { return weights + optimizer + stashed_weights + activations + gradients; }
};

/// Peaks of one stage; each class has space of its own, so the stage's peak is their sum.
StageMemory stage_peak_memory(const StagePlan& plan, const StageStatistics& statistics);

/// Occupancy at one moment. Micro-batches count as full ones (a mini-batch's last may be
/// smaller).
StageMemory stage_memory_at(const StagePlan& plan, const MemorySample& sample);

/// Bytes of the samples that a stage holds as activations.
Bytes activation_bytes(const StagePlan& plan, const HeldSamples& held);

/// MACs of forward and backward.
std::int64_t macs_done(const StageStatistics& statistics);

/// MACs that the stage's core (or its two) could have done in the run; empty: unlimited.
std::optional<double> macs_possible(const MachinePlan& plan, int stage, Cycles cycles);

/// Cycles per sample in the steady part of the run. Where that part ends in the middle of what
/// repeats, the mean may lie a little below the closed-form bound: then it is the bound. Empty if
/// the run is too short to say.
std::optional<double> steady_cycles_per_sample(const RunResult& run);

/// (forward + backward + update) / all, over the windows of a stage that lie in the middle half
/// of the run; empty if there are none.
std::optional<double> steady_utilization(const RunStatistics& statistics, int stage);

/// Trained on, over all epochs; without numbers, those that left the pipeline.
std::int64_t samples_of(const RunResult& run);

/// Epochs of which something is known: trained, if only in part, or ended on the clock.
std::size_t epochs_begun(const RunResult& run);

/// Samples from the start of the run to the end of epoch `index`, or of the run if that ended
/// before.
std::int64_t epoch_end_samples(const RunResult& run, std::size_t index);

/// Seconds of the machine's clock.
double seconds_of(const MachinePlan& plan, Cycles cycles);

/// Where epoch `index` ends on the clock; empty if there is no clock or it was not reached.
std::optional<Cycles> epoch_end_cycle(const RunResult& run, std::size_t index);
/// The same in seconds; empty also without a machine.
std::optional<double> epoch_end_seconds(const RunResult& run, std::size_t index);
/// Joules from the start of the run to there.
std::optional<double> epoch_end_joules(const RunResult& run, std::size_t index);

/// The accuracy that a target is compared with: of the test set, else of training.
std::optional<double> epoch_accuracy(const RunResult& run, std::size_t index);
/// The first epoch whose accuracy is at least the target; empty without a target, or never.
std::optional<std::size_t> epoch_to_target(const RunResult& run);

/// The end of window w: where the next one begins, or the end of the run.
Cycles window_end(const RunStatistics& statistics, int stage, std::size_t window);

/// "core3", or "core3f + core3b" where forward and backward have hardware each.
std::string core_name(const MachinePlan& plan, int stage);

}  // namespace stagecoach
