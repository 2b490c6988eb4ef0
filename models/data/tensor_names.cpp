// SPDX-License-Identifier: Apache-2.0
#include "models/data/tensor_names.h"

namespace stagecoach {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// What stands before every expected name, and nothing is there besides; "": no such prefix.
std::string common_prefix(const std::map<std::string, const HostTensor*>& by_name,
                          const std::set<std::string>& expected) {
  if (expected.empty() || by_name.size() != expected.size()) return "";
  // Both are sorted, and a common prefix does not change the order.
  const std::string& first = by_name.begin()->first;
  if (!ends_with(first, *expected.begin())) return "";
  const std::string prefix = first.substr(0, first.size() - expected.begin()->size());
  auto name = expected.begin();
  for (const auto& [found, tensor] : by_name)
    if (found != prefix + *name++) return "";
  return prefix;
}

}  // namespace

NamedTensors named_tensors(const TensorMap& tensors, const std::set<std::string>& expected) {
  NamedTensors named;
  int counters = 0;
  for (const auto& [name, tensor] : tensors) {
    if (ends_with(name, ".num_batches_tracked") && !expected.count(name)) {
      ++counters;
    } else {
      named.by_name[name] = &tensor;
    }
  }
  if (counters > 0)
    named.notes.push_back("leaves out " + std::to_string(counters) +
                          (counters == 1 ? " tensor" : " tensors") +
                          " \"num_batches_tracked\": counts of batches, read by nothing here");
  const std::string prefix = common_prefix(named.by_name, expected);
  if (prefix.empty()) return named;
  named.notes.push_back("removes the prefix \"" + prefix + "\" from the name of every tensor");
  std::map<std::string, const HostTensor*> plain;
  for (const auto& [name, tensor] : named.by_name) plain[name.substr(prefix.size())] = tensor;
  named.by_name = std::move(plain);
  return named;
}

}  // namespace stagecoach
