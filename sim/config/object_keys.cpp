// SPDX-License-Identifier: Apache-2.0
#include "sim/config/object_keys.h"

#include <algorithm>

namespace stagecoach {

void report_unknown_keys(const Json& object, const Place& at, const KnownKeys& known,
                         const std::function<std::string(const std::string&)>& elsewhere) {
  const auto has = [](const std::vector<std::string>& list, const std::string& key) {
    return std::find(list.begin(), list.end(), key) != list.end();
  };
  for (const auto& entry : object.items()) {
    const std::string& key = entry.key();
    if (is_annotation(key) || has(known.offered, key) || has(known.accepted, key)) continue;
    if (at.issues().full()) {  // only counted
      at.report("");
      continue;
    }
    const std::string owners = elsewhere(key);
    const std::string place = owners.empty() ? "unknown field" : "this field does not belong here";
    std::string hint = did_you_mean(key, known.offered);
    if (hint.empty() && owners.empty()) {
      const std::string there = at.elsewhere(key);
      if (!there.empty()) hint = "; a field of this name is at " + there;
    }
    at.child(key).report(place + owners + "; allowed here: " + quoted_list(known.offered) +
                         known.more + hint);
  }
}

bool read_uncertainties(const Json& object, const Place& at, const std::vector<std::string>& keys,
                        std::map<std::string, double>& out) {
  const auto found = object.find("$uncertainty");
  if (found == object.end()) return true;
  const Place here = at.child("$uncertainty");
  if (!found->is_object()) {
    here.report("found " + shown(*found) +
                "; allowed: an object with a relative uncertainty for fields beside it, for "
                "example {\"mac_pj\": 0.3}");
    return false;
  }
  const Codec<double> type = number(at_least(0));
  report_unknown_keys(*found, here, {keys}, [](const std::string&) { return std::string(); });
  bool good = true;
  for (const auto& entry : found->items()) {
    if (std::find(keys.begin(), keys.end(), entry.key()) == keys.end()) {
      good = good && is_annotation(entry.key());
      continue;
    }
    double value = 0;
    good &= type.read(entry.value(), here.child(entry.key()), value);
    out[entry.key()] = value;
  }
  return good;
}

}  // namespace stagecoach
