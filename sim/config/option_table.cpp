// SPDX-License-Identifier: Apache-2.0
#include "sim/config/option_table.h"

#include <algorithm>

#include "sim/base/wrapped_text.h"

namespace stagecoach {
namespace {

constexpr OptionRow kRows[] = {
    {"Input", "hw", "FILE", "hardware: file, or name of a preset", ""},
    {"Input", "workload", "FILE", "what to train: file, or name of a preset", ""},
    {"Input", "data", "DIR", "root of data set paths", "workload's folder"},
    {"Input", "set", "PATH=VALUE", "override one field; repeatable", ""},
    {"Run", "samples", "N", "training samples per epoch", "workload's"},
    {"Run", "epochs", "N", "passes over the training set", "workload's"},
    {"Run", "seed", "N", "of weights, order, augmentation", "workload's"},
    {"Run", "threads", "N", "worker threads; never changes a result", "all"},
    {"Run", "precision", "f32|f64", "arithmetic of the functional engine", "f32"},
    {"Run", "kernels", "fast|eigen", "fast paths, or the definition (f64: always)", "fast"},
    {"Run", "instruction-set", "auto|avx512|avx2|baseline", "what to compute with", "best here"},
    {"Run", "timing-only", "", "compute no numbers: time, staleness, memory, energy", ""},
    {"Run", "forward-only", "", "inference: forward passes alone, no numbers", ""},
    {"Run", "functional-only", "", "no clock: the order of the closed-form schedule", ""},
    {"Run", "init-weights", "FILE", "first weights: a safetensors file", "drawn"},
    {"Run", "save-weights", "FILE", "last weights: a safetensors file", "none"},
    {"Run", "checkpoint-every", "MINUTES", "keep a checkpoint in --out, so often", "none kept"},
    {"Run", "resume", "", "go on from the checkpoint in --out", "begin"},
    {"Run", "replay", "FILE", "no clock: a recorded order of operations", ""},
    {"Output", "out", "DIR", "where results go", "out"},
    {"Output", "force", "", "overwrite an existing result", "refuse"},
    {"Output", "record-schedule", "FILE", "keep the order, for --replay", "not kept"},
    {"Output", "trace", "", "write trace.json.gz, for Perfetto", "off"},
    {"Output", "trace-format", "chrome|perfetto", "perfetto: trace.perfetto.gz, for SQL", "chrome"},
    {"Output", "vcd", "", "write machine.vcd, for wave viewers", "off"},
    {"Output", "trace-from", "N", "first sample in the trace and the waves", "0"},
    {"Output", "trace-samples", "N", "samples in the trace and waves", "all, capped"},
    {"Output", "quiet", "", "no progress and no log lines", "off"},
    {"Ask instead of run", "check", "", "check both files and whether they fit", ""},
    {"Ask instead of run", "json", "", "with --check: as JSON", ""},
    {"Ask instead of run", "print-config", "", "every field after defaults and overrides", ""},
    {"Ask instead of run", "list-stats", "[WORD]",
     "statistics (that say WORD), with meaning", ""},
    {"Ask instead of run", "print-fields", "hw|workload", "the fields of such files, as Markdown",
     ""},
    {"Ask instead of run", "print-schema", "hw|workload", "JSON Schema of such files, for editors",
     ""},
    {"Ask instead of run", "help", "", "this page", ""},
    {"Ask instead of run", "version", "", "the program's version, and the instruction set that is best here",
     ""},
};

constexpr const char* kExitStatus =
    "Exit status: 0 done, 2 your input, 3 the training diverged, 70 a bug, 129, 130 or 143 "
    "interrupted (hang-up, Ctrl-C, kill; results up to there are written).";

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
    std::string line =
        "  --" + std::string(row.name) + (*row.argument ? " " : "") + row.argument;
    line.resize(std::max(line.size() + 1, kHelpColumn), ' ');
    line += row.help;
    if (*row.fallback) line += " (" + std::string(row.fallback) + ")";
    out += wrapped(line, kHelpColumn) + "\n";
  }
  std::string examples = "\nExamples\n";
  for (const char* example : kExamples) examples += "  " + std::string(example) + "\n";
  return out +
         "\n" + wrapped("In parentheses: the default. " + std::string(kExitStatus), 0) + "\n" +
         examples;
}

}  // namespace stagecoach
