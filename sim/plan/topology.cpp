// SPDX-License-Identifier: Apache-2.0
// Routes.
#include "sim/plan/topology.h"

#include <cmath>

#include "models/base/error.h"

namespace stagecoach {
namespace {

std::string tile_name(int row, int column) {
  return "tile(" + std::to_string(row) + "," + std::to_string(column) + ")";
}

}  // namespace

Topology::Topology(const InterconnectPlan& plan, const std::vector<CorePlan>& cores)
    : plan_(plan), cores_(cores) {
  for (std::size_t c = 0; c < cores_.size(); ++c) {
    const auto [place, first] =
        tiles_.emplace(std::make_pair(cores_[c].row, cores_[c].column), static_cast<int>(c));
    if (!first && cores_[c].edge > cores_[place->second].edge) place->second = static_cast<int>(c);
  }
}

int Topology::link(const std::string& name, double hops, double links) {
  const auto [place, made] = index_.emplace(name, static_cast<int>(links_.size()));
  if (made) {
    const double latency = static_cast<double>(plan_.hop_latency_cycles) * hops;
    links_.push_back(
        LinkSpec{name, rounded_up<Cycles>(latency - 1e-9), plan_.link_bytes_per_cycle * links});
  }
  return place->second;
}

int Topology::link(const std::string& name, const CorePlan& from, const CorePlan& to) {
  return link(name, (from.edge + to.edge) / 2, links_between(from, to));
}

const CorePlan* Topology::core_at(int row, int column) const {
  const auto found = tiles_.find({row, column});
  return found == tiles_.end() ? nullptr : &cores_[found->second];
}

std::vector<int> Topology::route(int from, int to) {
  if (from == to) return {};
  const CorePlan& a = cores_.at(from);
  const CorePlan& b = cores_.at(to);
  switch (plan_.kind) {
    case InterconnectKind::ideal:
      return {};
    case InterconnectKind::point_to_point:
      return {link(a.name + "->" + b.name, a, b)};
    case InterconnectKind::ring:
      return ring_route(from, to);
    case InterconnectKind::bus:
      return {link("bus", 1, 1)};
    case InterconnectKind::crossbar:
      return {link(a.name + "_out", 0, links_between(a, a)),
              link(b.name + "_in", b.edge, links_between(b, b))};
    case InterconnectKind::mesh2d:
      return mesh_route(a, b);
    case InterconnectKind::through_host:
      return host_route(a, b);
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
    route.push_back(link(cores_[at].name + "->" + cores_[next].name, cores_[at], cores_[next]));
    at = next;
  }
  return route;
}

std::vector<int> Topology::host_route(const CorePlan& from, const CorePlan& to) {
  if (plan_.blocks_cores()) return {};
  const std::vector<int> route = {link(from.name + "->host", 1, 1), link("host->" + to.name, 1, 1)};
  for (const int l : route) links_[static_cast<std::size_t>(l)].stores_whole = true;
  return route;
}

std::vector<int> Topology::mesh_route(const CorePlan& from, const CorePlan& to) {
  std::vector<int> route;
  int row = from.row, column = from.column;
  const CorePlan* here = core_at(row, column);
  const auto go = [&](int next_row, int next_column) {
    const CorePlan* next = core_at(next_row, next_column);
    if (!next) next = here;
    route.push_back(
        link(tile_name(row, column) + "->" + tile_name(next_row, next_column), *here, *next));
    row = next_row;
    column = next_column;
    here = next;
  };
  while (column != to.column) go(row, column + (to.column > column ? 1 : -1));
  while (row != to.row) go(row + (to.row > row ? 1 : -1), column);
  return route;
}

}  // namespace stagecoach
