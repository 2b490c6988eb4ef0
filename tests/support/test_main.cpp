// SPDX-License-Identifier: Apache-2.0
// Catch2's main for the programs that do not link SystemC.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
