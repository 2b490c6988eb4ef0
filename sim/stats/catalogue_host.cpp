// SPDX-License-Identifier: Apache-2.0
// The statistics of the computer that ran the simulator: the only ones that differ between two
// runs.
#include "sim/stats/derived.h"
#include "sim/stats/statistic.h"

namespace stagecoach {

std::vector<Statistic<RunView>> host_catalogue() {
  std::vector<Statistic<RunView>> rows;
  auto add = [&rows](const char* name, const char* unit, const char* meaning,
                     std::function<OrderedJson(const RunResult&)> of) {
    rows.push_back(
        {std::string("host.") + name, unit, meaning, [of](const RunView& v) { return of(v.run); }});
  };
  add("wall_seconds", "seconds", "Wall time of the run, including the loading of data.",
      [](const RunResult& r) { return finite_or_null(r.host.wall_seconds); });
  add("samples_per_second", "samples per second", "Samples over wall_seconds.",
      [](const RunResult& r) { return ratio_or_null(samples_of(r), r.host.wall_seconds); });
  add("timing_seconds", "seconds", "CPU time of SystemC and bookkeeping.", [](const RunResult& r) {
    return r.host.timing_seconds ? finite_or_null(*r.host.timing_seconds) : OrderedJson();
  });
  add("functional_seconds", "seconds", "CPU time of the functional engine's workers.",
      [](const RunResult& r) {
        return r.host.functional_seconds ? finite_or_null(*r.host.functional_seconds)
                                         : OrderedJson();
      });
  add("threads", "number", "Worker threads of the functional engine.",
      [](const RunResult& r) { return OrderedJson(r.host.threads); });
  add("instruction_set", "word",
      "Instruction set of the functional engine: avx512, avx2 or baseline. The last bits of "
      "results "
      "depend on it.",
      [](const RunResult& r) {
        return r.host.instruction_set ? OrderedJson(*r.host.instruction_set) : OrderedJson();
      });
  add("checkpoints", "number", "Checkpoints written.",
      [](const RunResult& r) { return OrderedJson(r.host.checkpoints); });
  add("checkpoint_bytes", "bytes", "Size of the last checkpoint.",
      [](const RunResult& r) { return OrderedJson(r.host.checkpoint_bytes); });
  add("checkpoint_seconds", "seconds",
      "Time to write all checkpoints, including the wait for queued operations.",
      [](const RunResult& r) { return finite_or_null(r.host.checkpoint_seconds); });
  add("catch_up_seconds", "seconds",
      "Time in which a resumed run simulated the part before its checkpoint again.",
      [](const RunResult& r) { return finite_or_null(r.host.catch_up_seconds); });
  add("peak_rss_bytes", "bytes", "Peak memory of the program.", [](const RunResult& r) {
    return r.host.peak_rss_bytes ? OrderedJson(*r.host.peak_rss_bytes) : OrderedJson();
  });
  return rows;
}

}  // namespace stagecoach
