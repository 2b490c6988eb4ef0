// SPDX-License-Identifier: Apache-2.0
// Runs what the other files of this folder register.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
