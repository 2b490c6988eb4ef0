// SPDX-License-Identifier: Apache-2.0
#include "sim/base/wrapped_text.h"

#include <catch2/catch.hpp>

using namespace stagecoach;

TEST_CASE("Text is broken at blanks, and what fits stays as it is") {
  CHECK(wrapped("one two", 0, 7) == "one two");
  CHECK(wrapped("one two", 0, 6) == "one\ntwo");
  CHECK(wrapped("one two three four", 2, 9) == "one two\n  three\n  four");
  CHECK(wrapped("a  b   c", 0, 8) == "a  b   c");
  CHECK(wrapped("label    one two", 9, 12) == "label    one\n         two");
  CHECK(wrapped("", 4, 10) == "");
}

TEST_CASE("A word that is too long has a line to itself") {
  CHECK(wrapped("abcdefghij k", 0, 5) == "abcdefghij\nk");
  CHECK(wrapped("k abcdefghij l", 2, 5) == "k\n  abcdefghij\n  l");
  CHECK(wrapped("    abcdefghij", 4, 6) == "    abcdefghij");
  CHECK(wrapped("abcdefghij", 0, 5) == "abcdefghij");
}

TEST_CASE("No line of a long text is wider, and no word is lost") {
  std::string text = "limited by    ";
  for (int i = 0; i < 200; ++i)
    text += std::string(1 + i % 11, static_cast<char>('a' + i % 26)) + " ";
  const std::string out = wrapped(text, 14);
  std::size_t begin = 0;
  std::string joined;
  for (std::size_t end = out.find('\n'); begin != std::string::npos;
       begin = end == std::string::npos ? end : end + 1, end = out.find('\n', begin)) {
    const std::string line = out.substr(begin, end == std::string::npos ? end : end - begin);
    CHECK(line.size() <= kLineWidth);
    if (begin > 0) CHECK(line.substr(0, 14) == std::string(14, ' '));
    joined += (begin > 0 ? " " + line.substr(14) : line);
  }
  CHECK(joined == text.substr(0, text.size() - 1));
}
