// SPDX-License-Identifier: Apache-2.0
#include "models/engine/executor.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "tests/support/order_of_operations.h"

namespace stagecoach {
namespace {

/// Counts what every stage has done and notes any operation that came before its data.
struct Recorder {
  explicit Recorder(int stages) : forwards(stages), backwards(stages), order(stages) {}

  void operator()(const Op& op) {
    order[op.stage].push_back(op);
    if (op.pass == Pass::forward) {
      if (op.stage > 0 && forwards[op.stage - 1] <= op.micro_batch) ++too_early;
      forwards[op.stage] = op.micro_batch + 1;
    } else if (is_backward(op.pass)) {
      const int last = static_cast<int>(forwards.size()) - 1;
      if (op.stage < last && backwards[op.stage + 1] <= op.micro_batch) ++too_early;
      backwards[op.stage] = op.micro_batch + 1;
    }
  }

  std::vector<std::atomic<MicroBatchId>> forwards, backwards;
  std::vector<std::vector<Op>> order;
  std::atomic<int> too_early{0};
};

TEST_CASE("operations run in their stage's order and after their data, on any number of threads") {
  constexpr int kStages = 5;
  constexpr MicroBatchId kMicroBatches = 400;
  const auto order = test::pipelined_order(kStages, kMicroBatches);
  for (int threads : {1, 2, 7}) {
    Recorder recorder(kStages);
    std::atomic<int> strange_workers{0};  // Catch's macros belong to the main thread
    Executor executor(std::vector<double>(kStages, 1.0), threads, 32,
                      [&](const Op& op, int worker) {
                        if (worker < 0 || worker >= threads) ++strange_workers;
                        recorder(op);
                      });
    for (const Op& op : order) executor.push(op);
    executor.drain();
    CHECK(recorder.too_early == 0);
    CHECK(strange_workers == 0);
    std::vector<std::vector<Op>> expected(kStages);
    for (const Op& op : order) expected[op.stage].push_back(op);
    for (int k = 0; k < kStages; ++k) {
      REQUIRE(recorder.order[k].size() == expected[k].size());
      for (std::size_t i = 0; i < expected[k].size(); ++i) {
        CHECK(recorder.order[k][i].micro_batch == expected[k][i].micro_batch);
        CHECK(recorder.order[k][i].pass == expected[k][i].pass);
      }
    }
  }
}

TEST_CASE("the window bounds how far the hand-over runs ahead") {
  constexpr std::int64_t kWindow = 8;
  std::int64_t pushed = 0, executed = 0, most = 0;
  Executor executor({1.0}, 1, kWindow, [&](const Op&, int) { ++executed; });
  for (MicroBatchId p = 0; p < 1000; ++p) {
    executor.push({p, 0, Pass::forward});
    ++pushed;
    most = std::max(most, pushed - executed);
  }
  CHECK(most <= kWindow);
  CHECK(most > kWindow / 2);
  executor.drain();
  CHECK(executed == 1000);
}

TEST_CASE("waiting for a micro-batch's forward executes just enough") {
  std::int64_t executed = 0;
  Executor executor({1.0}, 1, 1000, [&](const Op&, int) { ++executed; });
  for (MicroBatchId p = 0; p < 100; ++p) executor.push({p, 0, Pass::forward});
  executor.wait_forward(0, 10);
  CHECK(executed >= 11);
  executor.drain();
  CHECK(executed == 100);
}

TEST_CASE("what an operation throws reaches the caller") {
  for (int repetition = 0; repetition < 100; ++repetition) {  // once, a race lost the exception
    const int threads = repetition % 2 == 0 ? 1 : 3;
    Executor executor({1.0}, threads, 4, [](const Op& op, int) {
      if (op.micro_batch == 20) throw std::runtime_error("broken");
    });
    const auto feed = [&] {
      for (MicroBatchId p = 0; p < 100; ++p) executor.push({p, 0, Pass::forward});
      executor.drain();
    };
    CHECK_THROWS_WITH(feed(), "broken");
  }
}

}  // namespace
}  // namespace stagecoach
