// SPDX-License-Identifier: Apache-2.0
// A strict reader of value change dumps, written from the format's description and not from the
// writer: names by scope, changes in order of time. Throws std::runtime_error at what is wrong.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace stagecoach::test {

struct VcdDump {
  /// Full name ("machine.stages.conv1.state") to changes: time, value as written.
  std::map<std::string, std::vector<std::pair<std::int64_t, std::string>>> signals;
  std::int64_t begin = -1;
  std::int64_t end = -1;

  /// How long the signal has each value between begin and end.
  std::map<std::string, std::int64_t> durations(const std::string& name) const {
    std::map<std::string, std::int64_t> sums;
    const auto& changes = signals.at(name);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const std::int64_t until = i + 1 < changes.size() ? changes[i + 1].first : end;
      sums[changes[i].second] += until - changes[i].first;
    }
    return sums;
  }
};

class VcdReader {
 public:
  explicit VcdReader(const std::string& path) : file_(path) {
    if (!file_) throw std::runtime_error("no file " + path);
    read_header();
    std::string word;
    while (file_ >> word) read_change(word);
    for (const auto& [name, changes] : dump_.signals) {
      if (changes.empty() || changes[0].first != dump_.begin) fail(name + " has no first value");
    }
  }
  const VcdDump& dump() const { return dump_; }

 private:
  [[noreturn]] static void fail(const std::string& what) { throw std::runtime_error(what); }

  std::vector<std::string> until_end() {
    std::vector<std::string> words;
    for (std::string word; file_ >> word;) {
      if (word == "$end") return words;
      words.push_back(word);
    }
    fail("a section without $end");
  }

  void read_header() {
    std::vector<std::string> scopes;
    for (std::string keyword; file_ >> keyword;) {
      const std::vector<std::string> words = until_end();
      if (keyword == "$enddefinitions") {
        if (!scopes.empty()) fail("a scope is open");
        return;
      }
      if (keyword == "$scope") {
        if (words.size() != 2 || words[0] != "module") fail("scope");
        scopes.push_back(words[1]);
      } else if (keyword == "$upscope") {
        if (scopes.empty()) fail("no scope to leave");
        scopes.pop_back();
      } else if (keyword == "$var") {
        if (words.size() != 4) fail("a variable has four words");
        std::string name;
        for (const std::string& scope : scopes) name += scope + ".";
        name += words[3];
        if (!names_.emplace(words[2], std::make_pair(name, words[0])).second) fail("id twice");
        if (!dump_.signals.emplace(name, 0).second) fail(name + " declared twice");
      } else if (keyword != "$comment" && keyword != "$timescale") {
        fail("keyword " + keyword);
      }
    }
    fail("no $enddefinitions");
  }

  void change(const std::string& id, const std::string& type, const std::string& value) {
    const auto found = names_.find(id);
    if (found == names_.end()) fail("unknown id " + id);
    if (found->second.second != type) fail(found->second.first + ": wrong kind of value");
    auto& changes = dump_.signals.at(found->second.first);
    if (!changes.empty() && changes.back().first == dump_.end) fail("two values at one time");
    if (!changes.empty() && changes.back().second == value) fail("a change that is none");
    changes.emplace_back(dump_.end, value);
  }

  void read_change(const std::string& word) {
    if (word[0] == '#') {
      const std::int64_t time = std::stoll(word.substr(1));
      if (time <= dump_.end) fail("time goes back");
      if (dump_.begin < 0) dump_.begin = time;
      dump_.end = time;
    } else if (word == "$dumpvars" || word == "$end") {
      return;
    } else if (word[0] == '0' || word[0] == '1') {
      change(word.substr(1), "wire", word.substr(0, 1));
    } else {
      std::string id;
      file_ >> id;
      if (word[0] == 's') return change(id, "string", word.substr(1));
      if (word[0] != 'b') fail("value " + word);
      const std::string digits = word.substr(1);
      const bool none = digits == "z";
      change(id, "integer", none ? digits : std::to_string(std::stoll(digits, nullptr, 2)));
    }
  }

  std::ifstream file_;
  std::map<std::string, std::pair<std::string, std::string>> names_;  ///< by id: name, type
  VcdDump dump_;
};

}  // namespace stagecoach::test
