// SPDX-License-Identifier: Apache-2.0
// Routes.
#include "sim/modules/topology.h"

#include <cmath>

#include "models/error.h"

namespace stagecoach {
namespace {

std::string tile_name(int row, int column) {
  return "tile(" + std::to_string(row) + "," + std::to_string(column) + ")";
}

}  // namespace

Cycles transfer_cycles(Bytes bytes, double bytes_per_cycle) {
  if (bytes_per_cycle <= 0) return 0;
  return static_cast<Cycles>(std::ceil(static_cast<double>(bytes) / bytes_per_cycle));
}

Topology::Topology(const InterconnectPlan& plan, const std::vector<CorePlan>& cores)
    : plan_(plan), cores_(cores) {}

int Topology::link(const std::string& name, Cycles latency_cycles) {
  const auto [place, made] = index_.emplace(name, static_cast<int>(links_.size()));
  if (made) links_.push_back(LinkSpec{name, latency_cycles});
  return place->second;
}

std::vector<int> Topology::route(int from, int to) {
  if (from == to) return {};
  const CorePlan& a = cores_.at(from);
  const CorePlan& b = cores_.at(to);
  switch (plan_.kind) {
    case InterconnectKind::ideal:
      return {};
    case InterconnectKind::point_to_point:
      return {link(a.name + "->" + b.name, plan_.hop_latency_cycles)};
    case InterconnectKind::ring:
      return ring_route(from, to);
    case InterconnectKind::bus:
      return {link("bus", plan_.hop_latency_cycles)};
    case InterconnectKind::crossbar:
      return {link(a.name + ".out", 0), link(b.name + ".in", plan_.hop_latency_cycles)};
    case InterconnectKind::mesh2d:
      return mesh_route(a, b);
  }
  throw ModelBug("unknown interconnect kind");
}

std::vector<int> Topology::ring_route(int from, int to) {
  const int n = static_cast<int>(cores_.size());
  const int clockwise = (to - from + n) % n;
  const int step = clockwise <= n - clockwise ? 1 : n - 1;
  std::vector<int> route;
  for (int at = from; at != to;) {
    const int next = (at + step) % n;
    route.push_back(link(cores_[at].name + "->" + cores_[next].name, plan_.hop_latency_cycles));
    at = next;
  }
  return route;
}

std::vector<int> Topology::mesh_route(const CorePlan& from, const CorePlan& to) {
  std::vector<int> route;
  int row = from.row, column = from.column;
  const auto go = [&](int next_row, int next_column) {
    route.push_back(link(tile_name(row, column) + "->" + tile_name(next_row, next_column),
                         plan_.hop_latency_cycles));
    row = next_row;
    column = next_column;
  };
  while (column != to.column) go(row, column + (to.column > column ? 1 : -1));
  while (row != to.row) go(row + (to.row > row ? 1 : -1), column);
  return route;
}

}  // namespace stagecoach
