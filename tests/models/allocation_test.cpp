// SPDX-License-Identifier: Apache-2.0
// Training allocates while the pipeline fills, and then no more: neither the engine nor Eigen
// inside it. Counts this program's calls of malloc and aligned_alloc.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>

#include "models/graph/families.h"
#include "models/trainer.h"
#include "tests/support/order_of_operations.h"
#include "tests/support/random_dataset.h"

namespace {
std::atomic<long> allocations{0};
}

// The C library's own names; operator new and Eigen's aligned buffers come here, too.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
}

namespace stagecoach {
namespace {

TEST_CASE("a full pipeline trains without allocating") {
  const Kernels kernels = GENERATE(Kernels::fast, Kernels::eigen);
  for (const int micro_batch_samples : {1, 4}) {
    const NetworkSpec spec = build_family(default_family_spec(Family::lenet5));
    const Network network = build_network(spec);
    const Partition partition = make_partition(network, {});
    const int stages = static_cast<int>(partition.size());
    constexpr std::int64_t kMicroBatches = 400;
    const test::RandomDataset data(spec.input, kMicroBatches * micro_batch_samples, 0, 10, 1, 1);
    TrainSpec train;
    train.optimizer.learning_rate = 1e-4;
    train.optimizer.momentum = 0.9;
    train.batch_size = train.micro_batch_size = micro_batch_samples;
    train.mitigation.weight_stashing = true;
    train.mitigation.spike_compensation = true;
    const MicroBatchPlan plan(kMicroBatches * micro_batch_samples, 1, micro_batch_samples,
                              micro_batch_samples);
    TrainerOptions options;
    options.kernels = kernels;
    options.threads = 1;  // more vary in how far they run ahead, and so when they first need what
    options.max_in_flight = 2 * stages;
    for (int k = 0; k < stages; ++k) {
      options.policies.emplace_back();
      options.policies[k].delay.delay = 2.0 * (stages - 1 - k);
      options.policies[k].stash = true;
    }
    auto trainer = make_trainer(network, partition, train, plan, data, options);
    const std::vector<Op> order = test::pipelined_order(stages, kMicroBatches);
    long when_full = 0, later = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      trainer->emit(order[i]);
      if (i == order.size() / 2) when_full = allocations;
      if (i == order.size() * 9 / 10) later = allocations;  // before it drains
    }
    INFO("micro-batches of " << micro_batch_samples
                             << ", allocations while it filled: " << when_full);
    CHECK(when_full > 0);
    CHECK(later == when_full);
    trainer->finish();
  }
}

}  // namespace
}  // namespace stagecoach
