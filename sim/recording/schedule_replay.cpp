// SPDX-License-Identifier: Apache-2.0
// Merging the stages' orders back into one that respects the data.
#include "sim/recording/schedule_replay.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "models/base/error.h"

namespace stagecoach {

namespace {

/// Longer than any header that a recorder writes: some 100 bytes per layer of the network.
constexpr std::size_t kMaxHeaderLine = 16 << 20;

constexpr std::uint64_t token_of(OpToken token) { return static_cast<std::uint64_t>(token); }

/// A line without its end; false at the end of the file or after too many characters.
bool read_line(std::istream& in, std::string& line) {
  line.clear();
  for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get()) {
    if (c == '\n') return true;
    if (line.size() == kMaxHeaderLine) return false;
    line += static_cast<char>(c);
  }
  return false;
}

bool read_u32(std::istream& in, std::uint32_t& value) {
  unsigned char bytes[4];
  if (!in.read(reinterpret_cast<char*>(bytes), 4)) return false;
  value = 0;
  for (int i = 0; i < 4; ++i) value |= std::uint32_t{bytes[i]} << (8 * i);
  return true;
}

/// Cuts the next layer off a header's line of the network; "nothing" behind its end.
std::string next_layer(std::string& line) {
  if (line.empty()) return "nothing";
  const std::size_t end = line.find(kLayerSeparator);
  const std::string layer = line.substr(0, end);
  line.erase(0, end == std::string::npos ? end : end + std::strlen(kLayerSeparator));
  return layer;
}

/// "\n  name: recorded A, now B"; of two networks the first layer that is not the same.
std::string difference(const std::string& name, std::string recorded, std::string now) {
  const auto told = [](const std::string& what, const std::string& a, const std::string& b) {
    return "\n  " + what + ": recorded " + a + ", now " + b;
  };
  if (name != kNetworkLine) return told(name, recorded, now);
  for (int layer = -1;; ++layer) {  // the input stands before the layers
    const std::string a = next_layer(recorded), b = next_layer(now);
    const std::string what = layer < 0 ? name : name + ", layer " + std::to_string(layer);
    if (a != b || (recorded.empty() && now.empty())) return told(what, a, b);
  }
}

}  // namespace

ScheduleReplay::ScheduleReplay(std::string path, const RecordedRun& run, const Schedule& schedule,
                               const MicroBatchPlan& plan)
    : path_(std::move(path)),
      plan_(plan),
      names_versions_(names_version(schedule.weight_policy())),
      stages_(static_cast<std::size_t>(run.stages)) {
  std::error_code ignored;
  if (std::filesystem::exists(path_, ignored) &&
      !std::filesystem::is_regular_file(path_, ignored)) {
    throw UserError("--replay " + path_ + ": found a folder or a device; allowed: a file");
  }
  errno = 0;
  file_.open(path_, std::ios::binary);
  if (!file_) {
    throw UserError("--replay " + path_ + ": cannot be read: " + std::strerror(errno));
  }
  read_header(run);
  for (int k = 0; k < run.stages; ++k) {
    Stage& stage = stages_[k];
    stage.max_in_flight = schedule.max_in_flight(k);
    stage.versions_kept = schedule.versions_kept(k);
    stage.batch_last = plan_.at(0).batch_end - 1;
    stage.ledger = StageLedger(schedule.weight_policy());
  }
}

void ScheduleReplay::damaged(const std::string& what) const {
  throw UserError("--replay " + path_ + ": the file is damaged: " + what);
}

void ScheduleReplay::read_header(const RecordedRun& run) {
  std::string line;
  if (!read_line(file_, line) || line != kRecordingMagic) {
    throw UserError("--replay " + path_ +
                    ": is no recorded schedule of this version; its first line is \"" +
                    std::string(kRecordingMagic) + "\" (see --record-schedule)");
  }
  std::string differences;
  for (const auto& [name, value] : run.lines()) {
    if (!read_line(file_, line) || line.compare(0, name.size() + 1, name + " ") != 0) {
      damaged("its header has no \"" + name + "\" where it belongs");
    }
    const std::string recorded = line.substr(name.size() + 1);
    if (recorded != value) differences += difference(name, recorded, value);
  }
  if (!read_line(file_, line) || !line.empty()) damaged("its header does not end");
  if (!differences.empty()) {
    throw UserError("--replay " + path_ +
                    ": was recorded for another run; a replay may change what is computed (seed, "
                    "data, loss, optimizer, mitigation, names of layers), nothing of the order:" +
                    differences);
  }
}

bool ScheduleReplay::read_chunk() {
  std::uint32_t packed_size = 0, raw_size = 0;
  if (!read_u32(file_, packed_size) || !read_u32(file_, raw_size)) damaged("it ends too early");
  if (packed_size == 0) {
    std::uint32_t high = 0;
    if (!read_u32(file_, high)) damaged("it ends too early");
    check_end(std::uint64_t{high} << 32 | raw_size);
    return false;
  }
  if (raw_size == 0 || raw_size > kMaxChunkBytes || packed_size > compressBound(raw_size)) {
    damaged("a chunk has an impossible size");
  }
  packed_.resize(packed_size);
  raw_.resize(raw_size);
  if (!file_.read(reinterpret_cast<char*>(packed_.data()), packed_size))
    damaged("it ends too early");
  uLongf size = raw_size;
  if (uncompress(raw_.data(), &size, packed_.data(), packed_size) != Z_OK || size != raw_size) {
    damaged("a chunk's checksum is wrong");
  }
  split_chunk();
  return true;
}

