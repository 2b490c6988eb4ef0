// SPDX-License-Identifier: Apache-2.0
// `interleaved_one_f_one_b` (Narayanan et al., "Efficient Large-Scale Language Model Training on
// GPU Clusters Using Megatron-LM", SC 2021, section 2.2): each of P cores takes V chunks of the
// network, stages r, P+r, 2P+r, ... on core r, so that a chunk, and with it the filling of the
// pipeline, is V times as short. One update, flush: delay 0.
//
// Forwards go in groups of P micro-batches: a group through the core's first chunk, then through
// its second, and so on; then the next group. Backwards take the same groups, last chunk first.
// Core r does 2(P-1-r) forwards and V-1 times the first group, then a forward and a backward in
// turn, then the backwards left. The paper asks for M to be a multiple of P. Here the first group
// takes the rest as well, so that any number of micro-batches M >= P takes 2(VM+P-1) ticks: idle
// are P-1 in VM+P-1.
#include <algorithm>

#include "sim/schedule/chunks.h"
#include "sim/schedule/kinds.h"

namespace stagecoach {
namespace {

class InterleavedOneForwardOneBackward : public ChunkedFlush {
 public:
  InterleavedOneForwardOneBackward(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan)
      : ChunkedFlush(spec, stages, plan, spec.chunks_per_core, "/pipeline/chunks_per_core"),
        chunks_(spec.chunks_per_core) {
    count_in_flight();
  }

  int core_of(int stage) const override { return stage % cores(); }

  std::vector<ListedOperation> core_order(int core, int micro_batches) const override {
    const std::vector<int> forwards = chunks_in_order(micro_batches);
    const int all = static_cast<int>(forwards.size());
    const int warm_up =
        std::min(all, 2 * (cores() - 1 - core) + (chunks_ - 1) * first_group(micro_batches));
    std::vector<ListedOperation> order;
    const auto forward = [&](int i) {
      const int chunk = forwards[static_cast<std::size_t>(i)];
      order.push_back({chunk * cores() + core, StageOperation::forward});
    };
    const auto backward = [&](int i) {
      const int chunk = chunks_ - 1 - forwards[static_cast<std::size_t>(i)];
      order.push_back({chunk * cores() + core, StageOperation::backward});
    };
    for (int i = 0; i < warm_up; ++i) forward(i);
    for (int i = warm_up; i < all; ++i) forward(i), backward(i - warm_up);
    for (int i = all - warm_up; i < all; ++i) backward(i);
    return order;
  }

 private:
  /// Micro-batches of the first group: P and what M leaves over; all of them if they are fewer.
  int first_group(int micro_batches) const {
    return micro_batches < cores() ? micro_batches : cores() + micro_batches % cores();
  }

  /// The chunk of a core's i-th forward; backwards mirror it.
  std::vector<int> chunks_in_order(int micro_batches) const {
    std::vector<int> chunks;
    for (int done = 0; done < micro_batches;) {
      const int group = done == 0 ? first_group(micro_batches) : cores();
      for (int chunk = 0; chunk < chunks_; ++chunk) chunks.insert(chunks.end(), group, chunk);
      done += group;
    }
    return chunks;
  }

  int chunks_;
};

}  // namespace

std::unique_ptr<Schedule> make_interleaved_one_f_one_b(const ScheduleSpec& spec, int stages,
                                                       const MicroBatchPlan& plan) {
  return std::make_unique<InterleavedOneForwardOneBackward>(spec, stages, plan);
}

}  // namespace stagecoach
