// SPDX-License-Identifier: Apache-2.0
// A worked example: an architect's own network between the cores, in place of ours. It is a star:
// one hub forwards the messages of all cores, one after the other in the order in which they are
// made. The module uses the kernel's own events; ours book through one wheel
// (docs/architecture.md, "SystemC plain to see"), but nobody has to.
#include <catch2/catch.hpp>
#include <queue>

#include "sim/modules/clock.h"
#include "sim/system/accelerator.h"
#include "sim/system/kernel_scope.h"
#include "tests/system/machine_support.h"

namespace stagecoach {
namespace {

class StarNetwork : public sc_core::sc_module, public InterconnectIf {
 public:
  SC_HAS_PROCESS(StarNetwork);

  StarNetwork(sc_core::sc_module_name name, Cycles latency_cycles, double bytes_per_cycle)
      : sc_module(name), latency_(latency_cycles), bytes_per_cycle_(bytes_per_cycle) {
    SC_METHOD(serve);
    sensitive << hub_;
    dont_initialize();
  }

  int open(const ChannelSpec& spec) override {
    channels_.push_back(spec);
    return static_cast<int>(channels_.size()) - 1;
  }

  /// The message asks for the hub when it is made.
  void send(int channel, MicroBatchId micro_batch, Bytes bytes, Cycles ready) override {
    waiting_.push({ready, sent_++, channel, micro_batch, bytes});
    hub_.notify(cycles_time(std::max(waiting_.top().ready, free_at_) - now_cycles()));
  }

  std::int64_t unsettled() const override { return static_cast<std::int64_t>(waiting_.size()); }
  void on_settled(std::function<void()> call) override { on_settled_ = std::move(call); }
  Cycles last_arrival() const override { return last_arrival_; }
  void watch(WaveSink* waves) override { waves_ = waves; }
  std::vector<LinkStatistics> report() const override { return {hub_statistics_}; }

 private:
  struct Message {
    Cycles ready = 0;
    std::int64_t number = 0;  ///< messages of one time go in the order in which they were sent
    int channel = 0;
    MicroBatchId micro_batch = 0;
    Bytes bytes = 0;
    bool operator<(const Message& other) const {  // the largest is on top of the queue
      return std::tie(ready, number) > std::tie(other.ready, other.number);
    }
  };

  void serve() {
    const Cycles now = now_cycles();
    while (!waiting_.empty() && waiting_.top().ready <= now && free_at_ <= now) {
      const Message message = waiting_.top();
      waiting_.pop();
      free_at_ = now + transfer_cycles(message.bytes, bytes_per_cycle_);
      hub_statistics_.bytes += message.bytes;
      hub_statistics_.busy_cycles += free_at_ - now;
      hub_statistics_.wait_cycles += now - message.ready;
      if (waves_ && free_at_ > now) waves_->link_busy(0, now, free_at_);
      const Arrival arrival{message.ready, free_at_ + latency_};
      last_arrival_ = std::max(last_arrival_, arrival.available);
      channels_[message.channel].deliver(message.micro_batch, arrival);
    }
    if (waiting_.empty()) {
      if (on_settled_) on_settled_();
    } else {
      hub_.notify(cycles_time(std::max(waiting_.top().ready, free_at_) - now));
    }
  }

  const Cycles latency_;
  const double bytes_per_cycle_;
  std::vector<ChannelSpec> channels_;
  std::priority_queue<Message> waiting_;
  std::int64_t sent_ = 0;
  Cycles free_at_ = 0;
  Cycles last_arrival_ = 0;
  LinkStatistics hub_statistics_{"hub", 0, 0, 0};
  WaveSink* waves_ = nullptr;
  std::function<void()> on_settled_;
  sc_core::sc_event hub_;
};

/// The accelerator with a star in it, for N micro-batches.
RunStatistics run_on_star(const MachinePlan& plan, Pacing pacing, Cycles latency, int n,
                          RecordingSink& sink) {
  const MicroBatchPlan micro_batches(n, 1, 1, 1);
  const ScheduleSpec spec = schedule_spec(ScheduleKind::pipelined, pacing);
  const auto schedule = make_schedule(spec, static_cast<int>(plan.stages.size()), micro_batches);
  const MakeInterconnect star = [latency](const char* name, const MachinePlan&, WheelIf&) {
    return std::make_unique<StarNetwork>(name, latency, 8.0);
  };
  KernelScope kernel;
  Accelerator accelerator("accelerator", plan, *schedule, pacing, micro_batches, sink, {}, star);
  sc_core::sc_start();
  accelerator.check();
  const RunStatistics statistics = accelerator.report();
  require_completion(statistics, micro_batches);
  return statistics;
}

ChainOptions three_stages() {
  ChainOptions options;
  options.stages = 3;
  options.bytes_per_sample = 32;  // 4 cycles of the hub
  return options;
}

TEST_CASE("an interconnect of one's own: a micro-batch alone pays hub and latency at every hop") {
  RecordingSink sink;
  const RunStatistics s = run_on_star(chain(three_stages()), Pacing::elastic, 7, 1, sink);
  // Two hops down and two up; forward 10, backward 6; the first stage's update, 4, ends the run.
  CHECK(s.cycles == 3 * (10 + 6) + 4 * (4 + 7) + 4);
  REQUIRE(s.links.size() == 1);
  CHECK(s.links[0].name == "hub");
  CHECK(s.links[0].bytes == 4 * 32);
  CHECK(s.links[0].busy_cycles == 4 * 4);
}

TEST_CASE("an interconnect of one's own: where the hub is the bottleneck it sets the pace") {
  MachinePlan plan = chain(three_stages());
  for (StagePlan& stage : plan.stages) {
    for (Message& message : stage.forward_messages) message.bytes_per_sample = 160;  // 20 cycles
  }
  RecordingSink sink;
  const RunStatistics s = run_on_star(plan, Pacing::elastic, 7, 200, sink);
  // Two forwards of 20 cycles and two gradients of 4 a micro-batch.
  CHECK(s.steady_cycles >= s.steady_samples * 48);
  CHECK(s.steady_cycles <= s.steady_samples * 49);
  CHECK(s.links[0].busy_cycles == 200 * 48);
  CHECK(s.stages[2].cycles[CycleKind::stall_interconnect] > 0);
}

TEST_CASE("an interconnect of one's own: lockstep ticks last until its messages have arrived") {
  RecordingSink star, ours;
  const RunStatistics s = run_on_star(chain(three_stages()), Pacing::lockstep, 7, 30, star);
  const ScheduleSpec spec = schedule_spec(ScheduleKind::pipelined, Pacing::lockstep);
  run(chain(three_stages()), spec, MicroBatchPlan(30, 1, 1, 1), ours);
  for (int k = 0; k < 3; ++k) CHECK(star.of_stage(k) == ours.of_stage(k));
  // N + 2S - 2 ticks, each at least as long as its longest stage.
  CHECK(s.cycles > (30 + 4) * 10);
}

}  // namespace
}  // namespace stagecoach
