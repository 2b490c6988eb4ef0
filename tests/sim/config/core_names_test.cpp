// SPDX-License-Identifier: Apache-2.0
// Question: can two cores of one chip be called the same?
#include <catch2/catch.hpp>

#include "sim/config/hardware_config.h"
#include "tests/support/presets.h"

namespace stagecoach {
namespace {

std::string errors_of(const std::string& first, const std::string& second) {
  const std::string folder = std::string(STAGECOACH_SOURCE_DIR) + "/hw/";
  Json chip = parsed(folder + "small_mesh.json");
  chip["cores"][0]["name"] = first;
  chip["cores"].push_back(chip["cores"][0]);
  chip["cores"][1]["name"] = second;
  Issues issues;
  spec_of(chip, issues);
  return issues.text();
}

TEST_CASE("groups whose cores could be called the same are refused") {
  for (const auto& [first, second] : std::vector<std::pair<std::string, std::string>>{
           {"a", "a"}, {"a", "a1"}, {"a1", "a"}, {"a b", "a_b"}, {"a.", "a_2"}}) {
    CAPTURE(first, second);
    CHECK_THAT(errors_of(first, second),
               Catch::Contains("/cores/1") && Catch::Contains("\"" + second + "\" is taken"));
  }
  for (const auto& [first, second] : std::vector<std::pair<std::string, std::string>>{
           {"a", "b"}, {"a", "ab"}, {"a1b", "a"}, {"big", "little"}}) {
    CAPTURE(first, second);
    CHECK_THAT(errors_of(first, second), !Catch::Contains("is taken"));
  }
}

}  // namespace
}  // namespace stagecoach
