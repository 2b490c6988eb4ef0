// SPDX-License-Identifier: Apache-2.0
#include "models/optimizer/learning_rate.h"

#include <catch2/catch.hpp>
#include <cstdint>

using namespace stagecoach;

namespace {

double factor_at(const LearningRateSpec& spec, std::int64_t update, std::int64_t per_epoch) {
  const double epoch = static_cast<double>(update) / static_cast<double>(per_epoch);
  return learning_rate_factor(spec, epoch, 100, 0);
}

}  // namespace

// Boundaries as fractions a / b of an epoch, checked against integer arithmetic on updates.

TEST_CASE("Every drop of a step schedule falls on its update, whatever fraction of an epoch") {
  LearningRateSpec spec;
  spec.type = LearningRateSchedule::step;
  spec.factor = 2;  // exact powers
  for (const int per_epoch : {1, 3, 7, 10, 48, 1000}) {
    for (int b = 1; b <= 50; ++b) {
      for (const int a : {1, 2, 3, 7, 49}) {
        spec.step_epochs = static_cast<double>(a) / b;
        for (std::int64_t update = 0; update < 60; ++update) {
          const std::int64_t drops = update * b / (std::int64_t{a} * per_epoch);
          if (drops > 1000) break;
          CAPTURE(per_epoch, a, b, update);
          REQUIRE(factor_at(spec, update, per_epoch) == std::ldexp(1.0, static_cast<int>(drops)));
        }
      }
    }
  }
}

TEST_CASE("The third drop of every 0.2 epochs of ten updates is not late") {
  LearningRateSpec spec;
  spec.type = LearningRateSchedule::step;
  spec.step_epochs = 0.2;
  spec.factor = 0.5;
  CHECK(factor_at(spec, 5, 10) == 0.25);
  CHECK(factor_at(spec, 6, 10) == 0.125);
}

TEST_CASE("Milestones and the end of the warm-up fall on their update") {
  LearningRateSpec drops, rises;
  drops.type = LearningRateSchedule::multistep;
  drops.factor = 2;
  for (const int per_epoch : {1, 3, 7, 10, 48, 1000}) {
    for (int b = 1; b <= 50; ++b) {
      for (const int a : {1, 2, 3, 7, 49}) {
        // As a program computes it, and rounded once more: 0.1 + 0.2 means 0.3.
        const double epochs = static_cast<double>(a) / b, again = 1.0 / b * a;
        drops.milestones = {epochs};
        rises.warmup_epochs = again;
        for (std::int64_t update = 1; update < 60; ++update) {
          const bool there = update * b >= std::int64_t{a} * per_epoch;
          CAPTURE(per_epoch, a, b, update);
          REQUIRE(factor_at(drops, update, per_epoch) == (there ? 2 : 1));
          REQUIRE((factor_at(rises, update, per_epoch) == 1) == there);
        }
      }
    }
  }
}

TEST_CASE("Steps far shorter than an update neither overflow nor hang") {
  LearningRateSpec spec;
  spec.type = LearningRateSchedule::step;
  spec.step_epochs = 1e-300;
  spec.factor = 0.5;
  CHECK(factor_at(spec, 0, 10) == 1);
  CHECK(factor_at(spec, 1, 10) == 0);
}
