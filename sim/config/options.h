// SPDX-License-Identifier: Apache-2.0
// The command line: what it says, and its rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/train_spec.h"
#include "sim/config/json_document.h"

namespace stagecoach {

/// What the program is asked for.
enum class Ask {
  run,
  check,
  print_config,
  print_fields,  ///< of Options::subject
  print_schema,  ///< of Options::subject
  list_stats,
  help,
  version,
};

/// Which kind of file --print-fields and --print-schema describe.
enum class Subject { hardware, workload };

struct Options {
  Ask ask = Ask::run;
  Subject subject = Subject::workload;
  bool json = false;        ///< --check as JSON
  std::string search_word;  ///< of --list-stats; "": all
  std::string hardware_file;
  std::string workload_file;
  std::string data_dir;           ///< "": the workload file's folder
  std::vector<std::string> sets;  ///< the texts of --set
  std::optional<std::int64_t> samples;
  std::optional<std::int64_t> epochs;
  std::optional<std::int64_t> seed;
  int threads = 0;            ///< 0: as many as the machine has
  bool timing_only = false;   ///< forward_only, too
  bool forward_only = false;  ///< inference
  bool functional_only = false;
  Precision precision = Precision::f32;
  Kernels kernels = Kernels::fast;           ///< eigen with f64
  std::string instruction_set = "auto";      ///< or a set that --instruction-set allows
  std::string init_weights_file;             ///< "": drawn from the seed
  std::string save_weights_file;             ///< "": not saved
  std::optional<double> checkpoint_minutes;  ///< between two checkpoints; empty: none are kept
  bool resume = false;                       ///< go on from the checkpoint, if there is one
  std::string record_file;                   ///< where the order of operations goes; "": nowhere
  std::string replay_file;                   ///< a recorded order to train with; "": none
  std::string out_dir = "out";
  bool force = false;
  bool trace = false;
  bool perfetto = false;  ///< format of the trace; else Chrome's
  bool vcd = false;
  std::int64_t trace_from = 0;
  std::optional<std::int64_t> trace_samples;
  bool quiet = false;
};

/// Parses the command line. Throws UserError with everything that is wrong: unknown options (with
/// the nearest name; nothing is abbreviated), options given twice, values that are missing or not
/// what is allowed, options that exclude or need each other.
Options parse_options(int argc, const char* const* argv);

/// Puts --set, --samples, --epochs and --seed into the two files.
void apply_overrides(const Options& options, Document& hardware, Document& workload,
                     Issues& issues);

}  // namespace stagecoach
