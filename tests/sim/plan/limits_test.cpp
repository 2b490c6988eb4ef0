// SPDX-License-Identifier: Apache-2.0
// Questions to every file in hw/, and so to every kind of core: with unlimited bandwidth, is what
// is left exactly the compute cycles? With unlimited compute, exactly bytes over bandwidth?
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "sim/plan/stage_price.h"
#include "tests/support/presets.h"

namespace stagecoach {
namespace {

/// A hardware file with every limit on memory and links taken away.
HardwareSpec without_memory_limits(HardwareSpec hw) {
  hw.interconnect.link_bytes_per_cycle = kUnlimited<double>;
  for (CoreSpec& c : hw.cores) {
    for (auto* b : {&c.buffer, &c.weight_buffer, &c.activation_buffer}) {
      if (*b) **b = BufferSpec{};
    }
    c.roofline.memory_gb_per_s = kUnlimited<double>;
  }
  return hw;
}

/// A hardware file whose arithmetic takes no time, with room for everything.
HardwareSpec without_compute(HardwareSpec hw) {
  hw.interconnect.link_bytes_per_cycle = kUnlimited<double>;  // only memory is asked about
  for (CoreSpec& c : hw.cores) {
    c.operation_overhead = 0;
    c.concurrent_passes.reset();  // so that passes add up
    c.fixed = {0, 0, 0};
    c.mac = {0, 0};
    c.resident.tile_hop_cycles = 0;
    c.roofline.peak_gmacs_per_s = kUnlimited<double>;
    c.roofline.launch_overhead_ns = 0;
    c.vector_unit.lanes = kUnlimited<double>;
    c.vector_unit.latency_cycles = 0;
    for (auto* b : {&c.buffer, &c.weight_buffer, &c.activation_buffer}) {
      if (*b) (*b)->capacity_kib = kUnlimited<double>;
    }
  }
  return hw;
}

/// Cycles of an operation for copies that the core makes itself: with unlimited links their
/// latency.
Cycles copies(const MachinePlan& plan, const OpCost& cost) {
  return plan.interconnect.blocks_cores() ? cost.interconnect_cycles : Cycles{0};
}

TEST_CASE("the files in hw/ have cores of every kind") {
  std::set<CoreKind> kinds;
  for (const std::string& path : presets()) {
    for (const CoreSpec& c : load_hardware(path).cores) kinds.insert(c.kind);
  }
  CHECK(kinds.size() == 5);
}

TEST_CASE("the passes of a stage's layers, and of the loss, add up to its operations") {
  for (const std::string& path : presets()) {
    HardwareSpec hw = load_hardware(path);
    hw.memory_policy = MemoryPolicy::stall;  // DRAM adds to an operation as a whole
    for (CoreSpec& c : hw.cores) {
      c.vector_unit.overlaps_macs = false;  // the longer of two sums
      c.concurrent_passes.reset();          // the same
      c.operation_overhead = 0;             // of the operation, not of a layer
      for (auto* b : {&c.buffer, &c.weight_buffer, &c.activation_buffer})
        if (*b) (*b)->capacity_kib = kUnlimited<double>;
    }
    for (const Work& work : usual_work()) {
      const PlannedMachine machine = planned(hw, work);
      const MachinePlan& plan = machine.plan;
      const Partition stages = work.stages();
      for (std::size_t k = 0; k < stages.size(); ++k) {
        const CorePlan& unit = plan.cores[static_cast<std::size_t>(plan.stages[k].forward_core)];
        if (hw.cores[static_cast<std::size_t>(unit.group)].kind == CoreKind::fixed) continue;
        LayerCost sum = stages[k].has_loss ? plan.loss : LayerCost{};
        const auto add = [](LayerPassCost& to, const LayerPassCost& more) {
          to.cycles += more.cycles, to.compute_cycles += more.compute_cycles, to.macs += more.macs;
        };
        for (int l = stages[k].first_layer; l < stages[k].end_layer; ++l) {
          const LayerCost& layer = plan.layers[static_cast<std::size_t>(l)];
          CHECK(layer.samples == work.micro);
          add(sum.forward, layer.forward), add(sum.update, layer.update);
          add(sum.input_gradient, layer.input_gradient);
          add(sum.input_gradient, layer.weight_gradient);
        }
        const StageCost& cost = plan.stages[k].cost.back();
        const auto equal = [&plan](const LayerPassCost& layers, const OpCost& stage) {
          return layers.cycles == stage.cycles - copies(plan, stage) &&
                 layers.compute_cycles == stage.compute_cycles && layers.macs == stage.macs;
        };
        CAPTURE(path, plan.stages[k].name);
        CHECK(equal(sum.forward, cost.forward));
        CHECK(equal(sum.input_gradient, cost.backward));
        CHECK(equal(sum.update, cost.update));
      }
    }
  }
}

TEST_CASE("unlimited bandwidth gives exactly the compute cycles, on every chip") {
  for (const std::string& path : presets()) {
    const HardwareSpec limited = load_hardware(path);
    const HardwareSpec hw = without_memory_limits(limited);
    for (const Work& work : usual_work()) {
      const PlannedMachine machine = planned(hw, work);
      for (const StagePlan& s : machine.plan.stages) {
        for (const StageCost& c : s.cost) {
          CAPTURE(path, s.name);
          for (const OpCost* op : {&c.forward, &c.backward, &c.update}) {
            CHECK(op->cycles - copies(machine.plan, *op) == op->compute_cycles);
          }
        }
      }
      for (const LayerCost& l : machine.plan.layers) {
        for (const LayerPassCost* c :
             {&l.forward, &l.input_gradient, &l.weight_gradient, &l.update}) {
          CHECK(c->memory_cycles == 0);
          CHECK(c->cycles == c->compute_cycles);
        }
      }
      // The memory was the only thing taken away. (A balanced mapping then places otherwise.)
      if (hw.mapping.kind == MappingKind::balanced) continue;
      const PlannedMachine before = planned(limited, work);
      for (std::size_t k = 0; k < machine.plan.stages.size(); ++k) {
        const OpCost& with = before.plan.stages[k].cost[0].forward;
        const OpCost& without = machine.plan.stages[k].cost[0].forward;
        CHECK(without.cycles - copies(machine.plan, without) == with.compute_cycles);
      }
    }
  }
}

/// True if `cycles` suffice for the bytes of one pass, by what the file says of ports and memory.
bool suffices(Cycles cycles, const EventCounts& e, const PricingContext& c) {
  const double n = static_cast<double>(cycles) * static_cast<double>(c.cores) * (1 + 1e-12);
  const auto served = [n](const BufferSpec& b, double reads, double writes) {
    if (std::isinf(b.width_bytes)) return true;
    const double port = n * b.banks * b.width_bytes;
    return reads <= port * (b.read_ports + b.shared_ports) &&
           writes <= port * (b.write_ports + b.shared_ports) &&
           reads + writes <= port * (b.read_ports + b.write_ports + b.shared_ports);
  };
  const double weights = e.weight_read_bytes + e.weight_write_bytes;
  const double activations = e.activation_read_bytes + e.activation_write_bytes;
  if (c.core->kind == CoreKind::roofline &&
      (weights + activations) * c.clock_mhz > n * c.core->roofline.memory_gb_per_s * 1000) {
    return false;
  }
  if (c.core->unified()) {
    return served(*c.core->buffer, e.weight_read_bytes + e.activation_read_bytes,
                  e.weight_write_bytes + e.activation_write_bytes);
  }
  return served(c.core->weight_memory(), e.weight_read_bytes, e.weight_write_bytes) &&
         served(c.core->activation_memory(), e.activation_read_bytes, e.activation_write_bytes);
}

/// Bytes over bandwidth: enough, and one cycle fewer is not.
void check_memory_bound(const PassPrice& p, const PricingContext& c) {
  REQUIRE(p.compute_cycles == 0);
  REQUIRE(suffices(p.cycles, p.events, c));
  if (p.cycles > 0) REQUIRE_FALSE(suffices(p.cycles - 1, p.events, c));
}

TEST_CASE("unlimited compute gives exactly bytes over bandwidth, on every chip") {
  int limited = 0;  // passes that take time
  for (const std::string& path : presets()) {
    const HardwareSpec hw = without_compute(load_hardware(path));
    for (const Work& work : usual_work()) {
      CAPTURE(path);
      PlanScope scope;
      const Partition stages = work.stages();
      scope.hardware = &hw, scope.network = &work.net, scope.partition = &stages;
      scope.train = with_momentum();
      scope.micro_batch_samples = work.micro;
      scope.micro_batches_per_update = work.batch / work.micro;
      for (std::int64_t cores : {1, 3}) {
        const PricingContext c = pricing_context(scope, {0, cores});
        for (const StageSpec& stage : stages) {
          Cycles forward = 0, backward = 0, update = 0;
          for (int l = stage.first_layer; l < stage.end_layer; ++l) {
            const LayerNode& node = work.net.layers[static_cast<std::size_t>(l)];
            CAPTURE(node.spec.name);
            const auto check = [&](const std::vector<PassPrice>& prices) {
              Cycles sum = 0;
              for (const PassPrice& p : prices) {
                if (c.core->kind != CoreKind::fixed) check_memory_bound(p, c);
                limited += p.cycles > 0;
                sum += p.cycles;
              }
              return sum;
            };
            forward += check(price_pass(node, LayerPass::forward, c, work.micro));
            backward += check(price_pass(node, LayerPass::input_gradient, c, work.micro));
            backward += check(price_pass(node, LayerPass::weight_gradient, c, work.micro));
            update += check({price_update(node, c)});
          }
          if (stage.has_loss) {
            const std::int64_t n = work.net.output().elements();
            forward += price_loss(n, false, c, work.micro).cycles;
            backward += price_loss(n, true, c, work.micro).cycles;
          }
          // The operations of a stage are their passes one after the other, nothing on top.
          const auto k = static_cast<int>(&stage - stages.data());
          const StageCost cost = price_stage(scope, k, {0, cores}, {0, cores}, work.micro);
          REQUIRE(cost.forward.cycles == forward);
          REQUIRE(cost.backward.cycles == backward);
          REQUIRE(cost.update.cycles == update);
          REQUIRE(cost.forward.compute_cycles == 0);
        }
      }
    }
  }
  CHECK(limited > 1000);
}

TEST_CASE("unlimited compute gives bytes over bandwidth by hand, layer by layer") {
  // A roofline with no peak and no launch: only its memory takes time.
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::roofline;
  hw.cores[0].roofline.memory_gb_per_s = 4;  // 4 bytes a cycle
  const PlannedMachine machine = planned(hw, usual_work()[1]);
  // conv2 of LeNet-5, forward: 6x14x14 in, 2400 weights, 1600 out, 4 bytes each.
  CHECK(machine.plan.layers[3].forward.cycles == 1176 + 2400 + 1600);
  CHECK(machine.plan.layers[3].forward.compute_cycles == 0);
  // Input gradient: 1600 in, 2400 weights, 1176 out; weight gradient: both in, 2400 out.
  CHECK(machine.plan.layers[3].input_gradient.cycles == 1600 + 2400 + 1176);
  CHECK(machine.plan.layers[3].weight_gradient.cycles == 1176 + 1600 + 2400);
  // Momentum: weight, velocity and gradient in, weight and velocity out, 2416 parameters.
  CHECK(machine.plan.layers[3].update.cycles == 5 * 2416);
  // ReLU: in and out.
  CHECK(machine.plan.layers[4].forward.cycles == 2 * 1600);
}

TEST_CASE("with unlimited compute a stage that spills takes its bytes over its share of the DRAM") {
  for (const std::string& path : presets()) {
    HardwareSpec hw = without_compute(load_hardware(path));
    if (!hw.dram || hw.cores[0].kind == CoreKind::fixed) continue;
    CAPTURE(path);
    // Nothing but DRAM has a limit, and nothing fits.
    hw = without_memory_limits(hw);
    hw.memory_policy = MemoryPolicy::spill;
    for (CoreSpec& c : hw.cores) {
      for (auto* b : {&c.buffer, &c.weight_buffer, &c.activation_buffer}) {
        if (*b) (*b)->capacity_kib = 1.0 / 1024;
      }
    }
    hw.dram->latency_ns = 0;
    hw.dram->arbitration = Arbitration::equal_shares;
    hw.dram->row_hit_rate = 1;
    const PlannedMachine machine = planned(hw, usual_work()[1]);
    std::set<int> users;
    for (const StagePlan& s : machine.plan.stages) users.insert(s.forward_core);
    const double share =
        hw.dram->bandwidth_gb_per_s * 1000 / hw.clock_mhz / static_cast<double>(users.size());
    for (const StagePlan& s : machine.plan.stages) {
      const auto bytes_over_bandwidth = [&](const OpCost& op, Bytes whole) {
        const double bytes = static_cast<double>(whole);
        CHECK(bytes > 0);
        CHECK(static_cast<double>(op.cycles) * share * (1 + 1e-12) >= bytes);
        CHECK(static_cast<double>(op.cycles - 1) * share < bytes);
      };
      bytes_over_bandwidth(s.cost[0].forward, s.dram.forward.of(1));
      bytes_over_bandwidth(s.cost[0].backward, s.dram.backward.of(1));
      bytes_over_bandwidth(s.cost[0].update, s.dram.update);
    }
  }
}

}  // namespace
}  // namespace stagecoach
