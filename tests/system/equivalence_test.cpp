// SPDX-License-Identifier: Apache-2.0
// Which schedules are plain mini-batch SGD? The machine, in both pacings and with stages of unequal
// speed, against one stage that is given whole mini-batches; and the asynchronous schedules against
// the recurrences that define them.
#include <catch2/catch.hpp>
#include <cmath>

#include "models/trainer.h"
#include "sim/system/simulation.h"
#include "tests/support/random_dataset.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kEquivalenceSamples =
    45;  // divided by none of the batches below but 9 and 45
constexpr std::int64_t kEpochs = 2;

Network network() {
  NetworkSpec spec;
  spec.input = Shape::features(10);
  for (const int width : {12, 9, 8}) {
    LayerSpec linear, act;
    linear.kind = LayerKind::linear;
    linear.out_features = width;
    act.kind = LayerKind::tanh;
    spec.layers.push_back(linear);
    spec.layers.push_back(act);
  }
  LayerSpec last;
  last.kind = LayerKind::linear;
  last.out_features = 4;
  spec.layers.push_back(last);
  return build_network(spec);
}

/// Every stage takes its own time; a micro-batch takes longer the more samples it has.
MachinePlan uneven_machine(int stages, int most_samples) {
  MachinePlan plan;
  for (int k = 0; k < stages; ++k) {
    plan.cores.push_back({"core" + std::to_string(k), 0, k, 1.0});
    StagePlan s;
    s.forward_core = s.backward_core = k;
    for (int n = 1; n <= most_samples; ++n) {
      StageCost cost;
      cost.forward.compute_cycles = cost.forward.cycles = (5 + 3 * ((k * 2) % 3)) * n;
      cost.backward.compute_cycles = cost.backward.cycles = (9 + 2 * k) * n;
      cost.update.compute_cycles = cost.update.cycles = 2;
      s.cost.push_back(cost);
    }
    if (k + 1 < stages) s.forward_messages.push_back({k + 1, k + 1, 8});
    if (k > 0) s.backward_messages.push_back({k - 1, k, 8});
    plan.stages.push_back(s);
  }
  plan.interconnect.kind = InterconnectKind::point_to_point;
  plan.interconnect.link_bytes_per_cycle = 8;
  plan.interconnect.hop_latency_cycles = 3;
  return plan;
}

struct EquivalenceSetup {
  Network net = network();
  Partition layered = make_partition(net, {});
  test::RandomDataset data{Shape::features(10), kEquivalenceSamples, 0, 4, 0, 7};
  Precision precision = Precision::f64;

  TrainSpec train(int batch, int micro) const {
    TrainSpec spec;
    spec.epochs = kEpochs;
    spec.batch_size = batch;
    spec.micro_batch_size = micro;
    spec.optimizer.learning_rate = 0.05;
    spec.optimizer.momentum = 0.9;
    spec.optimizer.weight_decay = 0.01;
    return spec;
  }

  /// The whole network as one stage, mini-batch after mini-batch.
  TensorMap plain_sgd(int batch) const {
    PartitionSpec whole;
    whole.kind = PartitionKind::cuts;
    ScheduleSpec sequential;
    sequential.kind = ScheduleKind::sequential;
    return simulated(sequential, make_partition(net, whole), batch, batch);
  }

  TensorMap simulated(const ScheduleSpec& spec, const Partition& partition, int batch,
                      int micro) const {
    const int stages = static_cast<int>(partition.size());
    const MicroBatchPlan micro_batches(kEquivalenceSamples, kEpochs, batch, micro);
    const auto schedule = make_schedule(spec, stages, micro_batches);
    const auto trainer = make(*schedule, partition, micro_batches, batch, micro);
    simulate(uneven_machine(stages, micro_batches.micro_batch_size()), *schedule, spec,
             micro_batches, *trainer, {});
    trainer->finish();
    return trainer->export_weights();
  }
  TensorMap simulated(const ScheduleSpec& spec, int batch, int micro) const {
    return simulated(spec, layered, batch, micro);
  }

