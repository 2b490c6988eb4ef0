// SPDX-License-Identifier: Apache-2.0
#include "sim/config/json_document.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "sim/config/json_builder.h"

namespace stagecoach {
namespace {

/// Index of the first byte that is not well-formed UTF-8, or npos.
std::size_t first_bad_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size() || lead == 0) return i;
    for (std::size_t j = 1; j < length; ++j) {
      if ((static_cast<unsigned char>(text[i + j]) & 0xc0) != 0x80) return i;
    }
    i += length;
  }
  return std::string::npos;
}

bool read_file(const std::string& path, std::string& text, Issues& issues) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    issues.add(printable(path, 300), "no such file");
    return false;
  }
  if (std::filesystem::is_directory(status)) {
    issues.add(printable(path, 300), "is a directory; a JSON file is wanted");
    return false;
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    issues.add(printable(path, 300), std::string("cannot be opened: ") + std::strerror(errno));
    return false;
  }
  text.resize(Document::kMaxBytes + 1);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) {
    issues.add(printable(path, 300), "cannot be read");
    return false;
  }
  if (text.size() > Document::kMaxBytes) {
    issues.add(printable(path, 300), "is larger than 16 MiB: not a configuration file");
    return false;
  }
  return true;
}

bool split_path(const std::string& path, std::vector<std::string>& tokens) {
  std::string token;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      if (token.empty()) return false;
      tokens.push_back(token);
      token.clear();
    } else if (path[i] == '~' && i + 1 < path.size() &&
               (path[i + 1] == '0' || path[i + 1] == '1')) {
      token += path[++i] == '0' ? '~' : '/';
    } else {
      token += path[i];
    }
  }
  return true;
}

std::string join(const std::vector<std::string>& tokens) {
  std::string pointer;
  for (const std::string& token : tokens) pointer += "/" + pointer_token(token);
  return pointer;
}

bool is_index(const std::string& token) {
  return !token.empty() && token.size() <= 9 &&
         std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         (token.size() == 1 || token[0] != '0');
}

/// True if `pointer` is `prefix` or lies below it.
bool is_below(const std::string& pointer, const std::string& prefix) {
  return pointer.compare(0, prefix.size(), prefix) == 0 &&
         (pointer.size() == prefix.size() || pointer[prefix.size()] == '/');
}

/// Is it the path of an override? Fills its parts.
bool is_override_path(const std::string& path, std::vector<std::string>& tokens) {
  return split_path(path, tokens) && tokens.size() > 1 &&
         (tokens[0] == "hw" || tokens[0] == "workload");
}

/// A guess at what was meant by a path with dots for slashes.
std::string meant_path(std::string path) {
  std::replace(path.begin(), path.end(), '.', '/');
  std::vector<std::string> tokens;
  return is_override_path(path, tokens) ? "; did you mean " + printable(path) + "?" : "";
}

}  // namespace

std::string pointer_token(const std::string& key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

bool is_annotation(const std::string& key) {
  return key == "$comment" || key == "$source" || key == "$uncertainty" || key == "$schema";
}

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list of " + std::to_string(value.size());
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

std::string parse_override(const std::string& text, Override& override, Issues& issues) {
  const std::string where = "--set " + printable(text);
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals + 1 == text.size()) {
    issues.add(where, "expected PATH=VALUE, for example workload/training/epochs=3");
    return "";
  }
  std::vector<std::string> tokens;
  if (!is_override_path(text.substr(0, equals), tokens)) {
    issues.add(where,
               "a path starts with hw/ or workload/ and has no empty part, for example "
               "workload/training/epochs" +
                   meant_path(text.substr(0, equals)));
    return "";
  }
  for (const std::string& token : tokens) {
    if (token[0] == '$') {
      issues.add(where, "\"" + printable(token) + "\" is an annotation and changes nothing");
      return "";
    }
  }
  const std::string value = text.substr(equals + 1);
  Issues syntax;
  Document parsed = Document::from_text("VALUE", value, syntax);
  if (parsed.ok()) {
    override.value = parsed.root();
  } else if (std::strchr("{[\"", value[0]) || first_bad_utf8(value) != std::string::npos) {
    issues.add(where, syntax.text());
    return "";
  } else {
    override.value = value;
  }
  override.label = "--set " + tokens[0];
  override.label_is_root = true;
  override.tokens.assign(tokens.begin() + 1, tokens.end());
  return tokens[0];
}

Document Document::from_text(std::string label, std::string text, Issues& issues) {
  Document document;
  document.label_ = std::move(label);
  document.text_ = std::move(text);
  const std::string& body = document.text_;
  const std::string name = printable(document.label_, 300);
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) {
    issues.add(name, "is empty; a JSON object is wanted");
    return document;
  }
  const std::size_t bad = first_bad_utf8(body);
  if (bad != std::string::npos) {
    issues.add(name, "is not UTF-8 text: bad byte at " + line_and_column(body, bad));
    return document;
  }
  const std::size_t before = issues.size();
  document.root_ = build_json(name, body, kMaxDepth, issues);
  document.ok_ = issues.size() == before;
  return document;
}

Document Document::from_file(const std::string& path, Issues& issues, const std::string& part) {
  std::string text;
  Document document;
  if (read_file(path, text, issues)) {
    document = from_text(path, std::move(text), issues);
    if (document.ok() && !part.empty()) document.take_part(part);
  } else {
    document.label_ = path;
  }
  return document;
}

void Document::take_part(const std::string& part) {
  if (!root_.is_object() || !root_.contains("hw") || !root_.contains("workload")) return;
  for (const auto& field : root_.items()) {
    if (field.key() != "hw" && field.key() != "workload" && !is_annotation(field.key())) return;
  }
  Json inner = std::move(root_[part]);
  root_ = std::move(inner);
  base_ = "/" + part;
}

void Document::apply(const Override& override, Issues& issues) {
  const std::string pointer = join(override.tokens);
  const std::string name =
      override.label_is_root ? override.label + printable(pointer) : override.label;
  for (const Applied& other : applied_) {
    if (is_below(pointer, other.pointer) || is_below(other.pointer, pointer)) {
      issues.add(name, "already set by " + other.label +
                           (other.label_is_root ? printable(other.pointer) : "") +
                           "; give each value once");
      return;
    }
  }
  Json* at = &root_;
  std::string here;
  for (std::size_t i = 0; i < override.tokens.size(); ++i) {
    const std::string& token = override.tokens[i];
    if (at->is_object()) {
      Json& next = (*at)[token];
      if (next.is_null() && i + 1 < override.tokens.size()) next = Json::object();
      at = &next;
    } else if (at->is_array()) {
      if (!is_index(token) || std::stoul(token) >= at->size()) {
        issues.add(name, "no element " + printable(token) + " in the list " + printable(here) +
                             "; allowed: 0 to " + std::to_string(at->size()) + " (exclusive)");
        return;
      }
      at = &(*at)[std::stoul(token)];
    } else {
      issues.add(name, (here.empty() ? "the file" : printable(here)) + " is " + shown(*at) +
                           " and has no fields; set it as a whole");
      return;
    }
    here += "/" + pointer_token(token);
  }
  *at = override.value;
  applied_.push_back({pointer, override.label, override.label_is_root});
}

std::string Document::where(const std::string& pointer) const {
  for (const Applied& applied : applied_) {
    if (is_below(pointer, applied.pointer)) {
      return applied.label_is_root ? applied.label + printable(pointer, 200) : applied.label;
    }
  }
  const std::string place = base_ + pointer;
  return printable(label_, 300) + ": " + (place.empty() ? "/" : printable(place, 200));
}

}  // namespace stagecoach
