// SPDX-License-Identifier: Apache-2.0
// Links of an interconnect and the way of a message over them. Pure: no clock.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/machine_plan.h"

namespace stagecoach {

/// A directed link.
struct LinkSpec {
  std::string name;
  Cycles latency_cycles = 0;
};

/// Which links a message passes from one core to another.
///
/// ideal: none. point_to_point: one of its own for each pair of cores that talk. ring: neighbours
/// in the order of the cores, both directions, the shorter way (clockwise when equal). bus: one for
/// all. crossbar: the sender's port, then the receiver's, one hop together. mesh2d: from tile to
/// tile, first along the row, then along the column (dimension-ordered). Cores on the same tile,
/// and a core with itself, need no link.
class Topology {
 public:
  Topology(const InterconnectPlan& plan, const std::vector<CorePlan>& cores);

  /// The links from one core to another, in order; makes those that did not exist.
  std::vector<int> route(int from_core, int to_core);
  const std::vector<LinkSpec>& links() const { return links_; }

 private:
  int link(const std::string& name, Cycles latency_cycles);
  std::vector<int> ring_route(int from, int to);
  std::vector<int> mesh_route(const CorePlan& from, const CorePlan& to);

  InterconnectPlan plan_;
  std::vector<CorePlan> cores_;
  std::vector<LinkSpec> links_;
  std::map<std::string, int> index_;
};

/// Cycles that `bytes` occupy a link: ceil(bytes / bytes_per_cycle); 0 for an unlimited one
/// (bytes_per_cycle 0).
Cycles transfer_cycles(Bytes bytes, double bytes_per_cycle);

}  // namespace stagecoach
