// SPDX-License-Identifier: Apache-2.0
#include "sim/app/instruction_sets.h"

#include <algorithm>

#include "models/base/error.h"
#include "sim/config/errors.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace stagecoach {
namespace {

bool is_in(const std::vector<std::string>& sets, const std::string& set) {
  return std::find(sets.begin(), sets.end(), set) != sets.end();
}

#if defined(__x86_64__)

/// Of x86-64-v3, what compilers know no name for.
bool has_rest_of_v3() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0, extended_ecx = 0;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return false;
  if (!__get_cpuid(0x80000001, &eax, &ebx, &extended_ecx, &edx)) return false;
  return (ecx & bit_MOVBE) && (ecx & bit_F16C) && (extended_ecx & bit_LZCNT);
}

// The compiler's questions ask for the system's support of wide registers, too.
bool has_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_rest_of_v3();
}

bool has_v4() {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

#else

bool has_v3() { return false; }
bool has_v4() { return false; }

#endif

}  // namespace

std::vector<std::string> processor_instruction_sets() {
  std::vector<std::string> sets;
  if (has_v4()) sets.push_back("avx512");
  if (has_v3()) sets.push_back("avx2");
  sets.push_back("baseline");
  return sets;
}

std::string choose_instruction_set(const std::string& asked, const std::vector<std::string>& built,
                                   const std::vector<std::string>& run_here) {
  std::vector<std::string> allowed;
  for (const std::string& set : built)
    if (is_in(run_here, set)) allowed.push_back(set);
  if (asked == "auto") return allowed.front();
  if (is_in(allowed, asked)) return asked;
  const char* why = is_in(built, asked) ? "which this processor lacks"
                                        : "which this program was not built for (docs/install.md)";
  allowed.insert(allowed.begin(), "auto");
  throw UserError("--instruction-set: found \"" + asked + "\", " + why + "; allowed here: one of " +
                  quoted_list(allowed));
}

}  // namespace stagecoach
