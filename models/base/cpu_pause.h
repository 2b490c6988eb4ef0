// SPDX-License-Identifier: Apache-2.0
// What a thread does that waits for another for a moment without sleeping.
#pragma once

namespace stagecoach {

/// Tells the processor that this is a loop that waits; does nothing where there is no such word.
inline void cpu_pause() {
#if defined(__x86_64__)
  __asm__ volatile("pause");
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace stagecoach
