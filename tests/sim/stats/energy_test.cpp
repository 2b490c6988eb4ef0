// SPDX-License-Identifier: Apache-2.0
// Question: is energy the sum of counts times unit energies and of power times time, exactly?
#include "sim/stats/energy.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"

namespace stagecoach {
namespace {

/// One stage whose counts are all different, run for 10 samples in 5 micro-batches with 2 updates.
MachinePlan plan_of_one_stage() {
  MachinePlan plan;
  plan.clock_mhz = 100;
  plan.cores.resize(1);
  plan.cores[0].cores = 3;
  plan.stages.resize(1);
  StageEvents& e = plan.stages[0].events;
  e.forward_per_sample = {1000, 100, 10, 0, 20, 30, 40, 50};
  e.forward_per_micro_batch = {0, 0, 500, 0, 0, 0};
  e.backward_per_sample = {2000, 200, 0, 7, 0, 0, 60, 90};
  e.update = {0, 50, 300, 300, 0, 0};
  plan.stages[0].dram.forward.per_sample = 4;
  return plan;
}

RunStatistics run_of(const MachinePlan& plan) {
  RunStatistics run;
  run.cycles = 1000;  // 10 us
  run.samples = 10, run.micro_batches = 5;
  run.stages.resize(plan.stages.size());
  run.stages[0].updates = 2;
  run.links = {{"a", 100, 0, 0}, {"b", 50, 0, 0}};
  run.host_bytes = 400;
  return run;
}

EnergySpec prices() {
  EnergySpec e;
  e.mac_pj = 2, e.vector_operation_pj = 1;
  e.weight_read_pj_per_bit = 0.5, e.weight_write_pj_per_bit = 0.25;
  e.activation_read_pj_per_bit = 0.1, e.activation_write_pj_per_bit = 0.2;
  e.register_pj_per_bit = 0.03, e.accumulator_pj_per_bit = 0.04;
  e.hop_pj_per_bit = 0.5, e.dram_pj_per_bit = 10, e.host_pj_per_bit = 5;
  e.static_watts = 0.001, e.static_milliwatts_per_core = 2;
  return e;
}

double part(const BandedSum& sum, const std::string& name) {
  for (const BandedPart& p : sum.parts) {
    if (p.name == name) return p.value;
  }
  throw ModelBug("no part " + name);
}

TEST_CASE("every part of the energy is its count times its constant") {
  const MachinePlan plan = plan_of_one_stage();
  const BandedSum e = energy_of(prices(), plan, run_of(plan));
  const double pj = 1e-12;
  CHECK(part(e, "macs") == Approx(30000 * 2 * pj));
  CHECK(part(e, "vector_unit") == Approx((3000 + 100) * 1 * pj));
  CHECK(part(e, "registers") == Approx(1000 * 8 * 0.03 * pj));
  CHECK(part(e, "accumulators") == Approx(1400 * 8 * 0.04 * pj));
  // Reads: 10 a sample, 500 a micro-batch, 300 an update; writes: 7 a sample, 300 an update.
  CHECK(part(e, "weight_buffers") == Approx((3200 * 8 * 0.5 + 670 * 8 * 0.25) * pj));
  CHECK(part(e, "activation_buffers") == Approx((200 * 8 * 0.1 + 300 * 8 * 0.2) * pj));
  CHECK(part(e, "interconnect") == Approx(150 * 8 * 0.5 * pj));
  CHECK(part(e, "dram") == Approx(40 * 8 * 10 * pj));
  CHECK(part(e, "host") == Approx(400 * 8 * 5 * pj));
  CHECK(part(e, "static") == Approx(10e-6 * (0.001 + 3 * 0.002)));
  double sum = 0;
  for (const BandedPart& p : e.parts) sum += p.value;
  CHECK(sum == e.total());  // the same additions in the same order
}

TEST_CASE("stages share the power of a core that serves both, and all shares make the chip's") {
  MachinePlan plan = plan_of_one_stage();
  plan.stages.push_back(plan.stages[0]);  // on the same core, with a core of its own for backward
  plan.stages[1].backward_core = 1;
  plan.cores.push_back(plan.cores[0]);
  plan.cores[1].cores = 5;
  RunStatistics run = run_of(plan);
  run.stages[1].updates = 4;
  const EnergyByPlace places = energy_by_place(prices(), plan, run);
  const double seconds = 10e-6, per_core = 0.002;
  CHECK(part(places.stages[0], "static") == Approx(seconds * 1.5 * per_core));
  CHECK(part(places.stages[1], "static") == Approx(seconds * 6.5 * per_core));
  CHECK(part(places.stages[0], "macs") == Approx(30000 * 2e-12));
  CHECK(part(places.stages[1], "vector_unit") == Approx((3000 + 200) * 1e-12));
  CHECK(places.links[0].total() == Approx(100 * 8 * 0.5e-12));
  CHECK(part(places.shared, "host") == Approx(400 * 8 * 5e-12));
  CHECK(part(places.shared, "static") == Approx(seconds * 0.001));
  double sum = places.shared.total();
  for (const BandedSum& stage : places.stages) sum += stage.total();
  for (const BandedSum& link : places.links) sum += link.total();
  CHECK(sum == Approx(energy_of(prices(), plan, run).total()).epsilon(1e-12));
}

TEST_CASE("the energy of epochs grows with their samples and time, and ends at the run's") {
  const MachinePlan plan = plan_of_one_stage();
  RunStatistics run = run_of(plan);
  run.epochs = {{400, 2, 4, 1}, {1000, 5, 10, 2}};
  const std::vector<double> joules = energy_by_epoch(prices(), plan, run);
  REQUIRE(joules.size() == 2);
  CHECK(joules[1] == energy_of(prices(), plan, run).total());  // the same counts: the same bits
  RunStatistics first = run_of(plan);
  first.cycles = 400, first.samples = 4, first.micro_batches = 2, first.stages[0].updates = 1;
  first.links[0].bytes = 40, first.links[1].bytes = 20, first.host_bytes = 160;
  CHECK(joules[0] == energy_of(prices(), plan, first).total());
}

TEST_CASE("uncertain constants widen the band of their part and of the total") {
  const MachinePlan plan = plan_of_one_stage();
  EnergySpec e = prices();
  const BandedSum sure = energy_of(e, plan, run_of(plan));
  CHECK(sure.low() == Approx(sure.total()));
  CHECK(sure.high() == Approx(sure.total()));
  e.uncertainty["mac_pj"] = 0.5;
  e.uncertainty["host_pj_per_bit"] = 3;  // a factor of four up; down, no further than zero
  const BandedSum unsure = energy_of(e, plan, run_of(plan));
  CHECK(unsure.total() == sure.total());
  const double macs = part(sure, "macs"), host = part(sure, "host");
  CHECK(unsure.high() == Approx(sure.total() + 0.5 * macs + 3 * host));
  CHECK(unsure.low() == Approx(sure.total() - 0.5 * macs - host));
}

TEST_CASE("a negative count is a bug and not an energy") {
  MachinePlan plan = plan_of_one_stage();
  plan.stages[0].events.update.vector_operations = -1e9;
  CHECK_THROWS_AS(energy_of(prices(), plan, run_of(plan)), ModelBug);
}

TEST_CASE("area counts MAC units, bits of limited buffers, cores and the chip") {
  HardwareSpec hw;
  hw.cores.resize(1);
  hw.cores[0].kind = CoreKind::resident;
  hw.cores[0].mac.initiation_interval = 2;  // units that start every other cycle are units
  hw.cores[0].resident.tile_rows = 2;
  hw.cores[0].resident.lanes_per_tile = 8;
  hw.cores[0].weight_buffer = BufferSpec{};
  hw.cores[0].weight_buffer->capacity_kib = 1;
  hw.cores[0].activation_buffer = BufferSpec{};  // unlimited
  MachinePlan plan;
  plan.cores.resize(1);
  plan.cores[0].cores = 3;
  AreaSpec a;
  a.mac_um2 = 1000, a.sram_um2_per_bit = 2, a.core_overhead_mm2 = 0.5, a.chip_overhead_mm2 = 7;
  const BandedSum area = area_of(a, hw, plan);
  CHECK(part(area, "macs") == Approx(48 * 1000 * 1e-6));
  CHECK(part(area, "buffers") == Approx(3 * 8192 * 2 * 1e-6));
  CHECK(part(area, "core_overhead") == Approx(1.5));
  CHECK(part(area, "chip_overhead") == Approx(7));
  CHECK(used_area_of(a, hw, plan) == Approx(area.total()));  // as many as needed
}

TEST_CASE("the area of a chip does not depend on what runs on it") {
  HardwareSpec hw;
  hw.cores.resize(2);
  hw.cores[0].count = 100;
  hw.cores[1].count = 20;
  AreaSpec a;
  a.core_overhead_mm2 = 0.5, a.chip_overhead_mm2 = 7;
  for (const std::int64_t used : {1, 30, 100}) {
    MachinePlan plan;
    plan.cores.resize(1);
    plan.cores[0].cores = used;
    CHECK(area_of(a, hw, plan).total() == Approx(120 * 0.5 + 7));
    CHECK(used_area_of(a, hw, plan) == Approx(static_cast<double>(used) * 0.5 + 7));
  }
}

}  // namespace
}  // namespace stagecoach
