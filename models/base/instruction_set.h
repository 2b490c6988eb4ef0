// SPDX-License-Identifier: Apache-2.0
// For which processors this was compiled: the last bits of sums depend on it.
#pragma once

namespace stagecoach {

/// Decided by the compiler's flags: "avx512", "avx2" or "baseline".
constexpr const char* compiled_instruction_set() {
#if defined(__AVX512F__)
  return "avx512";
#elif defined(__AVX2__) && defined(__FMA__)
  return "avx2";
#else
  return "baseline";
#endif
}

}  // namespace stagecoach
