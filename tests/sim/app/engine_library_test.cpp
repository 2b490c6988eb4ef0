// SPDX-License-Identifier: Apache-2.0
// Question: what passes the door of an engine library, and which libraries are refused?
#include "sim/app/engine_library.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "models/base/instruction_set.h"
#include "paths.h"

using namespace stagecoach;
using Catch::Matchers::Contains;

namespace {

const std::filesystem::path kFolder = STAGECOACH_LIBRARIES;

std::string refusal(const std::filesystem::path& file, const std::string& set) {
  try {
    open_engine_library(file, set);
    return "opened";
  } catch (const UserError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("objects and both kinds of failure pass the door of an engine library") {
  const EngineDoor& engine = open_engine_library(kFolder / "libfake_engine.so", "avx2");
  CHECK(engine.load_dataset != &load_dataset);
  DatasetSpec spec;
  const std::unique_ptr<Dataset> data = engine.load_dataset(spec);
  CHECK(data->size(Split::train) == 7);
  CHECK(data->shape().width == 3);
  spec.train_labels = "no such file";
  CHECK_THROWS_AS(engine.load_dataset(spec), UserError);
  CHECK_THROWS_WITH(engine.load_dataset(spec), "inside: no such file");
  spec.train_labels = "bug";
  CHECK_THROWS_AS(engine.load_dataset(spec), ModelBug);
}

TEST_CASE("a library that is missing, no engine, of another build or set is refused by name") {
  CHECK_THAT(
      refusal(kFolder / "libstagecoach_none.so", "avx2"),
      Contains("libstagecoach_none.so: cannot be opened: ") && Contains("--instruction-set avx2"));
  CHECK_THAT(refusal("libz.so.1", "avx2"), Contains("libz.so.1: is no engine"));
  CHECK_THAT(refusal(kFolder / "libforeign_engine.so", "avx2"),
             Contains("libforeign_engine.so: is of another build, 0.0, not " STAGECOACH_VERSION));
  CHECK_THAT(refusal(kFolder / "libfake_engine.so", "avx512"),
             Contains("libfake_engine.so: is for avx2"));
}

TEST_CASE("a program with one engine computes with it") {
  const EngineDoor& own = *stagecoach_engine_door();
  CHECK(own.instruction_set == std::string(compiled_instruction_set()));
  CHECK(&open_engine(compiled_instruction_set()) == &own);
}
