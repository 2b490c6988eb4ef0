// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peak.h"

#include <chrono>
#include <thread>
#include <vector>

#include "models/base/tensor.h"

namespace stagecoach::bench {
namespace {

typedef float Vector __attribute__((vector_size(kVectorBytes)));
constexpr int kAccumulators = kVectorBytes == 64 ? 24 : 12;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double one_thread(double seconds) {
  Vector a[kAccumulators];
  for (int i = 0; i < kAccumulators; ++i) a[i] = Vector{} + (1.0f + i);
  Vector x = Vector{} + 0.999999f, y = Vector{} + 1e-7f;
  long rounds = 0;
  const double begin = seconds_now();
  double end = begin;
  while ((end = seconds_now()) - begin < seconds) {
    for (int k = 0; k < 20000; ++k) {
#pragma GCC unroll 24
      for (int i = 0; i < kAccumulators; ++i) a[i] = a[i] * x + y;
      asm volatile("" : "+x"(x), "+x"(y));
    }
    rounds += 20000;
  }
  for (int i = 0; i < kAccumulators; ++i) asm volatile("" : "+x"(a[i]));
  return rounds * 2.0 * kAccumulators * kLanes<float> / (end - begin) / 1e9;
}

}  // namespace

double peak_gflops(int threads, double seconds) {
  std::vector<double> rates(threads);
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t)
    others.emplace_back([&rates, t, seconds] { rates[t] = one_thread(seconds); });
  rates[0] = one_thread(seconds);
  double sum = rates[0];
  for (int t = 1; t < threads; ++t) {
    others[t - 1].join();
    sum += rates[t];
  }
  return sum;
}

}  // namespace stagecoach::bench
