// SPDX-License-Identifier: Apache-2.0
// Reading CIFAR records, labels apart from images.
#include "models/data/cifar.h"

#include <algorithm>
#include <limits>

#include "models/data/byte_reader.h"

namespace stagecoach {
namespace {

constexpr std::int64_t kImageBytes = 3 * 32 * 32;

/// Appends records of one file until it ends or `room` are read (-1: no limit).
void append_records(const std::string& path, const std::string& role, const CifarFormat& format,
                    std::int64_t room, SplitData& data) {
  ByteReader file(path, role);
  const std::int64_t record = format.label_bytes + kImageBytes;
  const std::string want = ", " + std::string(format.name) + " files are whole records of " +
                           std::to_string(record) + " bytes";
  if (!file.compressed() && (file.file_bytes() % record != 0 || file.file_bytes() == 0)) {
    file.fail("truncated or of another format: " + std::to_string(file.file_bytes()) + " bytes" +
              want);
  }
  std::vector<unsigned char> bytes(static_cast<std::size_t>(record));
  for (std::int64_t n = 0; room < 0 || n < room; ++n) {
    const std::int64_t got = file.read(bytes.data(), record);
    if (got == 0 && n > 0) return;
    if (got < record) {
      file.fail("truncated or of another format: " + std::to_string(n * record + got) + " bytes" +
                want);
    }
    const unsigned char label = bytes[static_cast<std::size_t>(format.label_bytes - 1)];
    if (label >= format.classes) {
      file.fail("record " + std::to_string(n) + " has label " + std::to_string(label) +
                ", allowed are 0 to " + std::to_string(format.classes - 1));
    }
    data.targets.bytes.push_back(label);
    data.images.bytes.insert(data.images.bytes.end(), bytes.begin() + format.label_bytes,
                             bytes.end());
  }
  // Past a cap, too: whether a file is whole does not depend on how much of it is used.
  if (!file.compressed()) return;
  const std::int64_t rest = file.skip(std::numeric_limits<std::int64_t>::max());
  if (rest % record != 0) {
    file.fail("truncated or of another format: " + std::to_string(room * record + rest) + " bytes" +
              want);
  }
}

}  // namespace

SplitData read_cifar(const std::vector<std::string>& paths, const std::string& role,
                     const CifarFormat& format, std::int64_t most_samples) {
  SplitData data;
  std::int64_t most_bytes = 0;
  for (const std::string& path : paths) {
    const ByteReader probe(path, role);
    if (!probe.compressed()) most_bytes += probe.file_bytes();
  }
  if (most_samples >= 0 && most_samples < most_bytes / kImageBytes) {
    most_bytes = most_samples * kImageBytes;
  }
  data.images.bytes.reserve(static_cast<std::size_t>(most_bytes));
  for (const std::string& path : paths) {
    const auto samples = static_cast<std::int64_t>(data.targets.bytes.size());
    append_records(path, role, format, most_samples < 0 ? -1 : most_samples - samples, data);
  }
  const auto samples = static_cast<std::int64_t>(data.targets.bytes.size());
  data.targets.dims = {samples};
  data.images.dims = {samples, 3, 32, 32};
  return data;
}

}  // namespace stagecoach
