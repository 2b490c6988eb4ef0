// SPDX-License-Identifier: Apache-2.0
// A forward that is made again before its backward (`pipeline.recompute`): the same bits where the
// backward reads the same weights, others where it reads newer ones, and nothing that a forward
// changes for good is changed twice. (Newer weights, number by number: mitigation_test.cpp.)
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "models/layers/definition.h"
#include "models/trainer.h"
#include "tests/support/example_layer.h"
#include "tests/support/networks.h"
#include "tests/support/numeric_gradient.h"
#include "tests/support/order_of_operations.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

/// For comparisons where a NaN equals itself: what a kernel leaves alone stays one.
template <class T>
std::string bytes_of(const T* from, std::int64_t count) {
  return {reinterpret_cast<const char*>(from), sizeof(T) * static_cast<std::size_t>(count)};
}

template <class T>
void check_forward_again(LayerKind kind) {
  const LayerNode node = example_layer(kind);
  FixtureOptions options;
  options.batch = 3;
  LayerFixture<T> f(node, make_layer<T>(node), options);
  f.forward();
  const std::vector<double> output = f.output();
  const std::string saved = bytes_of(f.saved(), f.saved_elements());
  const std::string state = bytes_of(f.state(), f.state_elements());
  f.run_forward(true, true);
  CHECK(f.output() == output);
  CHECK((bytes_of(f.saved(), f.saved_elements()) == saved));
  CHECK((bytes_of(f.state(), f.state_elements()) == state));
}

TEST_CASE("every kind's forward made again gives the same bits and leaves its statistics alone") {
  for (const LayerKind kind : all_layer_kinds()) {
    CAPTURE(to_word(kind));
    check_forward_again<float>(kind);
    check_forward_again<double>(kind);
  }
}

TEST_CASE("online_norm made again normalises by the statistics of its own samples") {
  // Other samples pass between a forward and its backward, and move the running statistics.
  const LayerNode node = example_layer(LayerKind::online_norm);
  LayerFixture<double> f(node, make_layer<double>(node));
  f.forward();
  const std::vector<double> output = f.output();
  for (std::int64_t i = 0; i < f.state_elements(); ++i) f.state()[i] += 0.5;
  f.run_forward(true, true);
  CHECK(f.output() == output);
  f.run_forward(true);
  CHECK(f.output() != output);
}

/// Batch statistics and running ones, masks, maxima, a skip across stages.
Network network() {
  using K = LayerKind;
  return NetworkSketch(Shape::image(3, 8, 8))
      .conv("c1", 6, 3, 1, 1)
      .plain(K::batch_norm2d)
      .plain(K::relu, "r")
      .conv("c2", 6, 3, 1, 1)
      .plain(K::online_norm)
      .plain(K::tanh, "t")
      .join("sum", "t", "r")
      .pool(K::max_pool2d, 2)
      .conv("c3", 8, 3, 1, 1)
      .plain(K::batch_norm2d)
      .plain(K::sigmoid)
      .plain(K::dropout)
      .plain(K::flatten)
      .linear("fc", 10)
      .build();
}

struct Training {
  Network net = network();
  RecomputeSpec recompute;
  bool stash = false, sequential = false;
  int batch = 1, micro = 1, threads = 1;
  Precision precision = Precision::f32;
  static constexpr int kSamples = 24;

  TensorMap weights() const {
    PartitionSpec spec;
    spec.recompute = recompute;
    const Partition stages = make_partition(net, spec);
    const int count = static_cast<int>(stages.size());
    TrainSpec train;
    train.batch_size = batch;
    train.micro_batch_size = micro;
    train.optimizer.learning_rate = 0.02;
    train.optimizer.momentum = 0.9;
    const MicroBatchPlan plan(kSamples, 1, batch, micro);
    const test::RandomDataset data(net.input, kSamples, 0, 10, 1, 3);
    TrainerOptions options;
    options.threads = threads;
    options.precision = precision;
    options.max_in_flight = 2 * count;
    for (int k = 0; k < count; ++k) {
      StagePolicy policy;
      policy.delay = {sequential ? 0.0 : 2.0 * (count - 1 - k), 0, 0};
      policy.stash = stash;
      options.policies.push_back(policy);
    }
    const auto trainer = make_trainer(net, stages, train, plan, data, options);
    const MicroBatchId n = plan.micro_batches();
    for (Op op : sequential ? test::sequential_order(count, n, batch / micro)
                            : test::pipelined_order(count, n))
      REQUIRE(trainer->emit(op));
    trainer->finish();
    return trainer->export_weights();
  }
};

bool equal(const TensorMap& a, const TensorMap& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&b](const auto& entry) {
           return b.at(entry.first).values == entry.second.values;
         });
}

RecomputeSpec all_stages() { return {RecomputeKind::all, {}}; }

TEST_CASE("recomputed with the weights of the forward, a training has the same bits") {
  for (const Precision precision : {Precision::f32, Precision::f64}) {
    for (const bool stash : {false, true}) {
      Training t;
      t.precision = precision;
      t.stash = stash;
      t.sequential = !stash;
      CAPTURE(stash);
      const TensorMap plain = t.weights();
      t.recompute = all_stages();
      t.threads = 2;
      CHECK(equal(t.weights(), plain));
    }
  }
}

TEST_CASE("the same with micro-batches of two and gradients that add up") {
  Training t;
  t.sequential = true;
  t.batch = 4;
  t.micro = 2;
  const TensorMap plain = t.weights();
  t.recompute = all_stages();
  CHECK(equal(t.weights(), plain));
}

TEST_CASE("recomputed with newer weights, a training is another one, stage by stage") {
  Training t;
  t.precision = Precision::f64;
  const TensorMap plain = t.weights();
  const Partition stages = make_partition(t.net, {});
  // The last stage's backward reads what its forward read.
  t.recompute = {RecomputeKind::stages, {stages.back().name}};
  CHECK(equal(t.weights(), plain));
  t.recompute = {RecomputeKind::stages, {stages.front().name}};
  const TensorMap first = t.weights();
  CHECK_FALSE(equal(first, plain));
  t.recompute = all_stages();
  const TensorMap all = t.weights();
  CHECK_FALSE(equal(all, plain));
  CHECK_FALSE(equal(all, first));
  t.threads = 2;
  CHECK(equal(t.weights(), all));
}

TEST_CASE("a name that is no stage's, stands twice or has no layers is told") {
  const Network net = lenet5();
  const Partition stages = make_partition(net, {});
  const auto issues =
      recompute_issues(stages, {RecomputeKind::stages, {"conv1", "conv3", "conv1"}});
  REQUIRE(issues.size() == 2);
  CHECK(issues[0].index == 1);
  CHECK(issues[0].unknown_stage);
  CHECK(issues[1].index == 2);
  PartitionSpec modules;
  modules.kind = PartitionKind::per_module;
  modules.recompute = {RecomputeKind::stages, {"loss"}};
  CHECK_THROWS_WITH(make_partition(net, modules), Catch::Contains("has no layers"));
  modules.recompute = all_stages();
  const Partition all = make_partition(net, modules);
  CHECK(all.front().recomputes);
  CHECK_FALSE(all.back().recomputes);
}

}  // namespace
}  // namespace stagecoach
