// SPDX-License-Identifier: Apache-2.0
#include "models/base/parallel.h"

#include <algorithm>
#include <exception>
#include <future>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace stagecoach {
namespace {

/// How many of `wanted` threads, the caller's included, the system starts now. OpenMP ends the
/// program where it gets fewer than it asks for, so somebody has to ask before.
int threads_to_be_had(std::int64_t wanted) {
  std::promise<void> all_there;
  const std::shared_future<void> leave = all_there.get_future().share();
  std::vector<std::thread> started;
  started.reserve(static_cast<std::size_t>(wanted));
  try {
    while (static_cast<std::int64_t>(started.size()) + 1 < wanted) {
      started.emplace_back([leave] { leave.wait(); });
    }
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
  all_there.set_value();
  for (std::thread& thread : started) thread.join();
  return static_cast<int>(started.size()) + 1;
}

}  // namespace

void in_parallel(std::int64_t count, int threads,
                 const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
  const int parts =
      threads_to_be_had(std::max<std::int64_t>(1, std::min<std::int64_t>(threads, count)));
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(parts));
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int part = 0; part < parts; ++part) {
    try {  // no exception may leave a parallel region
      body(count * part / parts, count * (part + 1) / parts);
    } catch (...) {
      failures[static_cast<std::size_t>(part)] = std::current_exception();
    }
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace stagecoach
