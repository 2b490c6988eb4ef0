// SPDX-License-Identifier: Apache-2.0
#include "models/engine/executor.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <system_error>

#include "models/base/cpu_pause.h"
#include "models/base/error.h"
#include "models/base/host_clock.h"

namespace stagecoach {
namespace {

/// Looks for own work that may fail before a worker takes on somebody else's stage: moving a stage
/// moves its weights from one core's cache to another's.
constexpr int kPatience = 64;
/// Looks without any work after which a thread gives its core away.
constexpr int kSpins = 4000;
/// Runs of a worker between two looks at the measured times.
constexpr int kRunsPerBalance = 2048;

/// Operations that one stage's queue holds at most: memory follows the stages, not their square.
constexpr std::size_t kMostQueued = 128;

/// Sum of the first guesses at the stages' work: the first measured times outweigh them.
constexpr double kGuessSeconds = 1e-9;

std::size_t power_of_two_above(std::int64_t n) {
  std::size_t p = 1;
  while (static_cast<std::int64_t>(p) <= n) p *= 2;
  return p;
}

}  // namespace

Executor::Executor(std::vector<double> stage_work, int threads, std::int64_t window_ops,
                   std::function<void(const Op&, int)> execute)
    : stages_(static_cast<int>(stage_work.size())),
      window_ops_(window_ops),
      execute_(std::move(execute)),
      workers_(threads) {
  const double total = std::accumulate(stage_work.begin(), stage_work.end(), 0.0);
  for (int k = 0; k < stages_; ++k) {
    queues_.push_back(std::make_unique<StageQueue>());
    const std::size_t places = std::min(kMostQueued, power_of_two_above(window_ops_));
    queues_.back()->ring.resize(places);
    queues_.back()->needs = std::vector<std::atomic<std::int64_t>>(places);
    queues_.back()->seconds = total > 0 ? kGuessSeconds * stage_work[k] / total : 0;
  }
  for (int w = 0; w < threads; ++w) {
    workers_[w].own.reserve(stage_work.size());
    workers_[w].others.reserve(stage_work.size());
    rebalance(w);
  }
  try {
    for (int w = 1; w < threads; ++w) threads_.emplace_back([this, w] { work_loop(w); });
  } catch (const std::system_error& error) {
    const std::size_t started = threads_.size() + 1;
    stop_threads();
    throw UserError("--threads " + std::to_string(threads) + ": this computer runs " +
                    std::to_string(started) + " and then no more (" + error.code().message() +
                    "); ask for fewer");
  }
}

Executor::~Executor() { stop_threads(); }

void Executor::stop_threads() {
  stop_ = true;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    wake_.notify_all();
  }
  for (std::thread& t : threads_) t.join();
}

/// Twice the micro-batch plus 0 for a forward, 1 for a backward; -1: nothing.
std::int64_t Executor::need_of(const Op& op) {
  switch (op.pass) {
    case Pass::forward:
      return 2 * op.micro_batch;
    case Pass::backward:
    case Pass::backward_with_update:
      return 2 * op.micro_batch + 1;
    case Pass::update:
      break;
  }
  return -1;
}

bool Executor::ready(int stage) const {
  const StageQueue& q = *queues_[stage];
  const std::int64_t head = q.head.load(std::memory_order_relaxed);
  if (head == q.tail.load(std::memory_order_acquire)) return false;
  const auto place = static_cast<std::size_t>(head) & (q.needs.size() - 1);
  const std::int64_t need = q.needs[place].load(std::memory_order_relaxed);
  if (need < 0) return true;
  const MicroBatchId micro_batch = need / 2;
  if (need % 2 == 0)
    return stage == 0 || queues_[stage - 1]->forwards.load(std::memory_order_acquire) > micro_batch;
  return stage == stages_ - 1 ||
         queues_[stage + 1]->backwards.load(std::memory_order_acquire) > micro_batch;
}

bool Executor::run_stage(int stage, int worker) {
  StageQueue& q = *queues_[stage];
  if (q.taken.exchange(true, std::memory_order_acquire)) return false;
  bool any = false;
  const double begin = wall_seconds();
  // Staying with a stage while it has work keeps its weights in this core's cache.
  while (ready(stage) && !failed_.load(std::memory_order_relaxed)) {
    const std::int64_t head = q.head.load(std::memory_order_relaxed);
    const Op op = q.ring[head & (q.ring.size() - 1)];
    execute_(op, worker);
    if (op.pass == Pass::forward) q.forwards.store(op.micro_batch + 1, std::memory_order_release);
    if (is_backward(op.pass)) q.backwards.store(op.micro_batch + 1, std::memory_order_release);
    q.head.store(head + 1, std::memory_order_release);
    executed_.fetch_add(1, std::memory_order_release);
    any = true;
  }
  const double elapsed = wall_seconds() - begin;
  const auto add = [elapsed](std::atomic<double>& sum) {
    sum.store(sum.load(std::memory_order_relaxed) + elapsed, std::memory_order_relaxed);
  };
  add(q.seconds);
  add(workers_[worker].busy_seconds);
  q.taken.store(false, std::memory_order_release);
  return any;
}

