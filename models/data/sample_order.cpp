// SPDX-License-Identifier: Apache-2.0
// SampleOrder: one Fisher-Yates permutation per epoch.
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "models/base/error.h"
#include "models/base/random.h"
#include "models/data/dataset.h"

namespace stagecoach {

SampleOrder::SampleOrder(std::int64_t samples, bool shuffle, std::uint64_t seed)
    : samples_(samples), shuffle_(shuffle), seed_(seed) {
  if (samples < 0 || samples > std::numeric_limits<std::uint32_t>::max()) {
    throw ModelBug("an order of " + std::to_string(samples) + " samples");
  }
}

std::int64_t SampleOrder::at(std::int64_t epoch, std::int64_t position) {
  if (epoch < 0 || position < 0 || position >= samples_) {
    throw ModelBug("position " + std::to_string(position) + " of epoch " + std::to_string(epoch) +
                   " in an order of " + std::to_string(samples_) + " samples");
  }
  if (!shuffle_) return position;
  const std::size_t slot = static_cast<std::size_t>(epoch & 1);
  std::vector<std::uint32_t>& order = permutation_[slot];
  if (cached_epoch_[slot] != epoch) {
    order.resize(static_cast<std::size_t>(samples_));
    std::iota(order.begin(), order.end(), 0u);
    Random random(mix(mix(seed_, 0x6f72646572), static_cast<std::uint64_t>(epoch)));  // "order"
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[random.below(i)]);
    }
    cached_epoch_[slot] = epoch;
  }
  return order[static_cast<std::size_t>(position)];
}

}  // namespace stagecoach
