// SPDX-License-Identifier: Apache-2.0
// The wheel alone: who is called when, in step with the kernel and ahead of it.
#include "sim/modules/event_wheel.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/system/modules/stubs.h"

namespace stagecoach {
namespace {

/// Notes its calls; decides after each, and asks for the next `period` later until `last`.
struct PeriodicModule : TimedIf {
  PeriodicModule(EventWheel& wheel, std::string name, Cycles period, std::string& told)
      : wheel(wheel), name(std::move(name)), period(period), told(told), number(wheel.join(*this)) {
    wheel.call_at(number, period, 1);
  }
  void on_time(Cycles now, int tag) override {
    CHECK(wheel.now() == now);
    CHECK(tag == 1);
    told += name + std::to_string(now.count()) + " ";
    wheel.decide_soon(number);
    wheel.decide_soon(number);  // once, however often asked
  }
  void on_decide(Cycles now) override {
    told += "!" + name + " ";
    if (now < 6) wheel.call_at(number, now + period, 1);
  }
  EventWheel& wheel;
  std::string name;
  Cycles period;
  std::string& told;
  int number;
};

std::string calls_of_two(bool ahead, Cycles& kernel_time) {
  KernelScope kernel;
  EventWheel wheel{"wheel"};
  if (ahead) wheel.run_ahead();
  std::string told;
  PeriodicModule b(wheel, "b", 3, told), a(wheel, "a", 2, told);
  sc_core::sc_start();
  kernel_time = now_cycles();
  return told;
}

TEST_CASE("event wheel: calls of a moment come before its decisions, lower numbers first") {
  Cycles in_step = 0, ahead = 0;
  const std::string calls = calls_of_two(false, in_step);
  CHECK(calls == "a2 !a b3 !b a4 !a b6 a6 !b !a ");
  CHECK(in_step == 6);
  // Ahead of the kernel, whose time stays at the begin of the quantum.
  CHECK(calls_of_two(true, ahead) == calls);
  CHECK(ahead == 2);
}

/// A process of its own, which lets a module decide at cycle 3.
struct Outsider : sc_core::sc_module {
  SC_HAS_PROCESS(Outsider);
  Outsider(sc_core::sc_module_name name, EventWheel& wheel, std::string& told)
      : sc_module(name), wheel(wheel), told(told) {
    SC_METHOD(serve);
    sensitive << event;
    dont_initialize();
  }
  void serve() {
    told += "outsider ";
    wheel.decide_soon(0);
  }
  EventWheel& wheel;
  std::string& told;
  sc_core::sc_event event;
};

TEST_CASE("event wheel: a process that waits for the same time goes first, in whatever order") {
  for (const bool asks_first : {false, true}) {
    CAPTURE(asks_first);
    KernelScope kernel;
    EventWheel wheel{"wheel"};
    std::string told;
    Outsider outsider("outsider", wheel, told);
    if (asks_first) outsider.event.notify(cycles_time(3));
    PeriodicModule a(wheel, "a", 3, told);
    if (!asks_first) outsider.event.notify(cycles_time(3));
    sc_core::sc_start();
    CHECK(told == "outsider a3 !a a6 !a ");
  }
}

/// Each decision is followed by another call at once, until there have been as many as asked for.
struct InstantModule : TimedIf {
  void on_time(Cycles, int) override { wheel.decide_soon(number); }
  void on_decide(Cycles now) override {
    if (++decisions < most) wheel.call_at(number, now, 0);
    last = now;
  }
  EventWheel wheel{"wheel"};
  int number = wheel.join(*this);
  int decisions = 0, most = 0;
  Cycles last = 0;
};

TEST_CASE("event wheel: what a decision makes due at once is called in the same moment") {
  KernelScope kernel;
  InstantModule module;
  module.most = 5;
  module.wheel.call_at(module.number, 7, 0);
  sc_core::sc_start();
  CHECK(module.decisions == 5);
  CHECK(module.last == 7);
}

TEST_CASE("event wheel: a run that is stopped gets no further call, in the middle of a moment") {
  KernelScope kernel;
  InstantModule module;
  module.most = 1'000'000'000;
  module.wheel.set_stops([] { return true; });
  module.wheel.call_at(module.number, 7, 0);
  sc_core::sc_start();
  CHECK(module.decisions < 10'000);
}

}  // namespace
}  // namespace stagecoach