void Executor::rebalance(int worker) {
  const auto seconds = [this](int k) {
    return queues_[k]->seconds.load(std::memory_order_relaxed);
  };
  const int threads = static_cast<int>(workers_.size());
  double total = 0;
  for (int k = 0; k < stages_; ++k) total += seconds(k);
  Worker& me = workers_[worker];
  me.own.clear();
  me.others.clear();
  double after = 0;  // work of the stages behind
  for (int k = stages_ - 1; k >= 0; --k) {
    const double middle = total > 0 ? 1 - (after + seconds(k) / 2) / total : (k + 0.5) / stages_;
    const int owner = std::clamp(static_cast<int>(middle * threads), 0, threads - 1);
    (owner == worker ? me.own : me.others).push_back(k);
    after += seconds(k);
  }
  me.runs_until_rebalance = kRunsPerBalance;
}

bool Executor::run_first_ready(const std::vector<int>& stages, int worker) {
  for (int k : stages)
    if (!queues_[k]->taken.load(std::memory_order_relaxed) && ready(k) && run_stage(k, worker))
      return true;
  return false;
}

bool Executor::run_some(int worker) {
  Worker& me = workers_[worker];
  if (me.runs_until_rebalance == 0) rebalance(worker);
  try {
    if (run_first_ready(me.own, worker) ||
        (++me.misses > kPatience && run_first_ready(me.others, worker))) {
      me.misses = 0;
      --me.runs_until_rebalance;
      return true;
    }
  } catch (...) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    failed_ = true;  // last: who sees it finds the failure
  }
  return false;
}

void Executor::work_loop(int worker) {
  int idle = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (run_some(worker)) {
      idle = 0;
    } else if (++idle < kSpins) {
      cpu_pause();
    } else {
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_.fetch_add(1);
      wake_.wait_for(lock, std::chrono::milliseconds(1));
      sleepers_.fetch_sub(1);
    }
  }
}

template <class Done>
void Executor::help_until(Done done) {
  if (done()) return;
  const double begin_cpu = thread_cpu_seconds();
  for (int idle = 0; !done();) {
    if (failed_) rethrow();
    if (run_some(0)) {
      idle = 0;
      continue;
    }
    cpu_pause();
    if (++idle > kSpins) std::this_thread::yield();
  }
  if (failed_) rethrow();
  caller_cpu_seconds_ += thread_cpu_seconds() - begin_cpu;
}

void Executor::rethrow() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::rethrow_exception(failure_);
}

void Executor::push(const Op& op) {
  if (pushed_ - executed_.load(std::memory_order_acquire) >= window_ops_)
    help_until(
        [&] { return pushed_ - executed_.load(std::memory_order_acquire) <= window_ops_ / 2; });
  if (failed_) rethrow();
  StageQueue& q = *queues_[op.stage];
  const std::int64_t tail = q.tail.load(std::memory_order_relaxed);
  const auto places = static_cast<std::int64_t>(q.ring.size());
  // What it waits for was handed over before it: the queue moves on.
  help_until([&] { return tail - q.head.load(std::memory_order_acquire) < places; });
  q.ring[tail & (places - 1)] = op;
  q.needs[tail & (places - 1)].store(need_of(op), std::memory_order_relaxed);
  q.tail.store(tail + 1, std::memory_order_release);
  ++pushed_;
  if (sleepers_.load(std::memory_order_relaxed) > 0) wake_.notify_one();
}

void Executor::drain() {
  help_until([&] { return executed_.load(std::memory_order_acquire) == pushed_; });
}

void Executor::wait_forward(int stage, MicroBatchId micro_batch) {
  help_until(
      [&] { return queues_[stage]->forwards.load(std::memory_order_acquire) > micro_batch; });
}

void Executor::wait_backward(int stage, MicroBatchId micro_batch) {
  help_until(
      [&] { return queues_[stage]->backwards.load(std::memory_order_acquire) > micro_batch; });
}

void Executor::visit_state(StateVisitor& visitor) {
  for (int k = 0; k < stages_; ++k) {
    const StateScope scope(visitor, "stage_" + std::to_string(k));
    MicroBatchId forwards = queues_[k]->forwards, backwards = queues_[k]->backwards;
    visitor.value("forwards", forwards);
    visitor.value("backwards", backwards);
    queues_[k]->forwards = forwards;
    queues_[k]->backwards = backwards;
  }
}

double Executor::busy_seconds() const {
  double sum = 0;
  for (const Worker& w : workers_) sum += w.busy_seconds.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace stagecoach
