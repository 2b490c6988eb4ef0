// SPDX-License-Identifier: Apache-2.0
// See vcd_writer.h.
#include "sim/trace/vcd_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "models/base/error.h"
#include "sim/base/instance_name.h"
#include "sim/stats/derived.h"

namespace stagecoach {

namespace {

constexpr std::size_t kForgetChangesAt = 1 << 16;
constexpr std::size_t kFlushBytes = 1 << 20;
constexpr std::int64_t kNone = -1;  ///< no sample

constexpr const char* kOperations[] = {"idle", "forward", "backward", "update", "weight_gradient"};

// Signals of a stage, counted from its first.
constexpr int kState = 0, kBusy = 1, kSamplesSignal = 2, kActivationsSignal = 3,
              kGradientsSignal = 4, kVersionSignal = 5;
// Of a core.
constexpr int kOperation = 0, kSample = 1;

/// Short identifiers of printable characters: digits to base 94.
std::string identifier(std::size_t number) {
  std::string id;
  do {
    id += static_cast<char>('!' + number % 94);
    number /= 94;
  } while (number > 0);
  return id;
}

std::string binary(std::int64_t value) {
  std::string digits;
  for (auto rest = static_cast<std::uint64_t>(value); rest > 0; rest /= 2) {
    digits += rest % 2 ? '1' : '0';
  }
  if (digits.empty()) digits = "0";
  return std::string(digits.rbegin(), digits.rend());
}

}  // namespace

VcdWriter::VcdWriter(const MachinePlan& plan, const MicroBatchPlan& micro_batches,
                     TraceWindow window)
    : plan_(plan), micro_batches_(micro_batches), window_(window), forget_at_(kForgetChangesAt) {
  if (window_.first == 0) open_ = true;
}

int VcdWriter::add_signal(const std::string& name, Form form, std::int64_t value) {
  const std::string id = identifier(signals_.size());
  const char* type = "string 1 ";
  if (form == Form::wire) type = "wire 1 ";
  if (form == Form::number) type = "integer 64 ";
  header_ += std::string("$var ") + type + id + " " + instance_name(name) + " $end\n";
  signals_.push_back({id, form, value, value});
  return static_cast<int>(signals_.size()) - 1;
}

void VcdWriter::open_scope(const std::string& name) {
  header_ += "$scope module " + instance_name(name) + " $end\n";
}

void VcdWriter::close_scope() { header_ += "$upscope $end\n"; }

void VcdWriter::declare_stages() {
  open_scope("stages");
  for (const StagePlan& stage : plan_.stages) {
    open_scope(stage.name);
    stage_signals_.push_back(add_signal("state", Form::state));
    add_signal("busy", Form::wire);
    add_signal("samples_held", Form::number);
    add_signal("activations_bytes", Form::number);
    add_signal("gradients_bytes", Form::number, stage.weight_gradient_bytes.count());
    add_signal("weight_version", Form::number);
    close_scope();
  }
  close_scope();
}

void VcdWriter::declare_cores() {
  open_scope("cores");
  for (std::size_t c = 0; c < plan_.cores.size(); ++c) {
    const int core = static_cast<int>(c);
    const auto served = std::count_if(
        plan_.stages.begin(), plan_.stages.end(),
        [core](const StagePlan& s) { return s.forward_core == core || s.backward_core == core; });
    const bool concurrent = plan_.cores[c].concurrent_passes;
    for (int d = 0; d < kDatapaths; ++d) {
      if (d > 0 && !concurrent) {  // everything is on the first
        core_signals_.push_back(core_signals_.back());
        core_stage_signals_.push_back(core_stage_signals_.back());
        continue;
      }
      open_scope(plan_.cores[c].name + (concurrent ? std::string("_") + datapath_name(d) : ""));
      core_signals_.push_back(add_signal("operation", Form::operation));
      add_signal("sample", Form::number, kNone);
      core_stage_signals_.push_back(served > 1 ? add_signal("stage", Form::stage_name, kNone) : -1);
      close_scope();
    }
  }
  close_scope();
}

void VcdWriter::begin(const std::vector<std::string>& links) {
  declare_stages();
  declare_cores();
  open_scope("links");
  link_signals_ = static_cast<int>(signals_.size());
  for (const std::string& link : links) {
    open_scope(link);
    add_signal("busy", Form::wire);
    close_scope();
  }
  open_scope("host");
  host_signal_ = add_signal("busy", Form::wire);
  close_scope();
  close_scope();
}

void VcdWriter::put(Cycles time, int signal, std::int64_t value, bool adds) {
  if (closed_ && time > end_) return;
  changes_.push_back({time, value, signal, adds});
}

void VcdWriter::operation(const SpanRecord& span) {
  const StageOperation operation = span.operation;
  const bool inside = span.micro_batch >= window_.first && span.micro_batch < window_.end;
  if (!open_) {
    open_ = inside && span.stage == 0;
    begin_ = span.begin;
    if (changes_.size() > forget_at_) forget_until(span.begin);
  }
  if (inside) end_ = std::max(end_, span.end);
  const StagePlan& stage = plan_.stages[span.stage];
  const int core = operation == StageOperation::forward ? stage.forward_core : stage.backward_core;
  const int unit = core * kDatapaths + datapath_of(plan_, core, operation);
  const int first = core_signals_[unit];
  put(span.begin, first + kOperation, 1 + static_cast<int>(operation));
  put(span.end, first + kOperation, 0);
  put(span.begin, first + kSample, first_sample(micro_batches_, span.micro_batch));
  put(span.end, first + kSample, kNone);
  if (core_stage_signals_[unit] >= 0) {
    put(span.begin, core_stage_signals_[unit], span.stage);
    put(span.end, core_stage_signals_[unit], kNone);
  }
  if (operation == StageOperation::update) {
    put(span.end, stage_signals_[span.stage] + kVersionSignal, span.version_written);
  }
  // Its update, if one follows, is told next; nothing of the window comes after that.
  const bool last =
      span.micro_batch + 1 == window_.end && window_.end < micro_batches_.micro_batches();
  const StageOperation leaves =
      plan_.splits_backward ? StageOperation::weight_gradient : StageOperation::backward;
  if (last && operation == leaves) ++finished_stages_;
  if (finished_stages_ == static_cast<int>(plan_.stages.size()) &&
      span.micro_batch >= window_.end) {
    closed_ = true;
  }
}

void VcdWriter::cycles(int stage, Cycles time, CycleKind kind) {
  put(time, stage_signals_[stage] + kState, static_cast<int>(kind));
  put(time, stage_signals_[stage] + kBusy, is_busy(kind));
}

void VcdWriter::held(int stage, Cycles time, const HeldSamples& more) {
  const StagePlan& plan = plan_.stages[stage];
  const int first = stage_signals_[stage];
  if (more.activations != 0) put(time, first + kSamplesSignal, more.activations, true);
  const Bytes bytes = activation_bytes(plan, more);
  if (more.activations != 0 || bytes != 0)
    put(time, first + kActivationsSignal, bytes.count(), true);
  if (more.gradients != 0) {
    const Bytes waiting = more.gradients * plan.gradient_bytes_per_sample;
    put(time, first + kGradientsSignal, waiting.count(), true);
  }
}

void VcdWriter::link_busy(int link, Cycles begin, Cycles end) {
  put(begin, link_signals_ + link, 1);
  put(end, link_signals_ + link, 0);
}

void VcdWriter::host_busy(Cycles begin, Cycles end) {
  put(begin, host_signal_, 1);
  put(end, host_signal_, 0);
}

void VcdWriter::sort_changes() {
  // Stable: of what one signal does in one moment the last call counts.
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.time < b.time; });
}

