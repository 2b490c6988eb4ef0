// SPDX-License-Identifier: Apache-2.0
// What training leaves behind: losses and accuracies per epoch. No clock, nothing of the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stagecoach {

/// One epoch. Losses are means per sample; an accuracy (share of samples whose largest output is
/// the label's) is absent where classes make no sense, a test value where there is no test set.
struct EpochResult {
  double train_loss = 0;  ///< of the outputs seen while training, each under its own weights
  std::optional<double> train_accuracy;
  std::optional<double> test_loss;  ///< with the weights at the end of the epoch
  std::optional<double> test_accuracy;
};

/// Of the epoch under way, over the samples so far. The two may be a sample apart.
struct RunningFigures {
  double loss = 0;
  double accuracy = 0;  ///< share of hits; 0 where classes make no sense
};

/// What was NaN or infinite.
enum class DivergedValue {
  training_loss,  ///< of a sample, or an output behind it
  test_loss,      ///< after the epoch
  weights,        ///< at the end of the epoch, running statistics included
};

/// Where the training first went wrong.
struct Divergence {
  static constexpr std::int64_t kNoSample = -1;  ///< seen at the end of the epoch

  std::int64_t epoch = 0;   ///< from 0
  std::int64_t sample = 0;  ///< place in the epoch's order, from 0; or kNoSample
  double loss = 0;
  std::string layer;  ///< first layer whose output (or weights) are not finite; else "loss"
  std::int64_t weight_version = 0;  ///< that this layer's stage read for the sample, or then had
  DivergedValue value = DivergedValue::training_loss;
};

struct TrainingResult {
  std::vector<EpochResult> epochs;  ///< the last are not complete if the run ended early
  std::int64_t complete_epochs = 0;
  std::int64_t samples = 0;  ///< trained on, over all epochs
  std::int64_t updates = 0;  ///< of the last stage
  std::optional<Divergence> divergence;
};

}  // namespace stagecoach
