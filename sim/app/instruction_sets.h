// SPDX-License-Identifier: Apache-2.0
// Which instruction set the numbers are computed with: --instruction-set.
#pragma once

#include <string>
#include <vector>

namespace stagecoach {

/// Those whose every instruction this processor (and its system) has, best first: of "avx512"
/// (x86-64-v4), "avx2" (x86-64-v3) and "baseline" (any processor).
std::vector<std::string> processor_instruction_sets();

/// The set to compute with. `asked`: a set, or "auto": the best that was built and runs here.
/// `built` and `run_here`: best first, with at least one in common. Throws UserError for a set that
/// was not built or does not run here, with those that are allowed.
std::string choose_instruction_set(const std::string& asked, const std::vector<std::string>& built,
                                   const std::vector<std::string>& run_here);

}  // namespace stagecoach
