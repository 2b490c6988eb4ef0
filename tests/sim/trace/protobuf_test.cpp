// SPDX-License-Identifier: Apache-2.0
// Question: are fields encoded as the wire format's own examples say?
#include "sim/trace/protobuf.h"

#include <catch2/catch.hpp>

namespace stagecoach {
namespace {

TEST_CASE("protobuf: the encoding guide's own examples") {
  CHECK(ProtobufMessage().integer(1, 150).bytes() == "\x08\x96\x01");
  CHECK(ProtobufMessage().text(2, "testing").bytes() == "\x12\x07testing");
  CHECK(ProtobufMessage().message(3, ProtobufMessage().integer(1, 150)).bytes() ==
        "\x1a\x03\x08\x96\x01");
  CHECK(ProtobufMessage().signed_integer(1, -2).bytes() ==
        "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST_CASE("protobuf: edges of varints, large fields, eight bytes") {
  CHECK(ProtobufMessage().integer(1, 0).bytes() == std::string("\x08\0", 2));
  CHECK(ProtobufMessage().integer(1, 127).bytes() == "\x08\x7f");
  CHECK(ProtobufMessage().integer(1, 128).bytes() == "\x08\x80\x01");
  CHECK(ProtobufMessage().integer(60, 1).bytes() == "\xe0\x03\x01");
  CHECK(ProtobufMessage().fixed64(1, 0x0102030405060708).bytes() ==
        "\x09\x08\x07\x06\x05\x04\x03\x02\x01");
  CHECK(ProtobufMessage().number(2, 1.0).bytes() == std::string("\x11\0\0\0\0\0\0\xf0\x3f", 9));
}

}  // namespace
}  // namespace stagecoach
