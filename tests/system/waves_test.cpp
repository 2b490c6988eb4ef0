// SPDX-License-Identifier: Apache-2.0
// Do the waves (--vcd) say what the statistics and the slices say, to the cycle?
#include <catch2/catch.hpp>

#include "sim/trace/vcd_writer.h"
#include "tests/support/temp_files.h"
#include "tests/support/vcd_reader.h"
#include "tests/system/random_machine.h"

namespace stagecoach {
namespace {

using test::VcdDump;
using test::VcdReader;

struct Recorded {
  RunStatistics statistics;
  std::vector<SpanRecord> spans;
  VcdDump dump;
};

Recorded record(const MachinePlan& plan, const ScheduleSpec& spec,
                const MicroBatchPlan& micro_batches, TraceWindow window) {
  const TempFiles files;
  VcdWriter waves(plan, micro_batches, window);
  SpanRecorder spans;
  SimulationOptions options;
  options.waves = &waves;
  options.spans = &spans;
  RecordingSink sink;
  Recorded recorded;
  recorded.statistics = run(plan, spec, micro_batches, sink, options);
  {
    std::ofstream file(files.path("machine.vcd"));
    waves.write(file, recorded.statistics.cycles);
  }
  recorded.spans = spans.spans;
  recorded.dump = VcdReader(files.path("machine.vcd")).dump();
  return recorded;
}

Recorded record_all(const MachinePlan& plan, const ScheduleSpec& spec,
                    const MicroBatchPlan& micro_batches) {
  return record(plan, spec, micro_batches, {0, micro_batches.micro_batches(), false});
}

void check_stages(const MachinePlan& plan, const Recorded& r) {
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    const std::string scope = "machine.stages." + plan.stages[k].name;
    auto states = r.dump.durations(scope + ".state");
    const StageCycles& cycles = r.statistics.stages[k].cycles;
    for (const CycleWords& kind : kCycleKinds) CHECK(states[kind.name] == cycles[kind.kind]);
    CHECK(r.dump.durations(scope + ".busy")["1"] == cycles.busy());
    std::int64_t most = 0;
    const auto& held = r.dump.signals.at(scope + ".samples_held");
    for (const auto& [time, value] : held) most = std::max<std::int64_t>(most, std::stoll(value));
    CHECK(most == r.statistics.stages[k].peak_activation_samples);
    CHECK(held.back().second == "0");
    CHECK(r.dump.signals.at(scope + ".weight_version").back().second ==
          std::to_string(r.statistics.stages[k].updates));
  }
}

void check_cores(const MachinePlan& plan, const Recorded& r) {
  const char* words[] = {"forward", "backward", "update", "weight_gradient"};
  for (std::size_t c = 0; c < plan.cores.size(); ++c) {
    std::map<std::string, std::int64_t> expected;
    for (const SpanRecord& span : r.spans) {
      const StagePlan& stage = plan.stages[span.stage];
      const bool forward = span.operation == StageOperation::forward;
      if ((forward ? stage.forward_core : stage.backward_core) != static_cast<int>(c)) continue;
      expected[words[static_cast<int>(span.operation)]] += (span.end - span.begin).count();
    }
    auto found = r.dump.durations("machine.cores." + plan.cores[c].name + ".operation");
    for (const char* word : words) CHECK(found[word] == expected[word]);
  }
}

void check_links(const Recorded& r) {
  for (const LinkStatistics& link : r.statistics.links) {
    CAPTURE(link.name);
    CHECK(r.dump.durations("machine.links." + link.name + ".busy")["1"] == link.busy_cycles);
  }
}

MachinePlan busy_mesh(bool separate, bool shared) {
  ChainOptions options;
  options.stages = 6;
  options.separate_cores = separate;
  options.bytes_per_sample = 90;
  MachinePlan plan = chain(options);
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    StagePlan& stage = plan.stages[k];
    set_cost(stage, 10 + 7 * (k % 3), 15 - static_cast<Cycles>(k), 4);
    stage.cost[0].forward.cycles += 5;  // memory ports, and the links inside the unit
    stage.cost[0].forward.interconnect_cycles = 2;
    stage.cost[0].forward.region_busy_cycles = 12;
    stage.cost[0].forward.region_bytes = k == 3 ? 100 : 0;
    stage.cost[0].backward.region_busy_cycles = 9;
    stage.cost[0].backward.region_bytes = k >= 3 ? 50 : 0;
    stage.activation_bytes_per_sample = 32;
    stage.gradient_bytes_per_sample = 8;
    if (shared) stage.forward_core = stage.backward_core = static_cast<int>(k / 2);
  }
  plan.stages[1].forward_messages.push_back({4, 2, 40});
  plan.stages[4].backward_messages.push_back({1, 2, 40});
  plan.stages[2].capacity_micro_batches = 3;
  plan.interconnect = {InterconnectKind::mesh2d, 8.0, 2, 2, 6};
  plan.host = {10.0, 7};
  return plan;
}

