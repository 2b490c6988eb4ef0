// SPDX-License-Identifier: Apache-2.0
// Question: is there any text or value that crashes, hangs or slips an exception through the
// reader?
#include <catch2/catch.hpp>

#include "models/base/error.h"
#include "models/base/random.h"
#include "sim/config/option_table.h"
#include "sim/config/options.h"
#include "tests/sim/config/workload_text.h"

using namespace stagecoach;
using namespace stagecoach::test;

namespace {

/// Reads a workload as the program does; anything but a result or an issue fails the test.
void read_anything(const std::string& text) {
  Issues issues;
  try {
    const Document document = Document::from_text("f.json", text, issues);
    const WorkloadConfig workload = read_workload(document, "", issues);
    if (issues.empty()) {
      Issues again;
      read_workload(Document::from_text("g.json", resolved_workload(workload).dump(), again), "",
                    again);
      if (!again.empty()) FAIL_CHECK("resolved text is refused: " << again.text() << "\n" << text);
    }
  } catch (const UserError&) {
  } catch (const std::exception& error) {
    FAIL_CHECK(error.what() << "\n" << text);
  }
}

/// Bytes flipped, removed, inserted, copied.
std::string mutated_bytes(std::string text, Random& random) {
  const char* pieces[] = {"{",    "}",    "[",    "]",       ",",  ":",   "\"",
                          "-",    "1e99", "null", "\\u0000", "//", "0.5", "999999999999999999999",
                          "\xff", "\xc3"};
  for (std::uint64_t n = 1 + random.below(4); n > 0 && !text.empty(); --n) {
    const std::size_t at = random.below(text.size());
    switch (random.below(4)) {
      case 0:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text.erase(at, 1 + random.below(8));
        break;
      case 2:
        text.insert(at, pieces[random.below(16)]);
        break;
      default:
        text.insert(at, text.substr(random.below(text.size()), random.below(30)));
    }
  }
  return text;
}

/// A random value of a wrong or an extreme kind.
Json odd_value(Random& random) {
  switch (random.below(14)) {
    case 0:
      return nullptr;
    case 1:
      return true;
    case 2:
      return -1;
    case 3:
      return 0;
    case 4:
      return 2147483647;
    case 5:
      return 2147483648LL;
    case 6:
      return 9223372036854775807LL;
    case 7:
      return 18446744073709551615ULL;
    case 8:
      return 1e308;
    case 9:
      return 5e-324;
    case 10:
      return "unlimited";
    case 11:
      return Json::array({1, 28, 28});
    case 12:
      return Json::object({{"type", "relu"}});
    default:
      return 1 + static_cast<int>(random.below(70000));
  }
}

/// Replaces, removes or renames a value somewhere.
void mutate_value(Json& value, Random& random) {
  if ((value.is_object() || value.is_array()) && !value.empty() && random.below(8) != 0) {
    auto it = value.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random.below(value.size())));
    if (random.below(6) == 0) {
      value.erase(it);
    } else if (value.is_object() && random.below(8) == 0) {
      value[it.key() + "x"] = *it;
    } else {
      mutate_value(*it, random);
    }
  } else {
    value = odd_value(random);
  }
}

}  // namespace

TEST_CASE("Ten thousand broken texts give issues and nothing else") {
  Random random(1);
  const std::vector<std::string> samples = workload_samples();
  for (int i = 0; i < 10000; ++i) {
    read_anything(mutated_bytes(samples[random.below(samples.size())], random));
  }
}

TEST_CASE("Ten thousand odd values give issues or a workload that can be printed and read") {
  Random random(2);
  std::vector<std::string> samples = workload_samples();
  samples.push_back(minimal({{"/network", R"({"family": "vgg", "norm": "group_norm",
      "width": 0.25, "input": [3, 32, 32]})"},
                             {"/dataset", R"({"format": "cifar10", "train_images": "x"})"}}));
  for (int i = 0; i < 10000; ++i) {
    Json value = Json::parse(samples[random.below(samples.size())]);
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) mutate_value(value, random);
    read_anything(value.dump());
  }
}

TEST_CASE("Random overrides and options never do more than complain") {
  Random random(3);
  const std::vector<std::string> words = option_names();
  const char* values[] = {"workload/training/epochs=3",
                          "hw/a/b=1",
                          "workload/network/layers/0=1",
                          "workload/x",
                          "=",
                          "",
                          "-1",
                          "3",
                          "f64",
                          "hw",
                          "\xff",
                          "workload/a/=1"};
  for (int i = 0; i < 5000; ++i) {
    std::vector<std::string> arguments = {"stagecoach"};
    for (std::uint64_t n = random.below(6); n > 0; --n) {
      std::string word = words[random.below(words.size())];
      if (random.below(4) == 0) word = mutated_bytes(word, random);
      if (random.below(2) == 0) word += std::string("=") + values[random.below(12)];
      arguments.push_back(word);
      if (random.below(2) == 0) arguments.push_back(values[random.below(12)]);
    }
    std::vector<const char*> raw;
    for (const std::string& a : arguments) raw.push_back(a.c_str());
    Issues issues;
    Document hw = Document::from_text("h.json", "{}", issues);
    Document workload = Document::from_text("w.json", minimal(), issues);
    try {
      apply_overrides(parse_options(static_cast<int>(raw.size()), raw.data()), hw, workload,
                      issues);
      read_workload(workload, "", issues);
    } catch (const UserError&) {
    }
  }
}

// Quadratic work would take minutes here: ctest's time limit ends it.
TEST_CASE("A hostile file of megabytes is refused") {
  std::string keys = "{\"a\": 1";
  for (int i = 0; i < 300000; ++i) keys += ", \"learning_rat" + std::to_string(i) + "\": 1";
  CHECK_NOTHROW(read_anything(keys + "}"));
  std::string layers;
  for (int i = 0; i < 100000; ++i) layers += std::string(i ? "," : "") + "{\"type\": \"rleu\"}";
  CHECK_NOTHROW(read_anything(minimal({{"/network/layers", "[" + layers + "]"}})));
  CHECK_NOTHROW(read_anything("\"" + std::string(8000000, 'x') + "\""));
  CHECK_NOTHROW(read_anything("{\"" + std::string(8000000, 'x') + "\": 1}"));
}
