// SPDX-License-Identifier: Apache-2.0
// The progress line, and that nothing is drawn where nobody watches.
#include "sim/app/progress.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <thread>

using namespace stagecoach;  // NOLINT: tests

TEST_CASE("the progress line gives share, rate and time left") {
  const auto line = [](std::int64_t done, std::int64_t total, double seconds) {
    return progress_line(done, done, total, seconds, std::nullopt);
  };
  CHECK(line(15000, 60000, 10.0) ==
        "[==>       ]  25.0 %  15,000 of 60,000 samples  1,500/s  30 s left");
  CHECK(line(1, 1000, 1.0).find("16 min 39 s left") != std::string::npos);
  CHECK(line(1, 10000, 1.0).find("2 h 46 min left") != std::string::npos);
  CHECK(line(10, 10, 2.0).find("[==========] 100.0 %") == 0);
  CHECK(line(0, 10, 0.0).find("left") == std::string::npos);
}

TEST_CASE("the progress line ends with running loss and accuracy, where they are known") {
  CHECK(progress_line(1, 1, 10, 0, RunningFigures{0.34211, 0.912}) ==
        "[=>        ]  10.0 %  1 of 10 samples  loss 0.3421  accuracy 91.2 %");
}

TEST_CASE("the rate of a resumed run counts what it did itself") {
  CHECK(progress_line(15000, 5000, 60000, 10.0, std::nullopt).find("500/s  1 min 30 s left") !=
        std::string::npos);
}

TEST_CASE("nothing is drawn when no terminal watches") {
  std::ostringstream out;
  {
    Progress progress(out, false, 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    progress.update(5, std::nullopt);
  }
  CHECK(out.str().empty());
}

TEST_CASE("the bar is drawn at intervals and wiped at the end") {
  std::ostringstream out;
  {
    Progress progress(out, true, 10);
    progress.update(1, std::nullopt);
    CHECK(out.str().empty());
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    progress.update(5, std::nullopt);
    CHECK(out.str().find("5 of 10") != std::string::npos);
  }
  CHECK(out.str().back() == '\r');
}
