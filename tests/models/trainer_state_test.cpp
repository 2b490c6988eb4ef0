// SPDX-License-Identifier: Apache-2.0
// A training that is kept, rebuilt and taken up again between any two operations goes on to the
// same bits: nothing that it depends on is left out of the walk over its state.
#include <catch2/catch.hpp>
#include <functional>

#include "models/base/state_bytes.h"
#include "models/trainer.h"
#include "tests/support/order_of_operations.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

constexpr int kStages = 3, kClasses = 4, kSamples = 9, kEpochs = 2;

LayerSpec layer(LayerKind kind, const std::string& name, std::vector<std::string> inputs = {}) {
  LayerSpec spec;
  spec.kind = kind;
  spec.name = name;
  spec.inputs = std::move(inputs);
  return spec;
}

/// Running statistics, a mask by sample, winners of a maximum, a skip connection across stages.
Network network() {
  LayerSpec conv = layer(LayerKind::conv2d, "conv1");
  conv.out_channels = 4;
  conv.kernel = 3;
  conv.padding = 1;
  LayerSpec conv2 = conv;
  conv2.name = "conv2";
  LayerSpec pool = layer(LayerKind::max_pool2d, "pool");
  pool.kernel = pool.stride = 2;
  LayerSpec fc = layer(LayerKind::linear, "fc");
  fc.out_features = kClasses;
  NetworkSpec spec;
  spec.input = Shape::image(3, 6, 6);
  spec.layers = {conv,
                 layer(LayerKind::batch_norm2d, "norm"),
                 layer(LayerKind::relu, "relu"),
                 conv2,
                 layer(LayerKind::online_norm, "online_norm"),
                 layer(LayerKind::add, "add", {"online_norm", "relu"}),
                 pool,
                 layer(LayerKind::dropout, "dropout"),
                 layer(LayerKind::flatten, "flatten"),
                 fc};
  return build_network(spec);
}

struct Setting {
  std::string name;
  TrainSpec train;
  Precision precision = Precision::f32;
  int threads = 1;
  bool stash = false;
  bool recompute = false;
  bool updates_apart = false;         ///< Pass::update in place of backward_with_update
  bool reads_version_before = false;  ///< forwards name the version before the newest
  MicroBatchId pipelined = 0;         ///< micro-batches in pipelined order, the rest one by one
};

MicroBatchPlan plan_of(const Setting& s) {
  return {kSamples, kEpochs, s.train.batch_size, s.train.micro_batch_size};
}

/// Pipelined, then sequential: as the schedule `hybrid`.
std::vector<Op> order_of(const Setting& s) {
  const MicroBatchPlan plan = plan_of(s);
  std::vector<Op> raw = test::pipelined_order(kStages, s.pipelined);
  for (Op op : test::sequential_order(kStages, plan.micro_batches() - s.pipelined)) {
    op.micro_batch += s.pipelined;
    raw.push_back(op);
  }
  std::vector<Op> order;
  std::vector<WeightVersion> updates(kStages, 0);
  for (Op op : raw) {
    if (op.pass == Pass::forward && s.reads_version_before)
      op.version = std::max<WeightVersion>(0, updates[op.stage] - 1);
    const bool updates_now = is_backward(op.pass) && plan.at(op.micro_batch).last_of_batch;
    if (is_backward(op.pass))
      op.pass = updates_now && !s.updates_apart ? Pass::backward_with_update : Pass::backward;
    order.push_back(op);
    if (!updates_now) continue;
    ++updates[op.stage];
    if (s.updates_apart) order.push_back({op.micro_batch, op.stage, Pass::update, Op::kCurrent});
  }
  return order;
}

/// What a trainer needs beside it.
class Run {
 public:
  explicit Run(const Setting& s)
      : setting_(s),
        network_(network()),
        data_(Shape::image(3, 6, 6), kSamples, 5, kClasses, 1, 3) {
    PartitionSpec cuts;
    cuts.kind = PartitionKind::cuts;
    cuts.cuts = {"relu", "pool"};
    if (s.recompute) cuts.recompute.kind = RecomputeKind::all;
    partition_ = make_partition(network_, cuts);
    REQUIRE(partition_.size() == kStages);
  }

  std::unique_ptr<Trainer> trainer() const {
    TrainerOptions options;
    options.threads = setting_.threads;
    options.precision = setting_.precision;
    options.max_in_flight = 2 * kStages;
    for (int k = 0; k < kStages; ++k) {
      StagePolicy policy;
      policy.delay = {2.0 * (kStages - 1 - k), 2.0 * (kStages - 1) - k, 1.0 * k};
      policy.stash = setting_.stash;
      policy.history = setting_.reads_version_before ? 1 : 0;
      options.policies.push_back(policy);
    }
    return make_trainer(network_, partition_, setting_.train, plan_of(setting_), data_, options);
  }

 private:
  const Setting setting_;
  const Network network_;
  const test::RandomDataset data_;
  Partition partition_;
};

StateBytes saved(Trainer& trainer) {
  StateSaver saver;
  trainer.visit_state(saver);
  return saver.take();
}

std::string first_difference(const StateBytes& a, const StateBytes& b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i >= a.size()) return b[i].name + " is too many";
    if (i >= b.size()) return a[i].name + " is missing";
    if (a[i].name != b[i].name || a[i].bytes != b[i].bytes) return a[i].name;
  }
  return "";
}

