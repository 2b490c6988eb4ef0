// SPDX-License-Identifier: Apache-2.0
#include "sim/config/field_docs.h"

#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "sim/config/hardware_config.h"
#include "sim/config/workload_file.h"

namespace stagecoach {
namespace {

std::string code(const std::string& text) { return "`" + text + "`"; }

/// What a field holds, for a table cell.
std::string type_text(const TypeInfo& type) {
  const std::string unit = type.unit.empty() ? "" : " (" + type.unit + ")";
  switch (type.kind) {
    case TypeKind::boolean:
      return "`true` or `false`";
    case TypeKind::integer: {
      const bool open = type.maximum >= std::numeric_limits<std::int32_t>::max();
      return "integer, " + std::to_string(type.minimum) +
             (open ? " or more" : " to " + std::to_string(type.maximum)) + unit;
    }
    case TypeKind::number: {
      const std::string bounds = type.range.text();
      return "number" + (bounds.empty() ? "" : ", " + bounds) + unit;
    }
    case TypeKind::text:
      return "string";
    case TypeKind::word: {
      std::string out;
      for (const WordInfo& w : type.words) out += (out.empty() ? "" : ", ") + code(w.word);
      return out;
    }
    case TypeKind::list:
      return "list of " + type_text(*type.item);
    case TypeKind::object:
      return type.name.empty() ? "object" : type.name + " object";
    case TypeKind::one_of: {
      std::string out;
      for (const TypePtr& choice : type.choices) {
        out += (out.empty() ? "" : "; or ") + type_text(*choice);
      }
      return out;
    }
  }
  return "";
}

/// The sentences of words that have one.
std::string word_sentences(const TypeInfo& type) {
  std::string out;
  for (const WordInfo& w : type.words) {
    if (!w.sentence.empty()) out += " " + code(w.word) + ": " + w.sentence + ".";
  }
  for (const TypePtr& choice : type.choices) out += word_sentences(*choice);
  if (type.item) out += word_sentences(*type.item);
  return out;
}

std::string default_text(const FieldInfo& field) {
  if (field.required) return "required";
  if (!field.default_text.empty()) return field.default_text;
  if (field.default_value.is_object()) return "its own defaults";
  return code(field.default_value.dump());
}

/// One object, with the place where it stands.
struct Section {
  std::string path;
  const TypeInfo* type;
};

class MarkdownWriter {
 public:
  std::string write(const TypeInfo& root, const std::string& name) {
    write_section({name, &root}, "");
    write_alike();
    return std::move(out_);
  }

 private:
  /// The objects that a field may hold.
  static void collect_objects(const TypeInfo& type, const std::string& path,
                              std::vector<Section>& found) {
    switch (type.kind) {
      case TypeKind::object:
        found.push_back({path, &type});
        return;
      case TypeKind::list:
        return collect_objects(*type.item, path + "[]", found);
      case TypeKind::one_of:
        for (const TypePtr& choice : type.choices) collect_objects(*choice, path, found);
        return;
      case TypeKind::boolean:
      case TypeKind::integer:
      case TypeKind::number:
      case TypeKind::text:
      case TypeKind::word:
        return;
    }
  }

  void write_table(const std::vector<FieldInfo>& fields, const std::string& tag,
                   const std::string& path, std::vector<Section>& below) {
    out_ += "| field | holds | default | meaning |\n|---|---|---|---|\n";
    for (const FieldInfo& field : fields) {
      // The words of the tag are explained variant by variant.
      const std::string words = field.key == tag ? "" : word_sentences(*field.type);
      out_ += "| " + code(field.key) + " | " + type_text(*field.type) + " | " +
              default_text(field) + " | " + field.sentence + words + " |\n";
      collect_objects(*field.type, path.empty() ? field.key : path + "." + field.key, below);
    }
    out_ += "\n";
  }

  /// `path` is that of the fields; the root's have none.
  void write_section(const Section& section, const std::string& path) {
    const TypeInfo& type = *section.type;
    const bool named = path.empty() || ends_with(path, type.name);
    const std::string heading = "### " + code(section.path) + (named ? "" : ": " + type.name);
    std::string before = std::exchange(out_, "");
    std::vector<Section> below;
    write_body(type, path, below);
    const std::string body = std::exchange(out_, std::move(before));
    const auto same = written_.find(body);
    if (same != written_.end()) {
      // Variants share fields: such an object stands there already.
      if (same->second == section.path) return;
      if (alike_to_ != same->second) write_alike();
      alike_to_ = same->second;
      alike_.push_back(section.path);
      return;
    }
    write_alike();
    written_[body] = section.path;
    out_ += heading + "\n\n" + body;
    for (const Section& inner : below) write_section(inner, inner.path);
  }

  /// The objects whose fields are those of another one, in one line.
  void write_alike() {
    if (alike_.empty()) return;
    for (const std::string& path : alike_) out_ += (&path == &alike_[0] ? "" : ", ") + code(path);
    out_ += ": as " + code(alike_to_) + ".\n\n";
    alike_.clear();
  }

  void write_body(const TypeInfo& type, const std::string& path, std::vector<Section>& below) {
    if (!type.sentence.empty()) out_ += type.sentence + "\n\n";
    write_table(type.fields, type.tag, path, below);
    bool any_plain = false;
    for (const VariantInfo& variant : type.variants) {
      if (variant.fields.empty()) {
        any_plain = true;
        continue;
      }
      out_ += "**" + code(type.tag) + " " + code(variant.word) + "**" +
              (variant.sentence.empty() ? "" : ": " + variant.sentence) + "\n\n";
      write_table(variant.fields, "", path, below);
    }
    if (any_plain) write_plain_variants(type);
  }

  void write_plain_variants(const TypeInfo& type) {
    out_ += "Without further fields:\n\n";
    for (const VariantInfo& variant : type.variants) {
      if (!variant.fields.empty()) continue;
      out_ += "- " + code(variant.word) +
              (variant.sentence.empty() ? "" : ": " + variant.sentence) + "\n";
    }
    out_ += "\n";
  }

  static bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), std::string::npos, end) == 0;
  }

  std::string out_;
  std::map<std::string, std::string> written_;  ///< bodies of sections and where they stand
  std::vector<std::string> alike_;              ///< not written yet: as the one at alike_to_
  std::string alike_to_;
};

TypePtr type_of(Subject subject) {
  switch (subject) {
    case Subject::hardware:
      return hardware_table().info();
    case Subject::workload:
      return workload_table().info();
  }
  return {};
}

}  // namespace

std::string fields_markdown(const TypeInfo& type, const std::string& name) {
  return MarkdownWriter().write(type, name);
}

std::string fields_markdown(Subject subject) {
  return fields_markdown(*type_of(subject), subject == Subject::hardware ? "hw" : "workload");
}

OrderedJson schema_json(Subject subject) {
  OrderedJson schema = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", subject == Subject::hardware ? "Stagecoach hardware" : "Stagecoach workload"}};
  schema.update(schema_json(*type_of(subject)));
  return schema;
}

}  // namespace stagecoach
