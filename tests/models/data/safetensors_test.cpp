// SPDX-License-Identifier: Apache-2.0
// Do weights survive a file exactly, and is every broken file refused with its reason?
#include "models/data/safetensors.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "models/base/random.h"
#include "tests/support/temp_files.h"

namespace stagecoach {

using Catch::Contains;

namespace {

/// A file of this header (not padded) and data.
std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> 8 * i & 255);
  return bytes + header + data;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string import_failure(const TempFiles& files, const std::string& bytes) {
  const std::string path = files.write("f.safetensors", bytes);
  const std::string message = message_of<UserError>([&] { read_safetensors(path); });
  CHECK_THAT(message, Catch::StartsWith(path + ": "));
  return message;
}

TensorMap sample_tensors() {
  return {{"fc.weight", {{2, 3}, {1.0, -2.5, 0x1p-20, 3e38, -0.0, 7.0}}},
          {"conv1.bias", {{1}, {0.1f}}},
          {"scalar", {{}, {4.0}}},
          {"empty", {{0, 5}, {}}}};
}

std::string written(const TensorMap& tensors, SafetensorsType type) {
  std::ostringstream file;
  write_safetensors(file, tensors, type);
  return file.str();
}

}  // namespace

TEST_CASE("tensors written as f64 or f32 read back exactly") {
  TempFiles files;
  for (SafetensorsType type : {SafetensorsType::f64, SafetensorsType::f32}) {
    const TensorMap back =
        read_safetensors(files.write("w.safetensors", written(sample_tensors(), type)));
    REQUIRE(back.size() == 4);
    for (const auto& [name, tensor] : sample_tensors()) {
      CHECK(back.at(name).shape == tensor.shape);
      REQUIRE(back.at(name).values.size() == tensor.values.size());
      for (std::size_t i = 0; i < tensor.values.size(); ++i) {
        const double expected = type == SafetensorsType::f64
                                    ? tensor.values[i]
                                    : static_cast<double>(static_cast<float>(tensor.values[i]));
        CHECK(back.at(name).values[i] == expected);
      }
    }
    CHECK(std::signbit(back.at("fc.weight").values[4]));
  }
}

TEST_CASE("the bytes written are those of the format") {
  const std::string bytes =
      written({{"b", {{1}, {1.0}}}, {"a", {{2}, {2.0, -2.0}}}}, SafetensorsType::f32);
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  const std::string data("\0\0\0\x40\0\0\0\xc0\0\0\x80\x3f", 12);
  CHECK(bytes == file_of(padded, data));
}

TEST_CASE("half precision, bfloat16 and integers are decoded, metadata is allowed") {
  TempFiles files;
  // f16: 1, -2, 65504, the least subnormal 2^-24, infinity. bf16: 1, -3.140625.
  const std::string data(
      "\x00\x3c\x00\xc0\xff\x7b\x01\x00\x00\x7c"
      "\x80\x3f\x49\xc0"
      "\xfe\xff\xff\xff\xff\xff\xff\xff"
      "\xff"
      "\xff",
      24);
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"h":)" + entry("F16", "[5]", "[0,10]") + R"(,"b":)" +
      entry("BF16", "[2]", "[10,14]") + R"(,"i":)" + entry("I64", "[]", "[14,22]") + R"(,"s":)" +
      entry("I8", "[1]", "[22,23]") + R"(,"u":)" + entry("U8", "[1]", "[23,24]") + "}";
  const TensorMap tensors = read_safetensors(files.write("f", file_of(header, data)));
  REQUIRE(tensors.size() == 5);
  CHECK(tensors.at("h").values ==
        std::vector<double>{1, -2, 65504, 0x1p-24, std::numeric_limits<double>::infinity()});
  CHECK(tensors.at("b").values == std::vector<double>{1, -3.140625});
  CHECK(tensors.at("i").values == std::vector<double>{-2});
  CHECK(tensors.at("s").values == std::vector<double>{-1});
  CHECK(tensors.at("u").values == std::vector<double>{255});
}

TEST_CASE("a file that is missing is named") {
  TempFiles files;
  const std::string gone = files.path("gone");
  CHECK_THAT(message_of<UserError>([&] { read_safetensors(gone); }), Contains(gone));
  CHECK_THROWS_AS(read_safetensors(files.path("")), UserError);
}

TEST_CASE("a file cut anywhere is refused") {
  TempFiles files;
  const std::string whole = written(sample_tensors(), SafetensorsType::f32);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK_FALSE(import_failure(files, whole.substr(0, length)).empty());
  }
  CHECK_THAT(import_failure(files, whole.substr(0, 5)), Contains("truncated: 5 bytes"));
  CHECK_THAT(import_failure(files, whole.substr(0, whole.size() - 1)), Contains("truncated?"));
  CHECK_THAT(import_failure(files, whole + "x"), Contains("the tensors of the header take"));
}

