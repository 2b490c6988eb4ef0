// SPDX-License-Identifier: Apache-2.0
// The digests that FIPS 180-4's examples give.
#include "sim/files/sha256.h"

#include <catch2/catch.hpp>

#include "models/base/error.h"

using namespace stagecoach;  // NOLINT: tests

TEST_CASE("sha256 gives the published digests") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 of a file that is not there says so") {
  CHECK_THROWS_WITH(sha256_of_file("/nonexistent/x.json"),
                    Catch::Contains("/nonexistent/x.json") && Catch::Contains("cannot be opened"));
}

TEST_CASE("sha256 does not depend on how the bytes come") {
  const std::string text(1000, 'b');
  for (std::size_t piece : {1, 63, 64, 65, 200}) {
    Sha256 sum;
    for (std::size_t at = 0; at < text.size(); at += piece)
      sum.add(std::string_view(text).substr(at, piece));
    CHECK(sum.hex() == sha256_hex(text));
  }
}
