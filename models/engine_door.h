// SPDX-License-Identifier: Apache-2.0
// The only way into an engine library: everything of models/ that computes numbers, compiled for
// another instruction set than the program (models/engine_libraries.cmake).
//
// What crosses the door has the same layout for every instruction set: standard containers, plain
// structs and abstract classes. Program and libraries share one libstdc++ and libgomp: memory may
// be freed on the other side, and there is one pool of OpenMP threads. Exceptions pass, too, for
// libstdc++ compares types by name.
#pragma once

#include "models/data/dataset.h"
#include "models/trainer.h"

namespace stagecoach {

/// Version and compiler: what must be equal on both sides of the door.
constexpr const char* kEngineBuild = STAGECOACH_VERSION ", compiled by " __VERSION__;

struct EngineDoor {
  const char* build;            ///< kEngineBuild of the library
  const char* instruction_set;  ///< compiled_instruction_set() of the library
  decltype(&stagecoach::load_dataset) load_dataset;
  decltype(&stagecoach::make_trainer) make_trainer;
};

}  // namespace stagecoach

/// Of the program's own engine; that of a library is found by this name (dlsym).
extern "C" const stagecoach::EngineDoor* stagecoach_engine_door();
