// SPDX-License-Identifier: Apache-2.0
#include "sim/app/ask.h"

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "models/trainer.h"
#include "sim/app/check_json.h"
#include "sim/app/check_report.h"
#include "sim/app/engine_library.h"
#include "sim/app/job.h"
#include "sim/app/notes.h"
#include "sim/app/recording.h"
#include "sim/config/field_docs.h"
#include "sim/config/option_table.h"
#include "sim/config/resolved_config.h"
#include "sim/stats/number_text.h"
#include "sim/stats/summary.h"

namespace stagecoach {
namespace {

void print_config(const Options& options) {
  Issues issues;
  Document hardware = Document::from_file(options.hardware_file, issues, "hw");
  Document workload = Document::from_file(options.workload_file, issues, "workload");
  apply_overrides(options, hardware, workload, issues);
  HardwareSpec hardware_spec;
  WorkloadConfig workload_config;
  if (hardware.ok()) hardware_spec = read_hardware(hardware, issues);
  if (workload.ok()) workload_config = read_workload(workload, options.data_dir, issues);
  issues.throw_if_any();
  std::cout << resolved_config_text(hardware_spec, workload_config);
}

void list_stats(const std::string& word) {
  const std::string text = list_statistics_text(word);
  if (!text.empty()) {
    std::cout << text;
    return;
  }
  std::vector<std::string> names;  // of all levels: "stages", "memory", "peak_bytes", ...
  for (const DeclaredStatistic& s : declared_statistics()) {
    for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
      end = s.path.find('.', begin);
      names.push_back(s.path.substr(begin, end - begin));
    }
  }
  throw UserError("--list-stats: no statistic has \"" + printable(word) +
                  "\" in its name, unit or meaning" + did_you_mean(word, names));
}

/// What the run would say of the file of first weights.
std::vector<std::string> weight_notes(const Job& job, const Options& options) {
  const std::string& file = options.init_weights_file;
  if (file.empty()) return {};
  std::vector<std::string> notes =
      check_weights(job.workload.network, options.precision, read_safetensors(file), file);
  for (std::string& note : notes) note = file + ": " + note;
  return notes;
}

ExitStatus check(const Options& options) {
  const Job job = load_job(options, FitCheck::report);
  std::vector<std::string> notes = notes_of(job, options);
  for (std::string& note : weight_notes(job, options)) notes.push_back(std::move(note));
  std::optional<std::int64_t> replayed;  // operations
  if (options.json) {
    OrderedJson json = check_json(job, notes);
    if (!options.replay_file.empty()) replayed = verify_replay(job, options.replay_file);
    json["replayed_operations"] = replayed ? OrderedJson(*replayed) : OrderedJson();
    std::cout << json.dump(2) << "\n";
  } else {
    std::cout << check_report(job, notes);
    if (!options.replay_file.empty()) {
      replayed = verify_replay(job, options.replay_file);
      std::cout << "Can be replayed: " << with_separators(*replayed) << " operations in "
                << options.replay_file << ". No hardware is simulated.\n";
    }
  }
  if (replayed) return ExitStatus::done;
  return job.machine->report.problems.empty() ? ExitStatus::done : ExitStatus::user_error;
}

}  // namespace

ExitStatus answer(const Options& options) {
  switch (options.ask) {
    case Ask::run:
      break;
    case Ask::check:
      return check(options);
    case Ask::print_config:
      print_config(options);
      break;
    case Ask::print_fields:
      std::cout << fields_markdown(options.subject);
      break;
    case Ask::print_schema:
      std::cout << schema_json(options.subject).dump(2) << "\n";
      break;
    case Ask::list_stats:
      list_stats(options.search_word);
      break;
    case Ask::help:
      std::cout << help_text();
      break;
    case Ask::version:
      std::cout << "stagecoach " << STAGECOACH_VERSION << "\n"
                << "instruction set here: " << best_instruction_set() << "\n";
      break;
  }
  return ExitStatus::done;
}

}  // namespace stagecoach
