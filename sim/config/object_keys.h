// SPDX-License-Identifier: Apache-2.0
// The keys of a JSON object: which are known, and the uncertainties that stand beside values.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/config/codec.h"

namespace stagecoach {

/// Keys of an object: those to offer, and others that are accepted all the same.
struct KnownKeys {
  std::vector<std::string> offered;
  std::vector<std::string> accepted = {};
  std::string more = "";  ///< after the list of those offered
};

/// Reports keys of `object` that are neither annotations nor known; `elsewhere` names for a key the
/// variants that do have it.
void report_unknown_keys(const Json& object, const Place& at, const KnownKeys& known,
                         const std::function<std::string(const std::string&)>& elsewhere);

/// Reads `$uncertainty`: an object of relative uncertainties (0.3 is +-30 %) for fields of the
/// object it stands in.
bool read_uncertainties(const Json& object, const Place& at, const std::vector<std::string>& keys,
                        std::map<std::string, double>& out);

}  // namespace stagecoach