  std::unique_ptr<Trainer> make(const Schedule& schedule, const Partition& partition,
                                const MicroBatchPlan& micro_batches, int batch, int micro,
                                int history = 0) const {
    TrainerOptions options;
    options.precision = precision;
    options.max_in_flight = schedule.max_in_flight(0);
    for (int k = 0; k < static_cast<int>(partition.size()); ++k) {
      StagePolicy p = schedule.stage_policy(k);
      if (history > 0) p.stash = true, p.history = history;
      options.policies.push_back(p);
    }
    return make_trainer(net, partition, train(batch, micro), micro_batches, data, options);
  }

  /// w(n+1) = w(n) - rate * gradient at w(n - delay), one micro-batch at a time: every stage reads
  /// the version named, forward and backward.
  TensorMap delayed_sgd(int delay_batches, int batch, int micro) const {
    const MicroBatchPlan micro_batches(kEquivalenceSamples, kEpochs, batch, micro);
    const auto schedule = make_schedule({}, static_cast<int>(layered.size()), micro_batches);
    const auto trainer = make(*schedule, layered, micro_batches, batch, micro, delay_batches + 1);
    const int stages = static_cast<int>(layered.size());
    for (MicroBatchId p = 0; p < micro_batches.micro_batches(); ++p) {
      const MicroBatch micro_batch = micro_batches.at(p);
      const Pass backward = micro_batch.last_of_batch ? Pass::backward_with_update : Pass::backward;
      const WeightVersion version = std::max<std::int64_t>(micro_batch.batch - delay_batches, 0);
      for (int k = 0; k < stages; ++k) trainer->emit({p, k, Pass::forward, version});
      for (int k = stages - 1; k >= 0; --k) trainer->emit({p, k, backward});
    }
    trainer->finish();
    return trainer->export_weights();
  }
};

ScheduleSpec equivalence_schedule(ScheduleKind kind, Pacing pacing) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.pacing = pacing;
  return spec;
}

bool same_bits(const TensorMap& a, const TensorMap& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a) {
    if (b.at(name).values != tensor.values) return false;
  }
  return true;
}

/// Largest difference over the largest weight. Sums of at most 45 doubles in another order, over at
/// most 90 updates, stay far below 1e-12.
double distance(const TensorMap& a, const TensorMap& b) {
  double worst = 0;
  for (const auto& [name, tensor] : a) {
    double scale = 0, error = 0;
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      scale = std::max(scale, std::abs(static_cast<double>(tensor.values[i])));
      error = std::max(error, std::abs(static_cast<double>(tensor.values[i]) -
                                       static_cast<double>(b.at(name).values[i])));
    }
    worst = std::max(worst, error / scale);
  }
  return worst;
}

const ScheduleKind kSynchronous[] = {
    ScheduleKind::sequential,   ScheduleKind::fill_drain,
    ScheduleKind::gpipe,        ScheduleKind::one_f_one_b_flush,
    ScheduleKind::zero_bubble,  ScheduleKind::interleaved_one_f_one_b,
    ScheduleKind::zero_bubble_v};
const Pacing kPacings[] = {Pacing::lockstep, Pacing::elastic};

/// (batch, micro-batch): dividing each other and the epoch of 45, or not.
const std::pair<int, int> kSizes[] = {{1, 1}, {9, 3}, {8, 1}, {8, 3}, {7, 7}, {45, 4}, {32, 5}};

TEST_CASE("schedules that flush are plain mini-batch SGD to rounding, whatever the sizes") {
  const EquivalenceSetup s;
  for (const auto& [batch, micro] : kSizes) {
    const TensorMap plain = s.plain_sgd(batch);
    for (const ScheduleKind kind : kSynchronous) {
      for (const Pacing pacing : kPacings) {
        CAPTURE(batch, micro, static_cast<int>(kind), static_cast<int>(pacing));
        CHECK(distance(plain, s.simulated(equivalence_schedule(kind, pacing), batch, micro)) <
              1e-12);
      }
    }
  }
}

