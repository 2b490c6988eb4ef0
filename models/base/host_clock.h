// SPDX-License-Identifier: Apache-2.0
// Clocks of the computer that runs the simulator. Only for figures about the host: no result may
// depend on them.
#pragma once

#include <time.h>

namespace stagecoach {

inline double clock_seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Seconds that only ever grow, from an arbitrary start.
inline double wall_seconds() { return clock_seconds(CLOCK_MONOTONIC); }

/// CPU time of the calling thread.
inline double thread_cpu_seconds() { return clock_seconds(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace stagecoach
