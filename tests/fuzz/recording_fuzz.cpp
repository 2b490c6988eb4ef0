// SPDX-License-Identifier: Apache-2.0
// A recorded schedule. The first byte says what the rest is: a whole file, what follows a header
// that fits, or a chunk's tokens, compressed and framed as they should be.
#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "sim/recording/schedule_replay.h"
#include "tests/fuzz/memory_file.h"

namespace stagecoach {
namespace {

constexpr int kStages = 3;

class Ignore : public OpSink {
 public:
  bool emit(const Op&) override { return true; }
};

RecordedRun run_of(const MicroBatchPlan& plan) {
  RecordedRun run;
  run.hardware = "none";
  run.hardware_sha256 = "0";
  run.network = {"input [4]"};
  run.schedule = "pipelined";
  run.stages = kStages;
  run.samples_per_epoch = plan.samples_per_epoch();
  run.epochs = plan.epochs();
  run.batch_size = run.micro_batch_size = 1;
  return run;
}

void append_u32(std::string& text, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) text += static_cast<char>(value >> shift);
}

std::string framed(const std::string& tokens) {
  uLongf size = compressBound(tokens.size());
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
            reinterpret_cast<const Bytef*>(tokens.data()), tokens.size(), 1);
  packed.resize(size);
  std::string text;
  append_u32(text, static_cast<std::uint32_t>(packed.size()));
  append_u32(text, static_cast<std::uint32_t>(tokens.size()));
  text += packed;
  for (int i = 0; i < 3; ++i) append_u32(text, 0);
  return text;
}

}  // namespace
}  // namespace stagecoach

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  if (size == 0) return 0;
  const MicroBatchPlan plan(20, 2, 1, 1);
  const RecordedRun run = run_of(plan);
  std::string text;
  if (data[0] % 3 > 0) {
    text = std::string(kRecordingMagic) + "\n";
    for (const auto& [name, value] : run.lines()) text += name + " " + value + "\n";
    text += "\n";
  }
  const std::string rest(data + 1, data + size);
  text += data[0] % 3 == 2 ? framed(rest) : rest;
  const MemoryFile file(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  ScheduleSpec spec;
  const auto schedule = make_schedule(spec, kStages, plan);
  Ignore sink;
  try {
    ScheduleReplay(file.path(), run, *schedule, plan).run(sink);
  } catch (const UserError&) {
  }
  return 0;
}
