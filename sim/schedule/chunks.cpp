// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule/chunks.h"

#include <algorithm>
#include <string>

#include "models/base/error.h"

namespace stagecoach {

ChunkedFlush::ChunkedFlush(const ScheduleSpec& spec, int stages, const MicroBatchPlan& plan,
                           int chunks_per_core, const std::string& field)
    : FlushSchedule(spec, stages, plan),
      cores_(stages / chunks_per_core),
      in_flight_(static_cast<std::size_t>(stages), 0) {
  if (stages % chunks_per_core == 0) return;
  const int fewer = stages - stages % chunks_per_core;
  const std::string more = std::to_string(fewer + chunks_per_core);
  throw UserError(field + ": every core takes " + std::to_string(chunks_per_core) +
                  " stages, and the network is cut into " + std::to_string(stages) +
                  "; allowed: " + (fewer > 0 ? std::to_string(fewer) + " or " : "") + more +
                  " stages (/pipeline/partition), or another multiple of " +
                  std::to_string(chunks_per_core));
}

void ChunkedFlush::count_in_flight() {
  // Epochs may end with a short mini-batch, whose order is another one.
  const MicroBatchId first = plan().at(0).batch_end;
  const MicroBatch last = plan().at(plan().micro_batches_per_epoch() - 1);
  const StageOperation leaves =
      splits_backward() ? StageOperation::weight_gradient : StageOperation::backward;
  for (const MicroBatchId micro_batches : {first, last.batch_end - last.batch_begin}) {
    std::vector<int> now(in_flight_.size(), 0);
    for (int core = 0; core < cores_; ++core) {
      for (const ListedOperation& op : core_order(core, static_cast<int>(micro_batches))) {
        const auto k = static_cast<std::size_t>(op.stage);
        if (op.operation == StageOperation::forward)
          in_flight_[k] = std::max(in_flight_[k], ++now[k]);
        if (op.operation == leaves) --now[k];
      }
    }
  }
}

}  // namespace stagecoach
