// SPDX-License-Identifier: Apache-2.0
// Question: does a recorded order come back stage by stage as it was, in little space, and can no
// file, however broken, give anything but an allowed order or an error?
#include "sim/recording/schedule_recording.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "models/base/error.h"
#include "models/base/random.h"
#include "sim/files/durable_file.h"
#include "sim/recording/schedule_recorder.h"
#include "sim/recording/schedule_replay.h"
#include "sim/schedule/lockstep.h"
#include "tests/sim/schedule/order_tracker.h"
#include "tests/sim/support/temporary_directory.h"

namespace stagecoach {
namespace {

/// Keeps what it is given, by stage, and checks that it respects the data.
class Keeper : public OpSink {
 public:
  explicit Keeper(int stages, std::int64_t most = 1 << 30) : by_stage(stages), most_(most) {}

  bool emit(const Op& op) override {
    if (op.pass == Pass::forward && op.stage > 0) {
      REQUIRE(forwards_of(op.stage - 1) > op.micro_batch);
    }
    if (is_backward(op.pass) && op.stage + 1 < static_cast<int>(by_stage.size())) {
      REQUIRE(backwards_of(op.stage + 1) > op.micro_batch);
    }
    by_stage[op.stage].push_back(op);
    forwards_.resize(by_stage.size(), 0), backwards_.resize(by_stage.size(), 0);
    forwards_[op.stage] += op.pass == Pass::forward;
    backwards_[op.stage] += is_backward(op.pass);
    return --most_ > 0;
  }

  std::vector<std::vector<Op>> by_stage;

 private:
  MicroBatchId forwards_of(int k) { return forwards_.empty() ? 0 : forwards_[k]; }
  MicroBatchId backwards_of(int k) { return backwards_.empty() ? 0 : backwards_[k]; }

  std::vector<MicroBatchId> forwards_, backwards_;
  std::int64_t most_;
};

bool same(const std::vector<Op>& a, const std::vector<Op>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Op& x, const Op& y) {
    return x.micro_batch == y.micro_batch && x.stage == y.stage && x.pass == y.pass &&
           x.version == y.version;
  });
}

/// A schedule with its recording.
struct Recording {
  ScheduleSpec spec;
  int stages;
  MicroBatchPlan plan;
  std::unique_ptr<Schedule> schedule;
  RecordedRun run;
  std::string path;
  std::int64_t operations = 0, bytes = 0;
  Keeper original;

  Recording(const TemporaryDirectory& folder, ScheduleSpec s, int stage_count,
            MicroBatchPlan micro_batches)
      : spec(s),
        stages(stage_count),
        plan(micro_batches),
        schedule(make_schedule(spec, stages, plan)),
        path(folder / "order"),
        original(stages) {
    run.hardware = "none";
    run.hardware_sha256 = "0";
    run.network = {"input [4]", "stage 0 linear [3] from 0", "stage 1 relu [3] from 1"};
    run.schedule = std::to_string(static_cast<int>(spec.kind));
    run.stages = stages;
    run.samples_per_epoch = plan.samples_per_epoch();
    run.epochs = plan.epochs();
    run.batch_size = plan.at(0).batch_samples;
    run.micro_batch_size = plan.micro_batch_size();
    ScheduleRecorder recorder(path, true, run, original);
    run_lockstep_order(*schedule, plan, stages, recorder);
    recorder.finish();
    operations = recorder.operations();
    bytes = recorder.bytes();
  }

  ScheduleReplay replay() const { return ScheduleReplay(path, run, *schedule, plan); }
};

ScheduleSpec spec_of(ScheduleKind kind, bool stashing = false, bool sync = false) {
  ScheduleSpec spec;
  spec.kind = kind;
  spec.weight_stashing = stashing;
  spec.vertical_sync = sync;
  return spec;
}

