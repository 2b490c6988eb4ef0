// SPDX-License-Identifier: Apache-2.0
#include "models/engine_door.h"

#include "models/base/instruction_set.h"

extern "C" __attribute__((visibility("default"))) const stagecoach::EngineDoor*
stagecoach_engine_door() {
  using namespace stagecoach;
  static constexpr EngineDoor door = {kEngineBuild, compiled_instruction_set(), &load_dataset,
                                      &make_trainer};
  return &door;
}
