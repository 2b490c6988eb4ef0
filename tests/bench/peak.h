// SPDX-License-Identifier: Apache-2.0
// The machine's peak, measured: fused multiply-adds on registers, as many as the units take.
#pragma once

namespace stagecoach::bench {

/// Single-precision GFLOP/s (a multiply-add counts two) of `threads` threads at once, over about
/// `seconds` each. Other load on the machine shows here as it shows in what is measured beside it.
double peak_gflops(int threads, double seconds = 0.1);

}  // namespace stagecoach::bench