TEST_CASE(
    "schedules that flush have the same bits, for they sum the same micro-batches in the same "
    "order") {
  EquivalenceSetup s;
  for (const Precision precision : {Precision::f32, Precision::f64}) {
    s.precision = precision;
    for (const auto& [batch, micro] : kSizes) {
      const TensorMap one = s.simulated(
          equivalence_schedule(ScheduleKind::sequential, Pacing::lockstep), batch, micro);
      // Micro-batches that are whole mini-batches: nothing is summed twice, plain SGD bit for bit.
      if (batch == micro) CHECK(same_bits(one, s.plain_sgd(batch)));
      for (const ScheduleKind kind : kSynchronous) {
        for (const Pacing pacing : kPacings) {
          CAPTURE(batch, micro, static_cast<int>(kind), static_cast<int>(pacing));
          const TensorMap other = s.simulated(equivalence_schedule(kind, pacing), batch, micro);
          // The update of a mini-batch of one micro-batch is fused into its backward, and rounds
          // once less, unless it is an operation of its own.
          const bool apart =
              kind == ScheduleKind::zero_bubble || kind == ScheduleKind::zero_bubble_v;
          if (batch == micro && apart) {
            CHECK(distance(one, other) < (precision == Precision::f32 ? 1e-5 : 1e-13));
          } else {
            CHECK(same_bits(one, other));
          }
        }
      }
    }
  }
}

TEST_CASE("asynchronous schedules are not plain SGD") {
  const EquivalenceSetup s;
  const TensorMap plain = s.plain_sgd(1);
  for (const ScheduleKind kind : {ScheduleKind::pipelined, ScheduleKind::one_f_one_b}) {
    CHECK(distance(plain, s.simulated(equivalence_schedule(kind, Pacing::lockstep), 1, 1)) > 1e-6);
  }
}

TEST_CASE(
    "two_buffered_weights is w(n+1) = w(n) - rate gradient(w(n-1)), bit for bit, in both pacings") {
  const EquivalenceSetup s;
  for (const auto& [batch, micro] : kSizes) {
    const TensorMap expected = s.delayed_sgd(1, batch, micro);
    for (const Pacing pacing : kPacings) {
      CAPTURE(batch, micro, static_cast<int>(pacing));
      CHECK(same_bits(expected,
                      s.simulated(equivalence_schedule(ScheduleKind::two_buffered_weights, pacing),
                                  batch, micro)));
    }
  }
}

TEST_CASE("vertical sync is SGD with a delay of S-1 at every stage, bit for bit in lockstep") {
  const EquivalenceSetup s;
  ScheduleSpec spec = equivalence_schedule(ScheduleKind::one_f_one_b, Pacing::lockstep);
  spec.vertical_sync = true;
  const int delay = static_cast<int>(s.layered.size()) - 1;
  CHECK(same_bits(s.delayed_sgd(delay, 1, 1), s.simulated(spec, 1, 1)));
}

TEST_CASE("hybrid from the start is sequential, and to the end is pipelined, bit for bit") {
  const EquivalenceSetup s;
  for (const Pacing pacing : kPacings) {
    ScheduleSpec hybrid = equivalence_schedule(ScheduleKind::hybrid, pacing);
    hybrid.switch_micro_batch = 0;
    CHECK(same_bits(s.simulated(hybrid, 1, 1), s.plain_sgd(1)));
    hybrid.switch_micro_batch = kEquivalenceSamples * kEpochs;
    CHECK(same_bits(s.simulated(hybrid, 1, 1),
                    s.simulated(equivalence_schedule(ScheduleKind::pipelined, pacing), 1, 1)));
  }
}

}  // namespace
}  // namespace stagecoach
