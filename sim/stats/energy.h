// SPDX-License-Identifier: Apache-2.0
// Energy and area: counts times unit values. Pure arithmetic over a plan and what a run counted.
#pragma once

#include <string>
#include <vector>

#include "sim/hardware/hardware_spec.h"
#include "sim/plan/machine_plan.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// A named part with the band that the constants' uncertainties give. Bands add up as if all
/// constants erred the same way: the widest that the file allows.
struct BandedPart {
  std::string name;
  double value = 0;
  double low = 0;
  double high = 0;
};

struct BandedSum {
  std::vector<BandedPart> parts;

  double total() const;
  double low() const;
  double high() const;
};

/// Joules of a run: events of every stage (per micro-batch, per sample and per update), bytes on
/// links, from DRAM and from the host, and static power over the run's time. Parts: macs,
/// vector_unit, registers, accumulators, weight_buffers, activation_buffers, interconnect, dram,
/// host, static. Counts of a run that was cut short use the samples that retired. Throws ModelBug
/// if a part is negative or not finite.
BandedSum energy_of(const EnergySpec& energy, const MachinePlan& plan, const RunStatistics& run);

/// The same joules by where they go. Stages have their events, their traffic with DRAM and the
/// static power of their cores (a core's in equal shares where it serves several); links have the
/// bytes that they carry; shared is what belongs to none of them: the host's channel and the chip's
/// static power. All of it adds up to energy_of().total(), but for the rounding of the sums.
struct EnergyByPlace {
  std::vector<BandedSum> stages;  ///< macs, vector_unit, registers, accumulators, weight_buffers,
                                  ///< activation_buffers, dram, static
  std::vector<BandedSum> links;   ///< interconnect; in the order of RunStatistics::links
  BandedSum shared;               ///< host, static
};

EnergyByPlace energy_by_place(const EnergySpec& energy, const MachinePlan& plan,
                              const RunStatistics& run);

/// Joules from the start of the run to the end of each complete epoch: the work of the samples up
/// to it and static power until then. Work on later samples that the pipeline holds already
/// counts in their epoch; so does what a run that was cut short moved for samples that never
/// retired, which makes its rows slightly too large. The last row of a complete run is
/// energy_of().total().
std::vector<double> energy_by_epoch(const EnergySpec& energy, const MachinePlan& plan,
                                    const RunStatistics& run);

/// Square millimetres of the chip, whatever runs on it: every core of the file, those that the plan
/// uses of a group with as many as needed, and what is around them. Parts: macs, buffers (those of
/// unlimited size count nothing), core_overhead, chip_overhead.
BandedSum area_of(const AreaSpec& area, const HardwareSpec& hardware, const MachinePlan& plan);

/// The same of the cores that serve a stage, and of what is around all cores.
double used_area_of(const AreaSpec& area, const HardwareSpec& hardware, const MachinePlan& plan);

}  // namespace stagecoach