const std::vector<ScheduleSpec> kSpecs = {spec_of(ScheduleKind::sequential),
                                          spec_of(ScheduleKind::fill_drain),
                                          spec_of(ScheduleKind::gpipe),
                                          spec_of(ScheduleKind::one_f_one_b_flush),
                                          spec_of(ScheduleKind::pipelined),
                                          spec_of(ScheduleKind::pipelined, true),
                                          spec_of(ScheduleKind::one_f_one_b, true),
                                          spec_of(ScheduleKind::one_f_one_b, true, true),
                                          spec_of(ScheduleKind::two_buffered_weights),
                                          spec_of(ScheduleKind::hybrid),
                                          spec_of(ScheduleKind::zero_bubble)};

void overwrite(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

TEST_CASE("every stage's operations come back as they were, for every schedule and batch") {
  const TemporaryDirectory folder;
  for (ScheduleSpec spec : kSpecs) {
    for (const int stages : {1, 2, 5}) {
      for (const int batch : {1, 3, 8}) {
        CAPTURE(static_cast<int>(spec.kind), stages, batch);
        const MicroBatchPlan plan(50, 2, batch, batch == 8 ? 2 : 1);
        spec.switch_micro_batch = plan.micro_batches() / 2;
        const Recording recording(folder, spec, stages, plan);
        Keeper replayed(stages);
        ScheduleReplay replay = recording.replay();
        REQUIRE(replay.run(replayed));
        for (int k = 0; k < stages; ++k) {
          REQUIRE(same(replayed.by_stage[k], recording.original.by_stage[k]));
        }
      }
    }
  }
}

TEST_CASE("updates that complete later keep their place among the forwards") {
  const TemporaryDirectory folder;
  ScheduleSpec two = spec_of(ScheduleKind::pipelined);
  two.max_in_flight = {2};
  const Recording recording(folder, two, 1, MicroBatchPlan(2, 1, 1, 1));
  const std::vector<Op> ops = {{0, 0, Pass::forward}, {0, 0, Pass::backward}, {1, 0, Pass::forward},
                               {0, 0, Pass::update},  {1, 0, Pass::backward}, {1, 0, Pass::update}};
  Keeper first(1);
  ScheduleRecorder recorder(recording.path, true, recording.run, first);
  for (const Op& op : ops) recorder.emit(op);
  recorder.finish();
  Keeper second(1);
  ScheduleReplay replay = recording.replay();
  REQUIRE(replay.run(second));
  CHECK(same(second.by_stage[0], ops));
  const StalenessCount count = replay.staleness()[0];
  CHECK(count.histogram == std::map<std::int64_t, std::int64_t>{{0, 1}, {1, 1}});
}

TEST_CASE("staleness of a replay is the order's own") {
  const TemporaryDirectory folder;
  for (ScheduleSpec spec : kSpecs) {
    CAPTURE(static_cast<int>(spec.kind));
    const MicroBatchPlan plan(60, 1, 4, 2);
    spec.switch_micro_batch = 16;
    const Recording recording(folder, spec, 4, plan);
    OrderTracker tracker(*recording.schedule, plan, 4);
    tracker.run();
    Keeper replayed(4);
    ScheduleReplay replay = recording.replay();
    replay.run(replayed);
    for (int k = 0; k < 4; ++k) {
      std::map<std::int64_t, std::int64_t> expected;
      for (const std::int64_t delay : tracker.stages[k].delays) ++expected[delay];
      CHECK(replay.staleness()[k].histogram == expected);
    }
  }
}

TEST_CASE("a steady pipeline takes far less than a byte for an operation") {
  const TemporaryDirectory folder;
  for (const ScheduleSpec& spec : kSpecs) {
    const Recording recording(folder, spec, 8, MicroBatchPlan(40000, 1, 8, 1));
    CAPTURE(static_cast<int>(spec.kind), recording.operations, recording.bytes);
    CHECK(recording.operations >= 8 * 2 * 40000);
    // Deflate needs two bits or so for 258 tokens alike.
    CHECK(static_cast<double>(recording.bytes) < 0.02 * static_cast<double>(recording.operations));
  }
}

TEST_CASE("an order of chance takes less than a byte for an operation, too") {
  const TemporaryDirectory folder;
  ScheduleSpec twenty = spec_of(ScheduleKind::pipelined);
  twenty.max_in_flight = {20};
  const Recording recording(folder, twenty, 1, MicroBatchPlan(50000, 1, 1, 1));
  Keeper first(1);
  ScheduleRecorder recorder(recording.path, true, recording.run, first);
  Random random(7);
  MicroBatchId forwards = 0, backwards = 0;
  while (backwards < 50000) {
    const bool may_forward = forwards < 50000 && forwards - backwards < 20;
    const bool forward = forwards == backwards || (may_forward && random.below(2) == 0);
    if (forward) recorder.emit({forwards++, 0, Pass::forward});
    if (!forward) recorder.emit({backwards++, 0, Pass::backward_with_update});
  }
  recorder.finish();
  CHECK(recorder.bytes() < recorder.operations() / 2);
  Keeper second(1);
  ScheduleReplay replay = recording.replay();
  REQUIRE(replay.run(second));
  CHECK(same(second.by_stage[0], first.by_stage[0]));
}

TEST_CASE("a sink that wants to stop gets nothing more of a replay") {
  const TemporaryDirectory folder;
  const Recording recording(folder, spec_of(ScheduleKind::pipelined), 3,
                            MicroBatchPlan(50, 1, 1, 1));
  Keeper some(3, 17);
  CHECK_FALSE(recording.replay().run(some));
  CHECK(some.by_stage[0].size() + some.by_stage[1].size() + some.by_stage[2].size() == 17);
}

TEST_CASE("a recording of another run is refused with what differs") {
  const TemporaryDirectory folder;
  const Recording recording(folder, spec_of(ScheduleKind::pipelined), 3,
                            MicroBatchPlan(50, 1, 1, 1));
  const auto refused = [&](auto change, const std::string& name) {
    RecordedRun other = recording.run;
    change(other);
    CHECK_THROWS_WITH(ScheduleReplay(recording.path, other, *recording.schedule, recording.plan),
                      Catch::Contains(name + ": recorded"));
  };
  refused([](RecordedRun& r) { r.hardware_sha256 = "1"; }, "hardware_sha256");
  refused([](RecordedRun& r) { r.network[0] = "input [5]"; }, "network");
  refused([](RecordedRun& r) { r.network[2] = "stage 0 relu [3] from 1"; }, "network, layer 1");
  refused([](RecordedRun& r) { r.network.pop_back(); }, "network, layer 1");
  refused([](RecordedRun& r) { r.network.push_back("more"); }, "network, layer 2");
  refused([](RecordedRun& r) { r.network.push_back(""); }, "network, layer 1");
  refused([](RecordedRun& r) { r.schedule = "gpipe"; }, "schedule");
  refused([](RecordedRun& r) { r.samples_per_epoch = 51; }, "samples_per_epoch");
  refused([](RecordedRun& r) { r.epochs = 2; }, "epochs");
  refused([](RecordedRun& r) { r.batch_size = 2; }, "batch_size");
  refused([](RecordedRun& r) { r.micro_batch_size = 2; }, "micro_batch_size");
  CHECK_THROWS_AS(
      ScheduleReplay(folder / "nowhere", recording.run, *recording.schedule, recording.plan),
      UserError);
  CHECK_THROWS_WITH(
      ScheduleReplay(folder.path().string(), recording.run, *recording.schedule, recording.plan),
      Catch::Contains("found a folder"));
  overwrite(folder / "text", "{\"name\": 3}\n");
  CHECK_THROWS_WITH(
      ScheduleReplay(folder / "text", recording.run, *recording.schedule, recording.plan),
      Catch::Contains("no recorded schedule"));
}

TEST_CASE("a recording that was not finished leaves nothing behind") {
  const TemporaryDirectory folder;
  Recording recording(folder, spec_of(ScheduleKind::pipelined), 3, MicroBatchPlan(50, 1, 1, 1));
  {
    Keeper keeper(3);
    ScheduleRecorder recorder(folder / "unfinished", true, recording.run, keeper);
    recorder.emit({0, 0, Pass::forward});
  }
  CHECK_FALSE(std::filesystem::exists(folder / "unfinished"));
  const std::filesystem::directory_iterator files(folder.path());
  CHECK(std::none_of(begin(files), end(files), [](const std::filesystem::directory_entry& file) {
    return is_temporary_name(file.path().filename().string());
  }));
  Keeper keeper(3);
  CHECK_THROWS_AS(ScheduleRecorder(folder / "no/where", true, recording.run, keeper), UserError);
  // A rename would replace a device by a file.
  CHECK_THROWS_WITH(ScheduleRecorder("/dev/null", true, recording.run, keeper),
                    Catch::Contains("found a folder or a device"));
}

/// Replays whatever the file holds: an order that respects the data (Keeper checks), or a
/// UserError.
void replay_anything(const Recording& recording) {
  Keeper keeper(recording.stages);
  try {
    recording.replay().run(keeper);
  } catch (const UserError&) {
  }
  for (const auto& ops : keeper.by_stage) {
    MicroBatchId in_flight = 0;
    for (const Op& op : ops) {
      in_flight += (op.pass == Pass::forward) - (is_backward(op.pass));
      REQUIRE(in_flight >= 0);
      REQUIRE(in_flight <= recording.schedule->max_in_flight(0));
    }
  }
}

TEST_CASE("a truncated recording is an error wherever it ends") {
  const TemporaryDirectory folder;
  const Recording recording(folder, spec_of(ScheduleKind::pipelined), 4,
                            MicroBatchPlan(70, 1, 1, 1));
  const std::string whole = read_text(recording.path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    overwrite(recording.path, whole.substr(0, size));
    Keeper keeper(4);
    CHECK_THROWS_AS(recording.replay().run(keeper), UserError);
  }
  overwrite(recording.path, whole + "x");
  Keeper keeper(4);
  CHECK_THROWS_WITH(recording.replay().run(keeper), Catch::Contains("follows its end"));
}

TEST_CASE("damaged bytes never crash a replay") {
  const TemporaryDirectory folder;
  Random random(11);
  for (const ScheduleSpec& spec : {kSpecs[4], kSpecs[7], kSpecs[8]}) {
    const Recording recording(folder, spec, 4, MicroBatchPlan(70, 1, 4, 1));
    const std::string whole = read_text(recording.path);
    for (int round = 0; round < 300; ++round) {
      std::string text = whole;
      for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
        const std::size_t at = random.below(text.size());
        if (random.below(3) == 0) {
          text.erase(at, 1 + random.below(6));
        } else {
          text[at] = static_cast<char>(random.below(256));
        }
      }
      overwrite(recording.path, text);
      replay_anything(recording);
    }
  }
}

