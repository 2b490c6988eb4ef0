// SPDX-License-Identifier: Apache-2.0
#include "sim/app/check_report.h"

#include "models/layers/definition.h"
#include "sim/app/check_figures.h"
#include "sim/app/limit_report.h"
#include "sim/stats/number_text.h"
#include "sim/stats/text_table.h"

namespace stagecoach {
namespace {

std::string layers_table(const Job& job) {
  const Network& network = job.workload.network;
  const std::vector<int> stage_of = stage_of_layers(network, job.workload.stages);
  TextTable table({{"layer", true},
                   {"type", true},
                   {"stage", false},
                   {"output", true},
                   {"parameters", false},
                   {"MACs", false}});
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const LayerNode& node = network.layers[l];
    table.add_row({node.spec.name, to_word(node.spec.kind), std::to_string(stage_of[l]),
                   to_string(node.output), with_separators(node.trainable_parameters()),
                   with_separators(forward_macs(node))});
  }
  return table.text();
}

std::string stage_name(const StageCheck& stage, std::size_t k) {
  return std::to_string(k) + " " + stage.name;
}

std::string times_table(const std::vector<StageCheck>& stages, int micro_batch_size) {
  TextTable table({{"stage", true},
                   {"core", true},
                   {"forward", false},
                   {"backward", false},
                   {"update", false}});
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const StageCheck& s = stages[k];
    table.add_row({stage_name(s, k), s.core, with_separators(s.forward),
                   with_separators(s.backward), with_separators(s.update)});
  }
  return table.text() + "  Cycles of a micro-batch of " + std::to_string(micro_batch_size) +
         ", and of an update.\n";
}

std::string memory_table(const std::vector<StageCheck>& stages) {
  TextTable table({{"stage", true},
                   {"staleness", false},
                   {"weights+state", false},
                   {"activations", false},
                   {"capacity", false},
                   {"fits", true}});
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const StageCheck& s = stages[k];
    table.add_row({stage_name(s, k), std::to_string(s.staleness),
                   human_bytes(static_cast<double>(s.weights_and_state)),
                   human_bytes(static_cast<double>(s.activations)),
                   s.capacity == kUnlimited<Bytes> ? "unlimited"
                                                   : human_bytes(static_cast<double>(s.capacity)),
                   s.fit});
  }
  return table.text();
}

/// The cuts that {"balanced": K} came to, in the form that freezes them.
std::string cuts_text(const Job& job) {
  if (job.workload.balanced_stages == 0) return "";
  std::string names;
  for (const std::string& cut : job.workload.partition.cuts) {
    names += (names.empty() ? "\"" : ", \"") + cut + "\"";
  }
  return wrapped("Balanced stages; to keep them: \"partition\": {\"cuts\": [" + names + "]}", 2) +
         "\n";
}

/// What fits, what lies in DRAM, what is refused. Long lists end with a count.
std::string fit_text(const PlanReport& report, const std::vector<Advice>& advice) {
  std::string text;
  constexpr std::size_t kMost = 6;
  for (std::size_t i = 0; i < report.notes.size() && i < kMost; ++i) {
    text += wrapped("Note: " + report.notes[i], 2) + "\n";
  }
  if (report.notes.size() > kMost) {
    text += "Note: and " + std::to_string(report.notes.size() - kMost) +
            " more of this kind; the table says which stages.\n";
  }
  for (const std::string& problem : report.problems)
    text += wrapped("Does not fit: " + problem, 2) + "\n";
  if (!report.problems.empty()) return text + advice_text(advice) + "\n";
  return text + (report.notes.empty()
                     ? "Everything fits.\n"
                     : "The run is possible, at the costs that the notes state.\n");
}

}  // namespace

std::string check_report(const Job& job, const std::vector<std::string>& notes) {
  const Network& network = job.workload.network;
  std::int64_t macs = 0;
  for (const LayerNode& node : network.layers) macs += forward_macs(node);
  std::string text =
      wrapped("Workload " + job.workload.name + " on hardware " + job.hardware.name, 2) + "\n\n";
  text += layers_table(job) + "\n" + std::to_string(network.layers.size()) + " layers, " +
          with_separators(network.trainable_parameters()) + " parameters, " +
          with_separators(macs) + " MACs per sample forward.\n\n";
  if (job.machine) {
    const std::vector<StageCheck> stages = stage_checks(job);
    text += times_table(stages, job.micro_batches->micro_batch_size()) + "\n" +
            memory_table(stages) + "\n";
  }
  text += std::to_string(job.stages()) + " stages; " +
          with_separators(job.micro_batches->samples()) + " samples in " +
          with_separators(job.micro_batches->micro_batches()) + " micro-batches.";
  text += "\n" + cuts_text(job);
  if (job.machine) text += limit_report(job) + "\n" + fit_text(job.machine->report, job.advice);
  for (const std::string& note : notes) text += wrapped("Note: " + note + ".", 2) + "\n";
  return text;
}

}  // namespace stagecoach
