// SPDX-License-Identifier: Apache-2.0
// Queues, credits and occupancy of one stage.
#include "sim/modules/activation_buffer.h"

#include <algorithm>

#include "models/base/error.h"

namespace stagecoach {

std::int64_t edge_room(int producer_stage, int consumer_stage, int q) {
  const std::int64_t between = consumer_stage - producer_stage - 1;
  // Each stage between works on one micro-batch and has a queue of its own.
  return q + between * (q + 1);
}

ActivationBuffer::ActivationBuffer(sc_core::sc_module_name name, std::vector<InputEdge> edges,
                                   int gradients, std::int64_t capacity_micro_batches,
                                   const MicroBatchPlan& plan, Pacing pacing)
    : sc_module(name),
      plan_(plan),
      single_samples_(plan.micro_batch_size() == 1),
      lockstep_(pacing == Pacing::lockstep),
      edges_(std::move(edges)),
      gradients_(gradients),
      capacity_(capacity_micro_batches) {
  if (edges_.empty()) throw ModelBug("a stage without input");
}

void ActivationBuffer::set_cores(WakeIf* forward, WakeIf* backward) {
  forward_core_ = forward;
  backward_core_ = backward;
}

void ActivationBuffer::watch(WaveSink* waves, int stage) {
  waves_ = waves;
  stage_ = stage;
}

void ActivationBuffer::hold(Cycles time, const HeldSamples& more) {
  held_.activations += more.activations;
  held_.gradients += more.gradients;
  held_.backwards += more.backwards;
  if (waves_) waves_->held(stage_, time, more);
  if (changed_) changed_(time);
}

std::int64_t ActivationBuffer::samples_of(MicroBatchId micro_batch) const {
  return single_samples_ ? 1 : plan_.at(micro_batch).samples;
}

bool ActivationBuffer::buffer_full() const {
  return edges_[0].taken + (started_ - retired_) >= capacity_;
}

bool ActivationBuffer::has_room(int edge) const {
  if (edges_[edge].taken >= edges_[edge].room_micro_batches) return false;
  return edge > 0 || !buffer_full();
}

void ActivationBuffer::reserve(int edge, MicroBatchId micro_batch, Bytes bytes) {
  ++edges_[edge].taken;
  if (edge == 0) return note_sets();
  inputs_.at(micro_batch).skip_bytes += bytes;
  skip_bytes_ += bytes;
  peak_skip_bytes_ = std::max(peak_skip_bytes_, skip_bytes_);
}

void ActivationBuffer::note_sets() {
  // The host writes the next sample while the first stage works on the one before; in lockstep the
  // request comes when that is over.
  const bool host_writes = lockstep_ && edges_[0].producer_stage < 0 &&
                           started_ + edges_[0].taken < plan_.micro_batches();
  peak_sets_ = std::max(peak_sets_, edges_[0].taken + started_ - retired_ + (host_writes ? 1 : 0));
}

void ActivationBuffer::deposit_input(int, MicroBatchId micro_batch, Arrival arrival) {
  Slot& slot = inputs_.at(micro_batch);
  slot.arrival.made = std::max(slot.arrival.made, arrival.made);
  slot.arrival.available = std::max(slot.arrival.available, arrival.available);
  if (++slot.messages < static_cast<int>(edges_.size())) return;
  forward_core_->wake_at(slot.arrival.available);
}

void ActivationBuffer::deposit_gradient(MicroBatchId micro_batch, Arrival arrival) {
  Slot& slot = gradient_slots_.at(micro_batch);
  slot.arrival.made = std::max(slot.arrival.made, arrival.made);
  slot.arrival.available = std::max(slot.arrival.available, arrival.available);
  if (++slot.messages < gradients_) return;
  backward_core_->wake_at(slot.arrival.available);
}

const Arrival* ActivationBuffer::input(MicroBatchId micro_batch) const {
  const Slot* slot = inputs_.find(micro_batch);
  if (!slot || slot->messages < static_cast<int>(edges_.size())) return nullptr;
  return &slot->arrival;
}

const Arrival* ActivationBuffer::gradient(MicroBatchId micro_batch) const {
  const Slot* slot = gradient_slots_.find(micro_batch);
  if (!slot || gradients_ == 0 || slot->messages < gradients_) return nullptr;
  return &slot->arrival;
}

void ActivationBuffer::note_arrivals(Cycles time, bool at_it) {
  const Cycles before = at_it ? time + 1 : time;
  const auto counted = [&](const Arrival* next, bool read) {
    return next && next->available < before && (read || !lockstep_) ? next : nullptr;
  };
  // In lockstep what an operation reads counts from its start on.
  const auto since = [&](const Arrival* next) { return lockstep_ ? time : next->available; };
  while (true) {
    const Arrival* x = counted(input(arrived_), arrived_ < started_);
    const Arrival* g = counted(gradient(gradients_arrived_), gradients_arrived_ < backwards_started_);
    if (!x && !g) break;
    if (x && (!g || x->available <= g->available))
      hold(since(x), {samples_of(arrived_++), 0, 0});
    else
      hold(since(g), {0, samples_of(gradients_arrived_++), 0});
  }
  peak_.activations = std::max(peak_.activations, held_.activations);
  peak_.gradients = std::max(peak_.gradients, held_.gradients);
}

void ActivationBuffer::begin_forward(MicroBatchId micro_batch, Cycles now) {
  started_ = micro_batch + 1;
  note_arrivals(now, true);
  skip_bytes_ -= inputs_.at(micro_batch).skip_bytes;
  inputs_.pop();
  for (InputEdge& edge : edges_) {
    --edge.taken;
    edge.sender->wake_at(now);
  }
}

void ActivationBuffer::begin_backward(MicroBatchId micro_batch, Cycles now) {
  backwards_started_ = micro_batch + 1;
  note_arrivals(now, true);
  hold(now, {0, 0, samples_of(micro_batch)});
  peak_.backwards = std::max(peak_.backwards, held_.backwards);
}

void ActivationBuffer::retire(MicroBatchId micro_batch, Cycles now) {
  // What arrives in the same cycle takes the place that becomes free.
  note_arrivals(now, false);
  const std::int64_t samples = samples_of(micro_batch);
  const std::int64_t backward = gradients_ > 0 ? -samples : 0;
  retired_ = micro_batch + 1;
  hold(now, {-samples, backward, backward});
  if (gradients_ > 0) gradient_slots_.pop();
  if (capacity_ != kUnlimited<std::int64_t>) edges_.front().sender->wake_at(now);
}

void ActivationBuffer::report(StageStatistics& statistics) const {
  statistics.peak_activation_sets = peak_sets_;
  statistics.peak_activation_samples = peak_.activations;
  statistics.peak_gradient_samples = peak_.gradients;
  statistics.peak_backward_samples = peak_.backwards;
  statistics.peak_skip_bytes = peak_skip_bytes_;
}

}  // namespace stagecoach
