// SPDX-License-Identifier: Apache-2.0
// The block diagram.
#include "sim/system/accelerator.h"

#include <algorithm>

#include "models/base/error.h"
#include "sim/base/instance_name.h"
#include "sim/modules/interconnect.h"

namespace stagecoach {
namespace {

int gradients_of(const MachinePlan& plan, int k) {
  if (plan.forward_only) return 0;
  int messages = 0;
  for (const StagePlan& stage : plan.stages) {
    for (const Message& message : stage.backward_messages) messages += message.to_stage == k;
  }
  // The loss gives the last stage its gradient.
  return messages + (k + 1 == static_cast<int>(plan.stages.size()) ? 1 : 0);
}

}  // namespace

std::unique_ptr<InterconnectIf> make_interconnect(const char* name, const MachinePlan& plan,
                                                  WheelIf& wheel) {
  return std::make_unique<Interconnect>(name, plan.interconnect, plan.cores, wheel);
}

Accelerator::Accelerator(sc_core::sc_module_name name, const MachinePlan& plan,
                         const Schedule& schedule, Pacing pacing,
                         const MicroBatchPlan& micro_batches, OpSink& sink,
                         const SimulationOptions& options, const MakeInterconnect& interconnect)
    : sc_module(name),
      plan_(plan),
      micro_batches_(micro_batches),
      pacing_(pacing),
      control_(static_cast<int>(plan.stages.size()), micro_batches, sink, options.spans,
               options.trace_from, options.trace_micro_batches, options.waves),
      versions_(schedule, micro_batches),
      wheel_("event_wheel"),
      network_(interconnect("interconnect", plan, wheel_)),
      source_("sample_source", plan.host, plan.stages.at(0).input_bytes_per_sample, micro_batches,
              control_, wheel_, pacing),
      loss_("loss_sink", plan.host, options.output_bytes_per_sample, plan.input_queue_micro_batches,
            !plan.forward_only) {
  const std::vector<Wire> all = wires();
  const SeriesOptions series{options.window_cycles, longest_series(options.max_windows, stages()),
                             longest_series(options.max_memory_points, stages())};
  if (plan.dram) dram_ = std::make_unique<DramChannel>("dram_channel", *plan.dram, wheel_);
  make_cores();
  make_stages(schedule, series, all);
  for (const Wire& wire : all) connect_forward(wire);
  connect_backward();
  connect_retirement();
  name_regions();
  watch(options.waves);
  if (options.stops) stop_when(options.stops);
  source_.first_stage(*buffers_.front());
  loss_.last_stage(*buffers_.back());
  std::vector<StageController*> controllers;
  for (const auto& controller : controllers_) controllers.push_back(controller.get());
  if (pacing_ == Pacing::lockstep) {
    order_ = std::make_unique<LockstepOrder>(schedule, micro_batches_, stages(),
                                             buffer_capacities(plan_));
    ticks_ = std::make_unique<TickController>("tick_controller", *order_, control_, *network_,
                                              source_, loss_, controllers, plan_);
  } else if (schedule.keeps_planned_order()) {
    plan_order(schedule);
  }
  // The tick controller has processes of its own; cores, source and DRAM channel wait on the wheel.
  if (pacing_ == Pacing::elastic && network_->lives_on_wheel()) wheel_.run_ahead();
  std::vector<const ActivationBuffer*> buffers;
  for (const auto& buffer : buffers_) buffers.push_back(buffer.get());
  watchdog_ = std::make_unique<Watchdog>(
      "watchdog", control_,
      std::vector<const StageController*>(controllers.begin(), controllers.end()), buffers);
}

void Accelerator::plan_order(const Schedule& schedule) {
  const auto unit_of = [this](int stage, StageOperation operation) {
    const StagePlan& at = plan_.stages[stage];
    const bool forward = operation == StageOperation::forward;
    const int core = forward ? at.forward_core : at.backward_core;
    return core * kDatapaths + datapath_of(plan_, core, operation);
  };
  planned_ =
      std::make_unique<PlannedOrder>(schedule, micro_batches_, stages(), buffer_capacities(plan_),
                                     static_cast<int>(plan_.cores.size()) * kDatapaths, unit_of);
  for (const auto& controller : controllers_) controller->follow(planned_.get());
}

void Accelerator::stop_when(const std::function<bool()>& stops) {
  // What is under way is finished first, as when the sink stops the run; a machine that goes on
  // turning all the same is cut off.
  wheel_.set_stops([this, stops, patience = 1000]() mutable {
    if (control_.halted()) return patience-- == 0;
    if (stops()) control_.stop();
    return false;
  });
}

std::vector<Accelerator::Wire> Accelerator::wires() const {
  std::vector<Wire> all;
  for (int k = 0; k < stages(); ++k) {
    for (const Message& message : plan_.stages[k].forward_messages) {
      if (message.to_stage <= k || message.to_stage >= stages()) {
        throw ModelBug("a forward message must go to a later stage");
      }
      all.push_back(Wire{k, message.to_stage, message.bytes_per_sample, 0});
    }
    const Bytes input = plan_.stages[k].input_bytes_per_sample;
    if (k == 0) {
      all.push_back(Wire{-1, 0, input, 0});
    } else if (input > 0) {
      all.push_back(Wire{-1, k, input, 0});
    }
  }
  // The nearest producer is a stage's main line: its edge 0.
  std::stable_sort(all.begin(), all.end(), [](const Wire& a, const Wire& b) {
    return a.consumer != b.consumer ? a.consumer < b.consumer : a.producer > b.producer;
  });
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].consumer == all[i - 1].consumer) all[i].edge = all[i - 1].edge + 1;
  }
  return all;
}

