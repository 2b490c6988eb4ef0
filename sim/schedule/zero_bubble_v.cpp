// SPDX-License-Identifier: Apache-2.0
// `zero_bubble_v` (ZB-V: Qi et al., "Zero Bubble Pipeline Parallelism", ICLR 2024, section 6): the
// backward is split in two as in `zero_bubble`, and each of P cores takes two chunks in the shape
// of a V: stages r and 2P-1-r on core r. The last stage is on the first core, so that its backward
// starts early, and every core holds as much as the first one holds under 1F1B: P micro-batches of
// both chunks. With forward, backward and weight gradient of one tick each, M >= 2P-1 micro-batches
// take 6M+P-1 ticks, in which no core is idle between its first and its last operation.
//
// Per core: forwards of chunk 0 until chunk 1's first input is there; a forward of each chunk in
// turn until the core above hands back gradients; chunk 1's forward, backward and weight gradient
// until chunk 0's gradients come; then one of each of the six; at the end backwards first, weight
// gradients in what would be idle.
#include <algorithm>

#include "sim/schedule/chunks.h"
#include "sim/schedule/kinds.h"

namespace stagecoach {
namespace {

/// One core's list, chunk by chunk. Made for as many micro-batches as fill the pipeline; those
/// above M are left out.
class ZeroBubbleVOrder {
 public:
  ZeroBubbleVOrder(int cores, int core, int micro_batches)
      : cores_(cores),
        core_(core),
        micro_batches_(micro_batches),
        planned_(std::max(micro_batches, 2 * cores - 1)) {}

  std::vector<ListedOperation> list() {
    const int below = cores_ - core_;  // cores from this one to the bottom of the V
    times(2 * below - 1, [&] { forward(kDown); });
    times(core_, [&] { forward(kUp), forward(kDown); });
    times(below, [&] { forward(kUp), both_backwards(kUp); });
    while (done_[kUp].forwards < done_[kDown].forwards || done_[kDown].forwards < planned_) {
      if (done_[kDown].forwards < planned_) forward(kDown);
      both_backwards(kDown);
      forward(kUp);
      both_backwards(kUp);
    }
    times(core_, [&] { backward(kDown), backward(kUp); });
    times(below, [&] { both_backwards(kDown); });
    for (const Chunk chunk : {kUp, kDown}) {
      while (done_[chunk].weight_gradients < done_[chunk].backwards) weight_gradient(chunk);
    }
    return std::move(order_);
  }

 private:
  enum Chunk { kDown, kUp };  ///< the two sides of the V

  template <class Step>
  static void times(int n, const Step& step) {
    for (int i = 0; i < n; ++i) step();
  }
  void forward(Chunk chunk) { add(chunk, StageOperation::forward, done_[chunk].forwards++); }
  void backward(Chunk chunk) { add(chunk, StageOperation::backward, done_[chunk].backwards++); }
  void weight_gradient(Chunk chunk) {
    add(chunk, StageOperation::weight_gradient, done_[chunk].weight_gradients++);
  }
  /// The weight gradient is the oldest one's, which is the backward's own until the end.
  void both_backwards(Chunk chunk) { backward(chunk), weight_gradient(chunk); }

  void add(Chunk chunk, StageOperation operation, int micro_batch) {
    if (micro_batch >= micro_batches_) return;
    order_.push_back({chunk == kDown ? core_ : 2 * cores_ - 1 - core_, operation});
  }

  struct Done {
    int forwards = 0, backwards = 0, weight_gradients = 0;
  };
  const int cores_, core_, micro_batches_, planned_;
  Done done_[2];
  std::vector<ListedOperation> order_;
};

class ZeroBubbleV : public ChunkedFlush {
 public:
  ZeroBubbleV(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan)
      : ChunkedFlush(spec, stages, plan, 2, "/pipeline/schedule") {
    count_in_flight();
  }

  bool splits_backward() const override { return true; }
  int core_of(int stage) const override { return std::min(stage, stages() - 1 - stage); }
  std::vector<ListedOperation> core_order(int core, int micro_batches) const override {
    return ZeroBubbleVOrder(cores(), core, micro_batches).list();
  }
};

}  // namespace

std::unique_ptr<Schedule> make_zero_bubble_v(const ScheduleSpec& spec, int stages,
                                             const MicroBatchPlan& plan) {
  return std::make_unique<ZeroBubbleV>(spec, stages, plan);
}

}  // namespace stagecoach
