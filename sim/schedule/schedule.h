// SPDX-License-Identifier: Apache-2.0
// A schedule: which stage may work on which micro-batch when. Pure rules, no clock, no SystemC.
//
// The same rules drive both pacings. `elastic`: a stage starts an operation that the rules, its
// inputs, output space and core allow. `lockstep`: time is divided into ticks; in a tick a stage
// does what the rules allow, given the state at the beginning of the tick.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "models/micro_batch_plan.h"
#include "models/op.h"
#include "models/stage_policy.h"
#include "sim/schedule/stage_operation.h"
#include "sim/schedule/stage_progress.h"

namespace stagecoach {

enum class ScheduleKind {
  sequential,
  fill_drain,
  gpipe,
  one_f_one_b_flush,
  pipelined,
  one_f_one_b,
  two_buffered_weights,
  hybrid,
  zero_bubble,
  interleaved_one_f_one_b,
  zero_bubble_v,
};

enum class Pacing { elastic, lockstep };

/// What fits into one tick of `lockstep` at one stage.
enum class TickForm {
  forward_and_backward,  ///< pipelined backpropagation: F of one micro-batch, B (and update) of
                         ///< another
  forward_or_backward,   ///< 1F1B, GPipe, zero bubble: one operation a tick
};

/// Which weights a forward reads, and whether its backward reads the same.
enum class WeightPolicy {
  current,          ///< newest in both passes; no version kept
  stashed,          ///< backward reads what the forward read
  vertical_sync,    ///< the version that stage 0 had when the micro-batch entered, in both passes
  double_buffered,  ///< PipeDream-2BW: version max(batch - 1, 0), in both passes
};

/// True if a backward reads the version that its forward read; this version is kept until then.
constexpr bool keeps_forward_version(WeightPolicy policy) {
  return policy != WeightPolicy::current;
}

/// True if a forward names the version that it reads (Op::version), which need not be the newest.
constexpr bool names_version(WeightPolicy policy) {
  return policy == WeightPolicy::vertical_sync || policy == WeightPolicy::double_buffered;
}

/// The `pipeline` part of a workload that concerns order in time.
struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::pipelined;
  Pacing pacing = Pacing::elastic;
  bool weight_stashing = false;  ///< from training.mitigation
  bool vertical_sync = false;    ///< one_f_one_b only
  /// Lowers or lifts the schedule's own bound on micro-batches in flight, per stage: empty: none;
  /// one number: every stage; S numbers: stage by stage.
  std::vector<int> max_in_flight;
  /// Registers between the last stage's forward and its backward: 0 or 1. See
  /// Schedule::turnaround.
  int turnaround = 0;
  int chunks_per_core = 2;              ///< interleaved_one_f_one_b: stages that each core takes
  MicroBatchId switch_micro_batch = 0;  ///< hybrid: first micro-batch of the sequential part
  /// Inference in place of `kind`: --forward-only. The fields above but pacing say nothing then.
  bool forward_only = false;
};

/// An operation in a core's list. A stage's operations of one kind come in the order of
/// micro-batches.
struct ListedOperation {
  int stage = 0;
  StageOperation operation = StageOperation::forward;
};

/// A schedule for S stages and one micro-batch plan. Stateless: every answer follows from the
/// arguments.
class Schedule {
 public:
  static constexpr int kUnlimited = std::numeric_limits<int>::max();

  virtual ~Schedule() = default;

  virtual TickForm tick_form() const = 0;
  virtual WeightPolicy weight_policy() const = 0;
  /// Registers between the last forward and the first backward: with 1 the last stage works on a
  /// micro-batch's backward while the next one has its forward there. In lockstep it is the tick
  /// after; elastic, the last stage prefers the next forward, with two micro-batches in flight at
  /// most. Every stage's round trip, and so its delay, is one micro-batch longer.
  virtual int turnaround() const { return 0; }

  /// Closed form: the delay of stage k in updates, in the steady state.
  virtual int delay(int stage) const = 0;
  /// The same for the engine, with the horizons of SpecTrain: updates from a pass to the end of
  /// the micro-batch's round trip (FTPipe's and SpecTrain's code for 1F1B, the tick count for
  /// pipelined backpropagation; 0 where neither says anything).
  virtual StageDelay stage_delay(int stage) const = 0;
  /// The facts about stage k that the engine needs.
  StagePolicy stage_policy(int stage) const;
  /// Largest number of micro-batches in flight.
  virtual int max_in_flight(int stage) const = 0;
  /// Weight versions that stage k keeps, the current one included, in closed form.
  virtual int versions_kept(int stage) const = 0;
  /// Activation sets that stage k holds at most, in closed form (the plan's length also bounds it).
  virtual int activations_in_flight(int stage) const = 0;

  /// Does the schedule's order allow micro-batch `p` (the next one of this stage) to start its
  /// forward at stage k? `pipeline_retired`: micro-batches that have left stage 0 for good.
  virtual bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                           MicroBatchId pipeline_retired) const = 0;
  /// May the next backward (micro-batch `here.backwards`) start?
  virtual bool may_backward(int stage, const StageProgress& here) const = 0;
  /// Where both may start: true if the backward goes first. Weight gradients come last.
  virtual bool backward_first(int stage) const = 0;
  /// True if elastic pacing keeps the order of the ticks, too (sim/schedule/planned_order.h), so
  /// that better hardware never costs time. If false, operations start as soon as they can.
  virtual bool keeps_planned_order() const { return false; }
  /// Cores that the schedule itself deals its stages out to, several chunks of the network each; 0:
  /// the mapping decides which stages share a core.
  virtual int cores() const { return 0; }
  /// Where there are such cores: the core of a stage.
  virtual int core_of(int stage) const { return stage; }
  /// Where there are such cores: all that core does in a mini-batch of so many micro-batches, in
  /// order. It does nothing else and overtakes nothing, in both pacings.
  virtual std::vector<ListedOperation> core_order(int core, int micro_batches) const;
  /// True if a backward is two operations: first the gradients that go to the previous stage;
  /// later, when the core has no forward and no backward to do, the weight gradient.
  virtual bool splits_backward() const { return false; }
  /// True if there is no backward: a micro-batch leaves a stage when its forward there is over.
  virtual bool forward_only() const { return false; }
  /// True if the backward of micro-batch p (its second half) is followed by an update.
  virtual bool updates_after(MicroBatchId p) const = 0;
};

/// Throws UserError if the spec does not fit (max_in_flight of a wrong length or below 1, a
/// turnaround where the schedule has one already, ...).
std::unique_ptr<Schedule> make_schedule(const ScheduleSpec& spec, int stages,
                                        const MicroBatchPlan& plan);

}  // namespace stagecoach
