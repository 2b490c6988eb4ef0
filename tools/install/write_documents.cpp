// SPDX-License-Identifier: Apache-2.0
// Run by the build: writes the manual page and the completion.
//
//   write_documents MANUAL COMPLETION
#include <fstream>
#include <iostream>

#include "sim/config/option_documents.h"

int main(int argc, char* argv[]) {
  if (argc != 3) {
    std::cerr << "write_documents: give MANUAL COMPLETION\n";
    return 2;
  }
  std::ofstream(argv[1]) << stagecoach::manual_page() << std::flush;
  std::ofstream(argv[2]) << stagecoach::bash_completion() << std::flush;
  return std::ifstream(argv[1]) && std::ifstream(argv[2]) ? 0 : 2;
}
