// SPDX-License-Identifier: Apache-2.0
#include "models/base/parallel.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace stagecoach {

void in_parallel(std::int64_t count, int threads,
                 const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
  const std::int64_t parts = std::max<std::int64_t>(1, std::min<std::int64_t>(threads, count));
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(parts));
  const auto run = [&](std::int64_t part) {
    try {
      body(count * part / parts, count * (part + 1) / parts);
    } catch (...) {
      failures[static_cast<std::size_t>(part)] = std::current_exception();
    }
  };
  std::vector<std::thread> started;
  started.reserve(static_cast<std::size_t>(parts));
  std::int64_t next = 1;
  try {
    for (; next < parts; ++next) started.emplace_back(run, next);
  } catch (const std::system_error&) {
    // The parts from `next` on are the caller's.
  } catch (const std::bad_alloc&) {
  }
  run(0);
  for (; next < parts; ++next) run(next);
  for (std::thread& thread : started) thread.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace stagecoach
