// SPDX-License-Identifier: Apache-2.0
// See chrome_trace.h. Format: "Trace Event Format", Google, 2016 (phases X, M, s, t, f).
#include "sim/trace/chrome_trace.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/base/error.h"
#include "sim/stats/derived.h"

namespace stagecoach {

namespace {

constexpr int kSlicesPerStage = 3;  // forward, backward, update; at most one more where it is split

/// A string as JSON, quotes included.
std::string json_string(const std::string& text) { return nlohmann::json(text).dump(); }

std::string field(const char* name, std::int64_t value) {
  return std::string(",\"") + name + "\":" + std::to_string(value);
}

/// The first micro-batch that ends after `sample`.
MicroBatchId micro_batch_of(const MicroBatchPlan& micro_batches, std::int64_t sample) {
  MicroBatchId low = 0;
  MicroBatchId high = micro_batches.micro_batches();
  while (low < high) {
    const MicroBatchId middle = low + (high - low) / 2;
    if (first_sample(micro_batches, middle) + micro_batches.at(middle).samples > sample) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

struct OperationWords {
  const char* letter;
  const char* word;
};

OperationWords words(StageOperation operation) {
  switch (operation) {
    case StageOperation::forward:
      return {"F", "forward"};
    case StageOperation::backward:
      return {"B", "backward"};
    case StageOperation::weight_gradient:
      return {"W", "weight_gradient"};
    case StageOperation::update:
      return {"U", "update"};
  }
  throw ModelBug("trace: an unknown pass");
}

}  // namespace

std::int64_t first_sample(const MicroBatchPlan& micro_batches, MicroBatchId id) {
  const MicroBatch p = micro_batches.at(id);
  return p.epoch * micro_batches.samples_per_epoch() + p.first_in_epoch;
}

TraceWindow trace_window(const MicroBatchPlan& micro_batches, int stages, std::int64_t from_sample,
                         std::int64_t samples, std::int64_t slice_cap) {
  TraceWindow window;
  const std::int64_t total = micro_batches.samples();
  const std::int64_t from = std::clamp<std::int64_t>(from_sample, 0, total);
  const std::int64_t count = std::clamp<std::int64_t>(samples, 0, total - from);
  window.first = micro_batch_of(micro_batches, from);
  window.end = count == 0 ? window.first : micro_batch_of(micro_batches, from + count - 1) + 1;
  const MicroBatchId most = std::max<MicroBatchId>(1, slice_cap / (kSlicesPerStage * stages));
  window.capped = window.end - window.first > most;
  if (window.capped) window.end = window.first + most;
  return window;
}

ChromeTrace::ChromeTrace(int descriptor, const std::string& label, const MachinePlan& plan,
                         const Partition& partition, const MicroBatchPlan& micro_batches,
                         TraceWindow window)
    : file_(descriptor, label),
      plan_(plan),
      micro_batches_(micro_batches),
      window_(window),
      forward_reads_(partition.size()) {
  for (const StageSpec& stage : partition) stage_names_.push_back(json_string(stage.name));
  const std::string range = std::to_string(window.first) + " to " + std::to_string(window.end - 1);
  file_.append(
      "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"time\":\"1 us shown is 1 cycle\","
      "\"micro-batches\":\"" +
      range + (window.capped ? ", cut at the cap of slices" : "") + "\"},\"traceEvents\":[\n");
  write_names(partition);
}

void ChromeTrace::write_names(const Partition& partition) {
  std::vector<std::string> served(plan_.cores.size());
  auto serve = [&served](int core, const std::string& stage) {
    served[core] += (served[core].empty() ? "" : ", ") + stage;
  };
  for (std::size_t k = 0; k < partition.size(); ++k) {
    const StagePlan& s = plan_.stages[k];
    serve(s.forward_core, partition[k].name);
    if (s.backward_core != s.forward_core) serve(s.backward_core, partition[k].name);
  }
  write_event(R"({"ph":"M","pid":1,"name":"process_name","args":{"name":"stagecoach"}})");
  for (std::size_t c = 0; c < plan_.cores.size(); ++c) {
    if (served[c].empty()) continue;
    const bool concurrent = plan_.cores[c].concurrent_passes;
    for (int d = 0; d < (concurrent ? kDatapaths : 1); ++d) {
      const std::string of = concurrent ? std::string(" ") + datapath_name(d) : "";
      name_track(track(static_cast<int>(c), d), plan_.cores[c].name + of + " (" + served[c] + ")",
                 static_cast<int>(c));
    }
  }
}

void ChromeTrace::name_track(int track, const std::string& name, int place) {
  const std::string head = "{\"ph\":\"M\",\"pid\":1,\"tid\":" + std::to_string(track);
  write_event(head + ",\"name\":\"thread_name\",\"args\":{\"name\":" + json_string(name) + "}}");
  write_event(head + ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":" +
              std::to_string(place) + "}}");
}

void ChromeTrace::write_event(const std::string& event) {
  if (!first_event_) file_.append(",\n");
  first_event_ = false;
  file_.append(event);
}

int ChromeTrace::track(const SpanRecord& span) const {
  const StagePlan& stage = plan_.stages[span.stage];
  const bool forward = span.operation == StageOperation::forward;
  const int core = forward ? stage.forward_core : stage.backward_core;
  return track(core, datapath_of(plan_, core, span.operation));
}

int ChromeTrace::track(int core, int datapath) const {
  return datapath * static_cast<int>(plan_.cores.size()) + core + 1;
}

void ChromeTrace::record(const SpanRecord& span) {
  if (span.micro_batch < window_.first || span.micro_batch >= window_.end) return;
  write_slice(span);
  const StageOperation operation = span.operation;
  if (operation == StageOperation::forward || operation == StageOperation::backward)
    write_arrow(span);
}

std::string ChromeTrace::arguments(const SpanRecord& span) {
  const StageOperation operation = span.operation;
  std::string text = std::string("\"pass\":\"") + words(operation).word + "\"" +
                     field("sample", first_sample(micro_batches_, span.micro_batch));
  const int samples = micro_batches_.at(span.micro_batch).samples;
  if (samples > 1) text += field("samples", samples);
  text += field("stage", span.stage) + ",\"stage_name\":" + stage_names_[span.stage];
  auto& reads = forward_reads_[span.stage];
  if (operation == StageOperation::forward) {
    reads.push_back({span.micro_batch, span.version_read});
    return text + field("version_read", span.version_read);
  }
  if (operation == StageOperation::weight_gradient) return text;  // reads no weights
  // Forwards are recorded in the order of micro-batches; the window bounds them.
  const bool known = !reads.empty() && reads.front().micro_batch <= span.micro_batch;
  const WeightVersion forward_read =
      known ? reads[static_cast<std::size_t>(span.micro_batch - reads.front().micro_batch)].version
            : 0;
  if (operation == StageOperation::backward) {
    text += field("version_read", span.version_read);
    if (known) text += field("backward_staleness", span.version_read - forward_read);
    return text;
  }
  text += field("version_written", span.version_written);
  // The updates in between, its own not counted.
  if (known) text += field("staleness", span.version_written - 1 - forward_read);
  return text;
}

void ChromeTrace::write_slice(const SpanRecord& span) {
  const OperationWords w = words(span.operation);
  write_event(std::string("{\"ph\":\"X\",\"pid\":1,\"tid\":") + std::to_string(track(span)) +
              ",\"name\":\"" + w.letter + " " +
              std::to_string(first_sample(micro_batches_, span.micro_batch)) + "\",\"cat\":\"" +
              w.word + "\"" + field("ts", span.begin.count()) +
              field("dur", (span.end - span.begin).count()) + ",\"args\":{" + arguments(span) +
              "}}");
  ++slices_;
}

void ChromeTrace::write_arrow(const SpanRecord& span) {
  const bool forward = span.operation == StageOperation::forward;
  const bool begins = forward && span.stage == 0;
  const bool ends = !forward && span.stage == 0;
  // Bound to the slice that encloses the point, so it lies inside, clear of the neighbours.
  const Cycles point = span.begin + (span.end - span.begin) / 2;
  write_event(std::string("{\"ph\":\"") +
              (begins ? "s"
               : ends ? "f"
                      : "t") +
              "\"" + (ends ? ",\"bp\":\"e\"" : "") + ",\"pid\":1,\"tid\":" +
              std::to_string(track(span)) + ",\"name\":\"sample\",\"cat\":\"flow\"" +
              field("id", span.micro_batch) + field("ts", point.count()) + "}");
}

void ChromeTrace::finish() {
  file_.append("\n]}\n");
  file_.close();
}

}  // namespace stagecoach
