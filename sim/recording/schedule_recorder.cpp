// SPDX-License-Identifier: Apache-2.0
// Tokens per stage, compressed chunk by chunk. A steady pipeline repeats itself, so that a chunk
// shrinks to next to nothing at the compressor's fastest level.
#include "sim/recording/schedule_recorder.h"

#include <zlib.h>

#include "models/base/error.h"

namespace stagecoach {

namespace {

constexpr int kFastest = 1;

void append_u32(std::vector<std::uint8_t>& bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

}  // namespace

ScheduleRecorder::ScheduleRecorder(std::string path, bool replace, const RecordedRun& run,
                                   OpSink& next)
    : pending_("--record-schedule", std::move(path), replace), next_(next), stages_(run.stages) {
  std::string header = std::string(kRecordingMagic) + "\n";
  for (const auto& [name, value] : run.lines()) header += name + " " + value + "\n";
  header += "\n";
  write(header.data(), header.size());
}

bool ScheduleRecorder::emit(const Op& op) {
  if (!next_.emit(op)) return false;
  Stage& stage = stages_[op.stage];
  append_varint(stage.tokens, token_of(op, stage.updates));
  if (makes_version(op.pass)) ++stage.updates;
  ++stage.count;
  ++operations_;
  if (++in_chunk_ == kChunkOperations) write_chunk();
  return true;
}

void ScheduleRecorder::write_chunk() {
  raw_.clear();
  for (Stage& stage : stages_) {
    append_varint(raw_, static_cast<std::uint64_t>(stage.count));
    raw_.insert(raw_.end(), stage.tokens.begin(), stage.tokens.end());
    stage.tokens.clear();
    stage.count = 0;
  }
  in_chunk_ = 0;
  uLongf size = compressBound(raw_.size());
  packed_.resize(size);
  if (compress2(packed_.data(), &size, raw_.data(), raw_.size(), kFastest) != Z_OK) {
    throw ModelBug("a chunk of the recorded schedule could not be compressed");
  }
  std::vector<std::uint8_t> head;
  append_u32(head, static_cast<std::uint32_t>(size));
  append_u32(head, static_cast<std::uint32_t>(raw_.size()));
  write(head.data(), head.size());
  write(packed_.data(), size);
}

void ScheduleRecorder::write(const void* data, std::size_t size) {
  pending_.stream().write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  bytes_ += static_cast<std::int64_t>(size);
}

void ScheduleRecorder::finish() {
  if (in_chunk_ > 0) write_chunk();
  // A chunk of nothing ends the file; the count tells a shortened one.
  std::vector<std::uint8_t> tail;
  append_u32(tail, 0);
  append_u32(tail, static_cast<std::uint32_t>(operations_));
  append_u32(tail, static_cast<std::uint32_t>(operations_ >> 32));
  write(tail.data(), tail.size());
  pending_.commit();
}

}  // namespace stagecoach
