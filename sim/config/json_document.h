// SPDX-License-Identifier: Apache-2.0
// A configuration file as parsed JSON, with what the command line set in it; strict about syntax.
// What the values mean is the business of param_table.h.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/config/errors.h"

namespace stagecoach {

using Json = nlohmann::json;
/// For output: fields stay in the order of their table.
using OrderedJson = nlohmann::ordered_json;

/// One value that the command line puts into a file.
struct Override {
  std::string label;                ///< how messages call it: "--set workload" or "--epochs"
  bool label_is_root = true;        ///< messages append the pointer to the label
  std::vector<std::string> tokens;  ///< the pointer's parts: {"training", "epochs"}
  Json value;
};

/// Parses "hw/core/rows=8" or "workload/pipeline/schedule=gpipe" into the root ("hw" or "workload")
/// and the override. VALUE is JSON; a bare word counts as a string. Appends to `issues` and returns
/// "" if the text is not of that form.
std::string parse_override(const std::string& text, Override& override, Issues& issues);

/// A parsed file.
class Document {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
  static constexpr int kMaxDepth = 32;

  /// Parses text. Syntax errors (with line and column), duplicate keys and nesting beyond kMaxDepth
  /// go to `issues`; ok() is then false.
  static Document from_text(std::string label, std::string text, Issues& issues);
  /// Reads and parses a file; a missing file, a directory, an empty file and text that is not UTF-8
  /// go to `issues` as well. A file that --print-config has printed holds both parts: `part` ("hw"
  /// or "workload") then becomes the document.
  static Document from_file(const std::string& path, Issues& issues, const std::string& part = "");

  bool ok() const { return ok_; }
  const Json& root() const { return root_; }
  const std::string& label() const { return label_; }
  /// The file's bytes, for fingerprints.
  const std::string& text() const { return text_; }

  /// Puts a value in. Objects on the way are made where they are missing; list elements must exist.
  /// Whether the fields exist is checked when the document is read.
  void apply(const Override& override, Issues& issues);

  /// How messages name a place: "file: /training/epochs", or the option that set it.
  std::string where(const std::string& pointer) const;

 private:
  struct Applied {
    std::string pointer;
    std::string label;
    bool label_is_root;
  };
  void take_part(const std::string& part);

  std::string label_;
  std::string base_;  ///< pointer of the part within the file
  std::string text_;
  Json root_;
  bool ok_ = false;
  std::vector<Applied> applied_;
};

/// Part of a JSON Pointer: "/" and "~" escaped.
std::string pointer_token(const std::string& key);

/// True for the keys that are free anywhere: $comment, $source, $uncertainty, $schema.
bool is_annotation(const std::string& key);

/// A value as messages show it: `"abc"`, `3.5`, `an object`, `a list of 4`; long ones are cut.
std::string shown(const Json& value);

}  // namespace stagecoach
