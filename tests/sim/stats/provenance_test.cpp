// SPDX-License-Identifier: Apache-2.0
// Does the recorded command depend on the input alone?
#include "sim/stats/provenance.h"

#include <catch2/catch.hpp>

using namespace stagecoach;  // NOLINT: tests

TEST_CASE("the recorded command leaves out what never changes a result") {
  CHECK(
      reproducible_command({"--hw", "a.json", "--threads", "2", "--out", "x", "--seed", "3"}) ==
      reproducible_command({"--hw", "a.json", "--threads=7", "--force", "--out=y", "--seed", "3"}));
  CHECK(reproducible_command({"--out", "x", "--hw", "a.json", "--quiet", "--save-weights", "w"}) ==
        "stagecoach --hw a.json");
}

TEST_CASE("the recorded command can be pasted into a shell") {
  CHECK(reproducible_command({"--hw=a.json", "--set=hw/x=1", "--resume", "--checkpoint-every=2",
                              "--checkpoint-every", "3"}) ==
        reproducible_command({"--hw", "a.json", "--set", "hw/x=1"}));
  CHECK(reproducible_command({"--set", "hw/x={\"a\": 1}", ""}) ==
        "stagecoach --set 'hw/x={\"a\": 1}' ''");
  CHECK(reproducible_command({"it's"}) == "stagecoach 'it'\\''s'");
}