void Accelerator::make_cores() {
  cores_scope_ = std::make_unique<Scope>("cores", [&] {
    for (const CorePlan& core : plan_.cores) {
      cores_.push_back(std::make_unique<ComputeCore>(core.name.c_str(), control_, wheel_, pacing_,
                                                     core.concurrent_passes));
    }
  });
}

void Accelerator::make_stages(const Schedule& schedule, const SeriesOptions& series,
                              const std::vector<Wire>& wires) {
  stages_scope_ = std::make_unique<Scope>("stages", [&] {
    for (int k = 0; k < stages(); ++k) {
      const std::string name = instance_name(plan_.stages[k].name);
      stage_scopes_.push_back(std::make_unique<Scope>(name.c_str(), [&] {
        make_stage(k, schedule, series);
        make_buffer(k, wires);
      }));
    }
  });
}

void Accelerator::make_stage(int k, const Schedule& schedule, const SeriesOptions& series) {
  const StagePlan& stage = plan_.stages[k];
  weights_.push_back(std::make_unique<WeightBuffer>("weight_buffer", k, versions_));
  controllers_.push_back(std::make_unique<StageController>("controller", k, stage, schedule,
                                                           micro_batches_, control_, series));
  StageController& controller = *controllers_.back();
  const bool one_core = stage.forward_core == stage.backward_core &&
                        !plan_.cores[stage.forward_core].concurrent_passes;
  const auto host = [&](int core, StageOperation operation) {
    cores_.at(core)->host(controller, operation, one_core, schedule.backward_first(k));
  };
  host(stage.forward_core, StageOperation::forward);
  if (!plan_.forward_only) host(stage.backward_core, StageOperation::backward);
  if (schedule.splits_backward()) host(stage.backward_core, StageOperation::weight_gradient);
  controller.set_cores(cores_[stage.forward_core].get(), cores_[stage.backward_core].get());
  controller.weights(*weights_.back());
  controller.network(*network_);
  controller.source(source_);
  if (k + 1 == stages()) controller.loss(loss_);
  if (dram_) controller.dram(*dram_);
}

void Accelerator::make_buffer(int k, const std::vector<Wire>& wires) {
  const bool lockstep = pacing_ == Pacing::lockstep;
  std::vector<InputEdge> edges;
  for (const Wire& wire : wires) {
    if (wire.consumer != k) continue;
    InputEdge edge;
    edge.producer_stage = wire.producer;
    // In lockstep the order of ticks knows what there is room for.
    edge.room_micro_batches = lockstep
                                  ? kUnlimited<std::int64_t>
                                  : edge_room(wire.producer, k, plan_.input_queue_micro_batches);
    const int sender = k > 0 ? std::max(wire.producer, 0) : -1;
    edge.sender = sender < 0
                      ? static_cast<WakeIf*>(&source_)
                      : static_cast<WakeIf*>(cores_[plan_.stages[sender].forward_core].get());
    edges.push_back(edge);
  }
  const StagePlan& stage = plan_.stages[k];
  buffers_.push_back(std::make_unique<ActivationBuffer>(
      "activation_buffer", std::move(edges), gradients_of(plan_, k),
      lockstep ? kUnlimited<std::int64_t> : stage.capacity_micro_batches, micro_batches_, pacing_));
  buffers_.back()->set_cores(cores_[stage.forward_core].get(), cores_[stage.backward_core].get());
  controllers_[k]->activations(*buffers_.back());
}

