// SPDX-License-Identifier: Apache-2.0
// Is the trace a file that a viewer understands, and does it say what happened?
#include "sim/trace/chrome_trace.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "models/base/error.h"
#include "sim/files/durable_file.h"
#include "tests/sim/support/example_run.h"
#include "tests/sim/support/temporary_directory.h"

using namespace stagecoach;  // NOLINT: tests
using nlohmann::json;

namespace {

std::string gunzip(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  REQUIRE(file);
  std::string text;
  char buffer[4096];
  int n = 0;
  while ((n = gzread(file, buffer, sizeof buffer)) > 0) text.append(buffer, n);
  CHECK(n == 0);
  CHECK(gzdirect(file) == 0);  // it was compressed
  gzclose(file);
  return text;
}

SpanRecord span(StageOperation operation, int stage, MicroBatchId micro_batch, Cycles begin,
                Cycles end, WeightVersion read, WeightVersion written = -1) {
  SpanRecord s;
  s.operation = operation;
  s.stage = stage;
  s.micro_batch = micro_batch;
  s.begin = begin;
  s.end = end;
  s.version_read = read;
  s.version_written = written;
  return s;
}

/// Four micro-batches through two stages, one tick of 10 cycles per operation, by hand.
void play(SpanSink& sink) {
  for (MicroBatchId p = 0; p < 4; ++p) {
    const Cycles t = 40 * p;
    sink.record(span(StageOperation::forward, 0, p, t, t + 10, p));
    sink.record(span(StageOperation::forward, 1, p, t + 10, t + 20, p));
    sink.record(span(StageOperation::backward, 1, p, t + 20, t + 28, p));
    sink.record(span(StageOperation::update, 1, p, t + 28, t + 30, p, p + 1));
    sink.record(span(StageOperation::backward, 0, p, t + 30, t + 38, p));
    sink.record(span(StageOperation::update, 0, p, t + 38, t + 40, p, p + 1));
  }
}

std::vector<json> events(const json& trace, const std::string& phase) {
  std::vector<json> found;
  for (const json& e : trace["traceEvents"]) {
    if (e["ph"] == phase) found.push_back(e);
  }
  return found;
}

json traced(const ExampleRun& run, const MicroBatchPlan& micro_batches, TraceWindow window,
            void (*feed)(SpanSink&)) {
  const TemporaryDirectory temporary;
  {
    DurableFile file(temporary / "trace.json.gz");
    ChromeTrace trace(file.descriptor(), "trace", run.plan, run.partition, micro_batches, window);
    feed(trace);
    trace.finish();
    file.place();
  }
  return json::parse(gunzip(temporary / "trace.json.gz"));
}

}  // namespace

TEST_CASE("the trace is gzipped JSON with a named track per core and a slice per operation") {
  const ExampleRun run;
  const json trace = traced(run, MicroBatchPlan(4, 1, 1, 1), {0, 4, false}, play);
  CHECK(events(trace, "X").size() == 24);
  std::set<std::string> names;
  for (const json& e : events(trace, "M")) {
    if (e["name"] == "thread_name") names.insert(e["args"]["name"].get<std::string>());
  }
  CHECK(names == std::set<std::string>{"core0 (fc1)", "core1 (fc2)"});
}

TEST_CASE("slices of a track do not overlap and last as long as their operations") {
  const ExampleRun run;
  const json trace = traced(run, MicroBatchPlan(4, 1, 1, 1), {0, 4, false}, play);
  std::map<int, std::map<std::int64_t, std::int64_t>> tracks;
  for (const json& e : events(trace, "X")) {
    const std::int64_t begin = e["ts"];
    tracks[e["tid"]][begin] = begin + e["dur"].get<std::int64_t>();
  }
  REQUIRE(tracks.size() == 2);
  for (const auto& [track, slices] : tracks) {
    CHECK(slices.size() == 12);
    std::int64_t end = 0;
    for (const auto& [begin, finish] : slices) {
      CHECK(begin >= end);
      end = finish;
    }
  }
  CHECK(tracks[1][30] == 38);  // the first micro-batch's backward at stage 0
}

TEST_CASE("arguments tell sample, pass, versions and staleness") {
  const ExampleRun run;
  const auto stale = [](SpanSink& sink) {
    sink.record(span(StageOperation::forward, 0, 0, 0, 10, 5));
    sink.record(span(StageOperation::forward, 0, 1, 10, 20, 5));
    sink.record(span(StageOperation::backward, 0, 0, 20, 30, 6));
    sink.record(span(StageOperation::update, 0, 0, 30, 31, 6, 8));
    sink.record(span(StageOperation::backward, 0, 1, 40, 50, 8));
  };
  const auto slices = events(traced(run, MicroBatchPlan(4, 1, 1, 1), {0, 4, false}, stale), "X");
  REQUIRE(slices.size() == 5);
  CHECK(slices[1]["name"] == "F 1");
  CHECK(slices[1]["args"]["sample"] == 1);
  CHECK(slices[1]["args"]["pass"] == "forward");
  CHECK(slices[1]["args"]["version_read"] == 5);
  CHECK(slices[1]["args"]["stage_name"] == "fc1");
  CHECK(slices[2]["args"]["backward_staleness"] == 1);
  CHECK(slices[3]["args"]["version_written"] == 8);
  CHECK(slices[3]["args"]["staleness"] == 2);  // versions 6 and 7 came in between
  CHECK(slices[4]["args"]["backward_staleness"] == 3);
}

