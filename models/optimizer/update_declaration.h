// SPDX-License-Identifier: Apache-2.0
// The declaration of an update rule. Memory, cycles and energy of an update, the arrays of a stage
// and the content of a checkpoint follow from it.
#pragma once

#include <string>
#include <vector>

namespace stagecoach {

enum class FirstValue { zero, weights };

/// An array that a rule keeps beside the weights, one word a parameter: every update reads and
/// writes it.
struct StateArray {
  std::string name;
  FirstValue first_value = FirstValue::zero;
  /// False: worth nothing after the update, so an accelerator has no memory for it. The engine owns
  /// it all the same, because its kernels write it.
  bool stored = true;
};

/// One update of one parameter reads its weight, its gradient and its stored state, does
/// `multiply_adds`, and writes the weight, its stored state and its predicted weights.
struct UpdateDeclaration {
  std::vector<StateArray> state;  ///< UpdateArrays::state has this order
  bool predicts_forward = false;  ///< forwards read predicted weights, a copy of their own
  bool predicts_backward = false;
  int multiply_adds = 1;

  /// Words of state that an accelerator keeps for a parameter.
  int stored_words() const {
    int words = 0;
    for (const StateArray& array : state) words += array.stored;
    return words;
  }
};

}  // namespace stagecoach