void VcdWriter::apply(const Change& change) {
  std::int64_t& value = signals_[change.signal].value;
  value = change.adds ? value + change.value : change.value;
}

void VcdWriter::forget_until(Cycles time) {
  sort_changes();
  const auto kept = std::find_if(changes_.begin(), changes_.end(),
                                 [time](const Change& c) { return c.time > time; });
  for (auto c = changes_.begin(); c != kept; ++c) apply(*c);
  changes_.erase(changes_.begin(), kept);
  forget_at_ = changes_.size() + kForgetChangesAt;
}

void VcdWriter::append_value(std::string& text, const Signal& signal) const {
  switch (signal.form) {
    case Form::wire:
      text += signal.value ? '1' : '0';
      break;
    case Form::number:
      text += 'b' + (signal.value == kNone ? std::string("z") : binary(signal.value)) + ' ';
      break;
    case Form::state:
      text += std::string("s") + words_of(static_cast<CycleKind>(signal.value)).name + ' ';
      break;
    case Form::operation:
      text += std::string("s") + kOperations[signal.value] + ' ';
      break;
    case Form::stage_name:
      text += 's' + (signal.value == kNone ? "-" : instance_name(plan_.stages[signal.value].name)) +
              ' ';
      break;
  }
  text += signal.id + '\n';
}

void VcdWriter::write_changes(std::ostream& file) {
  auto next = changes_.begin();
  for (; next != changes_.end() && next->time <= begin_; ++next) apply(*next);
  std::string text = "#" + to_string(begin_) + "\n$dumpvars\n";
  for (Signal& signal : signals_) {
    append_value(text, signal);
    signal.shown = signal.value;
  }
  text += "$end\n";
  Cycles stamped_at = begin_;
  while (next != changes_.end() && next->time <= end_) {
    const Cycles time = next->time;
    const auto first = next;
    for (; next != changes_.end() && next->time == time; ++next) apply(*next);
    for (auto c = first; c != next; ++c) {
      Signal& signal = signals_[c->signal];
      if (signal.value == signal.shown) continue;
      if (stamped_at != time) text += "#" + to_string(time) + "\n";
      stamped_at = time;
      append_value(text, signal);
      signal.shown = signal.value;
    }
    if (text.size() < kFlushBytes) continue;
    file << text;
    text.clear();
  }
  if (end_ > stamped_at) text += "#" + to_string(end_) + "\n";
  file << text;
}

void VcdWriter::write(std::ostream& file, Cycles run_end) {
  if (window_.end >= micro_batches_.micro_batches() || !open_) end_ = run_end;
  if (!open_) begin_ = end_;
  file << "$comment stagecoach: 1 ns shown is 1 cycle of " << plan_.clock_mhz
       << " MHz; micro-batches " << window_.first << " to " << window_.end - 1
       << (window_.capped ? ", cut at the cap of operations" : "") << " $end\n"
       << "$timescale 1 ns $end\n$scope module machine $end\n"
       << header_ << "$upscope $end\n$enddefinitions $end\n";
  sort_changes();
  write_changes(file);
}

}  // namespace stagecoach
