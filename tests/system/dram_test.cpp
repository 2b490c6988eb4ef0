// SPDX-License-Identifier: Apache-2.0
// Question: what do cores pay that share one channel to DRAM?
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using nlohmann::json;
using test::Outcome;
using test::Program;

/// LeNet-5 on cores that hold a part of what it needs. `gb_per_s` and further fields of the
/// channel.
json spilled(const Program& program, const std::string& gb_per_s, const std::string& fields = "",
             const std::string& more = "") {
  const Outcome outcome = program.run(
      "--timing-only --force --epochs 1 --set hw/memory_policy=spill --set "
      "'hw/dram={\"latency_ns\": 50, \"bandwidth_gb_per_s\": " +
      gb_per_s + fields +
      "}' --set hw/cores/0/activation_buffer/capacity_kib=4 "
      "--set hw/cores/0/weight_buffer/capacity_kib=16 " +
      more);
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  return program.summary();
}

const char kEqualShares[] = ", \"arbitration\": \"equal_shares\"";

double steady(const json& s) { return s["timing"]["steady_cycles_per_sample"].get<double>(); }

TEST_CASE("a channel that is the bottleneck is busy all the time, whatever schedule shares it") {
  const Program program;
  for (const char* schedule : {"pipelined", "one_f_one_b", "gpipe", "zero_bubble"}) {
    const std::string batch =
        schedule[0] == 'p' || schedule[0] == 'o' ? "" : " --set workload/training/batch_size=8";
    for (const char* pacing : {"elastic", "lockstep"}) {
      const std::string job = std::string("--set workload/pipeline/schedule=") + schedule +
                              " --set workload/pipeline/pacing=" + pacing + batch;
      INFO(job);
      const json s = spilled(program, "0.2", "", job);
      const json& channel = s["memory"]["dram_channel"];
      std::int64_t bytes = 0;
      for (const json& stage : s["stages"])
        bytes += stage["memory"]["spilled_bytes"].get<std::int64_t>();
      CHECK(channel["bytes"] == bytes);
      CHECK(bytes > 0);
      const double cycles = s["timing"]["cycles"].get<double>();
      CHECK(channel["busy_cycles"].get<double>() <= cycles);
      // Not in lockstep, where every tick waits for its last transfer.
      if (pacing[0] == 'e' && batch.empty()) {
        CHECK(s["timing"]["limited_by"] == "dram");
        CHECK(channel["utilization"].get<double>() > 0.98);
        CHECK(steady(s) ==
              Approx(s["timing"]["limit_cycles_per_micro_batch"].get<double>()).epsilon(0.01));
      }
    }
  }
}

TEST_CASE("equal shares waste what a user leaves") {
  const Program program;
  const json shares = spilled(program, "2", kEqualShares);
  CHECK(shares["memory"]["dram_channel"].is_null());
  const json taken = spilled(program, "2");
  CHECK(steady(taken) < steady(shares));
  for (std::size_t k = 0; k < taken["stages"].size(); ++k)
    CHECK(taken["stages"][k]["memory"]["spilled_bytes"] ==
          shares["stages"][k]["memory"]["spilled_bytes"]);
  CHECK(taken["energy"]["parts"]["dram"] == shares["energy"]["parts"]["dram"]);
}

TEST_CASE("one core alone pays the same under both arbitrations") {
  const Program program;
  const std::string one =
      "--set hw/cores/0/count=1 --set 'workload/pipeline/partition={\"balanced\": 1}'";
  const json a = spilled(program, "2", kEqualShares, one);
  const json b = spilled(program, "2", "", one);
  CHECK(a["timing"]["cycles"] == b["timing"]["cycles"]);
  CHECK(b["memory"]["dram_channel"]["wait_cycles"] == 0);
}

TEST_CASE("rows that are not open cost the channel what the closed form says") {
  const Program program;
  // 64 bytes at 0.2 GB/s take 320 ns; a quarter of the bursts waits 1280 ns more: half the rate.
  const json open = spilled(program, "0.1");
  const json missed = spilled(program, "0.2", ", \"row_miss_ns\": 1280, \"row_hit_rate\": 0.75");
  CHECK(missed["timing"]["cycles"] == open["timing"]["cycles"]);
}

}  // namespace
}  // namespace stagecoach
