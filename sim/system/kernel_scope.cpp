// SPDX-License-Identifier: Apache-2.0
// Puts a fresh kernel in the place of the current one, and back.
#include "sim/system/kernel_scope.h"

#include <cstdlib>

namespace stagecoach {

KernelScope::KernelScope()
    : outer_current_(sc_core::sc_curr_simcontext),
      outer_default_(sc_core::sc_default_global_context) {
  // The library's only way to keep its banner off the terminal.
  setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 0);
  // The constructor of a kernel wants to be the current one already.
  sc_core::sc_curr_simcontext = nullptr;
  kernel_ = std::make_unique<sc_core::sc_simcontext>();
  sc_core::sc_curr_simcontext = kernel_.get();
  sc_core::sc_default_global_context = kernel_.get();
}

KernelScope::~KernelScope() {
  kernel_.reset();
  sc_core::sc_curr_simcontext = outer_current_;
  sc_core::sc_default_global_context = outer_default_;
}

}  // namespace stagecoach
