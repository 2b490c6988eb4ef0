// SPDX-License-Identifier: Apache-2.0
// The machine: all modules of one run and the wires between them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sim/modules/activation_buffer.h"
#include "sim/modules/compute_core.h"
#include "sim/modules/dram_channel.h"
#include "sim/modules/event_wheel.h"
#include "sim/modules/interfaces.h"
#include "sim/modules/loss_sink.h"
#include "sim/modules/run_control.h"
#include "sim/modules/sample_source.h"
#include "sim/modules/stage_controller.h"
#include "sim/modules/tick_controller.h"
#include "sim/modules/watchdog.h"
#include "sim/modules/weight_buffer.h"
#include "sim/plan/machine_plan.h"
#include "sim/schedule/lockstep.h"
#include "sim/schedule/planned_order.h"
#include "sim/system/simulation.h"

namespace stagecoach {

/// Makes the interconnect; called while the accelerator is built, so that the module becomes part
/// of it. The arguments outlive the module.
using MakeInterconnect = std::function<std::unique_ptr<InterconnectIf>(
    const char* name, const MachinePlan& plan, WheelIf& wheel)>;

/// Ours: sim/modules/interconnect.h.
std::unique_ptr<InterconnectIf> make_interconnect(const char* name, const MachinePlan& plan,
                                                  WheelIf& wheel);

class Accelerator : public sc_core::sc_module {
 public:
  /// The references must outlive this.
  Accelerator(sc_core::sc_module_name name, const MachinePlan& plan, const Schedule& schedule,
              Pacing pacing, const MicroBatchPlan& micro_batches, OpSink& sink,
              const SimulationOptions& options,
              const MakeInterconnect& interconnect = make_interconnect);

  /// After the run: throws the error that stopped it, or names the deadlock if it is not complete.
  void check() const;
  RunStatistics report();

 private:
  /// One value on its way from stage to stage (producer -1: from the host).
  struct Wire {
    int producer = 0;
    int consumer = 0;
    Bytes bytes_per_sample = 0;
    int edge = 0;  ///< of the consumer
  };

  /// A level of the hierarchy of names.
  struct Scope : sc_core::sc_module {
    Scope(sc_core::sc_module_name name, const std::function<void()>& build) : sc_module(name) {
      build();
    }
  };
  using ScopePtr = std::unique_ptr<Scope>;

  int stages() const { return static_cast<int>(plan_.stages.size()); }
  std::vector<Wire> wires() const;
  void make_cores();
  /// Elastic pacing that keeps the order of the ticks.
  void plan_order(const Schedule& schedule);
  void make_stages(const Schedule& schedule, const SeriesOptions& series,
                   const std::vector<Wire>& wires);
  void make_stage(int k, const Schedule& schedule, const SeriesOptions& series);
  void make_buffer(int k, const std::vector<Wire>& wires);
  void connect_forward(const Wire& wire);
  void connect_backward();
  void connect_retirement();
  void name_regions();
  void watch(WaveSink* waves);
  void stop_when(const std::function<bool()>& stops);
  std::vector<LinkStatistics> links() const;

  const MachinePlan& plan_;
  const MicroBatchPlan& micro_batches_;
  const Pacing pacing_;
  RunControl control_;
  ForwardVersions versions_;
  EventWheel wheel_;
  std::unique_ptr<InterconnectIf> network_;
  SampleSource source_;
  std::unique_ptr<DramChannel> dram_;  ///< where the plan has one
  LossSink loss_;
  ScopePtr cores_scope_, stages_scope_;
  std::vector<ScopePtr> stage_scopes_;
  std::vector<std::unique_ptr<ComputeCore>> cores_;
  std::vector<std::unique_ptr<WeightBuffer>> weights_;
  std::vector<std::unique_ptr<ActivationBuffer>> buffers_;
  std::vector<std::unique_ptr<StageController>> controllers_;
  /// Units of several cores: one entry for all links between their cores.
  struct RegionLink {
    std::string name;
    int stage = 0;
    bool forward = false;
    bool backward = false;
  };
  std::vector<RegionLink> regions_;
  std::unique_ptr<LockstepOrder> order_;
  std::unique_ptr<PlannedOrder> planned_;
  std::unique_ptr<TickController> ticks_;
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace stagecoach
