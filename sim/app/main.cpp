// SPDX-License-Identifier: Apache-2.0
// The program. Questions are answered without touching SystemC; a run goes through its kernel.
#include <cstdlib>
#include <iostream>
#include <new>
#include <systemc>

#include "models/base/error.h"
#include "sim/app/ask.h"
#include "sim/app/console.h"
#include "sim/app/presets.h"
#include "sim/app/run.h"

namespace stagecoach {
namespace {

/// Runs `body`; turns what it throws into a message for a person and an exit status.
template <class Body>
int guarded(Body body) {
  ExitStatus status = ExitStatus::model_bug;
  try {
    status = body();
  } catch (const UserError& e) {
    std::cerr << "stagecoach: " << e.what() << "\n";
    status = ExitStatus::user_error;
  } catch (const std::bad_alloc&) {
    std::cerr << "stagecoach: there is not enough memory for this run; fewer samples or epochs, or "
                 "smaller layers, need less\n";
    status = ExitStatus::user_error;
  } catch (const std::exception& e) {
    std::cerr << "stagecoach: this is a bug, please report it: " << e.what() << "\n";
  }
  return static_cast<int>(status);
}

/// The command line, with presets in the place of their names.
Options options_of(int argc, char* argv[]) {
  Options options = parse_options(argc, argv);
  find_presets(options);
  return options;
}

}  // namespace
}  // namespace stagecoach

/// Called by SystemC's kernel with the command line.
int sc_main(int argc, char* argv[]) {
  using namespace stagecoach;
  return guarded([&] { return run(options_of(argc, argv), {argv + 1, argv + argc}); });
}

namespace {

int answer_or_run(int argc, char* argv[]) {
  using namespace stagecoach;
  bool asked = true;
  const int status = guarded([&] {
    const Options options = options_of(argc, argv);
    asked = options.ask != Ask::run;
    return asked ? answer(options) : ExitStatus::done;
  });
  if (asked || status != 0) return status;
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 0);
  return sc_core::sc_elab_and_sim(argc, argv);
}

}  // namespace

int main(int argc, char* argv[]) {
  stagecoach::Console console;
  const int status = answer_or_run(argc, argv);
  const std::string failure = console.output_failure();
  if (failure.empty()) return status;
  std::cerr << "stagecoach: standard output: cannot be written: " << failure << "\n";
  return status == 0 ? static_cast<int>(stagecoach::ExitStatus::user_error) : status;
}
