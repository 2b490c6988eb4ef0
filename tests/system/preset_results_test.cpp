// SPDX-License-Identifier: Apache-2.0
// Questions to every number of every file in hw/, asked of results: does it change what a run
// reports, and does a better value ever cost simulated time?
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>

#include "models/base/error.h"
#include "sim/plan/what_if.h"
#include "sim/stats/energy.h"
#include "sim/stats/summary.h"
#include "tests/support/preset_questions.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

/// Small networks whose runs are short. The wide one has weights enough to fill buffers.
std::vector<Work> short_work() {
  std::vector<Work> all = usual_work();
  all[0].samples = all[1].samples = all[3].samples = 24;
  all[2].samples = 8;
  return all;
}

const std::vector<Work>& work() {
  static const std::vector<Work> all = short_work();
  return all;
}

class Nobody : public OpSink {
 public:
  bool emit(const Op&) override { return true; }
};

/// One run: its plan, and what summary.json would say of it beside host and provenance.
struct PresetOutcome {
  MachinePlan plan;
  RunStatistics statistics;
  OrderedJson summary;
};

/// Nothing where the network cannot be laid on the hardware.
std::optional<PresetOutcome> outcome(const HardwareSpec& hw, const Work& w, Pacing pacing) {
  PlannedMachine machine;
  try {
    machine = planned(hw, w);
  } catch (const UserError&) {
    return std::nullopt;
  }
  if (!machine.report.problems.empty()) return std::nullopt;
  const MicroBatchPlan micro_batches = w.micro_batches();
  const Partition stages = w.stages();
  ScheduleSpec spec = w.schedule();
  spec.pacing = pacing;
  const auto rules = make_schedule(spec, static_cast<int>(stages.size()), micro_batches);
  Nobody sink;
  PresetOutcome out;
  out.statistics = simulate(machine.plan, *rules, spec, micro_batches, sink, {});
  RunResult result;
  result.network = &w.net, result.partition = &stages, result.plan = &machine.plan;
  result.statistics = &out.statistics;
  if (hw.energy) result.energy = energy_of(*hw.energy, machine.plan, out.statistics);
  if (hw.area) result.area = area_of(*hw.area, hw, machine.plan);
  out.summary = make_summary(result);
  out.summary.erase("host");
  out.summary.erase("provenance");
  out.plan = std::move(machine.plan);
  return out;
}

std::optional<std::string> summary_of(const HardwareSpec& hw, const Work& w, Pacing pacing) {
  const auto out = outcome(hw, w, pacing);
  return out ? std::optional<std::string>(out->summary.dump()) : std::nullopt;
}

TEST_CASE("every number of every hardware file changes summary.json, or changing it is refused") {
  int asked = 0;
  for (const std::string& path : presets())
    asked += check_that_numbers_matter(
        path, work(), {1, 1000},
        [](const HardwareSpec& hw, const Work& w) { return summary_of(hw, w, Pacing::elastic); });
  CHECK(asked > 390);
}

/// What "better" means for the time of a whole run, by key: up or down.
std::map<std::string, bool> better_for_the_time() {
  std::map<std::string, bool> up = better_for_the_rate();
  up.insert({{"clock_mhz", true},
             {"rows", true},
             {"columns", true},
             {"efficiency", true},
             {"input_queue_micro_batches", true},
             {"forward_cycles", false},
             {"backward_cycles", false},
             {"update_cycles", false},
             {"forward", false},
             {"backward", false},
             {"update", false},
             {"hop_latency_cycles", false}});
  return up;
}

/// Values at least as good, some near, some far.
std::vector<Json> better_values(const Json& value, bool up) {
  if (value.is_number_integer()) {
    const auto v = value.get<std::int64_t>();
    if (up) return {v + 1, v * 2, v * 16};
    return {std::max<std::int64_t>(0, v - 1), v / 2, 0};
  }
  const auto v = value.get<double>();
  if (up) return {v * 1.1, v * 2, v * 16};
  return {v * 0.9, v / 2, v / 16};
}

double seconds(const PresetOutcome& o) {
  return o.summary["timing"]["simulated_seconds"].get<double>();
}

double seconds_per_sample(const PresetOutcome& o) {
  const auto& timing = o.summary["timing"];
  return timing["steady_cycles_per_sample"].get<double>() /
         (timing["clock_mhz"].get<double>() * 1e6);
}

