// SPDX-License-Identifier: Apache-2.0
// Runs the operation stream on worker threads: stages work on different micro-batches at once.
//
// Every stage has one in-order queue; the head of a queue may run when the neighbour that feeds it
// has got that far. That is all the order the mathematics needs, so any number of threads computes
// the same bits. The thread that hands operations over takes part in the work when the window is
// full: `threads` counts it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "models/base/state_visitor.h"
#include "models/op.h"

namespace stagecoach {

class Executor {
 public:
  /// `execute(op, worker)` runs one operation; worker in [0, threads), 0 the caller of push().
  /// `stage_work`: relative work of each stage, a first guess that measured times replace: every
  /// worker keeps to a contiguous share, whose weights stay in its core's cache, and helps
  /// elsewhere only when it has waited for work of its own. `window_ops`: operations handed over
  /// and not yet executed, at most.
  Executor(std::vector<double> stage_work, int threads, std::int64_t window_ops,
           std::function<void(const Op&, int worker)> execute);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Queues an operation; works or waits while the window is full. Rethrows what a worker threw.
  void push(const Op& op);
  /// Works until everything handed over has been executed.
  void drain();
  /// Works until the stage has executed its forward of this micro-batch (which must be queued).
  void wait_forward(int stage, MicroBatchId micro_batch);
  /// The same for its backward.
  void wait_backward(int stage, MicroBatchId micro_batch);

  /// How far each stage has got. Everything handed over must have been executed.
  void visit_state(StateVisitor& visitor);

  /// Seconds that all threads together spent executing operations.
  double busy_seconds() const;
  /// CPU seconds that the calling thread spent in here, working or waiting: what is left of its
  /// time is its own business (the simulated clock).
  double caller_cpu_seconds() const { return caller_cpu_seconds_; }

 private:
  struct alignas(64) StageQueue {
    std::vector<Op> ring;  ///< read by whoever holds `taken`
    /// What each operation in `ring` waits for, for those who look without holding it.
    std::vector<std::atomic<std::int64_t>> needs;
    std::atomic<std::int64_t> head{0};  ///< next to run; written by whoever holds `taken`
    std::atomic<std::int64_t> tail{0};  ///< one past the last; written by the caller
    std::atomic<bool> taken{false};
    std::atomic<MicroBatchId> forwards{0};  ///< micro-batches whose forward is done, in order
    std::atomic<MicroBatchId> backwards{0};
    std::atomic<double> seconds{
        0};  ///< spent on this stage so far; written by whoever holds `taken`
  };

  /// What one worker remembers; touched by that worker only.
  struct alignas(64) Worker {
    std::vector<int> own, others;  ///< stages in the order to look at them
    int misses = 0;                ///< looks for own work in a row that found none
    int runs_until_rebalance = 0;
    std::atomic<double> busy_seconds{0};
  };

  static std::int64_t need_of(const Op& op);
  bool ready(int stage) const;
  bool run_stage(int stage, int worker);
  bool run_some(int worker);
  bool run_first_ready(const std::vector<int>& stages, int worker);
  /// Gives the worker its contiguous share of about equal work.
  void rebalance(int worker);
  void work_loop(int worker);
  void stop_threads();
  template <class Done>
  void help_until(Done done);
  void rethrow();

  const int stages_;
  const std::int64_t window_ops_;
  std::function<void(const Op&, int)> execute_;
  std::vector<std::unique_ptr<StageQueue>> queues_;
  std::vector<Worker> workers_;
  std::atomic<std::int64_t> executed_{0};
  std::int64_t pushed_ = 0;

  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
  std::vector<std::thread> threads_;
  double caller_cpu_seconds_ = 0;
};

}  // namespace stagecoach
