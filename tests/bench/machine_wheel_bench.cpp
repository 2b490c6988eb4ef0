// SPDX-License-Identifier: Apache-2.0
// What a timed event costs: through EventWheel, which all modules of the machine share and which
// runs ahead of the kernel, as in elastic pacing; and through the kernel's own queue, with
// sc_events and processes of each module. A module does what a core does for an operation, without
// the operation: something ends at a time, and afterwards the module decides what comes next. Times
// have the rate and spread of stages of unlike lengths.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "sim/modules/clock.h"
#include "sim/modules/event_wheel.h"
#include "sim/system/kernel_scope.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kEvents = 2'000'000;

/// Cycles between two events of a module: about as in machine_bench.cpp, 700 to 1100, no two
/// modules in step.
Cycles period_of(int module) { return 700 + 37 * (module * 7 % 11) + module % 29; }
Cycles first_event_of(int module) { return 1 + module * 131 % 900; }

/// Counts events and stops the kernel after the last one.
class Counter {
 public:
  void count() {
    if (++events_ == kEvents) sc_core::sc_stop();
  }
  std::int64_t events() const { return events_; }

 private:
  std::int64_t events_ = 0;
};

class WheelModule : public sc_core::sc_module, public TimedIf {
 public:
  WheelModule(sc_core::sc_module_name name, WheelIf& wheel, Counter& counter, int number)
      : sc_module(name), wheel_(wheel), counter_(counter), number_(wheel.join(*this)) {
    period_ = period_of(number);
    wheel_.call_at(number_, first_event_of(number), 0);
  }

  void on_time(Cycles, int) override {
    counter_.count();
    wheel_.decide_soon(number_);
  }
  void on_decide(Cycles now) override { wheel_.call_at(number_, now + period_, 0); }

 private:
  WheelIf& wheel_;
  Counter& counter_;
  const int number_;
  Cycles period_ = 1;
};

class KernelModule : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(KernelModule);
  KernelModule(sc_core::sc_module_name name, Counter& counter, int number)
      : sc_module(name), counter_(counter), period_(cycles_time(period_of(number))) {
    SC_METHOD(end);
    sensitive << end_;
    dont_initialize();
    SC_METHOD(decide);
    sensitive << decide_;
    dont_initialize();
    end_.notify(cycles_time(first_event_of(number)));
  }

 private:
  void end() {
    counter_.count();
    decide_.notify(sc_core::SC_ZERO_TIME);
  }
  void decide() { end_.notify(period_); }

  Counter& counter_;
  const sc_core::sc_time period_;
  sc_core::sc_event end_, decide_;
};

/// Seconds an event, in a kernel of its own; `make(k)` builds module k.
template <class Module, class Make>
void time_events(benchmark::State& state, const Counter& counter, Make make) {
  std::vector<std::unique_ptr<Module>> modules;
  for (int k = 0; k < state.range(0); ++k) modules.push_back(make(k));
  sc_core::sc_start();
  if (counter.events() < kEvents) state.SkipWithError("events were lost");
}

void report(benchmark::State& state) {
  const auto events = static_cast<double>(kEvents) * static_cast<double>(state.iterations());
  state.counters["ns_per_event"] =
      benchmark::Counter(events * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void machine_events_wheel(benchmark::State& state) {
  for (auto _ : state) {
    KernelScope kernel;
    Counter counter;
    EventWheel wheel("wheel");
    wheel.run_ahead();
    time_events<WheelModule>(state, counter, [&](int k) {
      return std::make_unique<WheelModule>(("m" + std::to_string(k)).c_str(), wheel, counter, k);
    });
  }
  report(state);
}

void machine_events_kernel(benchmark::State& state) {
  for (auto _ : state) {
    KernelScope kernel;
    Counter counter;
    time_events<KernelModule>(state, counter, [&](int k) {
      return std::make_unique<KernelModule>(("m" + std::to_string(k)).c_str(), counter, k);
    });
  }
  report(state);
}

#define MODULE_COUNTS ArgName("modules")->Arg(10)->Arg(110)->Arg(364)->Unit(benchmark::kMillisecond)
BENCHMARK(machine_events_wheel)->MODULE_COUNTS;
BENCHMARK(machine_events_kernel)->MODULE_COUNTS;
#undef MODULE_COUNTS

}  // namespace
}  // namespace stagecoach
