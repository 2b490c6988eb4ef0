// SPDX-License-Identifier: Apache-2.0
#include "sim/recording/schedule_recording.h"

namespace stagecoach {

std::vector<std::pair<std::string, std::string>> RecordedRun::lines() const {
  std::string layers;
  for (const std::string& layer : network)
    layers += (layers.empty() ? "" : kLayerSeparator) + layer;
  return {{"hardware", hardware},
          {"hardware_sha256", hardware_sha256},
          {"stages", std::to_string(stages)},
          {kNetworkLine, layers},
          {"schedule", schedule},
          {"samples_per_epoch", std::to_string(samples_per_epoch)},
          {"epochs", std::to_string(epochs)},
          {"batch_size", std::to_string(batch_size)},
          {"micro_batch_size", std::to_string(micro_batch_size)}};
}

}  // namespace stagecoach
