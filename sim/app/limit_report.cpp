// SPDX-License-Identifier: Apache-2.0
#include "sim/app/limit_report.h"

#include <cmath>
#include <cstdio>

#include "sim/app/check_figures.h"
#include "sim/stats/number_text.h"
#include "sim/stats/text_table.h"

namespace stagecoach {
namespace {

/// "-12.3 %" of a change from one number of cycles to another.
std::string change_text(double from, double to) {
  char text[64];
  std::snprintf(text, sizeof text, "%+.1f %%", from > 0 ? 100 * (to - from) / from : 0.0);
  return text;
}

/// Cycles of a core by operation, how many of them memory adds, and the largest passes.
std::string core_text(const CoreTime& time) {
  std::string text =
      wrapped("  It spends " + with_separators(time.forward) + " on forward, " +
                  with_separators(time.backward) + " on backward, " + with_separators(time.update) +
                  " on an update; " + with_separators(time.memory) +
                  " of these wait for buffer ports or DRAM, " + with_separators(time.links) +
                  " for links between its cores or for copies that it makes itself.",
              2) +
      "\n";
  std::string list;
  for (std::size_t i = 0; i < time.passes.size() && i < 4 && time.passes[i].cost.cycles > 0; ++i) {
    const PassTime& pass = time.passes[i];
    const LayerPassCost& c = pass.cost;
    list += (i > 0 ? ", " : "") + pass.layer + " " + pass.pass + " " + with_separators(c.cycles) +
            (c.cycles == c.compute_cycles  ? ""
             : c.memory_cycles == c.cycles ? " (ports)"
                                           : " (links)");
  }
  if (!list.empty()) text += wrapped("  Largest, per micro-batch: " + list + ".", 2) + "\n";
  return text;
}

/// Half of the last digit shown: below, operations have met in another phase.
constexpr double kSame = 0.0005;

std::string what_if_text(const WhatIfAnswers& found) {
  TextTable table({{"field", true}, {"change", true}, {"cycles", false}, {"", false}});
  std::string unchanged, cautions;
  for (const WhatIf& w : found.answers) {
    const bool same = std::abs(w.cycles_per_micro_batch - found.now) <= kSame * found.now;
    if (same && w.caution.empty()) {
      unchanged += (unchanged.empty() ? "" : ", ") + w.field;
      continue;
    }
    table.add_row({w.field, w.step, with_decimals(w.cycles_per_micro_batch, 1),
                   change_text(found.now, w.cycles_per_micro_batch)});
    if (!w.caution.empty()) cautions += wrapped("  " + w.field + ": " + w.caution + ".", 4) + "\n";
  }
  const std::int64_t simulated = found.simulated_micro_batches;
  const std::string how = simulated > 0 ? "Simulated, the first " + with_separators(simulated) +
                                              " micro-batches: one every " +
                                              with_decimals(found.now, 1) + " cycles. "
                                        : "";
  std::string text = "\n" +
                     wrapped(how +
                                 "One field twice as good or switched on, the others as they "
                                 "are: cycles per micro-batch" +
                                 (simulated > 0 ? "" : ", at best"),
                             0) +
                     "\n" + table.text() + cautions;
  if (!unchanged.empty()) text += wrapped("No effect: " + unchanged + ".", 2) + "\n";
  return text;
}

}  // namespace

std::string limit_report(const Job& job) {
  const BalanceReport& balance = job.machine->report.balance;
  if (balance.limits.empty()) return "";
  const RateLimit& first = balance.limits.front();
  const double now = balance.cycles_per_micro_batch();
  std::string text = "\n" +
                     wrapped("Steady rate: at best one micro-batch every " + with_decimals(now, 1) +
                                 " cycles, set by " + first.name + ".",
                             2) +
                     "\n";
  if (first.kind == LimitKind::core) text += core_text(core_time(job, first.core));
  text += wrapped("Mean load of the cores: " + with_decimals(100 * balance.mean_load, 1) +
                      " % of the slowest; cores in use: " +
                      with_separators(cores_in_use(job.machine->plan)) + ".",
                  2) +
          "\n";
  for (std::size_t i = 1; i < balance.limits.size() && i < 4; ++i) {
    text += wrapped("Next limit: " + balance.limits[i].name + ", " +
                        with_decimals(balance.limits[i].cycles_per_micro_batch, 1) + " cycles.",
                    2) +
            "\n";
  }
  // It does not where several stages limit together.
  if (balance.with_one_more_core && *balance.with_one_more_core >= now) {
    text += "One more core alone would not help.\n";
  } else if (balance.with_one_more_core) {
    text += "One more core would bring it to " + with_decimals(*balance.with_one_more_core, 1) +
            " cycles per micro-batch.\n";
  }
  if (!job.machine->report.problems.empty()) return text;
  return text + what_if_text(what_if_answers(job));
}

}  // namespace stagecoach
