// SPDX-License-Identifier: Apache-2.0
// One walk over everything that a half-done training is made of, to keep it or to bring it back.
//
// A class that owns state has `void visit_state(StateVisitor&)`, which names its scalars and arrays
// in a fixed order. The same walk saves and restores, so the two cannot disagree. What follows from
// the workload, the seed and a micro-batch's number is not state: random streams are keyed by these
// and have no position.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace stagecoach {

class StateVisitor {
 public:
  virtual ~StateVisitor() = default;

  /// True if what is visited takes the values that were kept.
  virtual bool restores() const = 0;

  /// `count` elements, which must be there in both directions.
  template <class V>
  void array(const std::string& name, V* elements, std::int64_t count) {
    static_assert(std::is_arithmetic_v<V> || std::is_enum_v<V>,
                  "a struct has padding: name fields");
    visit(scope_ + name, elements, count * static_cast<std::int64_t>(sizeof(V)));
  }
  template <class V>
  void value(const std::string& name, V& value) {
    array(name, &value, 1);
  }
  /// Elements whose number is state, too.
  template <class List>
  void list(const std::string& name, List& elements) {
    std::int64_t size = static_cast<std::int64_t>(elements.size());
    value(name + ".size", size);
    elements.resize(static_cast<std::size_t>(size));
    array(name, elements.data(), size);
  }
  template <class V>
  void optional(const std::string& name, std::optional<V>& value) {
    bool present = value.has_value();
    this->value(name + ".present", present);
    if (!present) return value.reset();
    if (!value) value.emplace();
    this->value(name, *value);
  }

 protected:
  virtual void visit(const std::string& name, void* data, std::int64_t bytes) = 0;

 private:
  friend class StateScope;
  std::string scope_;
};

/// Puts "<name>/" before every name visited while it lives.
class StateScope {
 public:
  StateScope(StateVisitor& visitor, const std::string& name)
      : visitor_(visitor), outside_(visitor.scope_) {
    visitor_.scope_ += name + "/";
  }
  ~StateScope() { visitor_.scope_ = outside_; }
  StateScope(const StateScope&) = delete;
  StateScope& operator=(const StateScope&) = delete;

 private:
  StateVisitor& visitor_;
  const std::string outside_;
};

}  // namespace stagecoach
