// SPDX-License-Identifier: Apache-2.0
// Reports a deadlock: names the operations that wait for each other in a cycle.
#pragma once

#include <string>
#include <vector>

#include "sim/modules/activation_buffer.h"
#include "sim/modules/run_control.h"
#include "sim/modules/stage_controller.h"

namespace stagecoach {

class Watchdog : public sc_core::sc_module {
 public:
  Watchdog(sc_core::sc_module_name name, const RunControl& control,
           std::vector<const StageController*> stages,
           std::vector<const ActivationBuffer*> buffers);

  /// To be asked when no event is left. Throws UserError with the ring of waiting operations if the
  /// run is neither complete nor halted.
  void check() const;

 private:
  /// The next forward or backward of a stage, what it waits for, and why.
  struct Waiting {
    int stage = 0;
    StageOperation operation = StageOperation::forward;
    bool operator==(const Waiting& other) const {
      return stage == other.stage && operation == other.operation;
    }
  };

  Waiting awaited(const Waiting& waiting, std::string& reason) const;
  Waiting awaited_by_forward(int stage, std::string& reason) const;
  Waiting awaited_by_backward(int stage, std::string& reason) const;
  std::string name_of(const Waiting& waiting) const;

  const RunControl& control_;
  std::vector<const StageController*> stages_;
  std::vector<const ActivationBuffer*> buffers_;
};

}  // namespace stagecoach
