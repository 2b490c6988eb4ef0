// SPDX-License-Identifier: Apache-2.0
// See terminal_summary.h.
#include "sim/stats/terminal_summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "sim/stats/text_table.h"

namespace stagecoach {

namespace {

constexpr const char* kNothing = "-";  // where summary.json has null

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string number(const OrderedJson& value, const char* format) {
  return value.is_number() ? formatted(format, value.get<double>()) : kNothing;
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

std::string memory_cell(const OrderedJson& memory) {
  if (memory["peak_bytes"].is_null()) return kNothing;
  const OrderedJson& capacity = memory["capacity_bytes"];
  return bytes(memory["peak_bytes"]) + " / " + (capacity.is_null() ? "no limit" : bytes(capacity));
}

std::string stage_table(const OrderedJson& summary) {
  TextTable table({{"stage", false},
                   {"name", true},
                   {"layers", false},
                   {"where its time went", true},
                   {"busy %", false},
                   {"stalled %", true},
                   {"staleness", false},
                   {"closed form", false},
                   {"memory / capacity", false}});
  for (const OrderedJson& stage : summary["stages"]) {
    const OrderedJson& cycles = stage["cycles"];
    const bool timed = cycles["forward"].is_number();
    table.add_row({count(stage["index"]), stage["name"].get<std::string>(),
                   std::to_string(stage["layers"].size()), timed ? bar(cycles, 20) : kNothing,
                   percent(stage["utilization"]), timed ? stalled(cycles) : kNothing,
                   number(stage["staleness"]["mean"], "%.2f"),
                   count(stage["staleness"]["closed_form"]), memory_cell(stage["memory"])});
  }
  return table.text();
}

/// What the letters of a bar and the columns of staleness mean.
std::string legend() {
  std::string busy, stalls, idle;
  for (const CycleWords& kind : kCycleKinds) {
    std::string& words = is_busy(kind.kind) ? busy : is_stall(kind.kind) ? stalls : idle;
    words += std::string(words.empty() ? "" : "  ") + kind.letter + " " + kind.caption;
  }
  return "  " + busy + "; waiting for: " + stalls + "; " + idle +
         "\n  staleness: mean weight updates between a sample's forward and its own update, as\n"
         "  measured; closed form: what the schedule makes it in the steady state.\n";
}

std::string with_unit(const OrderedJson& value, const char* unit) {
  return value.is_number() ? with_si_prefix(value.get<double>(), unit) : kNothing;
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
    text += " after " + with_unit(at["simulated_seconds"], "s") + " and " +
            with_unit(at["joules"], "J");
  }
  return text + "\n\n";
}

std::string epoch_table(const OrderedJson& summary) {
  const OrderedJson& epochs = summary["training"]["epochs"];
  if (epochs.empty()) return "";
  TextTable table({{"epoch", false},
                   {"train loss", false},
                   {"train accuracy %", false},
                   {"test loss", false},
                   {"test accuracy %", false},
                   {"cycles", false},
                   {"end time", false},
                   {"energy", false}});
  // The first and the last of very many.
  constexpr std::size_t kMost = 100;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    if (epochs.size() > kMost && i == kMost / 2) i = epochs.size() - kMost / 2;
    const OrderedJson& e = epochs[i];
    table.add_row({std::to_string(e["epoch"].get<std::int64_t>() + 1),
                   number(e["train_loss"], "%.4f"), percent(e["train_accuracy"]),
                   number(e["test_loss"], "%.4f"), percent(e["test_accuracy"]), count(e["cycles"]),
                   with_unit(e["simulated_seconds"], "s"), with_unit(e["joules"], "J")});
  }
  return table.text() + "\n" + target_text(summary);
}

std::string heading(const OrderedJson& summary) {
  const OrderedJson& p = summary["provenance"];
  const OrderedJson& t = summary["training"];
  return p["workload"].get<std::string>() + " on " + p["hardware"].get<std::string>() + ": " +
         count(t["samples"]) + " samples, " + count(t["updates"]) + " updates, seed " +
         p["seed"].dump() + ", stagecoach " + p["version"].get<std::string>() + "\n";
}

std::string divergence(const OrderedJson& summary) {
  const OrderedJson& at = summary["training"]["diverged_at"];
  if (at.is_null()) return "";
  return "THE TRAINING DIVERGED: the loss of sample " + count(at["sample"]) + " of epoch " +
         std::to_string(at["epoch"].get<std::int64_t>() + 1) + " is not finite (first in " +
         at["layer"].get<std::string>() + ", weight version " + count(at["weight_version"]) +
         ").\nResults end there. Try a smaller learning rate.\n\n";
}

std::string interruption(const OrderedJson& summary) {
  const OrderedJson& training = summary["training"];
  if (!training["interrupted"].get<bool>()) return "";
  return "THE RUN WAS INTERRUPTED by a signal after " + count(training["samples"]) +
         " samples.\nResults end there.\n\n";
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
  std::string text = "busiest       stage " + (*most)["index"].dump() + " (" +
                     (*most)["name"].get<std::string>() + "), " + percent((*most)["utilization"]) +
                     " %\n";
  const OrderedJson& t = summary["timing"];
  if (!t["limited_by"].is_string()) return text;
  return text + "limited by    " + t["limited_by"].get<std::string>() + ": at best " +
         number(t["limit_cycles_per_micro_batch"], "%.1f") +
         " cycles per micro-batch; --check says what would help\n";
}

std::string time_totals(const OrderedJson& summary) {
  const OrderedJson& t = summary["timing"];
  if (t["cycles"].is_null()) return "time          no clock in this run\n";
  std::string text = "time          " + count(t["cycles"]) + " cycles";
  if (t["simulated_seconds"].is_number()) {
    text += " = " + with_si_prefix(t["simulated_seconds"].get<double>(), "s") + " at " +
            number(t["clock_mhz"], "%g") + " MHz";
  }
  if (t["steady_cycles_per_sample"].is_number()) {
    text +=
        "; steady state " + number(t["steady_cycles_per_sample"], "%.1f") + " cycles per sample";
  }
  const OrderedJson& u = summary["utilization"];
  text += "\nutilization   " + percent(u["mean"]) + " % of stages' time, steady state " +
          percent(u["steady_mean"]) + " %; MAC units " + percent(u["mac_mean"]) + " %\n" +
          busiest(summary);
  return text;
}

std::string totals(const OrderedJson& summary) {
  std::string text = time_totals(summary);
  const OrderedJson& m = summary["memory"];
  const std::string weights = "weights " + bytes(m["weights_bytes"]);
  if (m["peak_bytes"].is_number()) {
    text += "memory        " + bytes(m["peak_bytes"]) + " at most, of it " + weights +
            ", activations " + bytes(m["activations_peak_bytes"]) + "\n";
  } else if (m["weights_bytes"].is_number()) {
    text += "memory        " + weights + "\n";  // the rest takes a clock to know
  }
  const OrderedJson& traffic = summary["interconnect"];
  if (traffic["bytes"].is_number()) {
    text += "traffic       " + bytes(traffic["bytes"]) + " over " +
            std::to_string(traffic["links"].size()) + " links, " + bytes(traffic["host_bytes"]) +
            " to and from the host\n";
  }
  const OrderedJson& e = summary["energy"];
  if (e["total_joules"].is_number()) {
    text += "energy        " + with_si_prefix(e["total_joules"].get<double>(), "J");
    if (e["per_sample_joules"].is_number()) {
      text += ", " + with_si_prefix(e["per_sample_joules"].get<double>(), "J") + " per sample";
    }
    if (e["total_joules_low"] != e["total_joules_high"]) {
      text += "; with the constants' uncertainty " +
              with_si_prefix(e["total_joules_low"].get<double>(), "J") + " to " +
              with_si_prefix(e["total_joules_high"].get<double>(), "J");
    }
    text += "\n";
  }
  if (summary["area"]["total_mm2"].is_number()) {
    const OrderedJson& a = summary["area"];
    text += "area          " + number(a["total_mm2"], "%.4g") + " mm2";
    if (a["total_mm2_low"] != a["total_mm2_high"]) {
      text += "; with the constants' uncertainty " + number(a["total_mm2_low"], "%.4g") + " to " +
              number(a["total_mm2_high"], "%.4g");
    }
    text += "\n";
  }
  const OrderedJson& h = summary["host"];
  text += "this computer " + number(h["wall_seconds"], "%.1f") + " s, " +
          number(h["samples_per_second"], "%.0f") + " samples/s, " + count(h["threads"]) +
          " threads, at most " + bytes(h["peak_rss_bytes"]) + "\n";
  return text;
}

}  // namespace

