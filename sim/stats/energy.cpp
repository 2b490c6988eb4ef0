// SPDX-License-Identifier: Apache-2.0
#include "sim/stats/energy.h"

#include <algorithm>
#include <cmath>

#include "models/base/error.h"
#include "sim/timing/matrix_unit.h"
#include "sim/timing/memory.h"

namespace stagecoach {

namespace {

constexpr double kPico = 1e-12;

/// Adds parts of count x unit value, each with its constant's band.
class Parts {
 public:
  explicit Parts(const std::map<std::string, double>& uncertainty) : uncertainty_(uncertainty) {}

  void begin(const std::string& name) { sum_.parts.push_back({name, 0, 0, 0}); }

  void add(double count, double unit_value, const char* constant) {
    const auto found = uncertainty_.find(constant);
    const double relative = found == uncertainty_.end() ? 0 : found->second;
    const double value = count * unit_value;
    BandedPart& part = sum_.parts.back();
    part.value += value;
    part.low += value * std::max(0.0, 1 - relative);
    part.high += value * (1 + relative);
    if (!std::isfinite(value) || value < 0) {
      throw ModelBug("part " + part.name + ": " + constant + " gives " + std::to_string(value));
    }
  }

  const BandedSum& sum() const { return sum_; }

 private:
  const std::map<std::string, double>& uncertainty_;
  BandedSum sum_;
};

/// What was done that costs energy: by a chip, a stage, a link, ...
struct Activity {
  EventCounts events;
  double link_bytes = 0;
  double dram_bytes = 0;
  double host_bytes = 0;
  double chip_seconds = 0;  ///< of the chip's static power
  double core_seconds = 0;  ///< of cores' static power
};

BandedSum price(const EnergySpec& e, const Activity& done) {
  const double bit = 8 * kPico;  // picojoules per bit, counts in bytes
  Parts parts(e.uncertainty);
  parts.begin("macs");
  parts.add(done.events.macs * kPico, e.mac_pj, "mac_pj");
  parts.begin("vector_unit");
  parts.add(done.events.vector_operations * kPico, e.vector_operation_pj, "vector_operation_pj");
  parts.begin("registers");
  parts.add(done.events.register_bytes * bit, e.register_pj_per_bit, "register_pj_per_bit");
  parts.begin("accumulators");
  parts.add(done.events.accumulator_bytes * bit, e.accumulator_pj_per_bit,
            "accumulator_pj_per_bit");
  parts.begin("weight_buffers");
  parts.add(done.events.weight_read_bytes * bit, e.weight_read_pj_per_bit,
            "weight_read_pj_per_bit");
  parts.add(done.events.weight_write_bytes * bit, e.weight_write_pj_per_bit,
            "weight_write_pj_per_bit");
  parts.begin("activation_buffers");
  parts.add(done.events.activation_read_bytes * bit, e.activation_read_pj_per_bit,
            "activation_read_pj_per_bit");
  parts.add(done.events.activation_write_bytes * bit, e.activation_write_pj_per_bit,
            "activation_write_pj_per_bit");
  parts.begin("interconnect");
  parts.add(done.link_bytes * bit, e.hop_pj_per_bit, "hop_pj_per_bit");
  parts.begin("dram");
  parts.add(done.dram_bytes * bit, e.dram_pj_per_bit, "dram_pj_per_bit");
  parts.begin("host");
  parts.add(done.host_bytes * bit, e.host_pj_per_bit, "host_pj_per_bit");
  parts.begin("static");
  parts.add(done.chip_seconds, e.static_watts, "static_watts");
  parts.add(done.core_seconds * 1e-3, e.static_milliwatts_per_core, "static_milliwatts_per_core");
  return parts.sum();
}

/// Of a sum, the parts that can be there at all.
BandedSum only(const BandedSum& sum, const std::vector<std::string>& names) {
  BandedSum kept;
  for (const BandedPart& part : sum.parts) {
    if (std::find(names.begin(), names.end(), part.name) != names.end()) kept.parts.push_back(part);
  }
  return kept;
}

double seconds_of_run(const MachinePlan& plan, const RunStatistics& run) {
  return static_cast<double>(run.cycles) / (plan.clock_mhz * 1e6);
}

/// Events of a stage, and its traffic with DRAM.
Activity stage_activity(const MachinePlan& plan, const RunStatistics& run, std::size_t stage) {
  const double samples = static_cast<double>(run.samples);
  const double micro_batches = static_cast<double>(run.micro_batches);
  const std::int64_t updates = run.stages.at(stage).updates;
  const StagePlan& s = plan.stages[stage];
  Activity done;
  done.events += scaled(s.events.forward_per_micro_batch, micro_batches);
  done.events += scaled(s.events.forward_per_sample, samples);
  done.events += scaled(s.events.backward_per_micro_batch, micro_batches);
  done.events += scaled(s.events.backward_per_sample, samples);
  done.events += scaled(s.events.update, static_cast<double>(updates));
  done.dram_bytes = static_cast<double>(s.dram.total(run.micro_batches, run.samples, updates));
  return done;
}

/// Of the cores that serve each stage, the share that is the stage's own.
std::vector<double> cores_by_stage(const MachinePlan& plan) {
  const auto served = [&plan](auto visit) {
    for (std::size_t k = 0; k < plan.stages.size(); ++k) {
      const StagePlan& s = plan.stages[k];
      visit(k, static_cast<std::size_t>(s.forward_core));
      if (s.backward_core != s.forward_core) visit(k, static_cast<std::size_t>(s.backward_core));
    }
  };
  std::vector<double> users(plan.cores.size(), 0), cores(plan.stages.size(), 0);
  served([&](std::size_t, std::size_t core) { users[core] += 1; });
  served([&](std::size_t stage, std::size_t core) {
    cores[stage] += static_cast<double>(plan.cores[core].cores) / users[core];
  });
  return cores;
}

}  // namespace

double BandedSum::total() const {
  double sum = 0;
  for (const BandedPart& p : parts) sum += p.value;
  return sum;
}

double BandedSum::low() const {
  double sum = 0;
  for (const BandedPart& p : parts) sum += p.low;
  return sum;
}

double BandedSum::high() const {
  double sum = 0;
  for (const BandedPart& p : parts) sum += p.high;
  return sum;
}

BandedSum energy_of(const EnergySpec& energy, const MachinePlan& plan, const RunStatistics& run) {
  Activity chip;
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    const Activity stage = stage_activity(plan, run, k);
    chip.events += stage.events;
    chip.dram_bytes += stage.dram_bytes;
  }
  for (const LinkStatistics& link : run.links) chip.link_bytes += static_cast<double>(link.bytes);
  chip.host_bytes = static_cast<double>(run.host_bytes);
  chip.chip_seconds = seconds_of_run(plan, run);
  double cores = 0;
  for (const CorePlan& core : plan.cores) cores += static_cast<double>(core.cores);
  chip.core_seconds = chip.chip_seconds * cores;
  return price(energy, chip);
}

