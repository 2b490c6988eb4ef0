// SPDX-License-Identifier: Apache-2.0
// Can a name from a file do anything to a terminal?
#include "sim/app/console.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace stagecoach {
namespace {

std::string printed(const std::string& text) {
  std::stringbuf next;
  PrintableBuffer buffer(next);
  std::ostream out(&buffer);
  out << text << 'x' << std::flush;
  return next.str();
}

TEST_CASE("control characters are written out, everything else passes") {
  CHECK(printed("plain, \t\"quoted\"\n") == "plain, \t\"quoted\"\nx");
  CHECK(printed("\x1b]0;title\x07\x7f\r\b") == "\\u001b]0;title\\u0007\\u007f\\u000d\\u0008x");
  CHECK(printed(std::string("\0", 1)) == "\\u0000x");
  // Umlauts, a CJK character, an emoji.
  CHECK(printed("\xc3\xa4\xc2\xb5\xe5\x9b\x9b\xf0\x9f\x98\x80") ==
        "\xc3\xa4\xc2\xb5\xe5\x9b\x9b\xf0\x9f\x98\x80x");
}

TEST_CASE("control characters of the upper half are written out in UTF-8 and as single bytes") {
  CHECK(printed("\xc2\x9b"
                "31m") == "\\u009b31mx");
  CHECK(printed("\x9b"
                "31m") == "\\u009b31mx");
  CHECK(printed("\xe2\x82\xac\x9b") == "\xe2\x82\xac\\u009bx");
  CHECK(printed("\xc2\xc2\x9b") == "\xc2\\u009bx");
}

}  // namespace
}  // namespace stagecoach