std::string with_separators(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string human_bytes(double value) {
  if (value < 1024) return formatted("%.0f B", value);
  for (const char* unit : {"KiB", "MiB", "GiB"}) {
    value /= 1024;
    if (value < 1024) return formatted("%.1f ", value) + unit;
  }
  return formatted("%.1f TiB", value / 1024);
}

std::string with_si_prefix(double value, const std::string& unit) {
  if (value == 0 || !std::isfinite(value)) return formatted("%g ", value) + unit;
  constexpr std::array<const char*, 9> kPrefixes = {"p", "n", "u", "m", "", "k", "M", "G", "T"};
  constexpr int kOne = 4;
  const int thousands = static_cast<int>(std::floor(std::log10(std::fabs(value)) / 3));
  const int clamped = std::clamp(thousands, -kOne, static_cast<int>(kPrefixes.size()) - 1 - kOne);
  return formatted("%.4g ", value / std::pow(1000.0, clamped)) + kPrefixes[clamped + kOne] + unit;
}

std::string terminal_summary(const OrderedJson& summary, const std::string& directory,
                             const std::vector<std::string>& files) {
  std::string text = heading(summary) + "\n" + stage_table(summary);
  if (summary["timing"]["cycles"].is_number()) text += legend();
  text +=
      "\n" + epoch_table(summary) + divergence(summary) + interruption(summary) + totals(summary);
  text += "results       " + directory + ":";
  for (const std::string& file : files) text += " " + file;
  return text + "\n";
}

}  // namespace stagecoach
