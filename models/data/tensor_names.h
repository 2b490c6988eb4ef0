// SPDX-License-Identifier: Apache-2.0
// Tensors of a file under the names that a network has for them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/data/safetensors.h"

namespace stagecoach {

struct NamedTensors {
  std::map<std::string, const HostTensor*> by_name;
  std::vector<std::string> notes;  ///< a sentence for everything that was not taken as it stands
};

/// Takes what PyTorch writes beside the weights of a network: the counters `num_batches_tracked` of
/// its batch norms are left out, and a prefix of all names ("module." of DataParallel) goes if the
/// names behind it are the `expected` ones, all of them. `tensors` must outlive the result.
NamedTensors named_tensors(const TensorMap& tensors, const std::set<std::string>& expected);

}  // namespace stagecoach
