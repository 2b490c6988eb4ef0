// SPDX-License-Identifier: Apache-2.0
// What staleness becomes in elastic pacing when stages are unlike, queues short or links slow.
// Prints the table of docs/elastic_staleness.md and holds its numbers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

struct StalenessRow {
  const char* what;
  MachinePlan plan;
  std::vector<int> max_in_flight;  ///< empty: the schedule's own
  const char* cycles_per_sample;   ///< as the document has it
  const char* delays;
};

MachinePlan machine(Cycles forward, Cycles backward, int queue = 2) {
  ChainOptions options;
  options.stages = 6;
  options.forward = forward;
  options.backward = backward;
  options.update = 0;
  options.input_queue_micro_batches = queue;
  return chain(options);
}

MachinePlan slow_stage(int k) {
  MachinePlan plan = machine(10, 10);
  set_cost(plan.stages[k], 20, 20, 0);
  return plan;
}

MachinePlan slow_links(Cycles latency) {
  MachinePlan plan = machine(10, 10);
  plan.interconnect = {InterconnectKind::point_to_point, 0.0, latency, 1, 6};
  return plan;
}

/// Delays of every stage in the middle half of 600 micro-batches: "d", or "least-most" where they
/// vary.
std::string steady_delays(const RecordingSink& sink, int stages) {
  std::string text;
  for (int k = 0; k < stages; ++k) {
    const auto delays = delays_of(sink, k);
    const auto [least, most] = std::minmax_element(delays.begin() + 150, delays.begin() + 450);
    if (k > 0) text += " ";
    text += std::to_string(*least);
    if (*least != *most) text += "-" + std::to_string(*most);
  }
  return text;
}

TEST_CASE("staleness table: what elastic pacing gives, of which the closed form is one case") {
  const std::vector<StalenessRow> rows = {
      {"F = B = 10", machine(10, 10), {}, "20.0", "10 8 6 4 2 0"},
      {"F = 10, B = 20", machine(10, 20), {}, "30.0", "10 8 6 4 2 0"},
      {"F = 20, B = 10", machine(20, 10), {}, "30.0", "10 8 6 4 2 0"},
      {"F = 10, B = 20, queue of 1", machine(10, 20, 1), {}, "30.0", "5 4 3 2 1 0"},
      {"F = B = 10, queue of 1", machine(10, 10, 1), {}, "20.0", "5 4 3 2 1 0"},
      {"stage 0 twice as slow", slow_stage(0), {}, "40.0", "0-5 0-4 0-3 0-2 0-1 0"},
      {"stage 3 twice as slow", slow_stage(3), {}, "40.0", "6-8 4-6 2-4 0-2 0-1 0"},
      {"stage 5 twice as slow", slow_stage(5), {}, "40.0", "10 8 6 4 2 0"},
      {"links of latency 5", slow_links(5), {}, "20.0", "10 8 6 4 2 0"},
      {"links of latency 20", slow_links(20), {}, "29.1", "10 8 6 4 2 0"},
      {"links of latency 20, in flight up to 40", slow_links(20), {40}, "20.0", "15 12 9 6 3 0"},
      {"F = B = 10, in flight up to 40", machine(10, 10), {40}, "20.0", "10 8 6 4 2 0"},
      {"F = 10, B = 20, in flight up to 40", machine(10, 20), {40}, "30.0", "10 8 6 4 2 0"},
      {"F = B = 10, in flight up to 4", machine(10, 10), {4}, "30.0", "3 2-3 1-3 0-2 0-1 0"},
  };
  std::printf("| machine of 6 stages | cycles per sample | staleness of stages 0 to 5 |\n");
  std::printf("|---|--:|---|\n");
  for (const StalenessRow& row : rows) {
    ScheduleSpec spec = schedule_spec(ScheduleKind::pipelined, Pacing::elastic);
    spec.max_in_flight = row.max_in_flight;
    RecordingSink sink;
    const RunStatistics s = run(row.plan, spec, MicroBatchPlan(600, 1, 1, 1), sink);
    const std::string delays = steady_delays(sink, 6);
    char cycles[32];
    std::snprintf(cycles, sizeof cycles, "%.1f",
                  static_cast<double>(s.steady_cycles) / static_cast<double>(s.steady_samples));
    std::printf("| %s | %s | %s |\n", row.what, cycles, delays.c_str());
    CAPTURE(row.what);
    CHECK(cycles == std::string(row.cycles_per_sample));
    CHECK(delays == row.delays);
  }
}

}  // namespace
}  // namespace stagecoach
