// SPDX-License-Identifier: Apache-2.0
#include "sim/schedule/stage_operation.h"

#include "models/base/error.h"

namespace stagecoach {

std::optional<Op> handed_over(const TickOperation& t) {
  switch (t.operation) {
    case StageOperation::forward:
      return Op{t.micro_batch, t.stage, Pass::forward, t.version};
    case StageOperation::backward:
      return Op{t.micro_batch, t.stage,
                t.update_follows ? Pass::backward_with_update : Pass::backward};
    case StageOperation::weight_gradient:
      if (!t.update_follows) return std::nullopt;
      return Op{t.micro_batch, t.stage, Pass::update};
    case StageOperation::update:
      break;
  }
  throw ModelBug("lockstep gave an update of its own");
}

}  // namespace stagecoach
