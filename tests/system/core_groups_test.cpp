// SPDX-License-Identifier: Apache-2.0
// Question: does a run on two kinds of cores, shared out by mapping `balanced`, take the time of
// the same machine with a list of its cores, and a shorter one than on each kind alone?
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using nlohmann::json;

/// A mesh with some groups of cores and a mapping.
std::string mesh_of_groups(const json& groups, const json& mapping) {
  return json{{"name", "groups"},
              {"clock_mhz", 1000},
              {"cores", groups},
              {"interconnect",
               {{"kind", "mesh2d"}, {"link_bytes_per_cycle", 32}, {"hop_latency_cycles", 2}}},
              {"mapping", mapping}}
      .dump();
}

/// The summary of a short run.
json summary_on(const test::Program& program, const json& groups, const json& mapping,
                const json& partition = {{"balanced", 2}}) {
  program.write("hw.json", mesh_of_groups(groups, mapping));
  const test::Outcome outcome = program(
      "--hw " + program.path("hw.json") + " --workload " + std::string(STAGECOACH_SOURCE_DIR) +
      "/workloads/lenet5-glyphs.json --set workload/pipeline/partition='" + partition.dump() +
      "' --samples 200 --epochs 1 --timing-only --quiet --force --out " + program.path("out"));
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  return program.summary();
}

TEST_CASE("a run on two kinds of cores that are shared out is the run with a list of them") {
  const test::Program program;
  const json lanes = {{"name", "lanes"},   {"kind", "resident"},   {"tile_rows", 1},
                      {"tile_columns", 1}, {"lanes_per_tile", 64}, {"count", 4}};
  const json array = {{"name", "array"}, {"kind", "systolic"}, {"rows", 16},
                      {"columns", 16},   {"count", 2},         {"dataflow", "weight_stationary"}};
  const json both = summary_on(program, {lanes, array}, "balanced");
  REQUIRE(both["stages"].size() == 2);
  // The convolution that has few weights goes to the arrays, the others to the lanes.
  CHECK(both["stages"][0]["core"] == "array0-1");
  CHECK(both["stages"][1]["core"] == "lanes2-5");
  const json list = {{"kind", "explicit"},
                     {"stages",
                      {{{"stage", both["stages"][0]["name"]}, {"core", "array"}, {"cores", 2}},
                       {{"stage", both["stages"][1]["name"]}, {"core", "lanes"}, {"cores", 4}}}}};
  // A list names stages, so that its run is given the cuts.
  const json same = summary_on(program, {lanes, array}, list, {{"cuts", json::array({"conv1"})}});
  CHECK(same["timing"] == both["timing"]);
  for (const json& alone : {lanes, array}) {
    CAPTURE(alone["name"]);
    CHECK(summary_on(program, json::array({alone}), "balanced")["timing"]["cycles"] >
          both["timing"]["cycles"]);
  }
}

}  // namespace
}  // namespace stagecoach
