// SPDX-License-Identifier: Apache-2.0
// Question: does --check --json say what --check says, number by number, and end as it does?
#include "sim/app/check_json.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "sim/stats/number_text.h"
#include "tests/system/program_support.h"

namespace stagecoach {
namespace {

using nlohmann::json;
using test::Outcome;
using test::Program;
using test::refused;

/// Whether the words stand in the text in this order, with nothing but blanks between them.
bool row_of(const std::string& text, const std::vector<std::string>& words) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::vector<std::string> found;
    for (std::string cell; cells >> cell;) found.push_back(cell);
    if (std::search(found.begin(), found.end(), words.begin(), words.end()) != found.end())
      return true;
  }
  return false;
}

std::string count(const json& value) { return with_separators(value.get<std::int64_t>()); }

TEST_CASE("every figure of the check's text is in its JSON") {
  const Program program;
  const std::string setting = "--set hw/interconnect/link_bytes_per_cycle=1 --check ";
  const std::string text = program.run(setting).output;
  const Outcome asked = program.run(setting + "--json");
  REQUIRE(asked.status == 0);
  const json found = json::parse(asked.output);
  CHECK(found["schema"] == kCheckSchema);
  CHECK(found["fits"] == true);
  CHECK(found["replayed_operations"].is_null());
  for (const json& layer : found["network"]["layers"])
    CHECK(row_of(text, {layer["name"].get<std::string>(), layer["type"].get<std::string>(),
                        layer["stage"].dump(), layer["output"].get<std::string>(),
                        count(layer["parameters"]), count(layer["macs"])}));
  for (const json& stage : found["stages"]) {
    const json& cycles = stage["cycles"];
    CHECK(row_of(text,
                 {stage["name"].get<std::string>(), stage["core"].get<std::string>(),
                  count(cycles["forward"]), count(cycles["backward"]), count(cycles["update"])}));
    CHECK(row_of(text, {stage["index"].dump(), stage["name"].get<std::string>(),
                        stage["staleness"].dump()}));
  }
  const json& rate = found["rate"];
  CHECK(text.find("at best one micro-batch every " +
                  with_decimals(rate["cycles_per_micro_batch"].get<double>(), 1)) !=
        std::string::npos);
  REQUIRE(rate["limiting_core"]["passes"].size() > 3);
  CHECK(text.find(count(rate["limiting_core"]["forward_cycles"]) + " on forward") !=
        std::string::npos);
  CHECK(rate["limits"].size() > 3);
  int helps = 0;
  for (const json& change : rate["what_if"]) {
    if (std::abs(change["relative"].get<double>()) <= 0.0005) continue;  // no effect, for the text
    std::vector<std::string> row = {change["field"].get<std::string>()};
    std::istringstream step(change["change"].get<std::string>());
    for (std::string word; step >> word;) row.push_back(word);
    row.push_back(with_decimals(change["cycles_per_micro_batch"].get<double>(), 1));
    CHECK(row_of(text, row));
    ++helps;
  }
  CHECK(helps > 2);
}

TEST_CASE("what does not fit is JSON as well, with the exit status of the text") {
  const Program program;
  const Outcome asked = program.run("--set hw/mapping=one_core_per_stage --check --json");
  CHECK(asked.status == 2);
  const json found = json::parse(asked.output);
  CHECK(found["fits"] == false);
  REQUIRE(found["problems"].size() > 0);
  CHECK(found["problems"][0].get<std::string>().find("weight") != std::string::npos);
}

TEST_CASE("a replay's check counts the operations, and --json alone is refused") {
  const Program program;
  REQUIRE(program.run("--timing-only --record-schedule " + program.path("order")).status == 0);
  const Outcome asked = program.run("--check --json --replay " + program.path("order"));
  REQUIRE(asked.status == 0);
  const json found = json::parse(asked.output);
  CHECK(found["replayed_operations"] == 3000);  // 300 samples, 5 stages, forward and backward
  CHECK(found["rate"].is_null());
  refused(program.run("--json --force"), {"--json: changes nothing without --check"});
}

}  // namespace
}  // namespace stagecoach
