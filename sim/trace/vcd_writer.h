// SPDX-License-Identifier: Apache-2.0
// machine.vcd: what the machine does over time, for wave viewers (value change dump, IEEE 1364,
// with the `string` variables that GTKWave and Surfer read). One nanosecond shown is one cycle.
// Names are those of summary.json:
//
//   stages.<stage>   state (the eight kinds of stages[].cycles), busy, samples_held,
//                    activations_bytes, gradients_bytes (as in memory.csv), weight_version
//   cores.<core>     operation (idle, forward, backward, update), sample (its first; z: none), and
//                    stage where the core serves several
//   links.<link>     busy; host: the way in
//
// The machine books ahead of time, so changes do not come in order: they are kept, up to a cap, and
// written sorted. (Signals of the kernel, and its own tracer, would need an event for each.)
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "models/micro_batch_plan.h"
#include "sim/plan/machine_plan.h"
#include "sim/trace/chrome_trace.h"

namespace stagecoach {

/// Waves hold at most so many operations (about 20 MB); whole micro-batches only.
constexpr std::int64_t kVcdSliceCap = 200000;

class VcdWriter : public WaveSink {
 public:
  /// Shows the time from the first forward of the window's first micro-batch (0 if that is the
  /// first of the run) to the end of the last operation of its last micro-batch. Plan and
  /// micro-batches must outlive this.
  VcdWriter(const MachinePlan& plan, const MicroBatchPlan& micro_batches, TraceWindow window);

  void begin(const std::vector<std::string>& links) override;
  void operation(const SpanRecord& span) override;
  void cycles(int stage, Cycles time, CycleKind kind) override;
  void held(int stage, Cycles time, const HeldSamples& more) override;
  void link_busy(int link, Cycles begin, Cycles end) override;
  void host_busy(Cycles begin, Cycles end) override;

  /// Writes the file; the run ended at `run_end`.
  void write(std::ostream& file, Cycles run_end);

 private:
  /// How a value is written.
  enum class Form { wire, number, state, operation, stage_name };
  struct Signal {
    std::string id;
    Form form = Form::number;
    std::int64_t value = 0;
    std::int64_t shown = 0;  ///< the value that the file says
  };
  struct Change {
    Cycles time = 0;
    std::int64_t value = 0;
    std::int32_t signal = 0;
    bool adds = false;
  };

  int add_signal(const std::string& name, Form form, std::int64_t value = 0);
  void open_scope(const std::string& name);
  void close_scope();
  void declare_stages();
  void declare_cores();
  void put(Cycles time, int signal, std::int64_t value, bool adds = false);
  void forget_until(Cycles time);
  void apply(const Change& change);
  void sort_changes();
  void append_value(std::string& text, const Signal& signal) const;
  void write_changes(std::ostream& file);

  const MachinePlan& plan_;
  const MicroBatchPlan& micro_batches_;
  const TraceWindow window_;
  std::string header_;
  std::vector<Signal> signals_;
  std::vector<int> stage_signals_;       ///< the first of each stage's
  std::vector<int> core_signals_;        ///< the first of each core's
  std::vector<int> core_stage_signals_;  ///< -1 where a core serves one stage
  int link_signals_ = 0;
  int host_signal_ = 0;
  std::vector<Change> changes_;
  std::size_t forget_at_ = 0;  ///< so many changes before the window are enough
  Cycles begin_ = 0;
  Cycles end_ = 0;
  bool open_ = false;
  int finished_stages_ = 0;  ///< that have begun the backward's last half of the last micro-batch
  bool closed_ = false;
};

}  // namespace stagecoach
