// SPDX-License-Identifier: Apache-2.0
// The file format of a recorded order of operations (docs/schedule_recording.md): what the recorder
// writes and the replay reads. A text header that says which run the order belongs to, then chunks
// of tokens, compressed; a token is one operation of one stage.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/op.h"

namespace stagecoach {

/// What a recorded order belongs to: everything that decides it. A replay needs all of it to be the
/// same; what the training computes (seed, data, loss, optimizer, mitigation) it may change.
struct RecordedRun {
  std::string hardware;         ///< its name, for messages
  std::string hardware_sha256;  ///< of all its fields, defaults and overrides included
  /// The network's graph and its cuts: the input, then every layer, a text each.
  std::vector<std::string> network;
  int stages = 0;
  std::string schedule;  ///< the workload's pipeline as text, without the partition
  std::int64_t samples_per_epoch = 0;
  std::int64_t epochs = 0;
  std::int64_t batch_size = 0;
  std::int64_t micro_batch_size = 0;

  /// (name, value) of every line of the header, in order.
  std::vector<std::pair<std::string, std::string>> lines() const;
};

/// First line of the file; the number counts versions of the format.
constexpr const char* kRecordingMagic = "stagecoach schedule recording 2";

/// The header's line of the network, and what stands between its layers.
constexpr const char* kNetworkLine = "network";
constexpr const char* kLayerSeparator = " | ";

/// Tokens. A micro-batch needs no name: a stage's forwards come in order, and so do its backwards.
enum class OpToken : std::uint64_t {
  forward = 0,               ///< reads the newest weights
  backward = 1,              ///< without update, or with one that completes later
  backward_with_update = 2,  ///< the update follows at once
  update = 3,                ///< of the last backward
  forward_named = 4,         ///< this + n: reads the version n updates before the newest
};

/// What stands for an operation of a stage that has made so many updates: an OpToken, or more for a
/// forward of an older version.
std::uint64_t token_of(const Op& op, WeightVersion updates);

/// Operations of a chunk, about; a reader holds one chunk at a time.
constexpr std::int64_t kChunkOperations = 1 << 17;
/// Bytes of a chunk before compression, at most: a reader refuses more.
constexpr std::uint32_t kMaxChunkBytes = 1 << 24;

/// Appends the value in groups of seven bits, lowest first; the top bit says that more follow.
inline void append_varint(std::vector<std::uint8_t>& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

/// Reads such a value and moves `at` behind it. False if it does not end before `end`, or does not
/// fit 64 bits.
inline bool read_varint(const std::uint8_t*& at, const std::uint8_t* end, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; at < end && shift < 64; shift += 7) {
    const std::uint64_t group = *at++;
    value |= (group & 0x7f) << shift;
    if (group < 0x80) return shift < 63 || group <= 1;
  }
  return false;
}

}  // namespace stagecoach
