// SPDX-License-Identifier: Apache-2.0
#include "sim/app/checkpoints.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <new>

#include "models/base/error.h"
#include "models/base/state_visitor.h"
#include "sim/app/identity_differences.h"
#include "sim/files/durable_file.h"
#include "sim/files/section_file.h"

namespace stagecoach {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMagic = "stagecoach checkpoint 1";
constexpr const char* kIdentitySection = "run";
constexpr const char* kOperationsSection = "operations";
constexpr const char* kSuffix = ".checkpoint";
/// Digits of the number of operations in a name: names sort as numbers do.
constexpr int kDigits = 19;
/// Operations between two looks at the clock.
constexpr std::int64_t kLookEvery = 16;

std::string name_of(std::int64_t operations) {
  std::string digits = std::to_string(operations);
  return std::string(kDigits - digits.size(), '0') + digits + kSuffix;
}

bool is_name(const std::string& name) {
  return name.size() == kDigits + std::string(kSuffix).size() &&
         name.find_first_not_of("0123456789") == kDigits &&
         name.compare(kDigits, std::string::npos, kSuffix) == 0;
}

/// Newest first.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (is_name(name)) names.push_back(name);
  }
  std::sort(names.rbegin(), names.rend());
  return names;
}

class StateWriter : public StateVisitor {
 public:
  explicit StateWriter(SectionWriter& file) : file_(file) {}
  bool restores() const override { return false; }

 private:
  void visit(const std::string& name, void* data, std::int64_t bytes) override {
    file_.add(name, data, bytes);
  }

  SectionWriter& file_;
};

class StateReader : public StateVisitor {
 public:
  explicit StateReader(SectionReader& file) : file_(file) {}
  bool restores() const override { return true; }

 private:
  void visit(const std::string& name, void* data, std::int64_t bytes) override {
    if (!file_.next() || file_.name() != name || file_.bytes() != bytes)
      throw BrokenFile("it holds \"" + file_.name() + "\" of " + std::to_string(file_.bytes()) +
                       " bytes in place of \"" + name + "\" of " + std::to_string(bytes));
    file_.read(data);
  }

  SectionReader& file_;
};

/// What differs between the run of a checkpoint and this one.
std::string differences_of(SectionReader& file, const std::string& path,
                           const std::string& identity) {
  try {
    return identity_differences(file.text(), identity);
  } catch (const UserError& error) {
    throw BrokenFile(path + ": " + error.what());
  }
}

/// The next section, which must have this name.
void expect(SectionReader& file, const std::string& path, const char* name) {
  if (!file.next() || file.name() != name)
    throw BrokenFile(path + ": is no checkpoint: it has no section \"" + name + "\"");
}

void restore_state(SectionReader& file, const std::string& path, Trainer& trainer) {
  std::string reason;
  try {
    StateReader reader(file);
    trainer.visit_state(reader);
    if (!file.next()) return;
    reason = "it holds \"" + file.name() + "\", which is not needed";
  } catch (const BrokenFile& error) {
    reason = error.what();
  } catch (const std::bad_alloc&) {
    reason = "there is not enough memory for it";
  } catch (const std::length_error&) {
    reason = "it holds a list of impossible length";
  }
  throw UserError("--resume: " + path + ": cannot be used: " + reason +
                  "; remove it to use the previous checkpoint");
}

}  // namespace

Checkpoints::Checkpoints(std::string folder, std::string identity)
    : folder_(std::move(folder)), identity_(std::move(identity)) {}

bool Checkpoints::any_in(const std::string& folder) { return !names_in(folder).empty(); }

std::string Checkpoints::path_of(const std::string& name) const {
  return (fs::path(folder_) / name).string();
}

std::optional<std::int64_t> Checkpoints::restore(
    Trainer& trainer, const std::function<void(const std::string&)>& note) {
  std::string others;
  const std::vector<std::string> names = names_in(folder_);
  for (const std::string& name : names) {
    const std::string path = path_of(name);
    try {
      SectionReader file(path, kMagic);
      expect(file, path, kIdentitySection);
      const std::string differences = differences_of(file, path, identity_);
      if (!differences.empty()) {
        others += (others.empty() ? "" : "\n") + path + ": belongs to another run:" + differences;
        continue;
      }
      expect(file, path, kOperationsSection);
      std::int64_t operations = 0;
      if (file.bytes() != sizeof operations) throw BrokenFile(path + ": is no checkpoint");
      file.read(&operations);
      restore_state(file, path, trainer);
      if (!others.empty()) note(others);
      newest_ = name;
      return operations;
    } catch (const BrokenFile& broken) {
      note(std::string(broken.what()) + "; it is ignored, and " +
           (name == names.back() ? "there is no other" : "the previous checkpoint is used"));
    }
  }
  if (others.empty()) return std::nullopt;
  throw UserError("--resume: " + others +
                  "\nUse the command of that run, or --force without --resume to start again");
}

std::int64_t Checkpoints::save(Trainer& trainer, std::int64_t operations) {
  std::error_code ignored;  // DurableFile tells
  fs::create_directories(folder_, ignored);
  const std::string name = name_of(operations);
  DurableFile file(path_of(name));
  SectionWriter sections(file.stream(), kMagic);
  sections.add(kIdentitySection, identity_.data(), static_cast<std::int64_t>(identity_.size()));
  sections.add(kOperationsSection, &operations, sizeof operations);
  StateWriter writer(sections);
  trainer.visit_state(writer);
  sections.finish();
  file.place();
  sync_folder(folder_);
  const std::string before = newest_;
  newest_ = name;
  for (const std::string& old : names_in(folder_)) {
    if (old != newest_ && old != before) fs::remove(path_of(old), ignored);
  }
  return static_cast<std::int64_t>(fs::file_size(path_of(name), ignored));
}

void Checkpoints::clear() {
  std::error_code ignored;  // what stays is whole, and of this run
  for (const std::string& name : names_in(folder_)) fs::remove(path_of(name), ignored);
  remove_abandoned_files(folder_);
  if (fs::is_directory(folder_, ignored)) fs::remove(folder_, ignored);
}

CheckpointingSink::CheckpointingSink(Trainer& trainer, Checkpoints& checkpoints, std::int64_t skip,
                                     std::optional<std::chrono::duration<double>> every,
                                     std::function<void(const std::string&)> note,
                                     std::function<void()> caught_up)
    : trainer_(trainer),
      checkpoints_(checkpoints),
      skip_(skip),
      every_(every),
      note_(std::move(note)),
      caught_up_(std::move(caught_up)),
      saved_at_(skip),
      begin_(Clock::now()),
      last_(begin_) {}

bool CheckpointingSink::emit(const Op& op) {
  if (catching_up()) {
    ++operations_;
    if (!catching_up()) {
      last_ = Clock::now();
      cost_.catch_up_seconds = std::chrono::duration<double>(last_ - begin_).count();
      caught_up_();
    }
    return true;
  }
  if (every_ && operations_ % kLookEvery == 0 && Clock::now() - last_ >= *every_) take();
  if (!trainer_.emit(op)) return false;
  ++operations_;
  return true;
}

void CheckpointingSink::take() {
  if (!every_ || operations_ <= saved_at_) return;
  const Clock::time_point begin = Clock::now();
  try {
    cost_.bytes = checkpoints_.save(trainer_, operations_);
    saved_at_ = operations_;
    ++cost_.written;
  } catch (const UserError& error) {
    note_(std::string(error.what()) + "; the run continues, and the last checkpoint stays");
  }
  last_ = Clock::now();
  cost_.seconds += std::chrono::duration<double>(last_ - begin).count();
}

}  // namespace stagecoach
