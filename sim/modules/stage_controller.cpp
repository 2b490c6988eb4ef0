// SPDX-License-Identifier: Apache-2.0
// Control of one stage.
#include "sim/modules/stage_controller.h"

#include <algorithm>

#include "models/base/error.h"

namespace stagecoach {
namespace {
constexpr char kNoUpdate[] = "an update is part of the operation before it";
}  // namespace

StageController::StageController(sc_core::sc_module_name name, int index, const StagePlan& stage,
                                 const Schedule& schedule, const MicroBatchPlan& plan,
                                 RunControl& control, const SeriesOptions& series)
    : sc_module(name),
      weights("weights"),
      activations("activations"),
      network("network"),
      source("source"),
      loss("loss"),
      dram("dram"),
      index_(index),
      stage_(stage),
      schedule_(schedule),
      micro_batches_(plan),
      single_samples_(plan.micro_batch_size() == 1),
      control_(control),
      account_(series.window_cycles, series.max_windows),
      memory_(series.max_memory_points) {}

void StageController::start_of_simulation() {
  // A port is a large object; going through it would touch one more line of memory a call.
  weights_ = weights.operator->();
  progress_ = &weights_->progress();
  activations_ = activations.operator->();
  activations_->observe([this](Cycles time) { note_memory(time); });
  network_ = network.operator->();
  source_ = source.operator->();
  if (loss.size() > 0) loss_ = loss.operator->();
  if (dram.size() > 0) dram_ = dram.operator->();
}

void StageController::set_cores(WakeIf* forward, WakeIf* backward) {
  forward_core_ = forward;
  backward_core_ = backward;
}

Obstacle StageController::obstacle(StageOperation operation, Cycles now) const {
  switch (operation) {
    case StageOperation::forward:
      return forward_obstacle(now);
    case StageOperation::backward:
      return backward_obstacle(now);
    case StageOperation::weight_gradient:
      return weight_gradient_obstacle();
    case StageOperation::update:
      break;
  }
  throw ModelBug(kNoUpdate);
}

std::optional<Cycles> StageController::next_data(StageOperation operation, Cycles now) const {
  switch (operation) {
    case StageOperation::forward:
      return next_input(now);
    case StageOperation::backward:
      return next_gradient(now);
    case StageOperation::weight_gradient:
      return std::nullopt;
    case StageOperation::update:
      break;
  }
  throw ModelBug(kNoUpdate);
}

Cycles StageController::begin(StageOperation operation, Cycles now, bool announce_update) {
  settle(now);
  if (planned_) planned_->start(index_, operation);
  switch (operation) {
    case StageOperation::forward:
      return begin_forward(now);
    case StageOperation::backward:
      return begin_backward(now, announce_update);
    case StageOperation::weight_gradient:
      return begin_weight_gradient(now);
    case StageOperation::update:
      break;
  }
  throw ModelBug(kNoUpdate);
}

void StageController::finish(StageOperation operation, Cycles now) {
  const StageOperation last =
      schedule_.splits_backward() ? StageOperation::weight_gradient : StageOperation::backward;
  if (schedule_.forward_only()) return pass_on(now);
  if (operation == last) retire(now);
}

bool StageController::out_of_turn(StageOperation operation) const {
  return planned_ && !planned_->is_next(index_, operation);
}

Obstacle StageController::forward_obstacle(Cycles now) const {
  const MicroBatchId p = progress_->forwards;
  if (p == micro_batches_.micro_batches()) return Obstacle::no_more_micro_batches;
  const auto input = activations_->input(p);
  if (!input || input->available > now) {
    // Nothing is let in while the buffer is full; the schedule's own bound is not its fault.
    const bool bound = progress_->in_flight() >= schedule_.max_in_flight(index_);
    return activations_->full() && !bound ? Obstacle::own_buffer : Obstacle::data;
  }
  if (!schedule_.may_forward(index_, p, *progress_, control_.pipeline_retired())) {
    const bool full = progress_->in_flight() >= schedule_.max_in_flight(index_);
    return full ? Obstacle::in_flight : Obstacle::order;
  }
  if (out_of_turn(StageOperation::forward)) return Obstacle::order;
  for (const OutputPort& port : forward_outputs_) {
    if (!port.receiver->has_room(port.edge)) return Obstacle::credit;
  }
  return loss_ && !loss_->has_room(now) ? Obstacle::credit : Obstacle::nothing;
}

Obstacle StageController::backward_obstacle(Cycles now) const {
  const MicroBatchId p = progress_->backwards;
  if (p == micro_batches_.micro_batches()) return Obstacle::no_more_micro_batches;
  const auto gradient = activations_->gradient(p);
  if (p == progress_->forwards || !gradient || gradient->available > now) return Obstacle::data;
  const bool waits =
      !schedule_.may_backward(index_, *progress_) || out_of_turn(StageOperation::backward);
  return waits ? Obstacle::order : Obstacle::nothing;
}

Obstacle StageController::weight_gradient_obstacle() const {
  if (progress_->weight_gradients == progress_->backwards) return Obstacle::data;
  return out_of_turn(StageOperation::weight_gradient) ? Obstacle::order : Obstacle::nothing;
}

std::optional<Cycles> StageController::next_input(Cycles now) const {
  const auto input = activations_->input(progress_->forwards);
  if (!input) return std::nullopt;
  Cycles next = input->available;
  if (loss_ && !loss_->has_room(now)) next = std::max(next, loss_->room_at());
  return next > now ? std::optional<Cycles>(next) : std::nullopt;
}

std::optional<Cycles> StageController::next_gradient(Cycles now) const {
  const auto gradient = activations_->gradient(progress_->backwards);
  if (!gradient || gradient->available <= now) return std::nullopt;
  return gradient->available;
}

Cycles StageController::begin_forward(Cycles now) {
  const MicroBatchId p = progress_->forwards;
  const int samples = samples_of(p);
  const OpCost& cost = stage_.cost[samples - 1].forward;
  Op op{p, index_, Pass::forward};
  activations_->begin_forward(p, now);
  op.version = weights_->begin_forward();
  const Cycles end = book_operation(CycleKind::forward, cost, stage_.dram.forward.of(samples),
                                    forward_region_, now);
  forward_macs_ += cost.macs;
  forward_busy_ += end - now;
  control_.emit(op);
  control_.record({now, end, p, index_, StageOperation::forward, weights_->last_read(), -1});
  send_forward(p, samples, now, end);
  note_memory(now);
  if (backward_core_ != forward_core_) backward_core_->wake_at(now);
  return end;
}

void StageController::send_forward(MicroBatchId p, int samples, Cycles now, Cycles end) {
  for (const OutputPort& port : forward_outputs_) {
    const Bytes bytes = port.bytes_per_sample * samples;
    port.receiver->reserve(port.edge, p, bytes);
    if (port.from_host) {
      port.receiver->deposit_input(port.edge, p, source_->transfer(bytes, now));
    } else {
      network_->send(port.channel, p, bytes, end);
    }
  }
  if (loss_) loss_->accept(p, samples, end);
}

Cycles StageController::begin_backward(Cycles now, bool announce_update) {
  const MicroBatchId p = progress_->backwards;
  const int samples = samples_of(p);
  const StageCost& cost = stage_.cost[samples - 1];
  update_pending_ = !schedule_.splits_backward() && schedule_.updates_after(p);
  update_announced_ = announce_update;
  const bool at_once = update_pending_ && announce_update;
  activations_->begin_backward(p, now);
  weights_->begin_backward();
  const Cycles made = book_operation(CycleKind::backward, cost.backward,
                                     stage_.dram.backward.of(samples), backward_region_, now);
  backward_macs_ += cost.backward.macs;
  recompute_cycles_ += cost.recompute.cycles;
  input_gradient_busy_ += cost.input_gradient_busy;
  weight_gradient_busy_ += cost.weight_gradient_busy;
  control_.emit({p, index_, at_once ? Pass::backward_with_update : Pass::backward});
  control_.record({now, made, p, index_, StageOperation::backward, weights_->last_read(), -1});
  for (const OutputPort& port : backward_outputs_) {
    network_->send(port.channel, p, port.bytes_per_sample * samples, made);
  }
  note_memory(now);
  return book_update(cost, p, made);
}

Cycles StageController::book_update(const StageCost& cost, MicroBatchId p, Cycles begin) {
  if (!update_pending_) return begin;
  const Cycles end =
      book_operation(CycleKind::update, cost.update, stage_.dram.update, backward_region_, begin);
  weight_gradient_busy_ += end - begin;
  if (!first_weight_write_) first_weight_write_ = first_write(cost, begin);
  control_.record(
      {begin, end, p, index_, StageOperation::update, progress_->updates, progress_->updates + 1});
  return end;
}

Cycles StageController::first_write(const StageCost& cost, Cycles update_begin) const {
  if (!stage_.first_write_after) return update_begin;
  const OpCost& gradient = schedule_.splits_backward() ? cost.weight_gradient : cost.backward;
  return update_begin - gradient.cycles + std::min(*stage_.first_write_after, gradient.cycles);
}

Cycles StageController::begin_weight_gradient(Cycles now) {
  const MicroBatchId p = progress_->weight_gradients;
  const int samples = samples_of(p);
  const StageCost& cost = stage_.cost[samples - 1];
  weights_->begin_weight_gradient();
  update_pending_ = schedule_.updates_after(p);
  update_announced_ = false;
  const Cycles made =
      book_operation(CycleKind::backward, cost.weight_gradient,
                     stage_.dram.weight_gradient.of(samples), backward_region_, now);
  backward_macs_ += cost.weight_gradient.macs;
  control_.record({now, made, p, index_, StageOperation::weight_gradient, -1, -1});
  return book_update(cost, p, made);
}

void StageController::retire(Cycles now) {
  const MicroBatchId p = progress_->retired;
  const StageLedger::Update update = weights_->retire(update_pending_);
  if (update_pending_) {
    account_.count_micro_batches(now, update.micro_batches, update.staleness_sum);
    if (!update_announced_) control_.emit({p, index_, Pass::update});
  }
  activations_->retire(p, now);  // notes the memory, as pass_on() does
  if (backward_core_ != forward_core_) forward_core_->wake_at(now);
  control_.retired(index_, now);
}

void StageController::pass_on(Cycles now) {
  const MicroBatchId p = progress_->retired;
  weights_->pass_through();
  activations_->retire(p, now);
  control_.retired(index_, now);
}

void StageController::set_region_links(int forward, int backward) {
  forward_region_.link = forward;
  backward_region_.link = backward;
}

Cycles StageController::book_operation(CycleKind kind, const OpCost& cost, Bytes dram_bytes,
                                       Region& region, Cycles begin) {
  Cycles end = begin + cost.cycles;
  // With hardware each, a forward and a backward can overlap: such cycles count once, for the
  // operation that began first.
  book(kind, begin + std::min(cost.compute_cycles, cost.cycles));
  book(CycleKind::stall_memory, end - cost.interconnect_cycles);
  book(CycleKind::stall_interconnect, end);
  if (dram_) {  // The cost includes its own transfer; the channel may serve others first.
    end = std::max(end, dram_->transfer(dram_bytes, begin));
    book(CycleKind::stall_memory, end);
  }
  if (cost.region_bytes > 0) {
    region.statistics.bytes += cost.region_bytes;
    region.statistics.busy_cycles += cost.region_busy_cycles;
    if (control_.waves() && cost.region_busy_cycles > 0) {
      control_.waves()->link_busy(region.link, begin, begin + cost.region_busy_cycles);
    }
  }
  control_.note_end(end);
  return end;
}

void StageController::book(CycleKind kind, Cycles to) {
  if (control_.waves() && to > account_.until()) {
    control_.waves()->cycles(index_, account_.until(), kind);
  }
  account_.book(kind, to);
}

void StageController::note_memory(Cycles now) {
  memory_.note({now, activations_->micro_batches_held(), activations_->gradients_held(),
                weights_->stashed_versions(), progress_->backwards - progress_->retired});
}

Arrival StageController::awaited() const {
  Arrival first{kUnlimited<std::int64_t>, kUnlimited<std::int64_t>};
  if (awaits_input_) {
    if (const auto input = activations_->input(progress_->forwards)) first = *input;
  }
  if (awaits_gradient_) {
    const auto gradient = activations_->gradient(progress_->backwards);
    if (gradient && gradient->made < first.made) first = *gradient;
  }
  return first;
}

void StageController::settle(Cycles now) {
  if (now <= account_.until()) return;
  switch (wait_) {
    case Wait::before_first:
    case Wait::core:
    case Wait::after_last:
      book(CycleKind::idle, now);
      break;
    case Wait::data: {
      // Not made at first, then under way, then (lockstep) there before its tick.
      const Arrival arrival = awaited();
      book(CycleKind::stall_input, std::min(now, arrival.made));
      book(CycleKind::stall_interconnect, std::min(now, arrival.available));
      book(CycleKind::stall_input, now);
      break;
    }
    case Wait::output:
      book(CycleKind::stall_output, now);
      break;
    case Wait::memory:
      book(CycleKind::stall_memory, now);
      break;
  }
}

void StageController::note_wait(Cycles now, bool core_taken) {
  settle(now);
  if (progress_->forwards == 0) return;
  const Obstacle forward = forward_obstacle(now);
  const Obstacle backward = backward_obstacle(now);
  awaits_input_ = forward == Obstacle::data;
  awaits_gradient_ = backward == Obstacle::data && progress_->backwards < progress_->forwards;
  const bool gradient_left =
      schedule_.splits_backward() && progress_->weight_gradients < progress_->backwards;
  // The planned order has another stage's operation first, and the core does it.
  const bool awaits_turn =
      planned_ && core_taken && (forward == Obstacle::order || backward == Obstacle::order);
  if (forward == Obstacle::no_more_micro_batches && backward == Obstacle::no_more_micro_batches &&
      !gradient_left) {
    wait_ = Wait::after_last;
  } else if (forward == Obstacle::nothing || backward == Obstacle::nothing || gradient_left ||
             awaits_turn) {
    wait_ = core_taken ? Wait::core : Wait::data;
  } else if (forward == Obstacle::credit) {
    wait_ = Wait::output;
  } else if (forward == Obstacle::own_buffer) {
    wait_ = Wait::memory;
  } else {
    wait_ = Wait::data;
  }
  if (wait_ != Wait::data) return;
  if (held_by_ == Obstacle::credit) wait_ = Wait::output;
  if (held_by_ == Obstacle::own_buffer) wait_ = Wait::memory;
}

void StageController::note_held(Cycles now, Obstacle by) {
  if (by == held_by_) return;
  settle(now);
  held_by_ = by;
  note_wait(now, false);
}

void StageController::report(Cycles end, StageStatistics& s) {
  if (finished()) wait_ = Wait::after_last;
  settle(end);
  s.cycles = account_.totals();
  s.windows = account_.take_windows();
  s.memory = memory_.take_samples();
  s.forward_macs = forward_macs_;
  s.backward_macs = backward_macs_;
  s.forwards = progress_->forwards;
  s.backwards = progress_->backwards;
  s.first_weight_write = first_weight_write_;
  s.recompute_cycles = recompute_cycles_;
  s.forward_busy = forward_busy_;
  s.input_gradient_busy = input_gradient_busy_;
  s.weight_gradient_busy = weight_gradient_busy_;
}

}  // namespace stagecoach
