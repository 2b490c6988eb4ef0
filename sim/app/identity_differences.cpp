// SPDX-License-Identifier: Apache-2.0
#include "sim/app/identity_differences.h"

#include "sim/config/json_document.h"

namespace stagecoach {
namespace {

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
