// SPDX-License-Identifier: Apache-2.0
// Is every byte of a section file checked, and nothing read that was not written?
#include "sim/files/section_file.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/sim/support/temporary_directory.h"

using namespace stagecoach;  // NOLINT: tests

namespace {

constexpr const char* kMagic = "test file 1";

std::string sample() {
  std::ostringstream file;
  SectionWriter writer(file, kMagic);
  const double values[] = {1.5, -2.5};
  writer.add("values", values, sizeof values);
  writer.add("nothing", nullptr, 0);
  writer.add("word", "text", 4);
  writer.finish();
  return file.str();
}

std::string put(const TemporaryDirectory& folder, const std::string& bytes) {
  std::ofstream(folder / "f", std::ios::binary) << bytes;
  return folder / "f";
}

std::string refusal(const TemporaryDirectory& folder, const std::string& bytes) {
  try {
    SectionReader reader(put(folder, bytes), kMagic);
  } catch (const BrokenFile& broken) {
    return broken.what();
  }
  return "";
}

}  // namespace

TEST_CASE("sections are read as they were written, or passed over") {
  const TemporaryDirectory folder;
  SectionReader reader(put(folder, sample()), kMagic);
  REQUIRE(reader.next());
  CHECK(reader.name() == "values");
  REQUIRE(reader.bytes() == 16);
  double values[2];
  reader.read(values);
  CHECK(values[1] == -2.5);
  REQUIRE(reader.next());
  CHECK(reader.name() == "nothing");
  REQUIRE(reader.next());
  CHECK(reader.text() == "text");
  CHECK_FALSE(reader.next());

  SectionReader again(folder / "f", kMagic);
  REQUIRE((again.next() && again.next() && again.next()));
  CHECK(again.text() == "text");
}

TEST_CASE("a section file that was cut anywhere is refused") {
  const TemporaryDirectory folder;
  const std::string whole = sample();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string what = refusal(folder, whole.substr(0, length));
    INFO(length << " " << what);
    CHECK((what.find("truncated") != std::string::npos ||
           what.find("is empty") != std::string::npos));
  }
  CHECK_THAT(refusal(folder, whole + "x"), Catch::Contains("data behind its end"));
}

TEST_CASE("a section file with any bit changed is refused") {
  const TemporaryDirectory folder;
  const std::string whole = sample();
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    INFO(bit);
    CHECK_FALSE(refusal(folder, changed).empty());
  }
}

TEST_CASE("another kind of file is refused by the name of this kind") {
  const TemporaryDirectory folder;
  CHECK_THAT(refusal(folder, "{\"name\": 3, \"layers\": []}"), Catch::Contains(kMagic));
  CHECK_THROWS_AS(SectionReader(folder.path().string(), kMagic), BrokenFile);
  CHECK_THROWS_AS(SectionReader(folder / "gone", kMagic), BrokenFile);
}
