// SPDX-License-Identifier: Apache-2.0
#include "models/data/tensor_names.h"

#include <catch2/catch.hpp>

namespace stagecoach {

using Catch::Contains;

namespace {

const std::set<std::string> kExpected = {"fc1.bias", "fc1.weight", "norm.running_mean",
                                         "norm.weight"};

TensorMap with_prefix(const std::string& prefix) {
  TensorMap tensors;
  double value = 0;
  for (const std::string& name : kExpected) tensors[prefix + name] = {{1}, {++value}};
  return tensors;
}

}  // namespace

TEST_CASE("names that fit are taken as they are") {
  const TensorMap tensors = with_prefix("");
  const NamedTensors named = named_tensors(tensors, kExpected);
  CHECK(named.notes.empty());
  CHECK(named.by_name.size() == kExpected.size());
  CHECK(named.by_name.at("norm.weight") == &tensors.at("norm.weight"));
}

TEST_CASE("counters of batches are left out, and that is told") {
  TensorMap tensors = with_prefix("");
  tensors["norm.num_batches_tracked"] = {{}, {1000}};
  const NamedTensors named = named_tensors(tensors, kExpected);
  CHECK(named.by_name.size() == kExpected.size());
  REQUIRE(named.notes.size() == 1);
  CHECK_THAT(named.notes[0], Contains("leaves out 1 tensor \"num_batches_tracked\""));
}

TEST_CASE("a prefix that fits every name goes, with counters or without, and that is told") {
  for (const std::string prefix : {"module.", "_orig_mod.module.", "net/"}) {
    for (const bool counter : {false, true}) {
      TensorMap tensors = with_prefix(prefix);
      if (counter) tensors[prefix + "norm.num_batches_tracked"] = {{}, {7}};
      const NamedTensors named = named_tensors(tensors, kExpected);
      for (const std::string& name : kExpected)
        CHECK(named.by_name.at(name) == &tensors.at(prefix + name));
      REQUIRE_FALSE(named.notes.empty());
      CHECK_THAT(named.notes.back(), Contains("the prefix \"" + prefix + "\""));
    }
  }
}

TEST_CASE("a prefix that does not fit every name stays") {
  TensorMap missing = with_prefix("module.");
  missing.erase("module.fc1.bias");
  TensorMap other = with_prefix("module.");
  other["module.extra"] = {{1}, {0}};
  TensorMap mixed = with_prefix("module.");
  mixed.erase("module.norm.weight");
  mixed["norm.weight"] = {{1}, {0}};
  for (const TensorMap& tensors : {missing, other, mixed}) {
    const NamedTensors named = named_tensors(tensors, kExpected);
    CHECK(named.notes.empty());
    CHECK(named.by_name.size() == tensors.size());
  }
}

}  // namespace stagecoach
