// SPDX-License-Identifier: Apache-2.0
// Question: what does a stage that holds nothing but the loss cost?
#include <catch2/catch.hpp>

#include "sim/plan/build_machine_plan.h"
#include "tests/support/networks.h"

namespace stagecoach {
namespace {

TEST_CASE("a loss behind a register that `cuts` names costs nothing, on any kind of core") {
  for (const CoreKind kind : {CoreKind::fixed, CoreKind::resident, CoreKind::systolic,
                              CoreKind::dot_product, CoreKind::roofline}) {
    CAPTURE(static_cast<int>(kind));
    HardwareSpec hw;
    hw.cores.resize(1);
    hw.cores[0].kind = kind;
    hw.cores[0].fixed = {3, 4, 5};
    hw.cores[0].vector_unit.lanes = 1;
    const Network net = lenet5();
    PartitionSpec cuts;
    cuts.kind = PartitionKind::cuts;
    cuts.cuts = {net.layers.back().spec.name};
    const Partition stages = make_partition(net, cuts);
    const MicroBatchPlan micro_batches(64, 1, 1, 1);
    const auto rules = make_schedule({}, static_cast<int>(stages.size()), micro_batches);
    const MachinePlan plan = build_machine_plan(hw, net, stages, micro_batches, *rules, {}).plan;
    REQUIRE(plan.stages.size() == 2);
    const StageCost& loss = plan.stages[1].cost[0];
    CHECK(loss.forward.cycles + loss.backward.cycles + loss.update.cycles == 0);
    CHECK(plan.loss.forward.cycles + plan.loss.input_gradient.cycles == 0);
    CHECK(plan.stages[1].name == "loss");
  }
}

}  // namespace
}  // namespace stagecoach
