// SPDX-License-Identifier: Apache-2.0
// See terminal_summary.h.
#include "sim/stats/terminal_summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sim/base/wrapped_text.h"
#include "sim/stats/number_text.h"
#include "sim/stats/text_table.h"

namespace stagecoach {

namespace {

constexpr const char* kNothing = "-";  // where summary.json has null

std::string number(const OrderedJson& value) {
  return value.is_number() ? figure(value.get<double>()) : kNothing;
}

/// With so many decimals, as far as they still say something.
std::string decimals(const OrderedJson& value, int digits) {
  return value.is_number() ? with_decimals(value.get<double>(), digits) : kNothing;
}

std::string percent(const OrderedJson& ratio) {
  return ratio.is_number() ? formatted("%.1f", 100.0 * ratio.get<double>()) : kNothing;
}

std::string count(const OrderedJson& value) {
  return value.is_number() ? with_separators(value.get<std::int64_t>()) : kNothing;
}

std::string bytes(const OrderedJson& value) {
  return value.is_number() ? human_bytes(value.get<double>()) : kNothing;
}

/// A stage's cycles of one kind, from its summary.
double cycles_of(const OrderedJson& cycles, const CycleWords& kind) {
  return cycles[kind.name].get<double>();
}

/// Where a stage's time went as `width` letters; each share ends at its rounded running sum.
std::string bar(const OrderedJson& cycles, int width) {
  double total = 0;
  for (const CycleWords& kind : kCycleKinds) total += cycles_of(cycles, kind);
  std::string text;
  double sum = 0;
  for (const CycleWords& kind : kCycleKinds) {
    sum += cycles_of(cycles, kind);
    const auto end = static_cast<std::size_t>(std::lround(width * sum / std::max(total, 1.0)));
    text += std::string(end - text.size(), kind.letter);
  }
  return text;
}

/// "12.3 input": all stalls together, and the largest cause.
std::string stalled(const OrderedJson& cycles) {
  double total = 0;
  double stalls = 0;
  const CycleWords* largest = nullptr;
  for (const CycleWords& kind : kCycleKinds) {
    const double value = cycles_of(cycles, kind);
    total += value;
    if (!is_stall(kind.kind) || value == 0) continue;
    stalls += value;
    if (!largest || value > cycles_of(cycles, *largest)) largest = &kind;
  }
  if (total == 0) return kNothing;
  const std::string share = formatted("%.1f", 100.0 * stalls / total);
  return largest ? share + " " + largest->caption : share;
}

std::string time_table(const OrderedJson& summary) {
  TextTable table({{"stage", false},
                   {"name", true},
                   {"where its time went", true},
                   {"busy %", false},
                   {"stalled %", true}});
  for (const OrderedJson& stage : summary["stages"]) {
    const OrderedJson& cycles = stage["cycles"];
    const bool timed = cycles["forward"].is_number();
    table.add_row({count(stage["index"]), stage["name"].get<std::string>(),
                   timed ? bar(cycles, 20) : kNothing, percent(stage["utilization"]),
                   timed ? stalled(cycles) : kNothing});
  }
  return table.text();
}

/// What the letters of a bar mean.
std::string bar_legend() {
  std::string busy, stalls, idle;
  for (const CycleWords& kind : kCycleKinds) {
    std::string& words = is_busy(kind.kind) ? busy : is_stall(kind.kind) ? stalls : idle;
    words += std::string(words.empty() ? "" : "  ") + kind.letter + " " + kind.caption;
  }
  return "  " + busy + "; " + idle + "\n  waiting for: " + stalls + "\n";
}

std::string with_unit(const OrderedJson& value, const char* unit) {
  return value.is_number() ? with_si_prefix(value.get<double>(), unit) : kNothing;
}

bool forward_only(const OrderedJson& summary) {
  return summary["timing"]["forward_only"].get<bool>();
}

/// Of inference: nothing is stale.
std::string memory_table(const OrderedJson& summary) {
  TextTable table({{"stage", false},
                   {"name", true},
                   {"layers", false},
                   {"memory", false},
                   {"capacity", false},
                   {"from and to DRAM", false},
                   {"energy", false}});
  const double samples = summary["training"]["samples"].get<double>();
  for (const OrderedJson& stage : summary["stages"]) {
    const OrderedJson& memory = stage["memory"];
    const OrderedJson& capacity = memory["capacity_bytes"];
    const auto each = [&](const OrderedJson& value) {
      return value.is_number() ? OrderedJson(value.get<double>() / samples) : value;
    };
    table.add_row({count(stage["index"]), stage["name"].get<std::string>(),
                   std::to_string(stage["layers"].size()), bytes(memory["peak_bytes"]),
                   capacity.is_null() ? "no limit" : bytes(capacity),
                   bytes(each(memory["spilled_bytes"])), with_unit(each(stage["joules"]), "J")});
  }
  return table.text() +
         "  memory: weights, and the values that a forward needs at its fullest; DRAM and energy:\n"
         "  for each sample.\n";
}

/// Bytes that all stages moved between their buffers and DRAM.
double spilled_bytes(const OrderedJson& summary) {
  double sum = 0;
  for (const OrderedJson& stage : summary["stages"]) {
    const OrderedJson& spilled = stage["memory"]["spilled_bytes"];
    if (spilled.is_number()) sum += spilled.get<double>();
  }
  return sum;
}

std::string staleness_and_memory_table(const OrderedJson& summary) {
  if (forward_only(summary)) return memory_table(summary);
  TextTable table({{"stage", false},
                   {"name", true},
                   {"layers", false},
                   {"staleness", false},
                   {"closed form", false},
                   {"memory", false},
                   {"capacity", false}});
  for (const OrderedJson& stage : summary["stages"]) {
    const OrderedJson& capacity = stage["memory"]["capacity_bytes"];
    table.add_row({count(stage["index"]), stage["name"].get<std::string>(),
                   std::to_string(stage["layers"].size()), decimals(stage["staleness"]["mean"], 2),
                   count(stage["staleness"]["closed_form"]), bytes(stage["memory"]["peak_bytes"]),
                   capacity.is_null() ? "no limit" : bytes(capacity)});
  }
  return table.text() +
         "  staleness: mean weight updates between a sample's forward and its own update,\n"
         "  as measured; closed form: what the schedule makes it in the steady state;\n"
         "  memory: what the stage held at most" +
         (spilled_bytes(summary) > 0 ? ", in its buffers and in DRAM.\n" : ".\n");
}

/// When the workload's target accuracy was reached; nothing without a target.
std::string target_text(const OrderedJson& summary) {
  const OrderedJson& training = summary["training"];
  // Without numbers (diverged is null) no accuracy could reach anything.
  if (training["target_accuracy"].is_null() || training["diverged"].is_null()) return "";
  const std::string target = "target        " + percent(training["target_accuracy"]) + " % ";
  const OrderedJson& at = training["to_target"];
  if (at.is_null()) return target + "was not reached\n\n";
  std::string text = target + "reached with epoch " +
                     std::to_string(at["epoch"].get<std::int64_t>() + 1) + " (" +
                     percent(at["accuracy"]) + " %)";
  if (at["simulated_seconds"].is_number()) {
    text += " after " + with_unit(at["simulated_seconds"], "s");
    if (at["joules"].is_number()) text += " and " + with_unit(at["joules"], "J");
  }
  return text + "\n\n";
}

std::string epoch_table(const OrderedJson& summary) {
  if (forward_only(summary)) return "";
  const OrderedJson& epochs = summary["training"]["epochs"];
  if (epochs.empty()) return "";
  std::vector<TextTable::Column> columns = {
      {"epoch", false},  {"train loss", false}, {"train %", false}, {"test loss", false},
      {"test %", false}, {"cycles", false},     {"end time", false}};
  const bool priced = summary["energy"]["total_joules"].is_number();
  if (priced) columns.push_back({"energy", false});
  TextTable table(columns);
  // The first and the last of very many.
  constexpr std::size_t kMost = 100;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    if (epochs.size() > kMost && i == kMost / 2) i = epochs.size() - kMost / 2;
    const OrderedJson& e = epochs[i];
    std::vector<std::string> row = {std::to_string(e["epoch"].get<std::int64_t>() + 1),
                                    decimals(e["train_loss"], 4),
                                    percent(e["train_accuracy"]),
                                    decimals(e["test_loss"], 4),
                                    percent(e["test_accuracy"]),
                                    count(e["cycles"]),
                                    with_unit(e["simulated_seconds"], "s")};
    if (priced) row.push_back(with_unit(e["joules"], "J"));
    table.add_row(row);
  }
  const bool classes = std::any_of(epochs.begin(), epochs.end(), [](const OrderedJson& e) {
    return e["train_accuracy"].is_number() || e["test_accuracy"].is_number();
  });
  return table.text() + (classes ? "  train %, test %: samples that are classified right.\n" : "") +
         "\n" + target_text(summary);
}

std::string heading(const OrderedJson& summary) {
  const OrderedJson& p = summary["provenance"];
  const OrderedJson& t = summary["training"];
  return wrapped(p["workload"].get<std::string>() + " on " + p["hardware"].get<std::string>() +
                     ": " + count(t["samples"]) + " samples, " +
                     (forward_only(summary) ? std::string("inference")
                                            : count(t["updates"]) + " updates") +
                     ", seed " + p["seed"].dump() + ", stagecoach " +
                     p["version"].get<std::string>(),
                 2) +
         "\n";
}

std::string divergence(const OrderedJson& summary) {
  const OrderedJson& at = summary["training"]["diverged_at"];
  if (at.is_null()) return "";
  const std::string epoch = "epoch " + std::to_string(at["epoch"].get<std::int64_t>() + 1);
  const std::string layer = at["layer"].get<std::string>();
  const std::string value = at["value"].get<std::string>();
  const std::string what =
      value == "weights"     ? "the weights of " + layer + " at the end of " + epoch + " are"
      : value == "test_loss" ? "the test loss after " + epoch + " is"
                             : "the loss of sample " + count(at["sample"]) + " of " + epoch + " is";
  return wrapped("THE TRAINING DIVERGED: " + what + " not finite (" +
                 (value == "training_loss" ? "first in " + layer + ", " : "") + "weight version " +
                 count(at["weight_version"]) + ").") +
         "\nResults end there. Try a smaller learning rate.\n\n";
}

std::string interruption(const OrderedJson& summary) {
  const OrderedJson& training = summary["training"];
  if (!training["interrupted"].get<bool>()) return "";
  return "THE RUN WAS INTERRUPTED by a signal after " + count(training["samples"]) +
         " samples.\nResults end there.\n\n";
}

/// A line of the totals: a word of up to 13 letters, and text that goes on below itself.
std::string total_line(const std::string& word, const std::string& text) {
  constexpr std::size_t kTextColumn = 14;
  return wrapped(word + std::string(kTextColumn - word.size(), ' ') + text, kTextColumn) + "\n";
}

/// The stage that was busy most: it bounds the throughput.
std::string busiest(const OrderedJson& summary) {
  const OrderedJson* most = nullptr;
  for (const OrderedJson& stage : summary["stages"]) {
    if (!stage["utilization"].is_number()) continue;
    if (!most || stage["utilization"].get<double>() > (*most)["utilization"].get<double>()) {
      most = &stage;
    }
  }
  if (!most) return "";
  const std::string text = total_line("busiest", "stage " + (*most)["index"].dump() + " (" +
                                                     (*most)["name"].get<std::string>() + "), " +
                                                     percent((*most)["utilization"]) + " %");
  const OrderedJson& t = summary["timing"];
  if (!t["limited_by"].is_string()) return text;
  return text + total_line("limited by", t["limited_by"].get<std::string>() + ": at best " +
                                             decimals(t["limit_cycles_per_micro_batch"], 1) +
                                             " cycles per micro-batch; --check says what would "
                                             "help");
}

/// Of inference: samples a second, in the steady state if there was one.
std::string figures_a_second(const OrderedJson& timing) {
  const OrderedJson& steady = timing["steady_samples_per_second"];
  return number(steady.is_number() ? steady : timing["samples_per_simulated_second"]) +
         " samples a second";
}

std::string time_totals(const OrderedJson& summary) {
  const OrderedJson& t = summary["timing"];
  if (t["cycles"].is_null()) return total_line("time", "no clock in this run");
  std::string text = count(t["cycles"]) + " cycles";
  if (t["simulated_seconds"].is_number()) {
    text += " = " + with_si_prefix(t["simulated_seconds"].get<double>(), "s") + " at " +
            number(t["clock_mhz"]) + " MHz";
  }
  if (t["steady_cycles_per_sample"].is_number()) {
    text += "; steady state " + decimals(t["steady_cycles_per_sample"], 1) + " cycles per sample";
  }
  const OrderedJson& u = summary["utilization"];
  const std::string steady =  // a short run has none
      u["steady_mean"].is_number() ? ", steady state " + percent(u["steady_mean"]) + " %" : "";
  if (forward_only(summary)) {
    text += "; the first answer after " + count(t["first_micro_batch_cycles"]) + " cycles; " +
            figures_a_second(t);
  }
  return total_line("time", text) +
         total_line("utilization", percent(u["mean"]) + " % of stages' time" + steady +
                                       "; MAC units " + percent(u["mac_mean"]) + " %") +
         busiest(summary);
}

std::string memory_total(const OrderedJson& m) {
  const std::string weights = "weights " + bytes(m["weights_bytes"]);
  if (m["peak_bytes"].is_number()) {
    return total_line("memory", bytes(m["peak_bytes"]) + " at most, of it " + weights +
                                    ", activations " + bytes(m["activations_peak_bytes"]));
  }
  // The rest takes a clock to know.
  return m["weights_bytes"].is_number() ? total_line("memory", weights) : "";
}

std::string energy_total(const OrderedJson& summary) {
  const OrderedJson& e = summary["energy"];
  if (!e["total_joules"].is_number()) {
    const bool clocked = summary["timing"]["cycles"].is_number();
    return clocked ? total_line("energy", "not known: the hardware file has no \"energy\"") : "";
  }
  std::string text = with_unit(e["total_joules"], "J");
  if (e["per_sample_joules"].is_number()) {
    text += ", " + with_unit(e["per_sample_joules"], "J") + " per sample";
  }
  if (e["total_joules_low"] != e["total_joules_high"]) {
    text += "; with the constants' uncertainty " + with_unit(e["total_joules_low"], "J") + " to " +
            with_unit(e["total_joules_high"], "J");
  }
  return total_line("energy", text);
}

std::string area_total(const OrderedJson& a) {
  if (!a["total_mm2"].is_number()) return "";
  std::string text = number(a["total_mm2"]) + " mm2";
  if (a["total_mm2_low"] != a["total_mm2_high"]) {
    text += "; with the constants' uncertainty " + number(a["total_mm2_low"]) + " to " +
            number(a["total_mm2_high"]) + " mm2";
  }
  if (a["used_mm2"].is_number() && number(a["used_mm2"]) != number(a["total_mm2"])) {
    text += "; cores in use " + number(a["used_mm2"]) + " mm2";
  }
  return total_line("area", text);
}

std::string totals(const OrderedJson& summary) {
  std::string text = time_totals(summary) + memory_total(summary["memory"]);
  const OrderedJson& traffic = summary["interconnect"];
  if (traffic["bytes"].is_number()) {
    const double spilled = spilled_bytes(summary);
    const std::string dram = spilled > 0 ? ", " + bytes(spilled) + " to and from DRAM" : "";
    text += total_line(
        "traffic", bytes(traffic["bytes"]) + " over " + std::to_string(traffic["links"].size()) +
                       " links, " + bytes(traffic["host_bytes"]) + " to and from the host" + dram);
  }
  const OrderedJson& h = summary["host"];
  return text + energy_total(summary) + area_total(summary["area"]) +
         total_line("this computer", decimals(h["wall_seconds"], 1) + " s, " +
                                         decimals(h["samples_per_second"], 0) + " samples/s, " +
                                         count(h["threads"]) + " threads, at most " +
                                         bytes(h["peak_rss_bytes"]));
}

}  // namespace

std::string terminal_summary(const OrderedJson& summary, const std::string& directory,
                             const std::vector<std::string>& files) {
  std::string text = heading(summary) + "\n" + time_table(summary);
  if (summary["timing"]["cycles"].is_number()) text += bar_legend();
  text += "\n" + staleness_and_memory_table(summary) + "\n" + epoch_table(summary) +
          divergence(summary) + interruption(summary) + totals(summary);
  std::string names = directory + ":";
  for (const std::string& file : files) names += " " + file;
  return text + total_line("results", names);
}

}  // namespace stagecoach
