// SPDX-License-Identifier: Apache-2.0
// The control of one pipeline stage. It decides whether the next forward or backward may start. At
// the start and the end of an operation it reads a weight version, hands the operation to the sink,
// moves micro-batches between buffers, books transfers for the time at which the data will exist
// (the length of an operation is known when it starts), and books every cycle of the stage to its
// kind.
#pragma once

#include <optional>
#include <vector>

#include "models/micro_batch_plan.h"
#include "sim/modules/interfaces.h"
#include "sim/modules/run_control.h"
#include "sim/plan/machine_plan.h"
#include "sim/schedule/planned_order.h"
#include "sim/schedule/schedule.h"
#include "sim/stats/series.h"

namespace stagecoach {

/// A value that a stage sends when an operation ends.
struct OutputPort {
  int channel = 0;  ///< of the interconnect; not used with `from_host`
  InboxIf* receiver = nullptr;
  int to_stage = 0;
  int edge = 0;  ///< of the receiver; forward only
  Bytes bytes_per_sample = 0;
  /// The network's input for a later stage: comes from the host when this forward starts.
  bool from_host = false;
};

/// How much of the series a run keeps.
struct SeriesOptions {
  Cycles window_cycles = 1;
  int max_windows = 512;
  int max_memory_points = 2000;
};

class StageController : public sc_core::sc_module, public StageIf {
 public:
  StageController(sc_core::sc_module_name name, int index, const StagePlan& stage,
                  const Schedule& schedule, const MicroBatchPlan& plan, RunControl& control,
                  const SeriesOptions& series);

  sc_core::sc_port<WeightIf> weights;
  sc_core::sc_port<ActivationIf> activations;
  sc_core::sc_port<TransferIf> network;
  sc_core::sc_port<SourceIf> source;
  /// Bound at the last stage only.
  sc_core::sc_port<LossIf, 1, sc_core::SC_ZERO_OR_MORE_BOUND> loss;
  /// Bound where the machine simulates the channel.
  sc_core::sc_port<DramIf, 1, sc_core::SC_ZERO_OR_MORE_BOUND> dram;

  void add_forward_output(const OutputPort& port) { forward_outputs_.push_back(port); }
  void add_backward_output(const OutputPort& port) { backward_outputs_.push_back(port); }
  void set_cores(WakeIf* forward, WakeIf* backward);
  /// Starts nothing that its core has not next in the planned order.
  void follow(PlannedOrder* order) { planned_ = order; }

  int index() const override { return index_; }
  Obstacle obstacle(StageOperation operation, Cycles now) const override;
  std::optional<Cycles> next_data(StageOperation operation, Cycles now) const override;
  Cycles begin(StageOperation operation, Cycles now, bool announce_update) override;
  void finish(StageOperation operation, Cycles now) override;
  void note_wait(Cycles now, bool core_taken) override;
  /// Lockstep, where the order knows what there is room for: a full buffer, its own or a
  /// receiver's (Obstacle::credit), keeps the stage from its next forward from `now` on;
  /// Obstacle::nothing: none does.
  void note_held(Cycles now, Obstacle by);

  const StagePlan& plan() const { return stage_; }
  const StageProgress& progress() const { return *progress_; }
  const std::vector<OutputPort>& forward_outputs() const { return forward_outputs_; }
  bool finished() const { return progress_->retired == micro_batches_.micro_batches(); }

  /// Before the simulation: the numbers, for the waves, of the links inside the units that do
  /// this stage's forward and backward.
  void set_region_links(int forward, int backward);
  /// What went over them.
  LinkStatistics forward_region() const { return forward_region_.statistics; }
  LinkStatistics backward_region() const { return backward_region_.statistics; }

  /// Books what is left of the run and fills the stage's statistics (not those of its buffers).
  void report(Cycles end, StageStatistics& statistics);

 private:
  void start_of_simulation() override;

  /// The planned order wants something else of the stage's core first.
  bool out_of_turn(StageOperation operation) const;
  Obstacle forward_obstacle(Cycles now) const;
  Obstacle backward_obstacle(Cycles now) const;
  Obstacle weight_gradient_obstacle() const;
  std::optional<Cycles> next_input(Cycles now) const;
  std::optional<Cycles> next_gradient(Cycles now) const;
  Cycles begin_forward(Cycles now);
  Cycles begin_backward(Cycles now, bool announce_update);
  Cycles begin_weight_gradient(Cycles now);

  enum class Wait { before_first, data, output, memory, core, after_last };

  void settle(Cycles now);
  void book(CycleKind kind, Cycles to);
  /// Traffic inside a unit of cores.
  struct Region {
    int link = -1;
    LinkStatistics statistics;
  };

  /// Books an operation that moves so many bytes from and to DRAM; returns its end.
  Cycles book_operation(CycleKind kind, const OpCost& cost, Bytes dram_bytes, Region& region,
                        Cycles begin);
  /// The awaited input or gradient: of the two the one that is made first; unlimited if neither is
  /// known yet.
  Arrival awaited() const;
  int samples_of(MicroBatchId p) const {
    return single_samples_ ? 1 : micro_batches_.at(p).samples;  // which divides, and takes long
  }
  void send_forward(MicroBatchId p, int samples, Cycles now, Cycles end);
  void note_memory(Cycles now);
  /// The update after micro-batch p's gradients, if one follows; returns when it ends.
  Cycles book_update(const StageCost& cost, MicroBatchId p, Cycles begin);
  /// When the update that begins, or (in passing) ends, at `update_begin` writes its first weight.
  Cycles first_write(const StageCost& cost, Cycles update_begin) const;
  /// The micro-batch that has been here longest leaves; its update, if any, is complete.
  void retire(Cycles now);
  /// The same where there is no backward.
  void pass_on(Cycles now);

  // What the ports are bound to.
  WeightIf* weights_ = nullptr;
  const StageProgress* progress_ = nullptr;
  ActivationIf* activations_ = nullptr;
  TransferIf* network_ = nullptr;
  SourceIf* source_ = nullptr;
  LossIf* loss_ = nullptr;
  DramIf* dram_ = nullptr;

  const int index_;
  const StagePlan& stage_;
  const Schedule& schedule_;
  const MicroBatchPlan& micro_batches_;
  const bool single_samples_;
  RunControl& control_;
  std::vector<OutputPort> forward_outputs_, backward_outputs_;
  PlannedOrder* planned_ = nullptr;
  WakeIf* forward_core_ = nullptr;
  WakeIf* backward_core_ = nullptr;
  bool update_pending_ = false;  ///< the running backward is followed by an update
  bool update_announced_ = false;
  Wait wait_ = Wait::before_first;
  bool awaits_input_ = false, awaits_gradient_ = false;
  Obstacle held_by_ = Obstacle::nothing;
  CycleAccount account_;
  MemorySeries memory_;
  std::int64_t forward_macs_ = 0, backward_macs_ = 0;
  Cycles recompute_cycles_ = 0;
  Cycles forward_busy_ = 0, input_gradient_busy_ = 0, weight_gradient_busy_ = 0;
  std::optional<Cycles> first_weight_write_;
  Region forward_region_, backward_region_;
};

}  // namespace stagecoach
