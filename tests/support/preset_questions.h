// SPDX-License-Identifier: Apache-2.0
// Questions to every number of a hardware file: does it matter, and which way is better?
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/support/presets.h"

namespace stagecoach {

/// Other values to try for a number: near first, then far, where something else may decide.
inline std::vector<Json> others(const Json& value, const std::vector<Json>& for_zero) {
  if (value.is_number_integer()) {
    const auto v = value.get<std::int64_t>();
    if (v == 0) return for_zero;
    return {v * 2, v + 1, v / 2, v * 1000, v / 1000};
  }
  const auto v = value.get<double>();
  if (v == 0) return {1.0};
  return {v * 2, v / 2, v * 1000, v / 1000};
}

/// Checks that every number of the file changes `results(hardware, work)` for some of `works`, or
/// that the file allows no other value. Returns how many numbers it asked.
template <class Results>
int check_that_numbers_matter(const std::string& path, std::vector<Work> works,
                              const std::vector<Json>& for_zero, const Results& results) {
  const Json json = parsed(path);
  if (json["cores"][0].contains("pieces")) {  // which inference alone reads
    works.push_back({everything()});
    works.back().forward_only = true;
  }
  Issues none;
  const HardwareSpec plain = spec_of(json, none);
  std::vector<decltype(results(plain, works[0]))> before;
  for (const Work& work : works) before.push_back(results(plain, work));
  std::vector<std::string> numbers;
  find_numbers(json, "", numbers);
  for (const std::string& pointer : numbers) {
    bool matters = true;  // until the file allows another value
    for (const Json& other : others(json.at(Json::json_pointer(pointer)), for_zero)) {
      Json other_json = json;
      other_json[Json::json_pointer(pointer)] = other;
      Issues issues;
      const HardwareSpec hw = spec_of(other_json, issues);
      if (!issues.empty()) continue;
      matters = false;
      for (std::size_t w = 0; w < works.size() && !matters; ++w) {
        matters = results(hw, works[w]) != before[w];
      }
      if (matters) break;
    }
    CAPTURE(path, pointer);
    CHECK(matters);
  }
  return static_cast<int>(numbers.size());
}

/// What "better" means for the steady rate, by key: up or down. A larger systolic array is not
/// always better at batch one (its fill grows; docs/timing_model.md), so rows and columns are not
/// here.
inline std::map<std::string, bool> better_for_the_rate() {
  return {{"lanes", true},
          {"lanes_per_tile", true},
          {"tile_rows", true},
          {"tile_columns", true},
          {"atomic_inputs", true},
          {"atomic_outputs", true},
          {"peak_gmacs_per_s", true},
          {"memory_gb_per_s", true},
          {"width_bytes", true},
          {"banks", true},
          {"read_ports", true},
          {"write_ports", true},
          {"shared_ports", true},
          {"capacity_kib", true},
          {"bandwidth_gb_per_s", true},
          {"link_bytes_per_cycle", true},
          {"count", true},
          {"tile_hop_cycles", false},
          {"mac_latency_cycles", false},
          {"operation_overhead_cycles", false},
          {"forward_units", true},
          {"input_gradient_units", true},
          {"weight_gradient_units", true},
          {"mac_initiation_interval_cycles", false},
          {"latency_cycles", false},
          {"launch_overhead_ns", false},
          {"latency_ns", false},
          {"weights_bytes", false},
          {"activations_bytes", false},
          {"gradients_bytes", false},
          {"optimizer_bytes", false}};
}

}  // namespace stagecoach