/// "/cores/0/rows" as reports name it: "cores[0].rows".
std::string report_name(const std::string& pointer) {
  const std::string cores = "/cores/";
  if (pointer.compare(0, cores.size(), cores) != 0) return pointer;
  const std::size_t slash = pointer.find('/', cores.size());
  return "cores[" + pointer.substr(cores.size(), slash - cores.size()) + "]." +
         pointer.substr(slash + 1);
}

/// Calls `ask` with every better value of every number of a file: pointer, value, hardware.
template <class Ask>
void for_every_improvement(const Json& json, const Ask& ask) {
  const std::map<std::string, bool> better_up = better_for_the_time();
  std::vector<std::string> numbers;
  find_numbers(json, "", numbers);
  for (const std::string& pointer : numbers) {
    const auto better = better_up.find(pointer.substr(pointer.rfind('/') + 1));
    if (better == better_up.end()) continue;
    if (pointer.rfind("/interconnect/rows", 0) == 0 ||
        pointer.rfind("/interconnect/columns", 0) == 0) {
      continue;  // a mesh of another shape is not a better one
    }
    for (const Json& value : better_values(json.at(Json::json_pointer(pointer)), better->second)) {
      // A clock that is little higher can lose a cycle to rounding wherever a time in ns is not a
      // whole number of cycles any more; twice the clock cannot.
      if (pointer == "/clock_mhz" && value < 2 * json["clock_mhz"].get<double>()) continue;
      Json improved = json;
      improved[Json::json_pointer(pointer)] = value;
      Issues issues;
      const HardwareSpec hw = spec_of(improved, issues);
      if (issues.empty()) ask(pointer, value, hw);
    }
  }
}

/// Operations that are over sooner can meet in another phase: an elastic run then ends a fraction
/// of a sample later. The rate is the same where the much longer run ends no later than that
/// either.
bool only_another_phase(const HardwareSpec& before, const HardwareSpec& now, Work work) {
  work.samples = 400;
  const auto b = outcome(before, work, Pacing::elastic);
  const auto n = outcome(now, work, Pacing::elastic);
  return seconds(*n) <= seconds(*b) + seconds_per_sample(*b) / 4;
}

TEST_CASE("no field set better ever costs simulated time unless the report says why") {
  int compared = 0, slower = 0, other_phase = 0;
  for (const std::string& path : presets()) {
    const Json json = parsed(path);
    Issues none;
    const HardwareSpec plain = spec_of(json, none);
    for (Pacing pacing : {Pacing::elastic, Pacing::lockstep}) {
      for (std::size_t w = 0; w < 2; ++w) {
        const auto before = outcome(plain, work()[w], pacing);
        REQUIRE(before);
        for_every_improvement(
            json, [&](const std::string& pointer, const Json& value, const HardwareSpec& hw) {
              const auto now = outcome(hw, work()[w], pacing);
              if (!now) return;  // a larger network than the machine's mesh holds
              ++compared;
              if (seconds(*now) <= seconds(*before)) return;
              CAPTURE(path, pointer, value.dump(), w, static_cast<int>(pacing), seconds(*now),
                      seconds(*before));
              if (pacing == Pacing::elastic && only_another_phase(plain, hw, work()[w])) {
                ++other_phase;
                return;
              }
              ++slower;
              CHECK(caution_of({report_name(pointer), "", hw}, before->plan, now->plan) != "");
            });
      }
    }
  }
  std::printf(
      "%d machines with one better field: %d slower, for reasons the report gives; %d end\n"
      "a fraction of a sample later, in another phase\n",
      compared, slower, other_phase);
  CHECK(compared > 2000);
  CHECK(slower > 10);  // larger arrays at batch one, and balanced mappings that use fewer cores
}

/// The largest and the smallest value that the file's checks let through, of values at and beyond
/// the ends of all ranges; `refusals` counts those that are refused, each with its pointer.
std::vector<Json> ends_of_range(const Json& json, const std::string& pointer, int& refusals) {
  const bool whole = json.at(Json::json_pointer(pointer)).is_number_integer();
  std::vector<Json> from_low{-1, 0, 1},
      from_high{9007199254740993, 10000000, 2147483647, 65536, 4096, 1024, 64};
  if (!whole) {
    from_low = {-1e-3, 0.0, 5e-324, 1e-3, 0.125, 1.0};
    from_high = {1.7e308, 1.1e15, 1e15, 1e6, 16.0, 1.0};
  }
  std::vector<Json> ends;
  for (const auto* values : {&from_low, &from_high}) {
    for (const Json& value : *values) {
      Json other = json;
      other[Json::json_pointer(pointer)] = value;
      Issues issues;
      spec_of(other, issues);
      if (issues.empty()) {
        ends.push_back(value);
        break;
      }
      ++refusals;
      std::string text;
      try {
        issues.throw_if_any();
      } catch (const UserError& error) {
        text = error.what();
      }
      CAPTURE(text);
      const std::string parent = pointer.substr(0, pointer.rfind('/'));  // rules of several fields
      CHECK_THAT(text,
                 Catch::Contains("preset: " + pointer) || Catch::Contains("preset: " + parent));
    }
  }
  return ends;
}

