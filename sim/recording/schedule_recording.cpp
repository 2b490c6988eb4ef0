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

std::uint64_t token_of(const Op& op, WeightVersion updates) {
  OpToken token = OpToken::forward;
  switch (op.pass) {
    case Pass::forward:
      if (op.version != Op::kCurrent)
        return static_cast<std::uint64_t>(OpToken::forward_named) +
               static_cast<std::uint64_t>(updates - op.version);
      break;
    case Pass::backward:
      token = OpToken::backward;
      break;
    case Pass::backward_with_update:
      token = OpToken::backward_with_update;
      break;
    case Pass::update:
      token = OpToken::update;
      break;
  }
  return static_cast<std::uint64_t>(token);
}

}  // namespace stagecoach
