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
  double bytes_per_cycle = 0;  ///< 0: unlimited
  bool stores_whole = false;   ///< a message leaves it when all of it has come
};

/// Which links a message passes from one core to another.
///
/// ideal: none. point_to_point: one of its own for each pair of cores that talk. ring: neighbours
/// in the order of the cores, both directions, the shorter way (clockwise when equal). bus: one for
/// all. crossbar: the sender's port, then the receiver's, one hop together. mesh2d: from tile to
/// tile, first along the row, then along the column (dimension-ordered). through_host: from the
/// sender to the host, whole, then from the host to the receiver; none where the cores make the
/// copies (core_copies.h). Cores on the same tile, and a core with itself, need no link.
///
/// Nodes that are regions of cores (CorePlan::edge): a link stands for all that join the two, as
/// wide as the shorter edge; a hop goes from middle to middle, (edge + edge) / 2 hops of a core. A
/// crossbar port is as wide, and as far, as its own region's edge; a bus is one whatever hangs on
/// it. A tile of the mesh on which no core stands is as long as the tile before it.
class Topology {
 public:
  Topology(const InterconnectPlan& plan, const std::vector<CorePlan>& cores);

  /// The links from one core to another, in order; makes those that did not exist.
  std::vector<int> route(int from_core, int to_core);
  const std::vector<LinkSpec>& links() const { return links_; }

 private:
  int link(const std::string& name, double hops, double links);
  int link(const std::string& name, const CorePlan& from, const CorePlan& to);
  const CorePlan* core_at(int row, int column) const;
  std::vector<int> ring_route(int from, int to);
  std::vector<int> host_route(const CorePlan& from, const CorePlan& to);
  std::vector<int> mesh_route(const CorePlan& from, const CorePlan& to);

  InterconnectPlan plan_;
  std::vector<CorePlan> cores_;
  std::vector<LinkSpec> links_;
  std::map<std::string, int> index_;
  std::map<std::pair<int, int>, int> tiles_;  ///< the longest-edged core on each tile
};

/// Cycles that `bytes` occupy a link: ceil(bytes / bytes_per_cycle); 0 for an unlimited one
/// (bytes_per_cycle 0).
inline Cycles transfer_cycles(Bytes bytes, double bytes_per_cycle) {
  if (bytes_per_cycle <= 0) return 0;
  return rounded_up<Cycles>(static_cast<double>(bytes) / bytes_per_cycle);
}

/// The same at one rate. Most messages of a link have one size, and the division costs a percent of
/// the simulation's time: the last result is kept.
class TransferTime {
 public:
  Cycles operator()(Bytes bytes, double bytes_per_cycle) {
    if (bytes != bytes_) {
      bytes_ = bytes;
      cycles_ = transfer_cycles(bytes, bytes_per_cycle);
    }
    return cycles_;
  }

 private:
  Bytes bytes_ = 0;
  Cycles cycles_ = 0;
};

}  // namespace stagecoach
