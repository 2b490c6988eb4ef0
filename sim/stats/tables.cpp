// SPDX-License-Identifier: Apache-2.0
// CSV writers; see tables.h.
#include "sim/stats/tables.h"

#include <cstdio>

#include "models/base/error.h"
#include "sim/stats/derived.h"
#include "sim/stats/summary.h"

namespace stagecoach {

namespace {

/// Nine significant digits: more than any ratio here carries meaning, the same text everywhere.
std::string decimal(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

/// A name as a CSV field (RFC 4180): quoted only if it must be.
std::string quoted(const std::string& name) {
  if (name.find_first_of(",\"\n\r") == std::string::npos) return name;
  std::string field = "\"";
  for (char c : name) field += c == '"' ? "\"\"" : std::string(1, c);
  return field + "\"";
}

void append_field(std::string& line, std::int64_t value) { line += ',' + std::to_string(value); }

std::string stage_fields(const RunResult& run, std::size_t stage) {
  return std::to_string(stage) + "," + quoted((*run.partition)[stage].name);
}

/// Calls write(line, stage, window index) for every window, stage by stage.
template <class Write>
std::string windowed_csv(const RunResult& run, const std::string& header, Write write) {
  std::string text = "stage,name,begin_cycle,end_cycle" + header + "\n";
  const RunStatistics& s = *run.statistics;
  for (std::size_t k = 0; k < s.stages.size(); ++k) {
    for (std::size_t w = 0; w < s.stages[k].windows.size(); ++w) {
      std::string line = stage_fields(run, k);
      append_field(line, s.stages[k].windows[w].begin.count());
      append_field(line, window_end(s, static_cast<int>(k), w).count());
      write(line, k, s.stages[k].windows[w]);
      text += line + "\n";
    }
  }
  return text;
}

}  // namespace

std::string staleness_csv(const RunResult& run) {
  return windowed_csv(run, ",micro_batches,staleness_mean,staleness_closed_form",
                      [&](std::string& line, std::size_t k, const StageWindow& w) {
                        append_field(line, w.micro_batches);
                        line += ',';
                        if (w.micro_batches > 0) {
                          line += decimal(static_cast<double>(w.staleness_sum) /
                                          static_cast<double>(w.micro_batches));
                        }
                        line += ',';
                        if (k < run.closed_form_delays.size()) {
                          line += std::to_string(run.closed_form_delays[k]);
                        }
                      });
}

std::string utilization_csv(const RunResult& run) {
  std::string header;
  for (const CycleWords& kind : kCycleKinds) header += std::string(",") + kind.name + "_cycles";
  return windowed_csv(
      run, header + ",utilization", [](std::string& line, std::size_t, const StageWindow& w) {
        const StageCycles& c = w.cycles;
        for (const Cycles value : c.by_kind) append_field(line, value.count());
        line += ',';
        if (c.total() > 0) {
          line += decimal(static_cast<double>(c.busy()) / static_cast<double>(c.total()));
        }
      });
}

std::string memory_csv(const RunResult& run) {
  std::string text =
      "stage,name,cycle,weights_bytes,optimizer_bytes,stashed_weights_bytes,activations_bytes,"
      "gradients_bytes,total_bytes\n";
  for (std::size_t k = 0; k < run.statistics->stages.size(); ++k) {
    for (const MemorySample& sample : run.statistics->stages[k].memory) {
      const StageMemory m = stage_memory_at(run.plan->stages[k], sample);
      std::string line = stage_fields(run, k);
      append_field(line, sample.time.count());
      for (const Bytes value :
           {m.weights, m.optimizer, m.stashed_weights, m.activations, m.gradients, m.total()}) {
        append_field(line, value.count());
      }
      text += line + "\n";
    }
  }
  return text;
}

std::string epochs_csv(const RunResult& run) {
  const auto columns = epoch_catalogue();
  std::string text;
  for (const auto& column : columns) text += (text.empty() ? "" : ",") + column.path;
  text += "\n";
  for (std::size_t e = 0; e < epochs_begun(run); ++e) {
    const char* separator = "";
    for (const auto& column : columns) {
      const OrderedJson value = column.value(EpochView{run, e});
      text += separator + (value.is_null() ? "" : value.dump());
      separator = ",";
    }
    text += "\n";
  }
  return text;
}

OrderedJson write_results(const RunResult& run, ResultDirectory& directory,
                          std::vector<std::string>& failures) {
  const auto write = [&](const char* name, const std::string& text) {
    try {
      directory.write(name, text);
    } catch (const UserError& error) {
      failures.push_back(error.what());
      return false;
    }
    return true;
  };
  const OrderedJson summary = make_summary(run);
  // What matters most gets the room first.
  if (!write(kSummaryFile, summary_text(summary))) return summary;
  write(kEpochsFile, epochs_csv(run));
  write(kConfigFile, run.config_text);
  if (run.statistics) {
    write(kStalenessFile, staleness_csv(run));
    write(kUtilizationFile, utilization_csv(run));
    if (run.plan) write(kMemoryFile, memory_csv(run));
  }
  return summary;
}

std::vector<std::string> publish_epochs(const RunResult& run, ResultDirectory& directory) {
  try {
    directory.write(kSummaryFile, summary_text(make_summary(run)), Survives::the_program);
    directory.write(kEpochsFile, epochs_csv(run), Survives::the_program);
    directory.write(kConfigFile, run.config_text, Survives::the_program);
  } catch (const UserError& error) {
    directory.discard(kSummaryFile);
    return {error.what()};
  }
  return directory.publish(Survives::the_program);
}

}  // namespace stagecoach
