// SPDX-License-Identifier: Apache-2.0
// A stage's books, kept by hand.
#include "sim/schedule/stage_ledger.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "sim/schedule/forward_versions.h"

namespace stagecoach {
namespace {

constexpr WeightVersion kNewest = Op::kCurrent;

using Histogram = std::map<std::int64_t, std::int64_t>;

TEST_CASE("a ledger counts what has started, what has left and the updates") {
  StageLedger ledger(WeightPolicy::current);
  CHECK(ledger.begin_forward(kNewest) == 0);
  CHECK(ledger.begin_forward(kNewest) == 0);
  CHECK(ledger.begin_backward() == 0);
  ledger.begin_weight_gradient();
  CHECK(ledger.progress().in_flight() == 2);
  ledger.retire(true);
  const StageProgress& p = ledger.progress();
  CHECK(p.forwards == 2);
  CHECK(p.backwards == 1);
  CHECK(p.weight_gradients == 1);
  CHECK(p.retired == 1);
  CHECK(p.updates == 1);
  CHECK(p.in_flight() == 1);
  CHECK(ledger.begin_forward(kNewest) == 1);
}

TEST_CASE("staleness counts the updates between a forward's read and the own update") {
  StageLedger ledger(WeightPolicy::current);
  for (int p = 0; p < 3; ++p) ledger.begin_forward(kNewest);  // all read version 0
  for (const std::int64_t updates : {0, 1, 2}) {
    CHECK(ledger.begin_backward() == updates);
    const StageLedger::Update update = ledger.retire(true);
    CHECK(update.micro_batches == 1);
    CHECK(update.staleness_sum == updates);
  }
  CHECK(ledger.staleness().histogram == Histogram{{0, 1}, {1, 1}, {2, 1}});
  CHECK(ledger.staleness().backward_sum == 0 + 1 + 2);
}

TEST_CASE("the micro-batches of a mini-batch count at its one update") {
  StageLedger ledger(WeightPolicy::stashed);
  ledger.begin_forward(kNewest);
  ledger.begin_backward();
  ledger.retire(true);
  ledger.begin_forward(kNewest);  // reads version 1
  ledger.begin_forward(0);        // named
  ledger.begin_backward();
  CHECK(ledger.retire(false).micro_batches == 0);
  CHECK(ledger.awaits_update());
  ledger.begin_backward();
  SECTION("with the last backward") {
    const StageLedger::Update update = ledger.retire(true);
    CHECK(update.micro_batches == 2);
    CHECK(update.staleness_sum == 1);
  }
  SECTION("later, after another forward") {
    CHECK(ledger.retire(false).micro_batches == 0);
    CHECK(ledger.begin_forward(kNewest) == 1);
    const StageLedger::Update update = ledger.update();
    CHECK(update.micro_batches == 2);
    CHECK(update.staleness_sum == 1);
  }
  CHECK_FALSE(ledger.awaits_update());
  CHECK(ledger.updates() == 2);
  CHECK(ledger.staleness().histogram == Histogram{{0, 2}, {1, 1}});
}

TEST_CASE("a stashed backward reads what its forward read, and versions are kept for it") {
  StageLedger ledger(WeightPolicy::stashed);
  for (int p = 0; p < 2; ++p) ledger.begin_forward(kNewest);
  CHECK(ledger.stashed_versions(0) == 0);  // both read the newest
  CHECK(ledger.begin_backward() == 0);
  ledger.retire(true);
  CHECK(ledger.stashed_versions(1) == 1);  // version 0, for micro-batch 1
  ledger.begin_forward(kNewest);
  CHECK(ledger.stashed_versions(1) == 1);  // version 1 is the newest
  CHECK(ledger.begin_backward() == 0);
  ledger.retire(true);
  CHECK(ledger.stashed_versions(2) == 1);  // version 1, for micro-batch 2
  CHECK(ledger.staleness().backward_sum == 0);
}

TEST_CASE("a version of the future is a bug of the schedule") {
  StageLedger ledger(WeightPolicy::double_buffered);
  CHECK_THROWS_AS(ledger.begin_forward(1), ModelBug);
  CHECK(ledger.begin_forward(0) == 0);
}

ScheduleSpec ledger_spec(ScheduleKind kind, bool stashing, bool sync) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.weight_stashing = stashing;
  spec.vertical_sync = sync;
  return spec;
}

TEST_CASE("vertical sync: all stages read what stage 0 had when the micro-batch entered") {
  const MicroBatchPlan plan(20, 1, 1, 1);
  const auto schedule = make_schedule(ledger_spec(ScheduleKind::one_f_one_b, true, true), 3, plan);
  ForwardVersions versions(*schedule, plan);
  CHECK(versions.named(0, 0, 0) == 0);
  CHECK(versions.expected(1, 5, 9) == 0);  // nothing newer has entered
  CHECK(versions.named(0, 1, 4) == 4);
  CHECK(versions.named(1, 0, 9) == 0);
  CHECK(versions.named(2, 1, 9) == 4);
  CHECK(versions.expected(0, 2, 6) == 6);   // stage 0 reads its newest
  CHECK(versions.expected(1, 2, 9) == 4);   // at least what entered last
  CHECK(versions.expected(1, 20, 9) == 9);  // after the last micro-batch nobody asks
}

TEST_CASE("2BW names the version before last; the other policies name none") {
  const MicroBatchPlan plan(20, 1, 4, 1);
  const auto buffered =
      make_schedule(ledger_spec(ScheduleKind::two_buffered_weights, false, false), 3, plan);
  ForwardVersions versions(*buffered, plan);
  CHECK(versions.named(2, 3, 0) == 0);
  CHECK(versions.named(2, 7, 1) == 0);
  CHECK(versions.named(2, 8, 2) == 1);
  for (const bool stashing : {false, true}) {
    const auto plain =
        make_schedule(ledger_spec(ScheduleKind::pipelined, stashing, false), 3, plan);
    CHECK(ForwardVersions(*plain, plan).named(0, 8, 2) == Op::kCurrent);
  }
}

}  // namespace
}  // namespace stagecoach