TEST_CASE("tokens of chance in a chunk with a good checksum never crash a replay") {
  const TemporaryDirectory folder;
  Random random(13);
  for (const ScheduleSpec& spec : {kSpecs[4], kSpecs[7], kSpecs[8]}) {
    const Recording recording(folder, spec, 3, MicroBatchPlan(12, 1, 2, 1));
    for (int round = 0; round < 300; ++round) {
      // The recorder writes whatever it is told: orders that no schedule would make.
      Keeper keeper(3);
      struct Anything : OpSink {
        bool emit(const Op&) override { return true; }
      } anything;
      ScheduleRecorder recorder(recording.path, true, recording.run, anything);
      std::vector<Op> ops;
      for (const auto& stage : recording.original.by_stage) {
        ops.insert(ops.end(), stage.begin(), stage.end());
      }
      for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
        Op& op = ops[random.below(ops.size())];
        op.pass = static_cast<Pass>(random.below(4));
        op.version = static_cast<WeightVersion>(random.below(5)) - 1;
        if (random.below(4) == 0)
          ops.erase(ops.begin() + static_cast<long>(random.below(ops.size())));
      }
      for (const Op& op : ops) recorder.emit(op);
      recorder.finish();
      replay_anything(recording);
    }
  }
}

}  // namespace
}  // namespace stagecoach
