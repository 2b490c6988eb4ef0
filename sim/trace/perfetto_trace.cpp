// SPDX-License-Identifier: Apache-2.0
// See perfetto_trace.h. Field numbers: perfetto/protos/perfetto/trace (trace_packet.proto and what
// is in track_event/), which are stable.
#include "sim/trace/perfetto_trace.h"

#include <algorithm>
#include <cmath>

#include "sim/files/gzip_writer.h"
#include "sim/stats/derived.h"
#include "sim/trace/protobuf.h"

namespace stagecoach {

namespace {

constexpr std::size_t kForgetAt = 1 << 16;
constexpr int kWindows = 400;  ///< of the utilization
constexpr std::uint64_t kMachine = 1;
constexpr std::uint64_t kSequence = 1;

// Fields of Trace, TracePacket, TrackDescriptor, CounterDescriptor, TrackEvent, DebugAnnotation.
constexpr int kPacket = 1;
constexpr int kTimestamp = 8, kSequenceId = 10, kTrackEvent = 11, kSequenceFlags = 13,
              kTrackDescriptor = 60;
constexpr int kUuid = 1, kName = 2, kParent = 5, kCounter = 8, kChildOrder = 11, kRank = 12;
constexpr int kUnitName = 6;
constexpr int kAnnotation = 4, kType = 9, kTrack = 11, kCategory = 22, kEventName = 23, kFlow = 47,
              kCounterValue = 44;
constexpr int kAnnotationInteger = 4, kAnnotationText = 6, kAnnotationName = 10;
constexpr std::uint64_t kBegins = 1, kEnds = 2, kCounts = 4, kExplicitOrder = 3, kCleared = 1;

// Counters of a stage, counted from its first.
constexpr int kSamples = 0, kActivations = 1, kGradients = 2, kVersion = 3, kStaleness = 4,
              kUtilization = 5;

const char* word(StageOperation operation) {
  switch (operation) {
    case StageOperation::forward:
      return "forward";
    case StageOperation::backward:
      return "backward";
    case StageOperation::weight_gradient:
      return "weight_gradient";
    case StageOperation::update:
      return "update";
  }
  return "";
}

void annotate(ProtobufMessage& event, const char* name, std::int64_t value) {
  event.message(
      kAnnotation,
      ProtobufMessage().text(kAnnotationName, name).signed_integer(kAnnotationInteger, value));
}

std::string packet(const ProtobufMessage& content) {
  return ProtobufMessage().message(kPacket, content).bytes();
}

}  // namespace

PerfettoTrace::PerfettoTrace(const MachinePlan& plan, const MicroBatchPlan& micro_batches,
                             TraceWindow window)
    : plan_(plan), micro_batches_(micro_batches), window_(window), forget_at_(kForgetAt) {
  open_ = window_.first == 0;
}

std::uint64_t PerfettoTrace::declare(const std::string& name, std::uint64_t parent, int rank) {
  declarations_ += packet(ProtobufMessage()
                              .integer(kSequenceId, kSequence)
                              .message(kTrackDescriptor, ProtobufMessage()
                                                             .integer(kUuid, ++tracks_)
                                                             .text(kName, name)
                                                             .integer(kParent, parent)
                                                             .integer(kChildOrder, kExplicitOrder)
                                                             .signed_integer(kRank, rank)));
  return tracks_;
}

std::uint64_t PerfettoTrace::declare_counter(const std::string& name, std::uint64_t parent,
                                             int rank, const char* unit) {
  declarations_ += packet(
      ProtobufMessage()
          .integer(kSequenceId, kSequence)
          .message(kTrackDescriptor, ProtobufMessage()
                                         .integer(kUuid, ++tracks_)
                                         .text(kName, name)
                                         .integer(kParent, parent)
                                         .message(kCounter, ProtobufMessage().text(kUnitName, unit))
                                         .signed_integer(kRank, rank)));
  return tracks_;
}

void PerfettoTrace::begin(const std::vector<std::string>& links) {
  const std::uint64_t stages = declare("stages", kMachine, 0);
  for (std::size_t k = 0; k < plan_.stages.size(); ++k) {
    const StagePlan& plan = plan_.stages[k];
    const std::string name = std::to_string(k) + " " + plan.name;
    const std::uint64_t parent = declare(name, stages, static_cast<int>(k));
    const bool apart = plan.forward_core != plan.backward_core;
    Stage stage;
    stage.forward = stage.backward =
        declare(name + (apart ? " forward" : " operations"), parent, 0);
    if (apart) stage.backward = declare(name + " backward", parent, 1);
    stage.stalls = declare(name + " stalls", parent, 2);
    stage.counters = declare_counter(name + " samples_held", parent, 3, "samples");
    declare_counter(name + " activations_bytes", parent, 4, "bytes");
    declare_counter(name + " gradients_bytes", parent, 5, "bytes");
    declare_counter(name + " weight_version", parent, 6, "updates");
    declare_counter(name + " staleness", parent, 7, "updates");
    declare_counter(name + " utilization", parent, 8, "%");
    stages_.push_back(stage);
  }
  const std::uint64_t group = declare("links", kMachine, 1);
  first_link_ = tracks_ + 1;
  for (std::size_t l = 0; l < links.size(); ++l) declare(links[l], group, static_cast<int>(l));
  host_ = declare("host", kMachine, 2);
}

void PerfettoTrace::operation(const SpanRecord& span) {
  const bool inside = span.micro_batch >= window_.first && span.micro_batch < window_.end;
  if (!open_) {
    open_ = inside && span.stage == 0;
    begin_ = span.begin;
    if (slices_.size() + changes_.size() > forget_at_) forget_until(span.begin);
  }
  Stage& stage = stages_[static_cast<std::size_t>(span.stage)];
  const bool forward = span.operation == StageOperation::forward;
  if (inside) {
    end_ = std::max(end_, span.end);
    Operation operation{span, -1};
    if (forward) stage.forward_versions.push_back(span.version_read);
    const auto place = static_cast<std::size_t>(span.micro_batch - window_.first);
    if (span.operation == StageOperation::update && place < stage.forward_versions.size()) {
      operation.staleness = span.version_written - 1 - stage.forward_versions[place];
      changes_.push_back(
          {span.end, stage.counters + kStaleness, static_cast<double>(operation.staleness), false});
    }
    slices_.push_back({span.begin, span.end, forward ? stage.forward : stage.backward,
                       CycleKind::idle, static_cast<int>(operations_.size())});
    operations_.push_back(operation);
  }
  if (span.operation == StageOperation::update && !closed_)
    changes_.push_back(
        {span.end, stage.counters + kVersion, static_cast<double>(span.version_written), false});
  // Its update, if one follows, is told next; nothing of the window comes after that.
  const bool last =
      span.micro_batch + 1 == window_.end && window_.end < micro_batches_.micro_batches();
  const StageOperation leaves =
      plan_.splits_backward ? StageOperation::weight_gradient : StageOperation::backward;
  if (last && span.operation == leaves) ++finished_stages_;
  closed_ = closed_ || (finished_stages_ == static_cast<int>(plan_.stages.size()) &&
                        span.micro_batch >= window_.end);
}

void PerfettoTrace::end_state(Stage& stage, Cycles time) {
  const bool wanted =
      is_stall(stage.kind) && time > stage.since && !(closed_ && stage.since > end_);
  if (wanted) slices_.push_back({stage.since, time, stage.stalls, stage.kind, -1});
}

void PerfettoTrace::cycles(int index, Cycles time, CycleKind kind) {
  Stage& stage = stages_[static_cast<std::size_t>(index)];
  if (kind == stage.kind) return;
  end_state(stage, time);
  stage.since = time;
  stage.kind = kind;
}

void PerfettoTrace::held(int index, Cycles time, const HeldSamples& more) {
  if (closed_ && time > end_) return;
  const StagePlan& plan = plan_.stages[static_cast<std::size_t>(index)];
  const std::uint64_t first = stages_[static_cast<std::size_t>(index)].counters;
  const auto add = [&](int counter, double value) {
    changes_.push_back({time, first + static_cast<std::uint64_t>(counter), value, true});
  };
  if (more.activations != 0) add(kSamples, static_cast<double>(more.activations));
  const Bytes bytes = activation_bytes(plan, more);
  if (more.activations != 0 || bytes != 0) add(kActivations, static_cast<double>(bytes));
  if (more.gradients != 0)
    add(kGradients, static_cast<double>(more.gradients * plan.gradient_bytes_per_sample));
}

void PerfettoTrace::link_busy(int link, Cycles begin, Cycles end) {
  if (end > begin && !(closed_ && begin > end_))
    slices_.push_back(
        {begin, end, first_link_ + static_cast<std::uint64_t>(link), CycleKind::idle, -1});
}

void PerfettoTrace::host_busy(Cycles begin, Cycles end) {
  if (end > begin && !(closed_ && begin > end_))
    slices_.push_back({begin, end, host_, CycleKind::idle, -1});
}

void PerfettoTrace::forget_until(Cycles time) {
  slices_.erase(std::remove_if(slices_.begin(), slices_.end(),
                               [time](const Slice& s) { return s.end <= time; }),
                slices_.end());
  // What a counter was when the window opens is one change.
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.time < b.time; });
  std::vector<Change> kept;
  std::vector<double> values(tracks_ + 1, 0);
  std::vector<bool> changed(tracks_ + 1, false);
  for (const Change& c : changes_) {
    if (c.time > time) {
      kept.push_back(c);
      continue;
    }
    values[c.track] = c.adds ? values[c.track] + c.value : c.value;
    changed[c.track] = true;
  }
  std::vector<Change> start;
  for (std::uint64_t t = 0; t <= tracks_; ++t)
    if (changed[t]) start.push_back({time, t, values[t], false});
  start.insert(start.end(), kept.begin(), kept.end());
  changes_ = std::move(start);
  forget_at_ = slices_.size() + changes_.size() + kForgetAt;
}

