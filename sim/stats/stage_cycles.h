// SPDX-License-Identifier: Apache-2.0
// Where a stage's time went: every cycle is of one of eight kinds. The kinds and their words stand
// here and nowhere else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "sim/base/units.h"

namespace stagecoach {

enum class CycleKind : std::uint8_t {
  forward,
  backward,
  update,
  stall_input,
  stall_output,
  stall_memory,
  stall_interconnect,
  idle,
};

/// What a kind of cycles is called.
struct CycleWords {
  CycleKind kind;
  const char* name;     ///< in summary.json, CSV columns and waveforms
  const char* caption;  ///< one word of the terminal's table
  char letter;          ///< in the terminal's bars
  const char* meaning;  ///< a sentence
};

/// All kinds, in the order of CycleKind, which is that of every report.
inline constexpr CycleWords kCycleKinds[] = {
    {CycleKind::forward, "forward", "forward", 'F', "Computing forward passes."},
    {CycleKind::backward, "backward", "backward", 'B', "Computing input and weight gradients."},
    {CycleKind::update, "update", "update", 'U', "Updating weights."},
    {CycleKind::stall_input, "stall_input", "input", 'i',
     "Waiting for an activation or gradient that does not exist yet."},
    {CycleKind::stall_output, "stall_output", "output", 'o',
     "The input has arrived, but a receiver has no room."},
    {CycleKind::stall_memory, "stall_memory", "memory", 'm',
     "Waiting for memory ports inside an operation, or for room in the stage's own buffer."},
    {CycleKind::stall_interconnect, "stall_interconnect", "links", 'n',
     "Waiting for data that exists and is on its way."},
    {CycleKind::idle, "idle", "idle", '.',
     "Before the first and after the last operation; also while the core works for another stage."},
};

constexpr const CycleWords& words_of(CycleKind kind) {
  return kCycleKinds[static_cast<std::size_t>(kind)];
}

/// The stage computes.
constexpr bool is_busy(CycleKind kind) {
  return kind == CycleKind::forward || kind == CycleKind::backward || kind == CycleKind::update;
}

/// Between its first and its last operation the stage waits.
constexpr bool is_stall(CycleKind kind) { return !is_busy(kind) && kind != CycleKind::idle; }

/// Cycles of a stage by kind. Those of a run add up to the run's cycles exactly.
struct StageCycles {
  std::array<Cycles, std::size(kCycleKinds)> by_kind{};

  Cycles& operator[](CycleKind kind) { return by_kind[static_cast<std::size_t>(kind)]; }
  Cycles operator[](CycleKind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }

  StageCycles& operator+=(const StageCycles& other) {
    for (std::size_t i = 0; i < by_kind.size(); ++i) by_kind[i] += other.by_kind[i];
    return *this;
  }

  Cycles busy() const {
    Cycles sum = 0;
    for (const CycleWords& k : kCycleKinds) sum += is_busy(k.kind) ? (*this)[k.kind] : 0;
    return sum;
  }
  Cycles total() const { return std::accumulate(by_kind.begin(), by_kind.end(), Cycles{0}); }
};

}  // namespace stagecoach
