// SPDX-License-Identifier: Apache-2.0
// The engine that computes the numbers: the program's own, or a library for a better processor.
#pragma once

#include <filesystem>
#include <string>

#include "models/engine_door.h"

namespace stagecoach {

/// What "auto" means here: the best set that was built and that this processor runs.
std::string best_instruction_set();

/// The engine for an instruction set, or for the best of this processor ("auto"). Libraries lie
/// beside the program (a build) or in ../lib/stagecoach as seen from there (an installation).
/// Throws UserError as choose_instruction_set() and open_engine_library() do.
const EngineDoor& open_engine(const std::string& instruction_set);

/// The door of one library, which stays open until the program ends. Throws UserError, naming the
/// file, if it is missing, no engine, or one of another build or instruction set.
const EngineDoor& open_engine_library(const std::filesystem::path& file,
                                      const std::string& instruction_set);

}  // namespace stagecoach
