// SPDX-License-Identifier: Apache-2.0
// A checkpoint. The first byte says what the rest is: a whole file, or sections (a length each,
// then so many bytes) that are framed as they should be.
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "models/base/error.h"
#include "sim/app/identity_differences.h"
#include "sim/files/section_file.h"
#include "tests/fuzz/memory_file.h"

namespace stagecoach {
namespace {

constexpr const char* kMagic = "stagecoach checkpoint 1";
constexpr const char* kHere = R"({"program": {"version": "1"}, "workload": {"seed": 1}})";

std::string framed(const std::uint8_t* data, std::size_t size) {
  std::ostringstream file;
  SectionWriter writer(file, kMagic);
  for (std::size_t at = 0; at + 1 < size;) {
    const std::size_t bytes = std::min<std::size_t>(data[at], size - at - 1);
    writer.add(at == 0 ? "run" : "section", data + at + 1, static_cast<std::int64_t>(bytes));
    at += 1 + bytes;
  }
  writer.finish();
  return file.str();
}

void read_all(const std::string& path) {
  SectionReader reader(path, kMagic);
  std::vector<char> content;
  while (reader.next()) {
    if (reader.name() == "run") {
      identity_differences(reader.text(), kHere);
      continue;
    }
    content.resize(static_cast<std::size_t>(reader.bytes()));
    reader.read(content.data());
  }
}

}  // namespace
}  // namespace stagecoach

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagecoach;
  if (size == 0) return 0;
  const std::string text =
      data[0] & 1 ? framed(data + 1, size - 1) : std::string(data + 1, data + size);
  const MemoryFile file(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  try {
    read_all(file.path());
  } catch (const BrokenFile&) {
  } catch (const UserError&) {
  }
  return 0;
}
