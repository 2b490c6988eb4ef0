// SPDX-License-Identifier: Apache-2.0
#include "sim/config/json_builder.h"

#include <algorithm>
#include <utility>

namespace stagecoach {
namespace {

/// Builds the value from the parser's events.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string label, const std::string& text, int max_depth, Issues& issues)
      : label_(std::move(label)), text_(text), max_depth_(max_depth), issues_(issues) {}

  Json take() { return std::move(root_); }

  bool null() override { return put(Json(nullptr)) != nullptr; }
  bool boolean(bool value) override { return put(Json(value)) != nullptr; }
  bool number_integer(number_integer_t value) override { return put(Json(value)) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return put(Json(value)) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override {
    return put(Json(value)) != nullptr;
  }
  bool string(string_t& value) override {
    check_text(value);
    return put(Json(value)) != nullptr;
  }
  bool binary(binary_t&) override { return false; }  // cannot come from text

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    key_ = value;
    check_text(value);
    if (open_.back()->contains(value)) {
      issues_.add(label_ + ": " + printable(pointer() + "/" + pointer_token(value), 200),
                  "this field is given twice in its object");
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::size_t byte = position == 0 ? 0 : std::min(position - 1, text_.size());
    issues_.add(label_ + ": " + line_and_column(text_, byte),
                "not valid JSON: " + reason(error.what()) + hint(byte));
    return false;
  }

 private:
  /// A file's name would end at a NUL for the system and go on for us.
  void check_text(const std::string& value) {
    if (value.find('\0') == std::string::npos) return;
    const std::string place =
        !open_.empty() && open_.back()->is_object() ? "/" + pointer_token(key_) : "";
    issues_.add(label_ + ": " + printable(pointer() + place, 200),
                "found a NUL character; allowed: text without one");
  }

  /// Adds a value where the parser stands; its address stays good while it is the innermost.
  Json* put(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json& slot = parent[key_];
    slot = std::move(value);
    return &slot;
  }

  bool open(Json value) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      issues_.add(label_ + ": " + printable(pointer(), 200),
                  "nested deeper than " + std::to_string(max_depth_) + " levels");
      return false;
    }
    if (!open_.empty()) names_.push_back(key_);
    open_.push_back(put(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    if (!open_.empty()) names_.pop_back();
    return true;
  }

  /// Of the innermost open object or list.
  std::string pointer() const {
    std::string out;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      out += "/" + (open_[i]->is_array() ? std::to_string(open_[i]->size() - 1)
                                         : pointer_token(names_[i]));
    }
    return out;
  }

  /// nlohmann's sentence without its class names and position.
  static std::string reason(const std::string& what) {
    std::size_t at = what.find("] ");
    std::string text = at == std::string::npos ? what : what.substr(at + 2);
    if (text.compare(0, 14, "parse error at") == 0) {
      at = text.find(": ");
      if (at != std::string::npos) text = text.substr(at + 2);
    }
    return printable(text, 300);
  }

  /// The usual slips, by the text at the error.
  std::string hint(std::size_t byte) const {
    const char here = byte < text_.size() ? text_[byte] : '\0';
    const char last = byte > 0 && byte <= text_.size() ? text_[byte - 1] : '\0';
    if (here == '/' || here == '#' || (last == '/' && (here == '*' || here == ' '))) {
      return "; JSON has no comments, use a \"$comment\" field";
    }
    if (here == '\'') return "; strings stand in double quotes";
    if (here == '}' || here == ']') {
      const std::size_t last = text_.find_last_not_of(" \t\r\n", byte == 0 ? 0 : byte - 1);
      if (last != std::string::npos && text_[last] == ',') {
        return "; remove the comma before the closing bracket";
      }
    }
    if (here == 'N' || here == 'I') return "; NaN and Infinity are not numbers here";
    return "";
  }

  std::string label_;
  const std::string& text_;
  int max_depth_;
  Issues& issues_;
  Json root_;
  std::vector<Json*> open_;
  std::vector<std::string> names_;  ///< key under which open_[i + 1] stands in open_[i]
  std::string key_;
};

}  // namespace

Json build_json(const std::string& label, const std::string& text, int max_depth, Issues& issues) {
  Builder builder(label, text, max_depth, issues);
  Json::sax_parse(text, &builder);
  return builder.take();
}

std::string line_and_column(const std::string& text, std::size_t byte) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
  const auto line = 1 + std::count(text.begin(), end, '\n');
  const std::size_t start = text.rfind('\n', byte == 0 ? 0 : byte - 1);
  const std::size_t column =
      byte - (start == std::string::npos || line == 1 ? 0 : std::min(byte, start + 1)) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace stagecoach
