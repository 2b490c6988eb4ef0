// SPDX-License-Identifier: Apache-2.0
// Does every IDX file read right, and does every broken one give one clear message?
#include "models/data/idx.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "tests/support/idx_bytes.h"
#include "tests/support/temp_files.h"

namespace stagecoach {

using Catch::Contains;

namespace {

template <class E>
std::vector<E> elements(const RawArray& array) {
  std::vector<E> values(array.bytes.size() / sizeof(E));
  std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

std::string read_failure(const std::string& path) {
  return message_of<UserError>([&] { read_idx(path, "dataset.train_images", -1); });
}

}  // namespace

TEMPLATE_TEST_CASE("every element type of IDX reads back, plain and gzipped", "", std::uint8_t,
                   std::int8_t, std::int16_t, std::int32_t, float, double) {
  TempFiles files;
  const std::vector<TestType> values = {0, 1, 2, 127, 5, TestType(-3), 100, 7, 9, 11, 13, 17};
  const std::string bytes = idx_bytes<TestType>({3, 2, 2}, values);
  for (const std::string& path : {files.write("plain", bytes), files.write_gzip("packed", bytes)}) {
    const IdxFile file = read_idx(path, "dataset.train_images", -1);
    CHECK(file.items_in_file == 3);
    CHECK(file.array.dims == std::vector<std::int64_t>{3, 2, 2});
    CHECK(elements<TestType>(file.array) == values);
  }
}

TEST_CASE("an IDX file of any rank reads") {
  TempFiles files;
  const std::vector<std::uint8_t> values = {1, 2, 3, 4, 5, 6, 7, 8};
  for (const std::vector<std::int64_t>& dims : std::vector<std::vector<std::int64_t>>{
           {8}, {4, 2}, {2, 2, 2}, {2, 1, 2, 2}, {1, 2, 1, 4, 1}}) {
    const IdxFile file =
        read_idx(files.write("f", idx_bytes(dims, values)), "dataset.train_images", -1);
    CHECK(file.array.dims == dims);
    CHECK(elements<std::uint8_t>(file.array) == values);
  }
}

TEST_CASE("a cap keeps the front and still tells the file's count") {
  TempFiles files;
  const std::string bytes = idx_bytes<std::int16_t>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  for (const std::string& path : {files.write("plain", bytes), files.write_gzip("packed", bytes)}) {
    const IdxFile file = read_idx(path, "dataset.train_images", 3);
    CHECK(file.items_in_file == 4);
    CHECK(file.array.items() == 3);
    CHECK(elements<std::int16_t>(file.array) == std::vector<std::int16_t>{1, 2, 3, 4, 5, 6});
    CHECK(read_idx(path, "dataset.train_images", 99).array.items() == 4);
  }
}

TEST_CASE("a missing file and a folder are named") {
  TempFiles files;
  const std::string gone = files.path("gone");
  CHECK(read_failure(gone) == "dataset.train_images: " + gone + ": no such file");
  CHECK_THAT(read_failure(files.path("")), Contains("is a directory"));
}

TEST_CASE("a wrong magic number shows what was found and what is wanted") {
  TempFiles files;
  std::string bytes = idx_bytes<std::uint8_t>({2}, {1, 2});
  for (const auto& [at, value, shown] :
       std::vector<std::tuple<int, int, std::string>>{{0, 0x89, "89 00 08 01"},
                                                      {1, 1, "00 01 08 01"},
                                                      {2, 0x0A, "00 00 0a 01"},
                                                      {3, 0, "00 00 08 00"}}) {
    std::string wrong = bytes;
    wrong[static_cast<std::size_t>(at)] = static_cast<char>(value);
    const std::string message = read_failure(files.write("f", wrong));
    CHECK_THAT(message, Contains("not an IDX file") && Contains(shown) && Contains("expected"));
  }
}

TEST_CASE("a file cut anywhere is called truncated, plain and gzipped") {
  TempFiles files;
  const std::string bytes = idx_bytes<std::int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const std::string cut = bytes.substr(0, length);
    CHECK_THAT(read_failure(files.write("plain", cut)), Contains("truncated"));
    CHECK_THAT(read_failure(files.write_gzip("packed", cut)), Contains("truncated"));
  }
  CHECK_THAT(read_failure(files.write("plain", bytes.substr(0, 20))),
             Contains("2 x 3 elements of 4 bytes, more than a file of 20 bytes"));
}

TEST_CASE("bytes after the last element are refused") {
  TempFiles files;
  const std::string bytes = idx_bytes<std::uint8_t>({2}, {1, 2}) + "x";
  CHECK_THAT(read_failure(files.write("plain", bytes)),
             Contains("too long") && Contains("(2 bytes), 3"));
  CHECK_THAT(read_failure(files.write_gzip("packed", bytes)), Contains("too long"));
}

TEST_CASE("bytes after gzip data are refused, whatever they are, and further gzip data is not") {
  TempFiles files;
  const std::string bytes = idx_bytes<std::uint8_t>({4}, {1, 2, 3, 4});
  files.write_gzip("whole", bytes);
  const std::string whole = files.read("whole");
  for (const std::string& tail :
       {std::string("x"), std::string("\x1f"), std::string(1, '\0'), std::string(512, '\0'),
        std::string("one more line\n"), std::string(600000, 'z')}) {
    CAPTURE(tail.size());
    CHECK_THAT(read_failure(files.write("tail", whole + tail)),
               Contains("too long: the gzip data ends at byte " + std::to_string(whole.size()) +
                        ", " + std::to_string(tail.size()) + " more follow it"));
  }
  files.write_gzip("front", bytes.substr(0, 9));
  files.write_gzip("back", bytes.substr(9));
  const std::string two = files.read("front") + files.read("back");
  CHECK(read_idx(files.write("two", two), "x", -1).array.bytes.size() == 4);
  CHECK_THAT(read_failure(files.write("cut", two.substr(0, two.size() - 3))),
             Contains("truncated"));
  CHECK_THAT(read_failure(files.write("tail", two + "x")), Contains("1 more follow it"));
}

TEST_CASE("a packed file is whole to its end or refused, however little of it is used") {
  TempFiles files;
  const std::string bytes = idx_bytes<std::uint8_t>({4}, {1, 2, 3, 4});
  files.write_gzip("whole", bytes);
  const std::string whole = files.read("whole");
  files.write_gzip("long", bytes + "5");
  files.write_gzip("short", bytes.substr(0, bytes.size() - 1));
  for (const int cap : {0, 1, 3, 4, 9}) {
    const auto failure = [&](const std::string& content) {
      const std::string path = files.write("capped", content);
      return message_of<UserError>([&] { read_idx(path, "x", cap); });
    };
    CAPTURE(cap);
    CHECK(read_idx(files.path("whole"), "x", cap).array.items() == std::min(cap, 4));
    CHECK_THAT(failure(whole + "junk"), Contains("4 more follow it"));
    CHECK_THAT(failure(whole.substr(0, whole.size() - 1)), Contains("truncated"));
    CHECK_THAT(failure(files.read("long")), Contains("more follow it"));
    CHECK_THAT(failure(files.read("short")), Contains("truncated") && Contains("3 follow it"));
  }
}

TEST_CASE("gzip data cut or damaged anywhere after its header never passes") {
  TempFiles files;
  std::vector<std::uint8_t> values(300);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint8_t>(i * i * 7 % 251);
  }
  files.write_gzip("packed", idx_bytes<std::uint8_t>({300}, values));
  const std::string packed = files.read("packed");
  for (std::size_t length = 11; length < packed.size(); ++length) {
    CHECK_THROWS_AS(read_idx(files.write("cut", packed.substr(0, length)), "x", -1), UserError);
  }
  // Past the ten bytes of gzip's header every bit is covered by its checks.
  for (std::size_t at = 10; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK_THROWS_AS(read_idx(files.write("damaged", damaged), "x", -1), UserError);
  }
  CHECK_THAT(read_failure(files.write("cut", packed.substr(0, packed.size() / 2))),
             Contains("truncated"));
}

TEST_CASE("absurd sizes in the header are refused before memory is asked for") {
  TempFiles files;
  const std::string huge("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
  const std::string plain = std::string("\0\0\x0e\x04", 4) + huge + "abc";
  CHECK_THAT(read_failure(files.write("plain", plain)), Contains("more than a file of 23 bytes"));
  CHECK_THAT(read_failure(files.write_gzip("packed", plain)), Contains("can hold"));
  const std::string nothing = std::string("\0\0\x08\x02\0\0\0\x05\0\0\0\0", 12);
  CHECK_THAT(read_failure(files.write("zero", nothing)), Contains("size 1 in the header is 0"));
}

}  // namespace stagecoach
