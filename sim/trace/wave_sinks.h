// SPDX-License-Identifier: Apache-2.0
// Several sinks of one run's waves.
#pragma once

#include <string>
#include <vector>

#include "sim/stats/run_statistics.h"

namespace stagecoach {

/// Hands every call to each sink, in the order in which they were added. Sinks must outlive this.
class WaveSinks : public WaveSink {
 public:
  void add(WaveSink& sink) { sinks_.push_back(&sink); }
  bool empty() const { return sinks_.empty(); }

  void begin(const std::vector<std::string>& links) override {
    for (WaveSink* sink : sinks_) sink->begin(links);
  }
  void operation(const SpanRecord& span) override {
    for (WaveSink* sink : sinks_) sink->operation(span);
  }
  void cycles(int stage, Cycles time, CycleKind kind) override {
    for (WaveSink* sink : sinks_) sink->cycles(stage, time, kind);
  }
  void held(int stage, Cycles time, const HeldSamples& more) override {
    for (WaveSink* sink : sinks_) sink->held(stage, time, more);
  }
  void link_busy(int link, Cycles begin, Cycles end) override {
    for (WaveSink* sink : sinks_) sink->link_busy(link, begin, end);
  }
  void host_busy(Cycles begin, Cycles end) override {
    for (WaveSink* sink : sinks_) sink->host_busy(begin, end);
  }

 private:
  std::vector<WaveSink*> sinks_;
};

}  // namespace stagecoach
