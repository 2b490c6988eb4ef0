// SPDX-License-Identifier: Apache-2.0
// All options, in the order of the help page.
#pragma once

#include "sim/config/options.h"

namespace stagecoach {

inline constexpr OptionRow kRows[] = {
    {"Input", "hw", "FILE", "hardware: file, or name of a preset", ""},
    {"Input", "workload", "FILE", "what to train: file, or name of a preset", ""},
    {"Input", "data", "DIR", "root of data set paths", "workload's folder"},
    {"Input", "set", "PATH=VALUE", "override one field; repeatable", ""},
    {"Run", "samples", "N", "training samples per epoch", "workload's"},
    {"Run", "epochs", "N", "passes over the training set", "workload's"},
    {"Run", "seed", "N", "of weights, order, augmentation", "workload's"},
    {"Run", "threads", "N", "worker threads; never changes a result", "all"},
    {"Run", "precision", "f32|f64", "arithmetic of the functional engine", "f32"},
    {"Run", "kernels", "fast|eigen", "f32 by fast paths or by its definition; f64: eigen", "fast"},
    {"Run", "timing-only", "", "compute no numbers: time, staleness, memory, energy", ""},
    {"Run", "forward-only", "", "inference: no backward and no update; time, memory, energy", ""},
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
    {"Ask instead of run", "version", "", "the program's version", ""},
};

}  // namespace stagecoach
