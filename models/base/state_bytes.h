// SPDX-License-Identifier: Apache-2.0
// State as bytes in memory: named entries in the order of the walk.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "models/base/state_visitor.h"

namespace stagecoach {

struct StateEntry {
  std::string name;
  std::vector<unsigned char> bytes;
};
using StateBytes = std::vector<StateEntry>;

class StateSaver : public StateVisitor {
 public:
  bool restores() const override { return false; }
  StateBytes take() { return std::move(entries_); }

 private:
  void visit(const std::string& name, void* data, std::int64_t bytes) override;

  StateBytes entries_;
};

/// Throws ModelBug, naming the entry, where the walk asks for another one than was saved.
class StateRestorer : public StateVisitor {
 public:
  /// `entries` must outlive the restorer.
  explicit StateRestorer(const StateBytes& entries) : entries_(entries) {}
  bool restores() const override { return true; }
  /// Throws ModelBug if an entry was not asked for.
  void finish() const;

 private:
  void visit(const std::string& name, void* data, std::int64_t bytes) override;

  const StateBytes& entries_;
  std::size_t next_ = 0;
};

}  // namespace stagecoach
