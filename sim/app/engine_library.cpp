// SPDX-License-Identifier: Apache-2.0
#include "sim/app/engine_library.h"

#include <dlfcn.h>

#include <cstring>
#include <iterator>
#include <sstream>
#include <vector>

#include "models/base/error.h"
#include "models/base/instruction_set.h"
#include "sim/app/instruction_sets.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

/// The sets of the build's libraries, best first; the program's own comes last, for it is the
/// least.
std::vector<std::string> built_instruction_sets() {
  std::istringstream words(STAGECOACH_ENGINE_LIBRARIES);
  std::vector<std::string> sets(std::istream_iterator<std::string>(words), {});
  sets.push_back(compiled_instruction_set());
  return sets;
}

/// What this processor has, and what this very program consists of.
std::vector<std::string> sets_that_run_here() {
  std::vector<std::string> sets = processor_instruction_sets();
  sets.push_back(compiled_instruction_set());
  return sets;
}

fs::path library_of(const std::string& instruction_set) {
  const std::string name = "libstagecoach_" + instruction_set + ".so";
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path built = folder / name;
  return fs::exists(built, error) ? built
                                  : (folder / "../lib/stagecoach" / name).lexically_normal();
}

/// "auto", or a name, as a set that was built and that this processor runs.
std::string chosen_set(const std::string& name) {
  return choose_instruction_set(name, built_instruction_sets(), sets_that_run_here());
}

}  // namespace

const EngineDoor& open_engine_library(const fs::path& file, const std::string& instruction_set) {
  const auto refuse = [&](const std::string& why) -> UserError {
    return UserError(file.string() + ": " + why + "; it is the engine for --instruction-set " +
                     instruction_set + " and belongs to the program's installation");
  };
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw refuse(std::string("cannot be opened: ") + dlerror());
  void* door = dlsym(library, "stagecoach_engine_door");
  if (!door) throw refuse("is no engine");
  const EngineDoor& engine = *reinterpret_cast<decltype(&stagecoach_engine_door)>(door)();
  if (std::strcmp(engine.build, kEngineBuild) != 0)
    throw refuse(std::string("is of another build, ") + engine.build + ", not " + kEngineBuild);
  if (instruction_set != engine.instruction_set)
    throw refuse(std::string("is for ") + engine.instruction_set);
  return engine;
}

std::string best_instruction_set() { return chosen_set("auto"); }

const EngineDoor& open_engine(const std::string& instruction_set) {
  const std::string chosen = chosen_set(instruction_set);
  if (chosen == compiled_instruction_set()) return *stagecoach_engine_door();
  return open_engine_library(library_of(chosen), chosen);
}

}  // namespace stagecoach