std::string PerfettoTrace::event(Cycles time, std::string track_event) const {
  const double nanoseconds = static_cast<double>(time) * 1e3 / plan_.clock_mhz;
  return packet(ProtobufMessage()
                    .integer(kTimestamp, static_cast<std::uint64_t>(std::llround(nanoseconds)))
                    .integer(kSequenceId, kSequence)
                    .text(kTrackEvent, track_event));
}

void PerfettoTrace::put_slice(std::vector<Packet>& packets, const Slice& slice) const {
  const Cycles begin = std::max(slice.begin, begin_), end = std::min(slice.end, end_);
  if (begin > end || (begin == end && slice.operation < 0)) return;
  ProtobufMessage shown;
  shown.integer(kType, kBegins).integer(kTrack, slice.track);
  if (slice.operation >= 0) {
    const Operation& o = operations_[static_cast<std::size_t>(slice.operation)];
    const MicroBatch micro_batch = micro_batches_.at(o.span.micro_batch);
    shown.text(kCategory, "operation").text(kEventName, word(o.span.operation));
    annotate(shown, "sample", first_sample(micro_batches_, o.span.micro_batch));
    annotate(shown, "samples", micro_batch.samples);
    annotate(shown, "stage", o.span.stage);
    if (o.span.operation == StageOperation::update) {
      annotate(shown, "version_written", o.span.version_written);
      if (o.staleness >= 0) annotate(shown, "staleness", o.staleness);
    } else if (o.span.operation != StageOperation::weight_gradient) {
      annotate(shown, "version_read", o.span.version_read);
      shown.fixed64(kFlow, static_cast<std::uint64_t>(o.span.micro_batch) + 1);
    }
  } else if (is_stall(slice.kind)) {
    shown.text(kCategory, "stall").text(kEventName, words_of(slice.kind).name);
  } else {
    shown.text(kCategory, "transfer").text(kEventName, "busy");
  }
  annotate(shown, "begin_cycle", begin.count());
  annotate(shown, "cycles", (end - begin).count());
  packets.push_back({begin, 1, event(begin, shown.bytes())});
  packets.push_back(
      {end, begin == end ? 2 : 0,
       event(end, ProtobufMessage().integer(kType, kEnds).integer(kTrack, slice.track).bytes())});
}

