// SPDX-License-Identifier: Apache-2.0
// Picks the schedule and refuses what does not fit it.
#include "sim/schedule/schedule.h"

#include <algorithm>

#include "models/base/error.h"
#include "sim/schedule/kinds.h"

namespace stagecoach {
namespace {

void check_bounds(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan) {
  const auto& bounds = spec.max_in_flight;
  if (bounds.empty()) return;
  if (bounds.size() != 1 && bounds.size() != static_cast<std::size_t>(stages)) {
    throw UserError("/pipeline/max_in_flight: found " + std::to_string(bounds.size()) +
                    " numbers; allowed: one number, or one for each of the " +
                    std::to_string(stages) + " stages");
  }
  const int smallest = *std::min_element(bounds.begin(), bounds.end());
  if (smallest < 1) {
    throw UserError("/pipeline/max_in_flight: found " + std::to_string(smallest) +
                    "; allowed: 1 or more (a stage must hold the micro-batch it works on)");
  }
  if (spec.kind == ScheduleKind::sequential) {
    throw UserError(
        "/pipeline/max_in_flight: `sequential` always has one micro-batch in flight; remove the "
        "field "
        "or choose another schedule");
  }
  if (spec.kind == ScheduleKind::interleaved_one_f_one_b ||
      spec.kind == ScheduleKind::zero_bubble_v) {
    throw UserError(
        "/pipeline/max_in_flight: this schedule lists what a core does in which order, and with it "
        "what is in flight; remove the field or choose `one_f_one_b_flush` or `zero_bubble`");
  }
  const MicroBatchId batch = plan.at(0).batch_end;
  if (spec.kind == ScheduleKind::gpipe && smallest < batch) {
    throw UserError("/pipeline/max_in_flight: found " + std::to_string(smallest) +
                    "; `gpipe` finishes the forwards of a mini-batch before its first backward: "
                    "allowed: " +
                    std::to_string(batch) +
                    " (micro-batches of a mini-batch) or more; `one_f_one_b_flush` needs less");
  }
}

void check_turnaround(const ScheduleSpec& spec) {
  if (spec.turnaround == 0) return;
  const auto refuse = [](const std::string& why) {
    throw UserError("/pipeline/turnaround: found 1; " + why +
                    "; allowed: 0, or the schedule `pipelined`, `hybrid` or `fill_drain`");
  };
  switch (spec.kind) {
    case ScheduleKind::pipelined:
    case ScheduleKind::hybrid:
    case ScheduleKind::fill_drain:
      return;
    case ScheduleKind::sequential:
      refuse("under `sequential` nothing else is in the pipeline that could use the last stage");
      return;
    case ScheduleKind::gpipe:
    case ScheduleKind::one_f_one_b_flush:
    case ScheduleKind::one_f_one_b:
    case ScheduleKind::two_buffered_weights:
    case ScheduleKind::zero_bubble:
    case ScheduleKind::interleaved_one_f_one_b:
    case ScheduleKind::zero_bubble_v:
      refuse(
          "this schedule does one operation at a time in a stage, so that the last backward "
          "follows its forward a tick later as it is");
      return;
  }
  throw ModelBug("unknown schedule kind");
}

}  // namespace

std::vector<ListedOperation> Schedule::core_order(int, int) const {
  throw ModelBug("this schedule lists no order");
}

StagePolicy Schedule::stage_policy(int stage) const {
  StagePolicy policy;
  policy.delay = stage_delay(stage);
  policy.stash = keeps_forward_version(weight_policy());
  policy.history = names_version(weight_policy()) ? versions_kept(stage) : 0;
  return policy;
}

std::unique_ptr<Schedule> make_schedule(const ScheduleSpec& spec, int stages,
                                        const MicroBatchPlan& plan) {
  if (stages < 1) throw ModelBug("a schedule needs at least one stage");
  if (spec.forward_only) return make_forward_only(spec, stages, plan);
  check_bounds(spec, stages, plan);
  check_turnaround(spec);
  if (spec.vertical_sync && spec.kind != ScheduleKind::one_f_one_b) {
    throw UserError("/pipeline/vertical_sync: belongs to the schedule `one_f_one_b`");
  }
  switch (spec.kind) {
    case ScheduleKind::sequential:
      return make_sequential(spec, stages, plan);
    case ScheduleKind::fill_drain:
      return make_fill_drain(spec, stages, plan);
    case ScheduleKind::gpipe:
      return make_gpipe(spec, stages, plan);
    case ScheduleKind::one_f_one_b_flush:
      return make_one_f_one_b_flush(spec, stages, plan);
    case ScheduleKind::pipelined:
      return make_pipelined(spec, stages, plan);
    case ScheduleKind::one_f_one_b:
      return make_one_f_one_b(spec, stages, plan);
    case ScheduleKind::two_buffered_weights:
      return make_two_buffered_weights(spec, stages, plan);
    case ScheduleKind::hybrid:
      return make_hybrid(spec, stages, plan);
    case ScheduleKind::zero_bubble:
      return make_zero_bubble(spec, stages, plan);
    case ScheduleKind::interleaved_one_f_one_b:
      return make_interleaved_one_f_one_b(spec, stages, plan);
    case ScheduleKind::zero_bubble_v:
      return make_zero_bubble_v(spec, stages, plan);
  }
  throw ModelBug("unknown schedule kind");
}

}  // namespace stagecoach
