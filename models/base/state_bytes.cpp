// SPDX-License-Identifier: Apache-2.0
#include "models/base/state_bytes.h"

#include <cstring>

#include "models/base/error.h"

namespace stagecoach {

void StateSaver::visit(const std::string& name, void* data, std::int64_t bytes) {
  const auto* begin = static_cast<const unsigned char*>(data);
  entries_.push_back({name, {begin, begin + bytes}});
}

void StateRestorer::visit(const std::string& name, void* data, std::int64_t bytes) {
  if (next_ == entries_.size()) throw ModelBug("state " + name + " was not saved");
  const StateEntry& entry = entries_[next_++];
  if (entry.name != name || static_cast<std::int64_t>(entry.bytes.size()) != bytes)
    throw ModelBug("state " + entry.name + " of " + std::to_string(entry.bytes.size()) +
                   " bytes was saved where " + name + " of " + std::to_string(bytes) +
                   " bytes is needed");
  if (bytes > 0) std::memcpy(data, entry.bytes.data(), entry.bytes.size());
}

void StateRestorer::finish() const {
  if (next_ < entries_.size())
    throw ModelBug("state " + entries_[next_].name + " was saved and is not needed");
}

}  // namespace stagecoach
