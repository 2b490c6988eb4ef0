// SPDX-License-Identifier: Apache-2.0
// Everything that the reports of one run are written from, gathered in one place. Plain structs:
// sim/app (or a test) fills them; sim/stats writes summary.json, the CSV files and the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/training_result.h"
#include "sim/plan/machine_plan.h"
#include "sim/stats/energy.h"
#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// What the run was made from. Depends on the input only (see reproducible_command).
struct Provenance {
  std::string version;
  std::string hardware;  ///< the "name" of the hardware file
  std::string workload;
  std::string hardware_sha256;  ///< of the file's bytes, 64 hexadecimal digits
  std::string workload_sha256;
  std::uint64_t seed = 1;
  std::string command;
};

/// Figures of the machine that ran the simulator: the only part that may differ between two runs.
struct HostFigures {
  double wall_seconds = 0;
  std::optional<double> timing_seconds;      ///< CPU time of SystemC and bookkeeping
  std::optional<double> functional_seconds;  ///< CPU time of the functional engine
  int threads = 1;
  std::optional<std::string> instruction_set;  ///< of the functional engine
  std::optional<std::int64_t> peak_rss_bytes;
  std::int64_t checkpoints = 0;
  std::int64_t checkpoint_bytes = 0;
  double checkpoint_seconds = 0;
  double catch_up_seconds = 0;
};

/// One run. Pointers are not owned; `statistics` is null without a clock (--functional-only),
/// `training` is null without numbers (--timing-only).
struct RunResult {
  Provenance provenance;
  std::string config_text;  ///< config.json: every field of the input, as --print-config has it
  HostFigures host;
  const Network* network = nullptr;      ///< never null
  const Partition* partition = nullptr;  ///< never null
  const MachinePlan* plan = nullptr;     ///< null: nothing is known about the hardware
  const RunStatistics* statistics = nullptr;
  const TrainingResult* training = nullptr;
  Kernels kernels = Kernels::fast;  ///< what computed it
  /// By stage, of a run without a clock whose order was measured all the same (--replay).
  std::vector<StalenessCount> staleness;
  bool complete = false;                  ///< the run went to its end; false while it lasts
  std::optional<std::string> order_hash;  ///< of all operations of a run that is complete
  bool interrupted = false;               ///< a signal ended the run before its end
  std::vector<int> closed_form_delays;    ///< Schedule::delay of each stage, in updates
  std::string limited_by;                 ///< what bounds the steady rate; empty: not known
  std::optional<double> limit_cycles_per_micro_batch;  ///< that bound, in closed form
  std::optional<BandedSum> energy;                     ///< joules
  std::optional<EnergyByPlace> energy_by_place;        ///< the same joules; there with `energy`
  std::int64_t samples_per_epoch = 0;
  std::vector<double> epoch_joules;       ///< from the start to the end of each epoch on the clock
  std::optional<double> target_accuracy;  ///< of the workload, 0..1
  std::optional<BandedSum> area;          ///< square millimetres of the chip
  std::optional<double> used_area_mm2;    ///< of its cores that serve a stage, and around them
};

}  // namespace stagecoach
