// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/base/error.h"
#include "models/data/dataset.h"
#include "tests/support/temp_files.h"

namespace stagecoach {

/// What a user reads when this dataset cannot be loaded; fails the test when it can.
inline std::string load_failure(const DatasetSpec& spec) {
  return message_of<UserError>([&] { load_dataset(spec); });
}

}  // namespace stagecoach