void PerfettoTrace::put_counter(std::vector<Packet>& packets, std::uint64_t track, Cycles time,
                                double value) const {
  packets.push_back({time, 1,
                     event(time, ProtobufMessage()
                                     .integer(kType, kCounts)
                                     .integer(kTrack, track)
                                     .number(kCounterValue, value)
                                     .bytes())});
}

void PerfettoTrace::put_changes(std::vector<Packet>& packets) {
  for (std::size_t k = 0; k < stages_.size(); ++k)  // held for the whole run
    changes_.push_back({0, stages_[k].counters + kGradients,
                        static_cast<double>(plan_.stages[k].weight_gradient_bytes), true});
  // By track: of what a counter does in one moment the last value counts.
  std::stable_sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
    return a.track != b.track ? a.track < b.track : a.time < b.time;
  });
  double value = 0;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const Change& c = changes_[i];
    if (i == 0 || changes_[i - 1].track != c.track) value = 0;
    value = c.adds ? value + c.value : c.value;
    const bool next_too = i + 1 < changes_.size() && changes_[i + 1].track == c.track &&
                          std::max(changes_[i + 1].time, begin_) == std::max(c.time, begin_);
    if (next_too || c.time > end_) continue;
    put_counter(packets, c.track, std::max(c.time, begin_), value);
  }
}

