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

EventCounts events_of(const MachinePlan& plan, const RunStatistics& run) {
  const double samples = static_cast<double>(run.samples);
  const double micro_batches = static_cast<double>(run.micro_batches);
  EventCounts total;
  for (std::size_t k = 0; k < plan.stages.size(); ++k) {
    const StageEvents& e = plan.stages[k].events;
    total += scaled(e.forward_per_micro_batch, micro_batches);
    total += scaled(e.forward_per_sample, samples);
    total += scaled(e.backward_per_micro_batch, micro_batches);
    total += scaled(e.backward_per_sample, samples);
    total += scaled(e.update, static_cast<double>(run.stages.at(k).updates));
  }
  return total;
}

double dram_bytes(const MachinePlan& plan, const RunStatistics& run) {
  Bytes sum = 0;
  for (std::size_t k = 0; k < plan.stages.size(); ++k)
    sum += plan.stages[k].dram.total(run.micro_batches, run.samples, run.stages.at(k).updates);
  return static_cast<double>(sum);
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

std::vector<std::pair<std::string, double>> BandedSum::values() const {
  std::vector<std::pair<std::string, double>> all;
  for (const BandedPart& p : parts) all.emplace_back(p.name, p.value);
  return all;
}

BandedSum energy_of(const EnergySpec& e, const MachinePlan& plan, const RunStatistics& run) {
  const EventCounts events = events_of(plan, run);
  const double bit = 8 * kPico;  // picojoules per bit, counts in bytes
  Parts parts(e.uncertainty);
  parts.begin("macs");
  parts.add(events.macs * kPico, e.mac_pj, "mac_pj");
  parts.begin("vector_unit");
  parts.add(events.vector_operations * kPico, e.vector_operation_pj, "vector_operation_pj");
  parts.begin("weight_buffers");
  parts.add(events.weight_read_bytes * bit, e.weight_read_pj_per_bit, "weight_read_pj_per_bit");
  parts.add(events.weight_write_bytes * bit, e.weight_write_pj_per_bit, "weight_write_pj_per_bit");
  parts.begin("activation_buffers");
  parts.add(events.activation_read_bytes * bit, e.activation_read_pj_per_bit,
            "activation_read_pj_per_bit");
  parts.add(events.activation_write_bytes * bit, e.activation_write_pj_per_bit,
            "activation_write_pj_per_bit");
  parts.begin("interconnect");
  double link_bytes = 0;
  for (const LinkStatistics& link : run.links) link_bytes += static_cast<double>(link.bytes);
  parts.add(link_bytes * bit, e.hop_pj_per_bit, "hop_pj_per_bit");
  parts.begin("dram");
  parts.add(dram_bytes(plan, run) * bit, e.dram_pj_per_bit, "dram_pj_per_bit");
  parts.begin("host");
  parts.add(static_cast<double>(run.host_bytes) * bit, e.host_pj_per_bit, "host_pj_per_bit");
  parts.begin("static");
  const double seconds = static_cast<double>(run.cycles) / (plan.clock_mhz * 1e6);
  double cores = 0;
  for (const CorePlan& core : plan.cores) cores += static_cast<double>(core.cores);
  parts.add(seconds, e.static_watts, "static_watts");
  parts.add(seconds * cores * 1e-3, e.static_milliwatts_per_core, "static_milliwatts_per_core");
  return parts.sum();
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
