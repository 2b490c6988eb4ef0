// SPDX-License-Identifier: Apache-2.0
#include "models/engine/loss_record.h"

#include <algorithm>

namespace stagecoach {

void LossRecord::add(const MicroBatch& micro_batch, const LossResult& result) {
  EpochSums& sums = epochs_[static_cast<std::size_t>(micro_batch.epoch)];
  sums.loss += result.loss_sum;
  sums.correct += result.correct;
  sums.samples += micro_batch.samples;
  const double samples = static_cast<double>(sums.samples);
  running_loss_.store(sums.loss / samples, std::memory_order_relaxed);
  running_accuracy_.store(static_cast<double>(sums.correct) / samples, std::memory_order_relaxed);
}

std::optional<RunningFigures> LossRecord::running() const {
  const double accuracy = running_accuracy_.load(std::memory_order_relaxed);
  if (accuracy < 0) return std::nullopt;
  return RunningFigures{running_loss_.load(std::memory_order_relaxed), accuracy};
}

void LossRecord::note_divergence(MicroBatchId id, const Divergence& divergence) {
  divergence_ = divergence;
  diverged_.store(id, std::memory_order_release);
}

void LossRecord::visit_state(StateVisitor& visitor) {
  // An array each, of the epochs begun: a run may have a million of them.
  std::vector<double> losses;
  std::vector<std::int64_t> correct, samples;
  for (const EpochSums& sums : epochs_) {
    if (sums.samples == 0) break;
    losses.push_back(sums.loss);
    correct.push_back(sums.correct);
    samples.push_back(sums.samples);
  }
  visitor.list("losses", losses);
  visitor.list("correct", correct);
  visitor.list("samples", samples);
  for (std::size_t e = 0; e < std::min(losses.size(), epochs_.size()); ++e)
    epochs_[e] = {losses[e], correct.at(e), samples.at(e)};
  MicroBatchId diverged = diverged_.load();
  visitor.value("diverged_micro_batch", diverged);
  diverged_.store(diverged);
  const StateScope scope(visitor, "divergence");
  visitor.value("epoch", divergence_.epoch);
  visitor.value("sample", divergence_.sample);
  visitor.value("loss", divergence_.loss);
  visitor.list("layer", divergence_.layer);
  visitor.value("weight_version", divergence_.weight_version);
  visitor.value("value", divergence_.value);
}

}  // namespace stagecoach
