// SPDX-License-Identifier: Apache-2.0
// Question: is a run that the clock cannot count refused, and nothing shorter?
#include "sim/plan/run_length.h"

#include <catch2/catch.hpp>

using namespace stagecoach;  // NOLINT: tests

TEST_CASE("a run longer than the clock counts is named with its slowest part") {
  MachinePlan plan;
  StagePlan stage;
  stage.name = "only";
  StageCost cost;
  cost.forward.cycles = 1000;
  cost.backward.cycles = std::int64_t{1} << 40;
  stage.cost = {cost};
  plan.stages = {stage};
  CHECK(run_too_long(plan, MicroBatchPlan(1000000, 1, 1, 1)) == "");
  const std::string text = run_too_long(plan, MicroBatchPlan(100000000, 1, 1, 1));
  CHECK_THAT(text,
             Catch::Contains("1.1e+20 cycles") && Catch::Contains("the backward of stage only"));
}