void PerfettoTrace::put_utilization(std::vector<Packet>& packets) const {
  const Cycles width = std::max<Cycles>(1, (end_ - begin_ + kWindows - 1) / kWindows);
  const auto windows = static_cast<std::size_t>((end_ - begin_) / width + 1);
  std::vector<std::vector<Cycles>> busy(stages_.size(), std::vector<Cycles>(windows, 0));
  for (const Operation& o : operations_) {
    for (Cycles at = o.span.begin; at < std::min(o.span.end, end_);) {
      const auto window = (at - begin_) / width;
      const Cycles until = std::min(o.span.end, begin_ + width * (window + 1));
      busy[static_cast<std::size_t>(o.span.stage)][static_cast<std::size_t>(window)] += until - at;
      at = until;
    }
  }
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    for (std::size_t w = 0; w < windows; ++w) {
      const Cycles from = begin_ + width * static_cast<std::int64_t>(w);
      const Cycles span = std::min(width, end_ - from);
      if (span > 0)
        put_counter(packets, stages_[k].counters + kUtilization, from,
                    100 * static_cast<double>(busy[k][w]) / static_cast<double>(span));
    }
  }
}

std::string PerfettoTrace::opening(Cycles run_end) const {
  std::string name = "machine: micro-batches " + std::to_string(window_.first) + " to " +
                     std::to_string(window_.end - 1) + " of " +
                     std::to_string(micro_batches_.micro_batches()) + ", cycles " +
                     to_string(begin_) + " to " + to_string(end_) + " of " + to_string(run_end);
  if (window_.capped) name += ", cut at the cap of operations";
  return packet(ProtobufMessage()
                    .integer(kSequenceId, kSequence)
                    .integer(kSequenceFlags, kCleared)
                    .message(kTrackDescriptor, ProtobufMessage()
                                                   .integer(kUuid, kMachine)
                                                   .text(kName, name)
                                                   .integer(kChildOrder, kExplicitOrder)));
}

void PerfettoTrace::write(int descriptor, const std::string& label, Cycles run_end) {
  if (window_.end >= micro_batches_.micro_batches() || !open_) end_ = run_end;
  if (!open_) begin_ = end_;
  for (Stage& stage : stages_) end_state(stage, end_);
  std::vector<Packet> packets;
  for (const Slice& slice : slices_) put_slice(packets, slice);
  put_changes(packets);
  put_utilization(packets);
  std::stable_sort(packets.begin(), packets.end(), [](const Packet& a, const Packet& b) {
    return a.time != b.time ? a.time < b.time : a.rank < b.rank;
  });
  GzipWriter file(descriptor, label);
  file.append(opening(run_end));
  file.append(declarations_);
  for (const Packet& p : packets) file.append(p.bytes);
  file.close();
}

}  // namespace stagecoach
