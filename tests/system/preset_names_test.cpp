// SPDX-License-Identifier: Apache-2.0
// A name that is no preset: what the program takes it for.
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using test::Outcome;
using test::Program;

std::string refusal_of(const Program& program, const std::string& hw, const std::string& workload) {
  const Outcome outcome = Program::shell(
      "cd " + std::filesystem::path(program.path("x")).parent_path().string() + " && " +
      STAGECOACH_PROGRAM + " --check --hw " + hw + " --workload " + workload);
  CHECK(outcome.status == 2);
  return outcome.output.substr(0, outcome.output.find("; presets:"));
}

TEST_CASE("a name that is no preset is refused with what was meant") {
  const Program program;
  program.write("my_chip.json", "{}");
  const std::string neither = ", which is neither a file nor a preset";
  CHECK(refusal_of(program, "my_chip", "lenet5-glyphs") ==
        "stagecoach: --hw: found \"my_chip\"" + neither +
            "; did you mean the file \"my_chip.json\"?");
  CHECK(refusal_of(program, "small_mesh", "resnet20") ==
        "stagecoach: --workload: found \"resnet20\"" + neither +
            "; did you mean \"resnet20-cifar10\"?");
  CHECK(refusal_of(program, "lenet5-glyphs", "small_mesh") ==
        "stagecoach: --hw: found \"lenet5-glyphs\"" + neither + "; it is a preset of --workload");
  CHECK(refusal_of(program, "smal_mesh", "lenet5-glyphs") ==
        "stagecoach: --hw: found \"smal_mesh\"" + neither + "; did you mean \"small_mesh\"?");
  CHECK(refusal_of(program, "small_mesh", "zzz") ==
        "stagecoach: --workload: found \"zzz\"" + neither);
}

TEST_CASE("a file that is missing is told with its option, and both files at once") {
  const Program program;
  const std::string hw = "stagecoach: --hw: found ", workload = "--workload: found ";
  CHECK(refusal_of(program, "small_mesh.json", "dir/none.json") ==
        hw + "\"small_mesh.json\", no such file; did you mean the preset \"small_mesh\"?\n" +
            workload + "\"dir/none.json\", no such file\n");
  CHECK(refusal_of(program, "smal_mesh.json", "lenet5-glyphs") ==
        hw + "\"smal_mesh.json\", no such file; did you mean \"small_mesh\"?");
}

TEST_CASE("advice about one more core is given where it helps, else said not to help") {
  const Program program;
  // Equal stages of one core each: a core for one of them leaves the others.
  program.write("hw.json", R"({"name": "row", "clock_mhz": 100, "mapping": "balanced",
    "interconnect": {"kind": "ideal"}, "cores": [{"name": "core", "count": 3, "kind": "fixed",
    "forward_cycles": 10, "backward_cycles": 20, "update_cycles": 0}]})");
  const std::string root = STAGECOACH_SOURCE_DIR;
  const Outcome equal = program("--check --hw " + program.path("hw.json") + " --workload " + root +
                                "/workloads/lenet5-glyphs.json --set "
                                "'workload/pipeline/partition={\"balanced\": 2}'");
  CHECK(equal.status == 0);
  CAPTURE(equal.output);
  CHECK(equal.output.find("One more core alone would not help.") != std::string::npos);
  const Outcome uneven = program("--check " + Program::files());
  CHECK(uneven.output.find("One more core would bring it to 6,080.0 cycles") != std::string::npos);
}

}  // namespace
}  // namespace stagecoach
