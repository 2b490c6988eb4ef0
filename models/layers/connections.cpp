// SPDX-License-Identifier: Apache-2.0
#include "models/layers/connections.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "models/base/random.h"

namespace stagecoach {
namespace {

bool listed(const LayerSpec& spec) { return !spec.connections.empty(); }

std::int64_t drawn_connections(const LayerSpec& spec, int inputs) {
  return spec.fan_out > 0 ? std::int64_t{inputs} * spec.fan_out
                          : std::int64_t{spec.out_features} * spec.fan_in;
}

std::int64_t ceil_of(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

ConnectionProblem listed_problem(const LayerSpec& spec, int inputs) {
  if (spec.fan_out > 0 || spec.fan_in > 0 || spec.seed != 0)
    return {"connections", "are listed; fan_out, fan_in and seed belong to \"random\" ones"};
  if (spec.connections.size() != static_cast<std::size_t>(spec.out_features))
    return {"connections", "found " + std::to_string(spec.connections.size()) +
                               " lists; allowed: one for each of the " +
                               std::to_string(spec.out_features) + " out_features"};
  for (std::size_t o = 0; o < spec.connections.size(); ++o) {
    const std::string field = "connections/" + std::to_string(o);
    std::vector<int> row = spec.connections[o];
    std::sort(row.begin(), row.end());
    if (!row.empty() && (row.front() < 0 || row.back() >= inputs))
      return {field, "found input " + std::to_string(row.front() < 0 ? row.front() : row.back()) +
                         "; allowed: 0 to " + std::to_string(inputs - 1)};
    const auto twice = std::adjacent_find(row.begin(), row.end());
    if (twice != row.end())
      return {field, "found input " + std::to_string(*twice) + " twice; allowed: each once"};
  }
  return {};
}

ConnectionProblem drawn_problem(const LayerSpec& spec, int inputs) {
  const int outputs = spec.out_features;
  const std::string sizes =
      " (" + std::to_string(inputs) + " inputs, " + std::to_string(outputs) + " outputs)";
  if (spec.fan_out == 0 && spec.fan_in == 0)
    return {"fan_out", "is missing; random connections need fan_out or fan_in"};
  if (spec.fan_out > outputs)
    return {"fan_out", "found " + std::to_string(spec.fan_out) + "; allowed: 1 to " +
                           std::to_string(outputs) + ", the outputs"};
  if (spec.fan_in > inputs)
    return {"fan_in", "found " + std::to_string(spec.fan_in) + "; allowed: 1 to " +
                          std::to_string(inputs) + ", the inputs"};
  if (spec.fan_out > 0 && spec.fan_in > 0 &&
      std::int64_t{inputs} * spec.fan_out != std::int64_t{outputs} * spec.fan_in)
    return {"fan_in", "found " + std::to_string(spec.fan_in) + " with fan_out " +
                          std::to_string(spec.fan_out) +
                          "; inputs x fan_out must equal outputs x fan_in; give one of them" +
                          sizes};
  if (drawn_connections(spec, inputs) < std::max(inputs, outputs))
    return {spec.fan_out > 0 ? "fan_out" : "fan_in",
            "leaves inputs or outputs without a connection; give more" + sizes};
  return {};
}

/// A random order of all inputs whose first `run` are none of `taken`.
std::vector<int> next_order(Random& random, int inputs, std::int64_t run,
                            const std::vector<int>& taken) {
  std::vector<int> order(static_cast<std::size_t>(inputs));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::vector<bool> avoid(order.size(), false);
  for (const int i : taken) avoid[static_cast<std::size_t>(i)] = true;
  // What must not stand in front changes places with the first behind that may.
  auto behind = static_cast<std::size_t>(run);
  for (std::size_t i = 0; i < static_cast<std::size_t>(run); ++i) {
    if (!avoid[static_cast<std::size_t>(order[i])]) continue;
    while (avoid[static_cast<std::size_t>(order[behind])]) ++behind;
    std::swap(order[i], order[behind++]);
  }
  return order;
}

Connections drawn(const LayerSpec& spec, int inputs) {
  const std::int64_t all = drawn_connections(spec, inputs), outputs = spec.out_features;
  Random random(mix(0x5fa25e, static_cast<std::uint64_t>(spec.seed)));
  Connections c;
  c.first.push_back(0);
  std::vector<int> order;
  std::size_t next = 0;
  for (std::int64_t o = 0; o < outputs; ++o) {
    const std::int64_t end = all * (o + 1) / outputs;
    std::vector<int> row;
    const std::int64_t size = end - c.first.back();
    while (static_cast<std::int64_t>(row.size()) < size) {
      if (next == order.size()) {
        order = next_order(random, inputs, size - static_cast<std::int64_t>(row.size()), row);
        next = 0;
      }
      row.push_back(order[next++]);
    }
    std::sort(row.begin(), row.end());
    c.input.insert(c.input.end(), row.begin(), row.end());
    c.first.push_back(static_cast<int>(end));
  }
  return c;
}

}  // namespace

ConnectionProblem connection_problem(const LayerSpec& spec, int inputs) {
  const ConnectionProblem problem =
      listed(spec) ? listed_problem(spec, inputs) : drawn_problem(spec, inputs);
  if (!problem.message.empty()) return problem;
  const std::int64_t all = connection_counts(spec, inputs).connections;
  if (all < 1 || all > std::numeric_limits<int>::max())
    return {"connections", "found " + std::to_string(all) + "; allowed: 1 to " +
                               std::to_string(std::numeric_limits<int>::max())};
  return {};
}

ConnectionCounts connection_counts(const LayerSpec& spec, int inputs) {
  if (!listed(spec)) {
    const std::int64_t all = drawn_connections(spec, inputs);
    return {all, ceil_of(all, spec.out_features), ceil_of(all, inputs)};
  }
  ConnectionCounts counts;
  std::vector<std::int64_t> fan_out(static_cast<std::size_t>(inputs), 0);
  for (const std::vector<int>& row : spec.connections) {
    const auto fan_in = static_cast<std::int64_t>(row.size());
    counts.connections += fan_in;
    counts.most_fan_in = std::max(counts.most_fan_in, fan_in);
    for (const int i : row) ++fan_out[static_cast<std::size_t>(i)];
  }
  counts.most_fan_out = *std::max_element(fan_out.begin(), fan_out.end());
  return counts;
}

Connections make_connections(const LayerSpec& spec, int inputs) {
  if (!listed(spec)) return drawn(spec, inputs);
  Connections c;
  c.first.push_back(0);
  for (std::vector<int> row : spec.connections) {
    std::sort(row.begin(), row.end());
    c.input.insert(c.input.end(), row.begin(), row.end());
    c.first.push_back(static_cast<int>(c.input.size()));
  }
  return c;
}

}  // namespace stagecoach
