// SPDX-License-Identifier: Apache-2.0
#include "sim/config/option_table.h"

#include <algorithm>

#include "sim/base/wrapped_text.h"

namespace stagecoach {
namespace {

constexpr OptionRow kRows[] = {
    {"Input", "hw", "FILE", "hardware: a file or the name of a preset", ""},
    {"Input", "workload", "FILE", "training: a file or the name of a preset", ""},
    {"Input", "data", "DIR", "folder of the data sets", "workload's folder"},
    {"Input", "set", "PATH=VALUE", "override one field; repeatable", ""},
    {"Run", "samples", "N", "training samples per epoch", "workload's"},
    {"Run", "epochs", "N", "passes over the training set", "workload's"},
    {"Run", "seed", "N", "seed of every random stream", "workload's"},
    {"Run", "threads", "N", "worker threads; never changes a result", "all"},
    {"Run", "precision", "f32|f64", "arithmetic of the functional engine", "f32"},
    {"Run", "kernels", "fast|eigen", "fast kernels, or Eigen only (as f64 always)", "fast"},
    {"Run", "instruction-set", "auto|avx512|avx2|baseline", "of the kernels", "best here"},
    {"Run", "timing-only", "", "train nothing: time, staleness, memory, energy", ""},
    {"Run", "forward-only", "", "simulate inference: forwards only, no values", ""},
    {"Run", "functional-only", "", "train without a clock, in the lockstep order", ""},
    {"Run", "init-weights", "FILE", "load initial weights (safetensors)", "random"},
    {"Run", "save-weights", "FILE", "save final weights (safetensors)", "none"},
    {"Run", "checkpoint-every", "MINUTES", "write checkpoints to --out", "none"},
    {"Run", "resume", "", "continue from the checkpoint in --out", "start anew"},
    {"Run", "replay", "FILE", "train in a recorded order, without a clock", ""},
    {"Output", "out", "DIR", "folder of the results", "out"},
    {"Output", "force", "", "overwrite an existing result", "refuse"},
    {"Output", "record-schedule", "FILE", "record the order, for --replay", "off"},
    {"Output", "trace", "", "write trace.json.gz, for Perfetto", "off"},
    {"Output", "trace-format", "chrome|perfetto", "perfetto: trace.perfetto.gz, for SQL", "chrome"},
    {"Output", "vcd", "", "write machine.vcd, for waveform viewers", "off"},
    {"Output", "trace-from", "N", "first sample in trace and waveform", "0"},
    {"Output", "trace-samples", "N", "samples in trace and waveform", "all, capped"},
    {"Output", "quiet", "", "no notes, no progress; errors and the report", "off"},
    {"Ask instead of run", "check", "", "check both files, whether they fit, the rate", ""},
    {"Ask instead of run", "json", "", "with --check: as JSON", ""},
    {"Ask instead of run", "print-config", "", "every field after defaults and overrides", ""},
    {"Ask instead of run", "list-stats", "[WORD]", "explain the statistics (that contain WORD)",
     ""},
    {"Ask instead of run", "print-fields", "hw|workload", "the fields of these files, as Markdown",
     ""},
    {"Ask instead of run", "print-schema", "hw|workload", "JSON Schema of these files, for editors",
     ""},
    {"Ask instead of run", "help", "", "this page", ""},
    {"Ask instead of run", "version", "",
     "the program's version, and the instruction set that is best here", ""},
};

constexpr const char* kExitStatus =
    "Exit status: 0 done, 2 error in the input, 3 the training diverged, 70 bug in the program, "
    "129, 130 or 143 interrupted (hang-up, Ctrl-C, kill; results so far are written).";

constexpr const char* kExamples[] = {
    "stagecoach --hw small_mesh --workload lenet5-glyphs",
    "stagecoach --hw nvdla_small --workload resnet20-cifar10 --forward-only",
    "stagecoach --hw hw/ideal.json --workload workloads/lenet5-glyphs.json \\\n"
    "             --set workload/pipeline/schedule=gpipe \\\n"
    "             --set workload/training/batch_size=8 --trace",
};

}  // namespace

std::vector<OptionRow> option_rows() { return {std::begin(kRows), std::end(kRows)}; }

std::string exit_status_text() { return kExitStatus; }

std::vector<std::string> option_examples() { return {std::begin(kExamples), std::end(kExamples)}; }

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for (const OptionRow& row : kRows) names.push_back("--" + std::string(row.name));
  return names;
}

std::string help_text() {
  constexpr std::size_t kHelpColumn = 29;
  std::string out = wrapped("stagecoach " STAGECOACH_VERSION
                            " - train a network on a simulated pipelined-backpropagation "
                            "accelerator") +
                    "\n\nusage:  stagecoach --hw FILE --workload FILE [options]\n";
  std::string group;
  for (const OptionRow& row : kRows) {
    if (group != row.group) {
      group = row.group;
      out += "\n" + group + "\n";
    }
    std::string line = "  --" + std::string(row.name) + (*row.argument ? " " : "") + row.argument;
    line.resize(std::max(line.size() + 1, kHelpColumn), ' ');
    line += row.help;
    if (*row.fallback) line += " (" + std::string(row.fallback) + ")";
    out += wrapped(line, kHelpColumn) + "\n";
  }
  std::string examples = "\nExamples\n";
  for (const char* example : kExamples) examples += "  " + std::string(example) + "\n";
  return out + "\n" + wrapped("Defaults are in parentheses. " + std::string(kExitStatus), 0) +
         "\n" + examples;
}

}  // namespace stagecoach