void Accelerator::connect_forward(const Wire& wire) {
  if (wire.consumer == 0) return;
  OutputPort port;
  port.receiver = buffers_[wire.consumer].get();
  port.to_stage = wire.consumer;
  port.edge = wire.edge;
  port.bytes_per_sample = wire.bytes_per_sample;
  port.from_host = wire.producer < 0;
  const int from = std::max(wire.producer, 0);
  if (!port.from_host) {
    ChannelSpec channel;
    channel.from_core = plan_.stages[from].forward_core;
    channel.to_core = plan_.stages[wire.consumer].forward_core;
    channel.edge = wire.edge;
    channel.receiver = port.receiver;
    port.channel = network_->open(channel);
  }
  controllers_[from]->add_forward_output(port);
}

void Accelerator::connect_backward() {
  for (int k = 0; k < stages(); ++k) {
    for (const Message& message : plan_.stages[k].backward_messages) {
      if (message.to_stage < 0 || message.to_stage >= k) {
        throw ModelBug("a backward message must go to an earlier stage");
      }
      ChannelSpec channel;
      channel.from_core = plan_.stages[k].backward_core;
      channel.to_core = plan_.stages[message.to_stage].backward_core;
      channel.gradient = true;
      channel.receiver = buffers_[message.to_stage].get();
      OutputPort port;
      port.channel = network_->open(channel);
      port.receiver = channel.receiver;
      port.to_stage = message.to_stage;
      port.bytes_per_sample = message.bytes_per_sample;
      controllers_[k]->add_backward_output(port);
    }
  }
}

void Accelerator::connect_retirement() {
  // Every other stage's gradient ends in one of these, so they are the last to retire a
  // micro-batch. Without gradients it is the last stage, which every way down ends in.
  std::vector<int> entries{plan_.forward_only ? stages() - 1 : 0};
  for (int k = 1; k < stages(); ++k) {
    if (plan_.stages[k].input_bytes_per_sample > 0 && !plan_.forward_only) entries.push_back(k);
  }
  control_.set_entry_stages(entries);
  ComputeCore* first = cores_[plan_.stages[0].forward_core].get();
  control_.on_pipeline_retired([first](Cycles now) { first->wake_at(now); });
}

void Accelerator::name_regions() {
  const int first = static_cast<int>(network_->report().size());
  const std::string kind = plan_.interconnect.blocks_cores() ? "_copies" : "_region";
  for (int k = 0; k < stages(); ++k) {
    const StagePlan& stage = plan_.stages[k];
    const bool forward = stage.cost.back().forward.region_bytes > 0;
    const bool backward = stage.cost.back().backward.region_bytes > 0;
    const bool apart = stage.forward_core != stage.backward_core;
    const int next = first + static_cast<int>(regions_.size());
    controllers_[k]->set_region_links(next, apart && forward ? next + 1 : next);
    if (forward || (backward && !apart)) {
      regions_.push_back({stage.name + kind, k, true, !apart});
    }
    if (backward && apart) regions_.push_back({stage.name + kind + "_backward", k, false, true});
  }
}

std::vector<LinkStatistics> Accelerator::links() const {
  std::vector<LinkStatistics> links = network_->report();
  for (const RegionLink& region : regions_) {
    LinkStatistics link;
    link.name = region.name;
    const auto add = [&link](const LinkStatistics& part) {
      link.bytes += part.bytes;
      link.busy_cycles += part.busy_cycles;
    };
    if (region.forward) add(controllers_[region.stage]->forward_region());
    if (region.backward) add(controllers_[region.stage]->backward_region());
    links.push_back(link);
  }
  return links;
}

void Accelerator::watch(WaveSink* waves) {
  if (!waves) return;
  std::vector<std::string> names;
  for (const LinkStatistics& link : links()) names.push_back(link.name);
  waves->begin(names);
  network_->watch(waves);
  for (int k = 0; k < stages(); ++k) buffers_[k]->watch(waves, k);
}

void Accelerator::check() const {
  control_.rethrow();
  if (pacing_ == Pacing::elastic) watchdog_->check();
  if (!control_.complete() && !control_.halted()) throw ModelBug("the run ended too early");
}

RunStatistics Accelerator::report() {
  RunStatistics statistics;
  control_.report(statistics);
  statistics.host_bytes = source_.bytes_moved() + loss_.bytes_moved();
  statistics.links = links();
  if (dram_) statistics.dram = dram_->report();
  statistics.stages.resize(stages());
  for (int k = 0; k < stages(); ++k) {
    StageStatistics& stage = statistics.stages[k];
    controllers_[k]->report(statistics.cycles, stage);
    weights_[k]->report(stage);
    buffers_[k]->report(stage);
  }
  return statistics;
}

}  // namespace stagecoach
