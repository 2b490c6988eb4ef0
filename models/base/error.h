// SPDX-License-Identifier: Apache-2.0
// The kinds of failure. Libraries throw these; only main turns them into an exit status.
#pragma once

#include <stdexcept>
#include <string>

namespace stagecoach {

/// The user's input is wrong (exit status 2). The message says where, what was found, what is
/// allowed.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Stagecoach itself is wrong (exit status 70).
class ModelBug : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace stagecoach
