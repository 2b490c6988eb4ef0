// SPDX-License-Identifier: Apache-2.0
// What is due when: a hierarchical timing wheel. Time is read as digits to base 64; an entry lies
// on the level of the highest digit in which its time differs from now, in that digit's slot.
// Adding and taking cost the same however many entries there are (a heap's comparisons cannot be
// predicted); an entry moves down once for each of its digits at most.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/base/units.h"

namespace stagecoach {

template <typename T>
class TimingWheel {
 public:
  TimingWheel() {
    for (auto& level : heads_) level.fill(kEnd);
  }

  /// The least time of all entries; kUnlimited<std::int64_t> if there is none.
  Cycles next_time() const { return next_; }

  /// `time` is not before the last time given to take_due().
  void push(Cycles time, T value) {
    int node = free_;
    if (node == kEnd) {
      node = static_cast<int>(nodes_.size());
      nodes_.emplace_back();
    } else {
      free_ = nodes_[node].next;
    }
    nodes_[node].time = time;
    nodes_[node].value = value;
    insert(node);
    if (time < next_) next_ = time;
  }

  /// Moves to next_time() and appends the values of that time to `due`, in no particular order.
  void take_due(std::vector<T>& due) {
    const int level = lowest(levels_);
    const int slot = lowest(masks_[level]);
    int node = heads_[level][slot];
    heads_[level][slot] = kEnd;
    masks_[level] &= masks_[level] - 1;
    if (masks_[level] == 0) levels_ &= levels_ - 1;
    now_ = next_;
    while (node != kEnd) {
      const int following = nodes_[node].next;
      if (nodes_[node].time == now_) {
        due.push_back(nodes_[node].value);
        nodes_[node].next = free_;
        free_ = node;
      } else {
        insert(node);
      }
      node = following;
    }
    next_ = find_next();
  }

 private:
  static constexpr int kDigitBits = 6;
  static constexpr int kSlots = 1 << kDigitBits;
  static constexpr int kLevels = 11;  // of 6 bits each: more than 63
  static constexpr int kEnd = -1;

  struct Node {
    Cycles time = 0;
    T value{};
    int next = kEnd;
  };

  static int lowest(std::uint64_t bits) { return __builtin_ctzll(bits); }

  void insert(int node) {
    const auto time = static_cast<std::uint64_t>(nodes_[node].time);
    const std::uint64_t differs = (time ^ static_cast<std::uint64_t>(now_)) | 1;
    const int level = (63 - __builtin_clzll(differs)) / kDigitBits;
    const int slot = static_cast<int>(time >> (level * kDigitBits)) & (kSlots - 1);
    nodes_[node].next = heads_[level][slot];
    heads_[level][slot] = node;
    masks_[level] |= std::uint64_t{1} << slot;
    levels_ |= std::uint64_t{1} << level;
  }

  /// Times are not before now, so the lowest slot of the lowest level has the next one.
  Cycles find_next() const {
    if (levels_ == 0) return kUnlimited<std::int64_t>;
    const int level = lowest(levels_);
    Cycles least = kUnlimited<std::int64_t>;
    for (int node = heads_[level][lowest(masks_[level])]; node != kEnd; node = nodes_[node].next) {
      if (nodes_[node].time < least) least = nodes_[node].time;
      if (level == 0) break;  // all of one time
    }
    return least;
  }

  std::vector<Node> nodes_;
  int free_ = kEnd;
  Cycles now_ = 0;
  Cycles next_ = kUnlimited<std::int64_t>;
  std::uint64_t levels_ = 0;                    ///< bit per level with entries
  std::array<std::uint64_t, kLevels> masks_{};  ///< bit per slot with entries
  std::array<std::array<int, kSlots>, kLevels> heads_;
};

}  // namespace stagecoach
