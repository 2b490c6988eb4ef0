// SPDX-License-Identifier: Apache-2.0
#include "sim/recording/order_hash.h"

#include <cstdio>

#include "sim/recording/schedule_recording.h"

namespace stagecoach {

namespace {

/// A multiplication by an odd constant near 2^64 / golden ratio, its high bits folded back.
std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u + 1;
  return hash ^ (hash >> 29);
}

}  // namespace

bool OrderHash::emit(const Op& op) {
  if (!next_.emit(op)) return false;
  Stage& stage = stages_[op.stage];
  stage.hash = mixed(stage.hash, token_of(op, stage.updates));
  if (makes_version(op.pass)) ++stage.updates;
  return true;
}

std::string OrderHash::text() const {
  std::uint64_t all = mixed(kSeed, stages_.size());
  for (const Stage& stage : stages_) all = mixed(all, stage.hash);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(all));
  return digits;
}

}  // namespace stagecoach