/// Nothing negative, nothing without a value, and no part of a whole above it.
void check_sound(const OrderedJson& json, const std::string& at) {
  if (json.is_number()) {
    CAPTURE(at, json.dump());
    CHECK(json.get<double>() >= 0);
    CHECK(std::isfinite(json.get<double>()));
    if (at.find("utilization") != std::string::npos) CHECK(json.get<double>() <= 1 + 1e-9);
  }
  if (json.is_structured()) {
    for (const auto& [key, value] : json.items()) check_sound(value, at + "/" + key);
  }
}

TEST_CASE(
    "at both ends of every number's range a run is refused, or sound and never the wrong way") {
  int refused = 0, ran = 0, compared = 0;
  const std::map<std::string, bool> better_up = better_for_the_time();
  for (const std::string& path : presets()) {
    const Json json = parsed(path);
    Issues none;
    const HardwareSpec plain = spec_of(json, none);
    const auto before = outcome(plain, work()[1], Pacing::elastic);
    REQUIRE(before);
    std::vector<std::string> numbers;
    find_numbers(json, "", numbers);
    for (const std::string& pointer : numbers) {
      for (const Json& value : ends_of_range(json, pointer, refused)) {
        Json other = json;
        other[Json::json_pointer(pointer)] = value;
        Issues issues;
        const HardwareSpec hw = spec_of(other, issues);
        CAPTURE(path, pointer, value.dump());
        const auto now = outcome(hw, work()[1], Pacing::elastic);
        if (!now) {
          ++refused;
          continue;
        }
        ++ran;
        check_sound(now->summary, "");
        const auto up = better_up.find(pointer.substr(pointer.rfind('/') + 1));
        if (up == better_up.end() || pointer.rfind("/interconnect/rows", 0) == 0 ||
            pointer.rfind("/interconnect/columns", 0) == 0) {
          continue;  // energies, areas; a mesh of another shape is not a better one
        }
        ++compared;
        const bool better = (value.get<double>() >
                             json.at(Json::json_pointer(pointer)).get<double>()) == up->second;
        const auto& fast = better ? *now : *before;
        const auto& slow = better ? *before : *now;
        if (seconds(fast) <= seconds(slow)) continue;
        CAPTURE(seconds(fast), seconds(slow));
        if (only_another_phase(better ? plain : hw, better ? hw : plain, work()[1])) continue;
        CHECK(caution_of({report_name(pointer), "", better ? hw : plain}, slow.plan, fast.plan) !=
              "");
      }
    }
  }
  std::printf("%d ends of ranges: %d refused, %d ran, %d of these compared\n", refused + ran,
              refused, ran, compared);
  CHECK(refused > 300);
  CHECK(compared > 200);
}

TEST_CASE("the closed-form steady rate of the check report is never above the simulated one") {
  int equal = 0, machines = 0;
  for (const std::string& path : presets()) {
    const HardwareSpec hw = load_hardware(path);
    for (Work w : {work()[0], work()[1]}) {
      w.samples = 400;
      const double closed_form = planned(hw, w).report.balance.cycles_per_micro_batch();
      const auto run = outcome(hw, w, Pacing::elastic);
      REQUIRE(run);
      const double simulated = run->summary["timing"]["steady_cycles_per_sample"].get<double>();
      CAPTURE(path, closed_form, simulated);
      CHECK(simulated >= closed_form * (1 - 1.0 / 200));  // the ends of the steady part: one sample
      CHECK(simulated <= closed_form * 1.25);             // what routes share is not in the form
      equal += simulated <= closed_form * (1 + 1.0 / 200);
      ++machines;
    }
  }
  std::printf("%d of %d machines run at the closed-form rate\n", equal, machines);
  CHECK(equal * 2 > machines);
}

}  // namespace
}  // namespace stagecoach
