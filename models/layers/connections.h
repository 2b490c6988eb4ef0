// SPDX-License-Identifier: Apache-2.0
// Which inputs an output of a sparse layer is connected to: given, or drawn once from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/graph/layer_spec.h"

namespace stagecoach {

/// Output by output, the inputs that it reads, ascending: the rows of a compressed sparse matrix
/// [outputs, inputs]. Connection c of output o: first[o] <= c < first[o + 1].
struct Connections {
  std::vector<int> first;  ///< outputs + 1
  std::vector<int> input;  ///< one per connection
};

/// What a price needs to know of them.
struct ConnectionCounts {
  std::int64_t connections = 0;
  std::int64_t most_fan_in = 0;   ///< of an output
  std::int64_t most_fan_out = 0;  ///< of an input
};

/// What is wrong with the `connections`, `fan_out` and `fan_in` of a layer of so many inputs: the
/// field and the message; both empty: nothing.
struct ConnectionProblem {
  std::string field, message;
};
ConnectionProblem connection_problem(const LayerSpec& spec, int inputs);

ConnectionCounts connection_counts(const LayerSpec& spec, int inputs);

/// As listed, or drawn from the seed alone. Drawn: the inputs in random order, once, twice, ...
/// (`fan_out` times), one after the other; the outputs take equal runs of them. So with `fan_out`
/// every input has so many connections and the outputs' numbers differ by one at most; with
/// `fan_in` the other way round. No pair is connected twice.
Connections make_connections(const LayerSpec& spec, int inputs);

}  // namespace stagecoach
