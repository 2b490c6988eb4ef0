// SPDX-License-Identifier: Apache-2.0
// Question: is the instruction set chosen that was asked for, or the best, and no other?
#include "sim/app/instruction_sets.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "models/base/error.h"

using namespace stagecoach;

namespace {

using Sets = std::vector<std::string>;

const Sets kAll = {"avx512", "avx2", "baseline"};

std::string refusal(const std::string& asked, const Sets& built, const Sets& run_here) {
  try {
    return "took " + choose_instruction_set(asked, built, run_here);
  } catch (const UserError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("auto takes the best instruction set that was built and runs here") {
  CHECK(choose_instruction_set("auto", kAll, kAll) == "avx512");
  CHECK(choose_instruction_set("auto", kAll, {"avx2", "baseline"}) == "avx2");
  CHECK(choose_instruction_set("auto", kAll, {"baseline"}) == "baseline");
  CHECK(choose_instruction_set("auto", {"baseline"}, kAll) == "baseline");
  CHECK(choose_instruction_set("auto", {"avx2"}, kAll) == "avx2");
}

TEST_CASE("an instruction set that was built and runs here is taken by its name") {
  for (const std::string& set : kAll) CHECK(choose_instruction_set(set, kAll, kAll) == set);
}

TEST_CASE("an instruction set that the processor lacks is refused with what is allowed") {
  CHECK(refusal("avx512", kAll, {"avx2", "baseline"}) ==
        "--instruction-set: found \"avx512\", which this processor lacks; allowed here: one of "
        "\"auto\", \"avx2\", \"baseline\"");
}

TEST_CASE("an instruction set that was not built is refused with what is allowed") {
  CHECK(refusal("baseline", {"avx512"}, kAll) ==
        "--instruction-set: found \"baseline\", which this program was not built for "
        "(docs/install.md); allowed here: one of \"auto\", \"avx512\"");
}

TEST_CASE("every processor runs the baseline, and what it has besides is listed best first") {
  const Sets sets = processor_instruction_sets();
  REQUIRE(sets.size() <= kAll.size());
  CHECK(std::equal(sets.rbegin(), sets.rend(), kAll.rbegin()));
}
