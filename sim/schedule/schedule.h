// SPDX-License-Identifier: Apache-2.0
// What a schedule is: who may work on which micro-batch when. Pure rules, no clock, no SystemC.
//
// The same rules drive both pacings. `elastic`: a stage starts an operation that the rules, its
// inputs, output space and core allow. `lockstep`: time is cut into ticks; in a tick a stage does
// what the rules allow, given what was there when the tick began.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "models/micro_batch_plan.h"
#include "models/op.h"

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

/// The `pipeline` part of a workload that concerns order in time.
struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::pipelined;
  Pacing pacing = Pacing::elastic;
  bool weight_stashing = false;  ///< from training.mitigation (one_f_one_b: true by default)
  bool vertical_sync = false;    ///< one_f_one_b only
  /// Lowers or lifts the schedule's own bound on micro-batches in flight, per stage: empty: none;
  /// one number: every stage; S numbers: stage by stage.
  std::vector<int> max_in_flight;
  MicroBatchId switch_micro_batch = 0;  ///< hybrid: first micro-batch of the sequential part
};

/// How far one stage has come.
struct StageProgress {
  MicroBatchId forwards = 0;   ///< forwards started: the next one is micro-batch `forwards`
  MicroBatchId backwards = 0;  ///< backwards started
  /// Weight gradients started, where the schedule splits the backward.
  MicroBatchId weight_gradients = 0;
  MicroBatchId retired = 0;   ///< backwards (both halves, and their update, if any) completed
  WeightVersion updates = 0;  ///< updates completed
};

/// A schedule for S stages and one micro-batch plan. Stateless: every answer follows from the
/// arguments.
class Schedule {
 public:
  static constexpr int kUnlimited = std::numeric_limits<int>::max();

  virtual ~Schedule() = default;

  virtual TickForm tick_form() const = 0;
  virtual WeightPolicy weight_policy() const = 0;

  /// Closed form: the delay of stage k in updates, in the steady state.
  virtual int delay(int stage) const = 0;
  /// Micro-batches between the start of their forward and the end of their backward, at most.
  virtual int max_in_flight(int stage) const = 0;
  /// Weight versions that stage k keeps, the current one included, in closed form.
  virtual int versions_kept(int stage) const = 0;
  /// Activation sets that stage k holds at most, in closed form (the plan's length also bounds it).
  virtual int activations_in_flight(int stage) const = 0;

  /// May micro-batch `p` (the next one of this stage) start its forward at stage k, as far as the
  /// order of things goes? `pipeline_retired`: micro-batches that have left stage 0 for good.
  virtual bool may_forward(int stage, MicroBatchId p, const StageProgress& here,
                           MicroBatchId pipeline_retired) const = 0;
  /// May the next backward (micro-batch `here.backwards`) start?
  virtual bool may_backward(int stage, const StageProgress& here) const = 0;
  /// Where both may start: true if the backward goes first. Weight gradients come last.
  virtual bool backward_first() const = 0;
  /// True if a backward is two operations: the gradients that go on to the stage before, and the
  /// weight gradient, later, when a core has nothing better to do.
  virtual bool splits_backward() const { return false; }
  /// True if the backward of micro-batch p (its second half) is followed by an update.
  virtual bool updates_after(MicroBatchId p) const = 0;
};

/// Throws UserError if the spec does not fit (max_in_flight of a wrong length or below 1, ...).
std::unique_ptr<Schedule> make_schedule(const ScheduleSpec& spec, int stages,
                                        const MicroBatchPlan& plan);

}  // namespace stagecoach
