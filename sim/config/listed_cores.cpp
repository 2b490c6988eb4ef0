// SPDX-License-Identifier: Apache-2.0
#include "sim/config/listed_cores.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "sim/hardware/core_groups.h"

namespace stagecoach {

namespace {

void report_unknown_group(const HardwareSpec& hw, const std::string& name, const Place& entry) {
  std::vector<std::string> names;
  for (const CoreSpec& core : hw.cores) names.push_back(core.name);
  entry.child("core").report("found \"" + printable(name) + "\", which is no group of /cores; " +
                             "allowed: " + quoted_list(names) + did_you_mean(name, names));
}

std::string range_text(const MappingEntry& e) {
  const std::string first = std::to_string(*e.first_core);
  if (e.cores == 1) return "core " + first;
  return "cores " + first + " to " + std::to_string(*e.first_core + e.cores - 1);
}

bool fits_group(const CoreSpec& group, const MappingEntry& e, const Place& entry) {
  if (group.count == 0 || *e.first_core + e.cores <= group.count) return true;
  const std::string found = "found " + std::to_string(*e.first_core) + " with " +
                            std::to_string(e.cores) + (e.cores == 1 ? " core" : " cores") +
                            "; group \"" + group.name + "\" has " + std::to_string(group.count);
  entry.child(e.cores <= group.count ? "first_core" : "cores")
      .report(found + (e.cores <= group.count
                           ? "; allowed: 0 to " + std::to_string(group.count - e.cores)
                           : ""));
  return false;
}

/// By first core: the entries of one group so far. Ranges among them are equal or apart.
using Taken = std::map<std::int64_t, const MappingEntry*>;

void check_overlap(const MappingEntry& e, const Place& entry, Taken& taken) {
  const auto end = [](const MappingEntry& m) { return *m.first_core + m.cores; };
  const auto after = taken.upper_bound(*e.first_core);
  const MappingEntry* other = nullptr;
  if (after != taken.begin() && end(*std::prev(after)->second) > *e.first_core) {
    other = std::prev(after)->second;
    if (*other->first_core == *e.first_core && other->cores == e.cores) return;
  } else if (after != taken.end() && end(e) > after->first) {
    other = after->second;
  }
  if (!other) {
    taken[*e.first_core] = &e;
    return;
  }
  entry.child("first_core")
      .report(range_text(e) + " of \"" + e.core + "\" overlap with " + range_text(*other) +
              " of stage \"" + printable(other->stage) +
              "\"; allowed: exactly the same cores, or others");
}

}  // namespace

void check_listed_cores(const HardwareSpec& hw, const Place& mapping) {
  const std::vector<MappingEntry>& entries = hw.mapping.stages;
  if (hw.mapping.kind != MappingKind::explicit_list) return;
  const bool placed = std::any_of(entries.begin(), entries.end(),
                                  [](const MappingEntry& e) { return e.first_core.has_value(); });
  if (placed && hw.mapping.split_forward_backward) {
    mapping.child("split_forward_backward")
        .report(
            "found true, and the list has first_core, which places one set of cores a stage; "
            "allowed: false, or a list without first_core");
  }
  std::map<std::string, Taken> taken;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const MappingEntry& e = entries[i];
    const Place entry = mapping.child("stages").item(i);
    const std::optional<int> group = group_named(hw, e.core);
    if (!group) {
      report_unknown_group(hw, e.core, entry);
    } else if (placed && !e.first_core) {
      entry.report(
          "has no first_core, and other entries have one; allowed: first_core in every entry, or "
          "in none");
    } else if (placed && fits_group(hw.cores[static_cast<std::size_t>(*group)], e, entry)) {
      check_overlap(e, entry, taken[e.core]);
    }
  }
}

}  // namespace stagecoach
