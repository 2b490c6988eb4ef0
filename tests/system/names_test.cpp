// SPDX-License-Identifier: Apache-2.0
// A core and a link have one name: in SystemC, in the statistics and in the waveforms.
#include <catch2/catch.hpp>

#include "sim/base/instance_name.h"
#include "sim/system/accelerator.h"
#include "sim/system/kernel_scope.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

/// Keeps the names that the waves are given.
struct LinkNames : WaveSink {
  void begin(const std::vector<std::string>& links) override { names = links; }
  void operation(const SpanRecord&) override {}
  void cycles(int, Cycles, CycleKind) override {}
  void held(int, Cycles, const HeldSamples&) override {}
  void link_busy(int, Cycles, Cycles) override {}
  void host_busy(Cycles, Cycles) override {}
  std::vector<std::string> names;
};

TEST_CASE("cores, links and stages are SystemC objects under the names of the reports") {
  for (const InterconnectKind kind :
       {InterconnectKind::mesh2d, InterconnectKind::point_to_point, InterconnectKind::ring,
        InterconnectKind::bus, InterconnectKind::crossbar}) {
    ChainOptions options;
    options.stages = 4;
    options.bytes_per_sample = 16;
    MachinePlan plan = chain(options);
    plan.interconnect = {kind, 8.0, 1, 1, 4};
    const MicroBatchPlan micro_batches(5, 1, 1, 1);
    const auto schedule = make_schedule({}, 4, micro_batches);
    RecordingSink sink;
    LinkNames waves;
    SimulationOptions with_waves;
    with_waves.waves = &waves;
    KernelScope kernel;
    Accelerator accelerator("accelerator", plan, *schedule, Pacing::elastic, micro_batches, sink,
                            with_waves);
    sc_core::sc_start();
    const RunStatistics s = accelerator.report();
    require_completion(s, micro_batches);

    const auto find = [](const std::string& name) {
      CAPTURE(name);
      const sc_core::sc_object* object = sc_core::sc_find_object(name.c_str());
      REQUIRE(object);
      return std::string(object->kind());
    };
    for (const CorePlan& core : plan.cores) find("accelerator.cores." + core.name);
    REQUIRE(s.links.size() == waves.names.size());
    for (std::size_t l = 0; l < s.links.size(); ++l) {
      CHECK(find("accelerator.interconnect." + s.links[l].name) == "link");
      CHECK(waves.names[l] == s.links[l].name);
      CHECK(instance_name(s.links[l].name) == s.links[l].name);  // as the waveforms write it
    }
    for (const StagePlan& stage : plan.stages) {
      for (const char* part : {"controller", "weight_buffer", "activation_buffer"}) {
        find("accelerator.stages." + stage.name + "." + part);
      }
    }
  }
}

TEST_CASE("characters at which tools split a name become underscores") {
  CHECK(instance_name("tile(0,1)->tile(0,2)") == "tile(0,1)->tile(0,2)");
  CHECK(instance_name("big core.v2[0]$") == "big_core_v2_0__");
  CHECK(instance_name("") == "_");
}

}  // namespace
}  // namespace stagecoach