TEST_CASE("an arrow follows each micro-batch from its first forward to its last backward") {
  const ExampleRun run;
  const json trace = traced(run, MicroBatchPlan(4, 1, 1, 1), {0, 4, false}, play);
  CHECK(events(trace, "s").size() == 4);
  CHECK(events(trace, "t").size() == 8);
  CHECK(events(trace, "f").size() == 4);
  for (const char* phase : {"s", "t", "f"}) {
    for (const json& arrow : events(trace, phase)) {
      int inside = 0;
      for (const json& slice : events(trace, "X")) {
        if (slice["tid"] != arrow["tid"] || slice["args"]["sample"] != arrow["id"]) continue;
        inside += slice["ts"] <= arrow["ts"] &&
                  arrow["ts"] < slice["ts"].get<std::int64_t>() + slice["dur"].get<std::int64_t>();
      }
      CHECK(inside == 1);
    }
  }
}

TEST_CASE("forward and backward have a track each where they have a core each") {
  ExampleRun run;
  run.plan.cores.push_back({"core0b", 1, 0, 4.0});
  run.plan.stages[0].backward_core = 2;
  const json trace = traced(run, MicroBatchPlan(4, 1, 1, 1), {0, 4, false}, play);
  std::set<int> forward;
  std::set<int> backward;
  for (const json& e : events(trace, "X")) {
    if (e["args"]["stage"] != 0) continue;
    (e["cat"] == "forward" ? forward : backward).insert(e["tid"].get<int>());
  }
  CHECK(forward == std::set<int>{1});
  CHECK(backward == std::set<int>{3});
}

TEST_CASE("each datapath of a core whose passes are concurrent has a named track") {
  ExampleRun run;
  run.plan.cores[0].concurrent_passes = true;
  const json trace = traced(run, MicroBatchPlan(4, 1, 1, 1), {0, 4, false}, play);
  std::map<std::string, std::set<int>> tracks;
  for (const json& e : events(trace, "X")) {
    if (e["args"]["stage"] == 0) tracks[e["cat"]].insert(e["tid"].get<int>());
  }
  CHECK(tracks["forward"] == std::set<int>{1});
  CHECK(tracks["backward"] == std::set<int>{3});
  CHECK(tracks["update"] == std::set<int>{3});
  std::map<int, std::string> names;
  for (const json& e : events(trace, "M")) {
    if (e["name"] == "thread_name") names[e["tid"].get<int>()] = e["args"]["name"];
  }
  CHECK(names.at(1).find(" forward (") != std::string::npos);
  CHECK(names.at(3).find(" backward (") != std::string::npos);
  CHECK(names.size() == 4);
}

TEST_CASE("only micro-batches inside the window are recorded, whole") {
  const ExampleRun run;
  const json trace = traced(run, MicroBatchPlan(4, 1, 1, 1), {1, 3, false}, play);
  std::map<int, int> per_sample;
  for (const json& e : events(trace, "X")) ++per_sample[e["args"]["sample"].get<int>()];
  CHECK(per_sample == std::map<int, int>{{1, 6}, {2, 6}});
}

TEST_CASE("the window holds the micro-batches of the samples asked for") {
  const MicroBatchPlan single(100, 2, 1, 1);
  CHECK(trace_window(single, 5, 30, 20).first == 30);
  CHECK(trace_window(single, 5, 30, 20).end == 50);
  CHECK(trace_window(single, 5, 150, 1000).end == 200);
  CHECK(trace_window(single, 5, 500, 10).first == trace_window(single, 5, 500, 10).end);
  // Mini-batches of 10 in micro-batches of 4, 4 and 2: sample 13 is in micro-batch 3, sample 19 in
  // micro-batch 5.
  const MicroBatchPlan micro(100, 1, 10, 4);
  CHECK(trace_window(micro, 5, 13, 7).first == 3);
  CHECK(trace_window(micro, 5, 13, 7).end == 6);
}

TEST_CASE("the window is cut at the cap of slices and says so") {
  const MicroBatchPlan plan(1000000, 1, 1, 1);
  const TraceWindow window = trace_window(plan, 10, 7, 1000000);
  CHECK(window.capped);
  CHECK(window.first == 7);
  CHECK((window.end - window.first) * 30 <= kTraceSliceCap);
  CHECK((window.end - window.first + 1) * 30 > kTraceSliceCap);
  CHECK_FALSE(trace_window(plan, 10, 7, 100).capped);
}

TEST_CASE("an empty trace is still a valid file") {
  const ExampleRun run;
  const json trace = traced(run, MicroBatchPlan(4, 1, 1, 1), {0, 0, false}, play);
  CHECK(events(trace, "X").empty());
  CHECK(events(trace, "M").size() == 5);
}

TEST_CASE("two traces of one run are the same bytes") {
  const TemporaryDirectory temporary;
  const ExampleRun run;
  const MicroBatchPlan micro_batches(4, 1, 1, 1);
  for (const char* name : {"a", "b"}) {
    DurableFile file(temporary / name);
    ChromeTrace trace(file.descriptor(), name, run.plan, run.partition, micro_batches,
                      {0, 4, false});
    play(trace);
    trace.finish();
    file.place();
  }
  CHECK(read_text(temporary / "a") == read_text(temporary / "b"));
}

TEST_CASE("a trace that cannot be written is a user's error") {
  const ExampleRun run;
  const MicroBatchPlan micro_batches(4, 1, 1, 1);
  CHECK_THROWS_AS(ChromeTrace(-1, "t.gz", run.plan, run.partition, micro_batches, {0, 4, false}),
                  UserError);
  // A device without room: the failure must not stop the run, and must not be lost.
  const int device = ::open("/dev/full", O_WRONLY);
  ChromeTrace full(device, "t.gz", run.plan, run.partition, micro_batches, {0, 4, false});
  play(full);
  CHECK_THROWS_WITH(full.finish(), Catch::Contains("t.gz: cannot be written: No space left"));
  ::close(device);
}
