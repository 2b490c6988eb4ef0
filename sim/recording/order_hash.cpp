// SPDX-License-Identifier: Apache-2.0
#include "sim/recording/order_hash.h"

#include <cstdio>

#include "models/base/random.h"
#include "sim/recording/schedule_recording.h"

namespace stagecoach {

bool OrderHash::emit(const Op& op) {
  if (!next_.emit(op)) return false;
  Stage& stage = stages_[op.stage];
  stage.hash = mix(stage.hash, token_of(op, stage.updates));
  if (makes_version(op.pass)) ++stage.updates;
  return true;
}

std::string OrderHash::text() const {
  std::uint64_t all = stages_.size();
  for (const Stage& stage : stages_) all = mix(all, stage.hash);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(all));
  return digits;
}

}  // namespace stagecoach
