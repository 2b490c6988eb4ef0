// SPDX-License-Identifier: Apache-2.0
#include "sim/app/run_identity.h"

#include "models/base/error.h"
#include "models/base/instruction_set.h"
#include "sim/app/file_uses.h"
#include "sim/config/hardware_config.h"
#include "sim/files/sha256.h"

namespace stagecoach {
namespace {

OrderedJson program() {
  return {{"version", STAGECOACH_VERSION},
          {"compiler", __VERSION__},
          {"instruction_set", compiled_instruction_set()}};
}

/// Paths are left out: the files' digests are in.
OrderedJson workload(const Job& job) {
  OrderedJson fields = resolved_workload(job.workload);
  for (const char* path : {"train_images", "train_labels", "test_images", "test_labels"})
    fields["dataset"].erase(path);
  return fields;
}

OrderedJson changing_options(const Options& options) {
  const char* precision = options.precision == Precision::f64 ? "f64" : "f32";
  return {{"--precision", precision},
          {"--kernels", to_word(options.kernels)},
          {"--functional-only", options.functional_only},
          {"--trace", options.trace},
          {"--vcd", options.vcd},
          {"--trace-from", options.trace_from},
          {"--trace-samples",
           options.trace_samples ? OrderedJson(*options.trace_samples) : OrderedJson("all")}};
}

/// By use a list of digests. Files whose every field is in the identity need none.
OrderedJson digests(const Job& job, const Options& options) {
  OrderedJson found = OrderedJson::object();
  for (const auto& [use, path] : input_files(job, options)) {
    if (use != "--hw" && use != "--workload" && use != "network")
      found[use].push_back(sha256_of_file(path));
  }
  return found;
}

/// "1" or "absent"; long values are cut.
std::string shown_at(const Json& document, const std::string& pointer) {
  const Json::json_pointer place(pointer);
  return document.contains(place) ? shown(document[place]) : "absent";
}

Json parsed(const std::string& text) {
  Issues issues;
  Document document = Document::from_text("the description of its run", text, issues);
  issues.throw_if_any();
  return document.root();
}

}  // namespace

std::string run_identity(const Job& job, const Options& options) {
  return OrderedJson{{"program", program()},
                     {"hardware", hardware_table().write(job.hardware)},
                     {"workload", workload(job)},
                     {"options", changing_options(options)},
                     {"sha256", digests(job, options)}}
      .dump(1);
}

std::string identity_differences(const std::string& there, const std::string& here) {
  const Json a = parsed(there), b = parsed(here);
  const Json differences = Json::diff(a, b);
  std::string text;
  std::size_t count = 0;
  for (const Json& difference : differences) {
    if (++count > kMostDifferences) continue;
    const std::string pointer = difference["path"].get<std::string>();
    text += "\n  " + printable(pointer, 200) + ": " + shown_at(a, pointer) + " there, " +
            shown_at(b, pointer) + " here";
  }
  if (count > kMostDifferences)
    text += "\n  and " + std::to_string(count - kMostDifferences) + " more";
  return text;
}

}  // namespace stagecoach