void require_same(const TrainingResult& a, const TrainingResult& b) {
  REQUIRE(a.epochs.size() == b.epochs.size());
  for (std::size_t e = 0; e < a.epochs.size(); ++e) {
    CHECK(a.epochs[e].train_loss == b.epochs[e].train_loss);
    CHECK(a.epochs[e].train_accuracy == b.epochs[e].train_accuracy);
    CHECK(a.epochs[e].test_loss == b.epochs[e].test_loss);
    CHECK(a.epochs[e].test_accuracy == b.epochs[e].test_accuracy);
  }
  CHECK(a.complete_epochs == b.complete_epochs);
  CHECK(a.samples == b.samples);
  CHECK(a.updates == b.updates);
}

/// Runs the setting whole, and once for every place to stop it.
void require_resumable(const Setting& setting) {
  const Run run(setting);
  const std::vector<Op> order = order_of(setting);
  std::vector<StateBytes> kept;  // before each operation
  const auto whole = run.trainer();
  for (const Op& op : order) {
    kept.push_back(saved(*whole));
    REQUIRE(whole->emit(op));
  }
  const StateBytes end = saved(*whole);
  whole->finish();
  REQUIRE(whole->result().complete_epochs == kEpochs);
  for (std::size_t at = 0; at < kept.size(); ++at) {
    INFO(setting.name << ", taken up before operation " << at << " of " << order.size());
    const auto resumed = run.trainer();
    StateRestorer restorer(kept[at]);
    resumed->visit_state(restorer);
    restorer.finish();
    REQUIRE(first_difference(kept[at], saved(*resumed)) == "");
    for (std::size_t i = at; i < order.size(); ++i) REQUIRE(resumed->emit(order[i]));
    REQUIRE(first_difference(end, saved(*resumed)) == "");
    resumed->finish();
    require_same(whole->result(), resumed->result());
    REQUIRE(whole->export_weights().size() == resumed->export_weights().size());
    for (const auto& [name, tensor] : whole->export_weights())
      REQUIRE(resumed->export_weights().at(name).values == tensor.values);
  }
}

Setting base(const std::string& name) {
  Setting s;
  s.name = name;
  s.train.optimizer.learning_rate = 0.02;
  s.train.optimizer.momentum = 0.9;
  s.train.epochs = kEpochs;
  s.pipelined = plan_of(s).micro_batches();
  return s;
}

TEST_CASE("taken up anywhere: pipelined, velocity prediction, stashed weights") {
  Setting s = base("stash");
  s.train.mitigation.weight_prediction = WeightPrediction::velocity;
  s.stash = s.train.mitigation.weight_stashing = true;
  require_resumable(s);
  s.threads = 2;
  require_resumable(s);
}

TEST_CASE("taken up anywhere: hybrid with micro-batches of two and mini-batches of four") {
  Setting s = base("hybrid");
  s.train.batch_size = 4;  // nine samples an epoch: the last mini-batch is smaller
  s.train.micro_batch_size = 2;
  s.train.mitigation.gradient_shrinking = 0.9;
  s.pipelined = 6;
  require_resumable(s);
  s.updates_apart = true;
  require_resumable(s);
}

TEST_CASE("taken up anywhere: forwards made again, with newer weights and with stashed ones") {
  Setting s = base("recompute");
  s.recompute = true;
  require_resumable(s);
  s.stash = s.train.mitigation.weight_stashing = true;
  require_resumable(s);
}

TEST_CASE("taken up anywhere: predictions for both passes, a learning rate that moves") {
  Setting s = base("spectrain");
  s.train.mitigation.weight_prediction = WeightPrediction::spectrain;
  s.train.optimizer.learning_rate_schedule.type = LearningRateSchedule::cosine;
  s.train.optimizer.learning_rate_schedule.warmup_epochs = 0.5;
  require_resumable(s);
}

TEST_CASE("taken up anywhere: weight difference with measured delays, 64 bits") {
  Setting s = base("difference");
  s.precision = Precision::f64;
  s.train.mitigation.weight_prediction = WeightPrediction::weight_difference;
  s.train.mitigation.delay = DelaySource::measured;
  s.updates_apart = true;
  require_resumable(s);
}

TEST_CASE("taken up anywhere: PipeMare, and forwards that name a version") {
  Setting s = base("pipemare");
  s.train.mitigation.pipemare_learning_rate = true;
  s.train.mitigation.pipemare_discrepancy_correction = true;
  require_resumable(s);
  Setting named = base("history");
  named.reads_version_before = true;
  named.stash = true;
  require_resumable(named);
}

TEST_CASE("state of another training is refused by the entry's name") {
  Setting plain = base("plain"), predicting = base("predicting");
  predicting.train.mitigation.weight_prediction = WeightPrediction::spectrain;
  const Run same(plain), other(predicting);
  const StateBytes state = saved(*same.trainer());
  StateRestorer restorer(state);
  CHECK_THROWS_WITH(other.trainer()->visit_state(restorer),
                    Catch::Contains("engine/stage_0/predicted_forward of"));
  StateBytes longer = state;
  longer.push_back({"left_over", {}});
  StateRestorer too_much(longer);
  same.trainer()->visit_state(too_much);
  CHECK_THROWS_WITH(too_much.finish(), Catch::Contains("left_over"));
}

}  // namespace
}  // namespace stagecoach