void ScheduleReplay::split_chunk() {
  const std::uint8_t* at = raw_.data();
  const std::uint8_t* const end = at + raw_.size();
  for (Stage& stage : stages_) {
    if (!read_varint(at, end, stage.left)) damaged("a chunk ends in a stage's count");
    stage.at = at;
    std::uint64_t token = 0;
    for (std::uint64_t i = 0; i < stage.left; ++i) {
      if (!read_varint(at, end, token)) damaged("a chunk ends in a stage's operations");
    }
    stage.end = at;
  }
  if (at != end) damaged("a chunk is longer than its operations");
}

bool ScheduleReplay::ready(int k, std::uint64_t token) const {
  const StageProgress& here = stages_[k].progress();
  if (token == token_of(OpToken::update)) return true;
  if (token == token_of(OpToken::backward) || token == token_of(OpToken::backward_with_update)) {
    return k + 1 == static_cast<int>(stages_.size()) ||
           stages_[k + 1].progress().backwards > here.backwards;
  }
  return k == 0 || stages_[k - 1].progress().forwards > here.forwards;
}

Op ScheduleReplay::take_forward(int k, std::uint64_t token) {
  Stage& stage = stages_[k];
  const StageProgress& here = stage.progress();
  Op op{here.forwards, k, Pass::forward};
  if (here.forwards == plan_.micro_batches()) damaged("a stage has too many forwards");
  if (here.in_flight() >= stage.max_in_flight) {
    damaged("more micro-batches are in flight than the schedule allows");
  }
  if ((token != token_of(OpToken::forward)) != names_versions_) {
    damaged("a forward names its weight version where the schedule does not, or the reverse");
  }
  if (names_versions_) {
    const std::uint64_t age = token - token_of(OpToken::forward_named);
    if (age > static_cast<std::uint64_t>(here.updates) ||
        age >= static_cast<std::uint64_t>(stage.versions_kept)) {
      damaged("a forward reads a weight version that is not kept");
    }
    op.version = here.updates - static_cast<WeightVersion>(age);
  }
  stage.ledger.begin_forward(op.version);
  return op;
}

Op ScheduleReplay::take_backward(int k, Pass pass) {
  Stage& stage = stages_[k];
  const StageProgress& here = stage.progress();
  const bool with_update = makes_version(pass);
  if (stage.update_due) damaged("an update is missing");
  if (here.backwards == here.forwards) damaged("a backward comes before its forward");
  const Op op{here.backwards, k, pass};
  const bool ends_batch = op.micro_batch == stage.batch_last;
  if (with_update && !ends_batch) damaged("an update comes within a mini-batch");
  // A sink is not told when a split backward ends, nor does it matter to what is computed.
  stage.ledger.begin_backward();
  stage.ledger.retire(with_update);
  if (!ends_batch) return op;
  if (here.backwards < plan_.micro_batches())
    stage.batch_last = plan_.at(here.backwards).batch_end - 1;
  stage.update_due = !with_update;
  return op;
}

Op ScheduleReplay::take_update(int k) {
  Stage& stage = stages_[k];
  if (!stage.update_due) damaged("an update comes within a mini-batch");
  stage.update_due = false;
  stage.ledger.update();
  return {stage.progress().backwards - 1, k, Pass::update};
}

Op ScheduleReplay::take(int k, std::uint64_t token) {
  switch (token) {
    case token_of(OpToken::backward):
      return take_backward(k, Pass::backward);
    case token_of(OpToken::backward_with_update):
      return take_backward(k, Pass::backward_with_update);
    case token_of(OpToken::update):
      return take_update(k);
    default:
      return take_forward(k, token);
  }
}

bool ScheduleReplay::hand_over(OpSink& sink) {
  // From the last stage to the first, as gradients go: a sweep is about a tick. Every chunk is the
  // beginning of an order that respects the data, so that nothing of it has to wait for the next.
  for (bool moved = true; moved;) {
    moved = false;
    for (int k = static_cast<int>(stages_.size()) - 1; k >= 0; --k) {
      Stage& stage = stages_[k];
      while (stage.left > 0) {
        const std::uint8_t* next = stage.at;
        std::uint64_t token = 0;
        read_varint(next, stage.end, token);
        if (!ready(k, token)) break;
        const Op op = take(k, token);
        stage.at = next;
        --stage.left;
        ++operations_;
        moved = true;
        if (!sink.emit(op)) return false;
      }
    }
  }
  for (const Stage& stage : stages_) {
    if (stage.left > 0) damaged("an operation needs what no stage makes");
  }
  return true;
}

bool ScheduleReplay::run(OpSink& sink) {
  while (read_chunk()) {
    if (!hand_over(sink)) return false;
  }
  return true;
}

void ScheduleReplay::check_end(std::uint64_t operations) {
  for (const Stage& stage : stages_) {
    const bool complete = stage.progress().forwards == plan_.micro_batches() &&
                          stage.progress().backwards == plan_.micro_batches() && !stage.update_due;
    if (!complete) damaged("it ends before the run does");
  }
  if (operations != operations_) damaged("its operations are not as many as it says");
  if (file_.peek() != std::ifstream::traits_type::eof()) damaged("something follows its end");
}

std::vector<StalenessCount> ScheduleReplay::staleness() const {
  std::vector<StalenessCount> counts;
  for (const Stage& stage : stages_) counts.push_back(stage.ledger.staleness());
  return counts;
}

}  // namespace stagecoach
