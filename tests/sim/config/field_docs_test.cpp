// SPDX-License-Identifier: Apache-2.0
// Question: do the documents beside the files say what the tables say?
#include "sim/config/field_docs.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "paths.h"
#include "tests/sim/config/schema_validator.h"
#include "tests/sim/config/workload_text.h"

using namespace stagecoach;
using namespace stagecoach::test;
using Catch::Matchers::Contains;

namespace {

std::string file_text(const std::string& path) {
  std::ifstream in(STAGECOACH_SOURCE_DIR "/" + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// True if the schema and the reader agree about a workload.
void check_agreement(const OrderedJson& schema, const std::string& text) {
  CAPTURE(text);
  const std::string issues = issues_of_workload(text);
  const std::string violations = schema_violations(Json::parse(schema.dump()), Json::parse(text));
  CAPTURE(issues, violations);
  CHECK(issues.empty() == violations.empty());
}

}  // namespace

TEST_CASE("The field tables and schemas on disk are those of the program") {
  INFO("run tools/generate_docs");
  CHECK_THAT(file_text("workloads/README.md"),
             Contains("\n\n" + fields_markdown(Subject::workload) + "<!--"));
  CHECK(file_text("docs/schemas/workload.schema.json") ==
        schema_json(Subject::workload).dump(2) + "\n");
  CHECK_THAT(file_text("hw/README.md"),
             Contains("\n\n" + fields_markdown(Subject::hardware) + "<!--"));
  CHECK(file_text("docs/schemas/hardware.schema.json") ==
        schema_json(Subject::hardware).dump(2) + "\n");
}

TEST_CASE("A row appears with its type, range, unit, default and sentence") {
  const std::string fields = fields_markdown(Subject::workload);
  CHECK_THAT(fields, Contains("### `training.optimizer`"));
  CHECK_THAT(fields, Contains("| `batch_size` | integer, 1 or more (samples) | `1` | Samples of "
                              "one update. |"));
  CHECK_THAT(fields, Contains("| `epsilon` | number, above 0 | `1e-05` |"));
  CHECK_THAT(fields, Contains("**`type` `conv2d`**"));
  CHECK_THAT(fields, Contains("- `relu`: "));
  CHECK_THAT(fields, Contains("| `kernel` | integer, 1 to 128 | required |"));
}

TEST_CASE("An object has one section, and those of equal fields are named in one line") {
  const std::string fields = fields_markdown(Subject::hardware);
  const std::string heading = "### `cores[].vector_unit`";
  REQUIRE(fields.find(heading) != std::string::npos);
  CHECK(fields.find(heading, fields.find(heading) + 1) == std::string::npos);
  CHECK_THAT(fields, Contains("\n\n`cores[].weight_buffer`, `cores[].activation_buffer`: as "
                              "`cores[].buffer`.\n\n"));
}

TEST_CASE("The schema accepts what the reader accepts") {
  const OrderedJson schema = schema_json(Subject::workload);
  for (const std::string& text : workload_samples()) check_agreement(schema, text);
  check_agreement(schema, minimal({{"/$comment", "1"}, {"/training/$source", "{}"}}));
}

TEST_CASE("The schema refuses what the reader refuses field by field") {
  const OrderedJson schema = schema_json(Subject::workload);
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"/trainin", "1"},
      {"/training/epochs", "0"},
      {"/training/epochs", "1.5"},
      {"/training/epochs", "2147483648"},
      {"/training/loss", "\"mse\""},
      {"/training/optimizer/momentum", "1"},
      {"/training/optimizer/momentum", "-0.1"},
      {"/training/optimizer/nesterov", "1"},
      {"/training/optimizer/learning_rate_schedule", R"({"type": "step"})"},
      {"/training/optimizer/learning_rate_schedule", R"({"type": "constant", "factor": 2})"},
      {"/network/layers", "[]"},
      {"/network/layers/0/kernel", "3"},
      {"/network/layers/1/bias", "\"yes\""},
      {"/network/layers/0/type", "\"convolution\""},
      {"/network/layers/0", "{}"},
      {"/network", "3"},
      {"/network", R"({"family": "lenet"})"},
      {"/network", R"({"family": "lenet5", "depth": 3})"},
      {"/dataset/format", "\"mnist\""},
      {"/dataset/train_images", "\"x\""},
      {"/dataset/normalize", R"({"mean": [0.1], "std": [0]})"},
      {"/pipeline/schedule", "\"pipe\""},
      {"/pipeline/switch_epoch", "1"},
      {"/pipeline/partition", "{\"cut\": []}"},
      {"/pipeline/max_in_flight", "[0]"},
  };
  for (const auto& change : bad) check_agreement(schema, minimal({change}));
}