EnergyByPlace energy_by_place(const EnergySpec& energy, const MachinePlan& plan,
                              const RunStatistics& run) {
  EnergyByPlace places;
  const double seconds = seconds_of_run(plan, run);
  const std::vector<double> cores = cores_by_stage(plan);
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    Activity done = stage_activity(plan, run, k);
    done.core_seconds = seconds * cores[k];
    places.stages.push_back(
        only(price(energy, done), {"macs", "vector_unit", "registers", "accumulators",
                                   "weight_buffers", "activation_buffers", "dram", "static"}));
  }
  for (const LinkStatistics& link : run.links) {
    Activity carried;
    carried.link_bytes = static_cast<double>(link.bytes);
    places.links.push_back(only(price(energy, carried), {"interconnect"}));
  }
  Activity rest;
  rest.host_bytes = static_cast<double>(run.host_bytes);
  rest.chip_seconds = seconds;
  places.shared = only(price(energy, rest), {"host", "static"});
  return places;
}

std::vector<double> energy_by_epoch(const EnergySpec& energy, const MachinePlan& plan,
                                    const RunStatistics& run) {
  std::vector<double> joules;
  for (const EpochTime& epoch : run.epochs) {
    RunStatistics until;
    until.cycles = epoch.end_cycle;
    until.micro_batches = epoch.micro_batches;
    until.samples = epoch.samples;
    until.stages.resize(run.stages.size());
    for (StageStatistics& stage : until.stages) stage.updates = epoch.updates;
    // What a sample moves never changes.
    const double share = static_cast<double>(epoch.samples) / static_cast<double>(run.samples);
    const auto part = [share](Bytes all) {
      return static_cast<Bytes>(std::llround(share * static_cast<double>(all)));
    };
    until.links = run.links;
    for (LinkStatistics& link : until.links) link.bytes = part(link.bytes);
    until.host_bytes = part(run.host_bytes);
    joules.push_back(energy_of(energy, plan, until).total());
  }
  return joules;
}

namespace {

/// Adds the parts of `cores` cores of one group.
struct AreaCounts {
  double macs = 0, bits = 0, cores = 0;

  void add(const CoreSpec& core, std::int64_t count) {
    const double n = static_cast<double>(count);
    macs += n * mac_units(core);
    for (const auto* buffer : {&core.buffer, &core.weight_buffer, &core.activation_buffer}) {
      if (!*buffer || capacity_bytes(**buffer) == kUnlimited<Bytes>) continue;
      bits += n * 8 * static_cast<double>(capacity_bytes(**buffer));
    }
    cores += n;
  }
};

BandedSum area_of(const AreaSpec& a, const AreaCounts& counts) {
  constexpr double kSquareMillimetre = 1e-6;  // per square micrometre
  Parts parts(a.uncertainty);
  parts.begin("macs");
  parts.add(counts.macs * kSquareMillimetre, a.mac_um2, "mac_um2");
  parts.begin("buffers");
  parts.add(counts.bits * kSquareMillimetre, a.sram_um2_per_bit, "sram_um2_per_bit");
  parts.begin("core_overhead");
  parts.add(counts.cores, a.core_overhead_mm2, "core_overhead_mm2");
  parts.begin("chip_overhead");
  parts.add(1, a.chip_overhead_mm2, "chip_overhead_mm2");
  return parts.sum();
}

}  // namespace

BandedSum area_of(const AreaSpec& a, const HardwareSpec& hardware, const MachinePlan& plan) {
  AreaCounts counts;
  for (const CoreSpec& core : hardware.cores) counts.add(core, core.count);
  for (const CorePlan& unit : plan.cores) {
    const CoreSpec& core = hardware.cores.at(static_cast<std::size_t>(unit.group));
    if (core.count == 0) counts.add(core, unit.cores);  // as many as needed
  }
  return area_of(a, counts);
}

double used_area_of(const AreaSpec& a, const HardwareSpec& hardware, const MachinePlan& plan) {
  AreaCounts counts;
  for (const CorePlan& unit : plan.cores)
    counts.add(hardware.cores.at(static_cast<std::size_t>(unit.group)), unit.cores);
  return area_of(a, counts).total();
}

}  // namespace stagecoach
