// SPDX-License-Identifier: Apache-2.0
// What a timed event costs: through EventWheel, which all modules of the machine share, and through
// the kernel's own queue, an sc_event and a process for each module. Modules do nothing but ask for
// their next event, at the rate and with the spread of stages of unlike lengths.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "sim/modules/clock.h"
#include "sim/modules/event_wheel.h"
#include "sim/system/kernel_scope.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kEvents = 2'000'000;

/// Cycles between two events of a module: as in machine_bench.cpp, 700 to 1070.
Cycles period_of(int module) { return 700 + 37 * (module * 7 % 11); }

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
  WheelModule(sc_core::sc_module_name name, WheelIf& wheel, Counter& counter, Cycles period)
      : sc_module(name),
        wheel_(wheel),
        counter_(counter),
        period_(period),
        number_(wheel.join(*this)) {}

  void start_of_simulation() override { wheel_.call_at(number_, period_, 0); }
  void on_time(Cycles now, int) override {
    counter_.count();
    wheel_.call_at(number_, now + period_, 0);
  }
  void on_decide(Cycles) override {}

 private:
  WheelIf& wheel_;
  Counter& counter_;
  const Cycles period_;
  const int number_;
};

class KernelModule : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(KernelModule);
  KernelModule(sc_core::sc_module_name name, Counter& counter, Cycles period)
      : sc_module(name), counter_(counter), period_(period) {
    SC_METHOD(fire);
    sensitive << due_;
    dont_initialize();
  }

  void start_of_simulation() override { due_.notify(cycles_time(period_)); }

 private:
  void fire() {
    counter_.count();
    due_.notify(cycles_time(period_));
  }

  Counter& counter_;
  const Cycles period_;
  sc_core::sc_event due_;
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
    time_events<WheelModule>(state, counter, [&](int k) {
      return std::make_unique<WheelModule>(("m" + std::to_string(k)).c_str(), wheel, counter,
                                           period_of(k));
    });
  }
  report(state);
}

void machine_events_kernel(benchmark::State& state) {
  for (auto _ : state) {
    KernelScope kernel;
    Counter counter;
    time_events<KernelModule>(state, counter, [&](int k) {
      return std::make_unique<KernelModule>(("m" + std::to_string(k)).c_str(), counter,
                                            period_of(k));
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