TEST_CASE("an absurd header length is refused before memory is asked for") {
  TempFiles files;
  CHECK_THAT(import_failure(files, std::string(8, '\xff') + "{}"),
             Contains("a header of 18446744073709551615 bytes") && Contains("at most 2"));
  CHECK_THAT(import_failure(files, std::string("\0\0\0\0\0\0\0\x7f{}", 10)), Contains("at most 2"));
}

TEST_CASE("a header that does not describe tensors is refused") {
  TempFiles files;
  const std::string four(4, '\0');
  const auto with = [&](const std::string& header) {
    return import_failure(files, file_of(header, four));
  };
  CHECK_THAT(with("{\"a\""), Contains("the header is no JSON"));
  CHECK_THAT(with("[1]"), Contains("no JSON object"));
  CHECK_THAT(with(""), Contains("no JSON"));
  CHECK_THAT(with(R"({"a":3})"), Contains("tensor 'a': expected an object with dtype"));
  CHECK_THAT(with(R"({"a":{"dtype":"F32","shape":[1]}})"), Contains("data_offsets"));
  const auto tensor = [&](const char* dtype, const char* shape, const char* offsets) {
    return with("{\"a\":" + entry(dtype, shape, offsets) + "}");
  };
  CHECK_THAT(tensor("F8_E4M3", "[4]", "[0,4]"), Contains("dtype \"F8_E4M3\", supported are F64"));
  CHECK_THAT(tensor("F32", "[-1]", "[0,4]"), Contains("shape [-1]"));
  CHECK_THAT(tensor("F32", "[1.0]", "[0,4]"), Contains("whole numbers"));
  CHECK_THAT(tensor("F32", "3", "[0,4]"), Contains("list of sizes"));
  CHECK_THAT(tensor("F32", "[4294967296]", "[0,4]"), Contains("whole numbers from 0"));
  CHECK_THAT(tensor("F32", "[2000000000,2000000000,2000000000]", "[0,4]"), Contains("too large"));
  CHECK_THAT(tensor("F32", "[2]", "[0,4]"), Contains("4 bytes of data, shape [2] of F32 needs 8"));
  CHECK_THAT(tensor("F32", "[1]", "[4,0]"), Contains("do not lie within the 4 data bytes"));
  CHECK_THAT(tensor("F32", "[2]", "[0,8]"), Contains("do not lie within"));
  CHECK_THAT(tensor("F32", "[1]", "[0]"), Contains("expected two whole numbers"));
  CHECK_THAT(tensor("F32", "[1]", "[0,18446744073709551615]"), Contains("two whole numbers"));
}

TEST_CASE("tensors that overlap, leave a gap or share a name are refused") {
  TempFiles files;
  const std::string eight(8, '\0');
  const auto two = [&](const std::string& a, const std::string& second, const std::string& b) {
    return import_failure(files, file_of("{\"a\":" + entry("F32", "[1]", a) + ",\"" + second +
                                             "\":" + entry("F32", "[1]", b) + "}",
                                         eight));
  };
  CHECK_THAT(two("[0,4]", "b", "[2,6]"), Contains("tensor 'b'") && Contains("overlaps"));
  CHECK_THAT(two("[0,4]", "b", "[0,4]"), Contains("overlaps"));
  CHECK_THAT(two("[2,6]", "b", "[0,4]"), Contains("tensor 'a'") && Contains("overlaps"));
  CHECK_THAT(import_failure(files, file_of("{\"a\":" + entry("F32", "[1]", "[4,8]") + "}", eight)),
             Contains("leaves a gap"));
  CHECK_THAT(two("[0,4]", "a", "[4,8]"), Contains("tensor 'a' is in the header twice"));
}

TEST_CASE("a header of any depth or size is read in time that follows its size, or refused") {
  TempFiles files;
  for (const char* open : {"[", "{\"a\":"}) {
    std::string deep = "{\"a\":";
    for (int i = 0; i < 60000; ++i) deep += open;
    CHECK_THAT(import_failure(files, file_of(deep, "")), Contains("nested deeper than"));
  }
  TensorMap many;
  for (int i = 0; i < 200000; ++i) many["tensor" + std::to_string(i)] = {{0}, {}};
  const auto begin = std::chrono::steady_clock::now();
  const std::string bytes = written(many, SafetensorsType::f32);
  CHECK(read_safetensors(files.write("many", bytes)).size() == many.size());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  CHECK(taken.count() < 15);  // one and a half here; 35 and more when every name was sought in all
}

TEST_CASE("messages about what a file holds stay short") {
  TempFiles files;
  const std::string name(1000000, 'n');
  const std::string header = "{\"" + name + "\":" + entry("F99", "[1]", "[0,4]") + "}";
  CHECK(import_failure(files, file_of(header, "abcd")).size() < 2000);
}

TEST_CASE("damaged bytes are refused or read, never worse") {
  TempFiles files;
  const std::string whole = written(sample_tensors(), SafetensorsType::f32);
  Random random(1);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
      damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    }
    try {
      read_safetensors(files.write("f", damaged));
    } catch (const UserError&) {
      ++refused;
    }
  }
  CHECK(refused > 1500);  // the header is nine tenths of the file
}

}  // namespace stagecoach
