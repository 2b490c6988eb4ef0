// SPDX-License-Identifier: Apache-2.0
// The run as a whole.
#include "sim/modules/run_control.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace stagecoach {
namespace {

/// Micro-batches of the steady part for each one that it may begin or end with more in flight, and
/// samples for each one that its mini-batches may be short of.
constexpr MicroBatchId kSteadyShare = 50;

/// Samples of the micro-batches [0, end).
std::int64_t samples_before(const MicroBatchPlan& plan, MicroBatchId end) {
  if (end >= plan.micro_batches()) return plan.samples();
  const MicroBatch p = plan.at(end);
  return p.epoch * plan.samples_per_epoch() + p.first_in_epoch;
}

}  // namespace

RunControl::RunControl(int stages, const MicroBatchPlan& plan, OpSink& sink, SpanSink* spans,
                       MicroBatchId trace_from, MicroBatchId trace_micro_batches, WaveSink* waves)
    : plan_(plan),
      sink_(sink),
      spans_(spans),
      trace_from_(trace_from),
      waves_(waves),
      left_in_epoch_(stages, plan.micro_batches_per_epoch()),
      stage_epochs_(stages, 0) {
  const MicroBatchId most = std::numeric_limits<MicroBatchId>::max();
  const auto end_of_batch = [&plan](MicroBatchId p) { return plan.at(p).batch_end - 1; };
  steady_begin_.micro_batch = end_of_batch(plan.micro_batches() / 4);
  steady_end_.micro_batch = end_of_batch(3 * plan.micro_batches() / 4);
  trace_end_ = trace_micro_batches > most - trace_from ? most : trace_from + trace_micro_batches;
}

void RunControl::emit(const Op& op) {
  if (halted_) return;
  ++operations_;
  if (op.stage == 0 && op.pass == Pass::forward) started_ = op.micro_batch + 1;
  try {
    if (!sink_.emit(op)) halted_ = stopped_early_ = true;
  } catch (...) {
    fail(std::current_exception());
  }
}

void RunControl::fail(std::exception_ptr failure) {
  // The kernel would turn an exception from a process into a report of its own.
  if (!failure_) failure_ = failure;
  halted_ = true;
}

void RunControl::rethrow() const {
  if (failure_) std::rethrow_exception(failure_);
}

void RunControl::set_entry_stages(std::vector<int> stages) {
  entry_slot_.assign(*std::max_element(stages.begin(), stages.end()) + 1, -1);
  for (std::size_t i = 0; i < stages.size(); ++i) entry_slot_[stages[i]] = static_cast<int>(i);
  entry_retired_.assign(stages.size(), 0);
}

void RunControl::stage_ended_epoch(int stage, Cycles time) {
  left_in_epoch_[stage] = plan_.micro_batches_per_epoch();
  ++stage_epochs_[stage];
  const std::size_t all = *std::min_element(stage_epochs_.begin(), stage_epochs_.end());
  if (all == epochs_.size()) return;
  const auto n = static_cast<std::int64_t>(all);
  epochs_.push_back(EpochTime{time, n * plan_.micro_batches_per_epoch(),
                              n * plan_.samples_per_epoch(), n * plan_.batches_per_epoch()});
}

void RunControl::retired(int stage, Cycles time) {
  if (--left_in_epoch_[stage] == 0) stage_ended_epoch(stage, time);
  if (stage >= static_cast<int>(entry_slot_.size()) || entry_slot_[stage] < 0) return;
  ++entry_retired_[entry_slot_[stage]];
  const MicroBatchId least = *std::min_element(entry_retired_.begin(), entry_retired_.end());
  if (least == pipeline_retired_) return;
  pipeline_retired_ = least;
  micro_batch_left(time);
}

void RunControl::micro_batch_left(Cycles time) {
  const MicroBatchId p = pipeline_retired_ - 1;
  if (p == 0) first_left_ = time;
  for (Mark* mark : {&steady_begin_, &steady_end_}) {
    if (p != mark->micro_batch) continue;
    mark->time = time;
    mark->in_flight = started_ - pipeline_retired_;
  }
  if (on_retired_) on_retired_(time);
}

void RunControl::report(RunStatistics& s) const {
  s.cycles = end_;
  s.micro_batches = pipeline_retired_;
  s.samples = samples_before(plan_, pipeline_retired_);
  s.operations = operations_;
  s.stopped_early = stopped_early_;
  s.epochs = epochs_;
  s.first_left = first_left_;
  const Mark &first = steady_begin_, &last = steady_end_;
  const MicroBatchId between = last.micro_batch - first.micro_batch;
  const bool complete = between > 0 && pipeline_retired_ > last.micro_batch;
  // Steady: as many entered as left. Where one more or less is within two in a hundred, it may.
  if (!complete || kSteadyShare * std::abs(last.in_flight - first.in_flight) > between) return;
  const std::int64_t samples =
      samples_before(plan_, last.micro_batch + 1) - samples_before(plan_, first.micro_batch + 1);
  // Smaller mini-batches, as at the end of an epoch, take more cycles a sample.
  const std::int64_t of_full_batches =
      (plan_.at(last.micro_batch).batch - plan_.at(first.micro_batch).batch) *
      plan_.at(0).batch_samples;
  if (kSteadyShare * (of_full_batches - samples) > of_full_batches) return;
  s.steady_cycles = last.time - first.time;
  s.steady_samples = samples;
}

}  // namespace stagecoach