TEST_CASE("waves: every state, operation and transfer lasts as long as the statistics say") {
  for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
    for (const bool separate : {false, true}) {
      for (const bool shared : {false, true}) {
        if (separate && shared) continue;
        CAPTURE(static_cast<int>(pacing), separate, shared);
        const MachinePlan plan = busy_mesh(separate, shared);
        const Recorded r =
            record_all(plan, schedule_spec(ScheduleKind::pipelined, pacing), {60, 1, 1, 1});
        CHECK(r.dump.begin == 0);
        CHECK(r.dump.end == r.statistics.cycles);
        check_stages(plan, r);
        check_cores(plan, r);
        check_links(r);
        CHECK(r.dump.durations("machine.links.host.busy")["1"] == 60 * 9);
        CHECK(r.dump.signals.count("machine.cores.core0.stage") == (shared ? 1u : 0u));
      }
    }
  }
}

TEST_CASE("waves: the same for machines drawn at random, whatever the schedule") {
  for (int turn = 0; turn < 120; ++turn) {
    Draw draw(1000 + turn);
    const int batch = draw(1, 4), micro = draw(1, batch);
    const MicroBatchPlan micro_batches(draw(3, 20), 2, batch, micro);
    const MachinePlan plan = random_machine(draw, micro);
    ScheduleSpec spec =
        schedule_spec(kKinds[draw(0, 8)], draw(0, 1) == 0 ? Pacing::lockstep : Pacing::elastic);
    spec.switch_micro_batch = micro_batches.micro_batches() / 2;
    CAPTURE(turn, static_cast<int>(spec.kind), static_cast<int>(spec.pacing));
    const Recorded r = record_all(plan, spec, micro_batches);
    CHECK(r.dump.end == r.statistics.cycles);
    check_stages(plan, r);
    check_cores(plan, r);
    check_links(r);
  }
}

TEST_CASE("waves: sizes are in bytes of the plan, samples are those at work") {
  const MachinePlan plan = busy_mesh(false, false);
  const Recorded r = record_all(plan, schedule_spec(ScheduleKind::pipelined, Pacing::elastic),
                                MicroBatchPlan(20, 1, 1, 1));
  const auto& held = r.dump.signals.at("machine.stages.s2.samples_held");
  const auto& bytes = r.dump.signals.at("machine.stages.s2.activations_bytes");
  REQUIRE(held.size() == bytes.size());
  for (std::size_t i = 0; i < held.size(); ++i) {
    CHECK(std::stoll(bytes[i].second) == 32 * std::stoll(held[i].second));
  }
  for (const auto& [time, value] : r.dump.signals.at("machine.stages.s5.gradients_bytes")) {
    CHECK((value == "0" || value == "8"));  // the loss gives one at a time
  }
  std::int64_t forwards = 0;
  const auto& samples = r.dump.signals.at("machine.cores.core0.sample");
  for (const auto& [time, value] : samples) forwards += value != "z";
  CHECK(forwards >= 20);
  CHECK(samples.back().second == "z");
}

/// What a signal is at `time`.
std::string value_at(const VcdDump& dump, const std::string& name, std::int64_t time) {
  std::string value;
  for (const auto& [since, is] : dump.signals.at(name)) {
    if (since <= time) value = is;
  }
  return value;
}

TEST_CASE(
    "waves: a window shows the same as the whole, from its first forward to its last update") {
  const MachinePlan plan = busy_mesh(false, false);
  const MicroBatchPlan micro_batches(3000, 1, 1,
                                     1);  // long enough for what comes before to be forgotten
  for (const Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
    const ScheduleSpec spec = schedule_spec(ScheduleKind::pipelined, pacing);
    const Recorded whole = record_all(plan, spec, micro_batches);
    const Recorded part = record(plan, spec, micro_batches, {2500, 2510, false});
    Cycles first = kUnlimited<std::int64_t>, last = 0;
    for (const SpanRecord& span : whole.spans) {
      if (span.micro_batch < 2500 || span.micro_batch >= 2510) continue;
      first = std::min(first, span.begin);
      last = std::max(last, span.end);
    }
    CHECK(part.dump.begin == first);
    CHECK(part.dump.end == last);
    REQUIRE(part.dump.signals.size() == whole.dump.signals.size());
    for (const auto& [name, changes] : part.dump.signals) {
      CAPTURE(name);
      for (const auto& [time, value] : changes) CHECK(value == value_at(whole.dump, name, time));
      std::size_t inside = 1;  // the value to start with
      for (const auto& [time, value] : whole.dump.signals.at(name)) {
        inside += time > first && time <= last;
      }
      CHECK(changes.size() == inside);
    }
  }
}

TEST_CASE("waves: a window behind the end of the run is empty, a run is the same without waves") {
  const MachinePlan plan = busy_mesh(false, false);
  const MicroBatchPlan micro_batches(50, 1, 1, 1);
  const ScheduleSpec spec = schedule_spec(ScheduleKind::pipelined, Pacing::elastic);
  const Recorded r = record(plan, spec, micro_batches, {50, 50, false});
  CHECK(r.dump.begin == r.dump.end);
  const RunStatistics without = run(plan, spec, micro_batches);
  CHECK(without.cycles == r.statistics.cycles);
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    CHECK(without.stages[k].cycles[CycleKind::stall_input] ==
          r.statistics.stages[k].cycles[CycleKind::stall_input]);
    CHECK(without.stages[k].peak_activation_samples ==
          r.statistics.stages[k].peak_activation_samples);
  }
}

}  // namespace
}  // namespace stagecoach
