// SPDX-License-Identifier: Apache-2.0
// The machine's ledgers against the books of the functional engine: the same versions read, the
// same staleness, under every schedule. The engine's weights count along: every update adds one, so
// that the value that an operation reads is the version that it reads.
#include <catch2/catch.hpp>
#include <map>

#include "models/optimizer/stage_weights.h"
#include "tests/system/random_machine.h"

namespace stagecoach {
namespace {

/// A rule that adds one to the weight for a gradient of -1.
TrainSpec add_one() {
  TrainSpec train;
  train.optimizer.learning_rate = 1;
  return train;
}

/// One stage of the engine, with one weight.
class EngineStage {
 public:
  explicit EngineStage(const StagePolicy& policy)
      : weights_(1, {ParameterSegment{0, 1, false, 0}}, add_one(), policy, 1) {
    weights_.start();
  }

  WeightVersion version() const { return weights_.version(); }

  WeightVersion forward(const Op& op) {
    const auto read = weights_.read_forward(op.version);
    REQUIRE(*read.weights == static_cast<double>(read.version));
    return in_flight_[op.micro_batch] = read.version;
  }

  WeightVersion backward(const Op& op) {
    const WeightVersion forward = in_flight_.at(op.micro_batch);
    const auto read = static_cast<WeightVersion>(*weights_.read_backward(forward));
    backward_sum += read - forward;
    weights_.release(forward);
    in_flight_.erase(op.micro_batch);
    awaiting_update_.push_back(forward);
    return read;
  }

  void update() {
    for (const WeightVersion read : awaiting_update_) ++histogram[weights_.version() - read];
    awaiting_update_.clear();
    weights_.begin_update({}, 0);
    weights_.gradient()[0] = -1;
    weights_.end_update();
  }

  std::map<std::int64_t, std::int64_t> histogram;
  std::int64_t backward_sum = 0;

 private:
  StageWeights<double> weights_;
  std::map<MicroBatchId, WeightVersion> in_flight_;
  std::vector<WeightVersion> awaiting_update_;
};

/// Versions that the machine says its operations read, by stage and micro-batch.
struct MachineReads : SpanSink {
  void record(const SpanRecord& span) override {
    if (span.operation == StageOperation::forward)
      forward[{span.stage, span.micro_batch}] = span.version_read;
    if (span.operation == StageOperation::backward)
      backward[{span.stage, span.micro_batch}] = span.version_read;
  }
  std::map<std::pair<int, MicroBatchId>, WeightVersion> forward, backward;
};

void check_books(const MachinePlan& plan, const ScheduleSpec& spec,
                 const MicroBatchPlan& micro_batches) {
  const int stages = static_cast<int>(plan.stages.size());
  const auto schedule = make_schedule(spec, stages, micro_batches);
  RecordingSink sink;
  MachineReads machine;
  SimulationOptions options;
  options.spans = &machine;
  const RunStatistics statistics = simulate(plan, *schedule, spec, micro_batches, sink, options);

  std::vector<EngineStage> engine;
  for (int k = 0; k < stages; ++k) engine.emplace_back(schedule->stage_policy(k));
  for (const Op& op : sink.ops) {
    CAPTURE(op.stage, op.micro_batch);
    EngineStage& stage = engine[static_cast<std::size_t>(op.stage)];
    const std::pair<int, MicroBatchId> at{op.stage, op.micro_batch};
    if (op.pass == Pass::forward) REQUIRE(stage.forward(op) == machine.forward.at(at));
    if (is_backward(op.pass)) REQUIRE(stage.backward(op) == machine.backward.at(at));
    if (makes_version(op.pass)) stage.update();
  }
  for (int k = 0; k < stages; ++k) {
    CAPTURE(k);
    const StageStatistics& s = statistics.stages[static_cast<std::size_t>(k)];
    const EngineStage& stage = engine[static_cast<std::size_t>(k)];
    CHECK(stage.version() == s.updates);
    CHECK(stage.histogram == s.staleness.histogram);
    CHECK(stage.backward_sum == s.staleness.backward_sum);
    CHECK(s.staleness.count() == micro_batches.micro_batches());
  }
}

TEST_CASE("the machine and the engine read the same versions under every schedule") {
  Draw draw(4);
  for (const ScheduleKind kind : kKinds) {
    for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
      for (const bool stashing : {false, true}) {
        for (const bool vertical_sync : {false, true}) {
          for (const int batch : {1, 6}) {
            ScheduleSpec spec = schedule_spec(kind, pacing);
            spec.weight_stashing = stashing;
            spec.vertical_sync = vertical_sync && kind == ScheduleKind::one_f_one_b;
            spec.switch_micro_batch = kind == ScheduleKind::hybrid ? 12 : 0;
            CAPTURE(static_cast<int>(kind), static_cast<int>(pacing), stashing, vertical_sync,
                    batch);
            // Two epochs whose last mini-batch is short.
            check_books(random_machine(draw, 2), spec,
                        MicroBatchPlan(25, 2, batch, batch == 1 ? 1 : 2));
          }
        }
      }
    }
  }
}

TEST_CASE("the machine and the engine read the same versions under schedules of chunks") {
  Draw draw(5);
  for (const ScheduleKind kind :
       {ScheduleKind::interleaved_one_f_one_b, ScheduleKind::zero_bubble_v}) {
    for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
      for (const int cores : {1, 2, 4}) {
        CAPTURE(static_cast<int>(kind), static_cast<int>(pacing), cores);
        const ScheduleSpec spec = chunked_spec(kind, pacing);
        const MicroBatchPlan micro_batches(25, 2, 6, 1);
        MachinePlan plan;
        do {
          plan = random_machine(draw, 1);
        } while (static_cast<int>(plan.stages.size()) != 2 * cores);
        share_cores(*make_schedule(spec, 2 * cores, micro_batches), plan);
        plan.input_queue_micro_batches = 8;  // a group waits where an edge skips stages
        check_books(plan, spec, micro_batches);
      }
    }
  }
}

}  // namespace
}  // namespace stagecoach
