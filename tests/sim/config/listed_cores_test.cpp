// SPDX-License-Identifier: Apache-2.0
// Question: what does a listed mapping with places of cores have to say, and how are mistakes told?
#include <catch2/catch.hpp>

#include "sim/config/hardware_config.h"
#include "tests/sim/config/config_test_support.h"

namespace stagecoach {
namespace {

/// Two groups of 4 and 2 cores, and the list with what is given of the mapping behind it.
std::string chip_with(const std::string& stages, const std::string& rest = "") {
  const std::string kind = R"("kind": "resident", "tile_rows": 1, "tile_columns": 1)";
  return R"({"name": "n", "clock_mhz": 1000, "interconnect": {"kind": "ideal"}, "cores": [)"
         R"({"name": "big", "count": 4, "lanes_per_tile": 8, )" +
         kind + R"(}, {"name": "small", "count": 2, "lanes_per_tile": 2, )" + kind +
         R"(}], "mapping": {"kind": "explicit", "stages": [)" + stages + "]" + rest + "}}";
}

std::string issues_of_chip(const std::string& text) {
  Issues issues;
  read_hardware(Document::from_text("f.json", text, issues), issues);
  return issues.text();
}

std::string listed_entry(const std::string& stage, const std::string& core, int first,
                         int cores = 1) {
  return "{\"stage\": \"" + stage + "\", \"core\": \"" + core +
         "\", \"first_core\": " + std::to_string(first) + ", \"cores\": " + std::to_string(cores) +
         "}";
}

TEST_CASE("a list may name the same cores again, for stages that are no neighbours") {
  const std::string text =
      chip_with(listed_entry("a", "big", 0, 2) + "," + listed_entry("b", "small", 1) + "," +
                listed_entry("c", "big", 0, 2));
  CHECK(issues_of_chip(text) == "");
  Issues issues;
  const HardwareSpec hw = read_hardware(Document::from_text("f.json", text, issues), issues);
  REQUIRE(hw.mapping.stages.size() == 3);
  CHECK(hw.mapping.stages[2].first_core == 0);
  CHECK(write_hardware(hw)["mapping"]["stages"][1]["first_core"] == 1);
}

TEST_CASE("places that a group does not have are told with those it has") {
  CHECK_THAT(issues_of_chip(chip_with(listed_entry("a", "big", 3, 2))),
             Catch::Contains("/mapping/stages/0/first_core: found 3 with 2 cores") &&
                 Catch::Contains("\"big\" has 4; allowed: 0 to 2"));
  CHECK_THAT(issues_of_chip(chip_with(listed_entry("a", "big", 0, 5))),
             Catch::Contains("/mapping/stages/0/cores: found 0 with 5 cores; group \"big\" has 4"));
  CHECK_THAT(issues_of_chip(chip_with(listed_entry("a", "bif", 0))),
             Catch::Contains("/mapping/stages/0/core: found \"bif\"") &&
                 Catch::Contains("allowed: \"big\", \"small\"") &&
                 Catch::Contains("did you mean \"big\""));
}

TEST_CASE("stages share all their cores or none") {
  for (const int first : {1, 2}) {
    const std::string issues = issues_of_chip(chip_with(listed_entry("a", "big", first, 2) + "," +
                                                        listed_entry("b", "big", 3 - first, 2)));
    CHECK_THAT(issues, Catch::Contains("/mapping/stages/1/first_core: cores " +
                                       std::to_string(3 - first) + " to ") &&
                           Catch::Contains("of stage \"a\"") &&
                           Catch::Contains("exactly the same cores, or others"));
  }
  CHECK(
      issues_of_chip(chip_with(listed_entry("a", "big", 1, 2) + "," + listed_entry("b", "big", 3) +
                               "," + listed_entry("c", "small", 1))) == "");
}

TEST_CASE("every entry has a place or none, and forward and backward share it") {
  const std::string mixed = listed_entry("a", "big", 0) + R"(, {"stage": "b", "core": "big"})";
  CHECK_THAT(issues_of_chip(chip_with(mixed)),
             Catch::Contains("/mapping/stages/1: has no first_core"));
  CHECK_THAT(
      issues_of_chip(chip_with(listed_entry("a", "big", 0), R"(, "split_forward_backward": true)")),
      Catch::Contains("/mapping/split_forward_backward: found true"));
}

}  // namespace
}  // namespace stagecoach
