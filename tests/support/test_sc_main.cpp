// SPDX-License-Identifier: Apache-2.0
// Catch2 inside sc_main: libsystemc's own main() calls it. One design per process, so ctest runs
// one test case per process.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <systemc>

int sc_main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
