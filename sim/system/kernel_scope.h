// SPDX-License-Identifier: Apache-2.0
// A SystemC kernel for one simulation. SystemC elaborates once per kernel; a fresh one each time
// lets one process simulate as many machines as it wants, one after the other.
#pragma once

#include <memory>
#include <systemc>

namespace stagecoach {

class KernelScope {
 public:
  KernelScope();
  ~KernelScope();
  KernelScope(const KernelScope&) = delete;
  KernelScope& operator=(const KernelScope&) = delete;

 private:
  sc_core::sc_simcontext* outer_current_;
  sc_core::sc_simcontext* outer_default_;
  std::unique_ptr<sc_core::sc_simcontext> kernel_;
};

}  // namespace stagecoach
