// SPDX-License-Identifier: Apache-2.0
// Tables of parameters: each row (key, type, range, default or required, sentence) is written once
// and drives reading, checking, --print-config, the generated field tables and the JSON Schema.
//
//   Table<CoreSpec> core_table() {
//     Table<CoreSpec> t("core", "One compute core.");
//     t.required("rows", &CoreSpec::rows, integer(1, 4096), "Rows of the array.");
//     t.optional("clock_mhz", &CoreSpec::clock_mhz, number(above(0), "MHz"), "Clock.");
//     return t;
//   }
//
// The default of an optional field is the value that a default-constructed struct has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/codec.h"
#include "sim/config/object_keys.h"

namespace stagecoach {

/// A row bound to a struct T. Where a member pointer is given, B is T or a base of it.
template <class T>
struct Row {
  FieldInfo info;
  std::function<bool(const Json&, const Place&, T&)> read;
  /// Null when the field is not to be written.
  std::function<OrderedJson(const T&)> write;
};

template <class T>
class Table;

/// One alternative of a tagged object; its rows fill the same struct.
template <class T, class E>
struct Variant {
  std::string word;
  E value;
  std::string sentence;
  Table<T> fields;
};

template <class T>
class Table {
 public:
  /// `name` heads the object's section in documents, `sentence` opens it; `prototype` has the
  /// defaults (whoever reads must start from the same).
  explicit Table(std::string name = "", std::string sentence = "", T prototype = T{})
      : name_(std::move(name)), sentence_(std::move(sentence)), prototype_(std::move(prototype)) {}

  template <class M>
  struct Same {
    using type = M;
  };

  /// A field that must be there.
  template <class M, class B>
  Table& required(std::string key, M B::*member, typename Same<Codec<M>>::type type,
                  std::string sentence) {
    return add(std::move(key), place_of(member), std::move(type), true, std::move(sentence), "");
  }

  /// A field that may be absent. `default_text` describes a default that depends on other things;
  /// the field is then written by --print-config only if it differs from the struct's own value.
  template <class M, class B>
  Table& optional(std::string key, M B::*member, typename Same<Codec<M>>::type type,
                  std::string sentence, std::string default_text = "") {
    return add(std::move(key), place_of(member), std::move(type), false, std::move(sentence),
               std::move(default_text));
  }

  /// The same for a value that is no member: `place` finds it in the struct.
  template <class M, class PlaceOf>
  Table& optional_entry(std::string key, PlaceOf place, Codec<M> type, std::string sentence) {
    return add(std::move(key), place, std::move(type), false, std::move(sentence), "");
  }

  /// A field whose absence means something of its own.
  template <class M, class B>
  Table& may_have(std::string key, std::optional<M> B::*member, typename Same<Codec<M>>::type type,
                  std::string sentence, std::string absent_means) {
    Row<T> row;
    row.info = {std::move(key),      type.info,     false,
                std::move(sentence), OrderedJson(), std::move(absent_means)};
    row.read = [type, member](const Json& value, const Place& at, T& out) {
      M read{};
      if (!type.read(value, at, read)) return false;
      out.*member = std::move(read);
      return true;
    };
    row.write = [type, member](const T& from) {
      return from.*member ? type.write(*(from.*member)) : OrderedJson();
    };
    rows_.push_back(std::move(row));
    return *this;
  }

  /// A field that may be absent and has no member of its own: `set` stores what was read, `get`
  /// gives what to write (nothing: the field is left out).
  template <class N>
  Table& stored(std::string key, Codec<N> type, std::function<void(T&, const N&)> set,
                std::function<std::optional<N>(const T&)> get, std::string sentence,
                std::string default_text) {
    Row<T> row;
    row.info = {std::move(key),      type.info,     false,
                std::move(sentence), OrderedJson(), std::move(default_text)};
    row.read = [type, set](const Json& value, const Place& at, T& out) {
      N read{};
      if (!type.read(value, at, read)) return false;
      set(out, read);
      return true;
    };
    row.write = [type, get](const T& from) {
      const std::optional<N> value = get(from);
      return value ? type.write(*value) : OrderedJson();
    };
    rows_.push_back(std::move(row));
    return *this;
  }

  /// All rows of a table for a member struct, at this level of the object.
  template <class U, class B>
  Table& include(U B::*member, const Table<U>& inner) {
    for (const Row<U>& from : inner.rows()) {
      Row<T> row;
      row.info = from.info;
      row.read = [from, member](const Json& value, const Place& at, T& out) {
        return from.read(value, at, out.*member);
      };
      row.write = [from, member](const T& value) { return from.write(value.*member); };
      rows_.push_back(std::move(row));
    }
    for (const auto& check : inner.checks()) {
      checks_.push_back(
          [check, member](const T& value, const Place& at) { check(value.*member, at); });
    }
    return *this;
  }

  /// A required field whose word selects which further fields the object has.
  template <class E, class B>
  Table& tagged(const std::string& key, E B::*member, const std::string& sentence,
                std::vector<Variant<T, E>> variants) {
    required(key, member, tag_words<E>(variants), sentence);
    return add_variants(key, member, std::move(variants));
  }

  /// The same with the struct's own value when the field is absent.
  template <class E, class B>
  Table& tagged_or_default(const std::string& key, E B::*member, const std::string& sentence,
                           std::vector<Variant<T, E>> variants) {
    optional(key, member, tag_words<E>(variants), sentence);
    tag_has_default_ = true;
    return add_variants(key, member, std::move(variants));
  }

  /// The field given last had another key in an earlier release; files that use it are still read.
  Table& formerly(std::string key) {
    rows_.back().info.formerly = std::move(key);
    return *this;
  }

  /// A rule over several fields; runs when every field of the object was read without error.
  Table& check(std::function<void(const T&, const Place&)> rule) {
    checks_.push_back(std::move(rule));
    return *this;
  }

  /// `$uncertainty` of this object goes to a member (elsewhere it is a free annotation).
  Table& uncertainties(std::map<std::string, double> T::*member) {
    uncertainties_ = member;
    return *this;
  }

  const std::vector<Row<T>>& rows() const { return rows_; }
  const std::vector<std::function<void(const T&, const Place&)>>& checks() const { return checks_; }

  bool read(const Json& value, const Place& at, T& out) const {
    if (!value.is_object()) {
      at.report_value(value, *info());
      return false;
    }
    const std::size_t before = at.issues().size();
    bool tag_known = true;
    read_rows(rows_, value, at, out);
    const Table* variant = chosen(value, out, tag_known);
    if (variant) read_rows(variant->rows_, value, at, out);
    KnownKeys known{keys_of(rows_), former_keys()};
    if (variant) append(known.offered, keys_of(variant->rows_));
    if (!tag_known) add_likely_keys(value, known);
    report_unknown_keys(value, at, known, [this](const std::string& key) { return owners(key); });
    if (uncertainties_) read_uncertainties(value, at, known.offered, out.*uncertainties_);
    if (at.issues().size() != before) return false;
    for (const auto& rule : checks_) rule(out, at);
    if (variant) {
      for (const auto& rule : variant->checks_) rule(out, at);
    }
    return at.issues().size() == before;
  }

  OrderedJson write(const T& from) const {
    OrderedJson out = OrderedJson::object();
    write_rows(rows_, from, out);
    for (const auto& v : variants_) {
      if (v.is_chosen(from)) write_rows(v.table->rows_, from, out);
    }
    if (uncertainties_ && !(from.*uncertainties_).empty()) {
      out["$uncertainty"] = OrderedJson(from.*uncertainties_);
    }
    return out;
  }

  /// The table as a type: what documents and the schema are made from.
  TypePtr info() const {
    auto info = std::make_shared<TypeInfo>();
    info->kind = TypeKind::object;
    info->name = name_;
    info->sentence = sentence_;
    for (const auto& row : rows_) info->fields.push_back(row.info);
    info->tag = tag_;
    for (const auto& v : variants_) {
      VariantInfo variant{v.word, v.sentence, {}};
      for (const auto& row : v.table->rows_) variant.fields.push_back(row.info);
      info->variants.push_back(std::move(variant));
    }
    return info;
  }

  Codec<T> codec() const {
    Codec<T> codec;
    codec.info = info();
    const auto table = std::make_shared<const Table<T>>(*this);
    codec.read = [table](const Json& value, const Place& at, T& out) {
      return table->read(value, at, out);
    };
    codec.write = [table](const T& value) { return table->write(value); };
    return codec;
  }

 private:
  struct Choice {
    std::string word;
    std::string sentence;
    std::function<bool(const T&)> is_chosen;
    std::shared_ptr<const Table<T>> table;
  };

  template <class E>
  static Codec<E> tag_words(const std::vector<Variant<T, E>>& variants) {
    std::vector<Word<E>> all;
    for (const auto& v : variants) all.push_back({v.word, v.value, v.sentence});
    return words<E>(std::move(all));
  }

  template <class E, class B>
  Table& add_variants(const std::string& key, E B::*member, std::vector<Variant<T, E>> variants) {
    tag_ = key;
    for (auto& v : variants) {
      const E value = v.value;
      variants_.push_back({v.word, v.sentence,
                           [value, member](const T& t) { return t.*member == value; },
                           std::make_shared<Table<T>>(std::move(v.fields))});
    }
    return *this;
  }

  template <class M, class B>
  static auto place_of(M B::*member) {
    return [member](auto& t) -> auto& { return t.*member; };
  }

  template <class M, class PlaceOf>
  Table& add(std::string key, PlaceOf place, Codec<M> type, bool is_required, std::string sentence,
             std::string default_text) {
    Row<T> row;
    const OrderedJson fallback = is_required ? OrderedJson() : type.write(place(prototype_));
    const bool only_if_given = !default_text.empty();
    row.info = {std::move(key),
                type.info,
                is_required,
                std::move(sentence),
                only_if_given ? OrderedJson() : fallback,
                std::move(default_text)};
    row.read = [type, place](const Json& value, const Place& at, T& out) {
      return type.read(value, at, place(out));
    };
    row.write = [type, place, fallback, only_if_given](const T& from) {
      OrderedJson value = type.write(place(from));
      return only_if_given && value == fallback ? OrderedJson() : value;
    };
    rows_.push_back(std::move(row));
    return *this;
  }

  static void read_rows(const std::vector<Row<T>>& rows, const Json& value, const Place& at,
                        T& out) {
    for (const auto& row : rows) {
      const auto now = value.find(row.info.key);
      const auto former = row.info.formerly.empty() ? value.end() : value.find(row.info.formerly);
      const auto found = now != value.end() ? now : former;
      if (now != value.end() && former != value.end()) {
        at.child(row.info.formerly)
            .report("is the former name of \"" + row.info.key + "\", which is there, too");
      } else if (found != value.end()) {
        row.read(*found, at.child(found.key()), out);
      } else if (row.info.required) {
        at.report("required field \"" + row.info.key +
                  "\" is missing; allowed: " + row.info.type->allowed());
      }
    }
  }

  static void write_rows(const std::vector<Row<T>>& rows, const T& from, OrderedJson& out) {
    for (const auto& row : rows) {
      OrderedJson value = row.write(from);
      if (!value.is_null()) out[row.info.key] = std::move(value);
    }
  }

  /// The table of the variant that the tag selects; `known` is false if the tag is absent or wrong.
  const Table* chosen(const Json& value, const T& out, bool& known) const {
    if (tag_.empty()) return nullptr;
    const auto tag = value.find(tag_);
    const bool absent = tag == value.end();
    known = false;
    if (absent ? !tag_has_default_ : !tag->is_string()) return nullptr;
    for (const auto& v : variants_) {
      if ((absent || *tag == v.word) && v.is_chosen(out)) {
        known = true;
        return v.table.get();
      }
    }
    return nullptr;
  }

  /// Without a known tag: offers the fields of the variant that it misspells, and accepts those of
  /// any, for which belong is not known.
  void add_likely_keys(const Json& value, KnownKeys& known) const {
    std::vector<std::string> words;
    for (const auto& v : variants_) words.push_back(v.word);
    const auto tag = value.find(tag_);
    const bool given = tag != value.end() && tag->is_string();
    const std::string meant = given ? nearest_word(tag->template get<std::string>(), words) : "";
    for (const auto& v : variants_)
      append(v.word == meant ? known.offered : known.accepted, keys_of(v.table->rows_));
    if (meant.empty()) known.more = " and the fields of its \"" + tag_ + "\"";
  }

  /// "; it belongs to "conv2d", "linear"" for a field of other variants.
  std::string owners(const std::string& key) const {
    std::vector<std::string> words_with;
    for (const auto& v : variants_) {
      for (const auto& row : v.table->rows_) {
        if (row.info.key == key) words_with.push_back(v.word);
      }
    }
    return words_with.empty() ? "" : "; it belongs to " + tag_ + " " + quoted_list(words_with);
  }

  static std::vector<std::string> keys_of(const std::vector<Row<T>>& rows) {
    std::vector<std::string> keys;
    for (const auto& row : rows) keys.push_back(row.info.key);
    return keys;
  }
  std::vector<std::string> former_keys() const {
    std::vector<std::string> keys;
    for (const auto& row : rows_) {
      if (!row.info.formerly.empty()) keys.push_back(row.info.formerly);
    }
    return keys;
  }
  static void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
  }

  std::string name_;
  std::string sentence_;
  T prototype_;
  std::vector<Row<T>> rows_;
  std::string tag_;
  bool tag_has_default_ = false;
  std::vector<Choice> variants_;
  std::vector<std::function<void(const T&, const Place&)>> checks_;
  std::map<std::string, double> T::*uncertainties_ = nullptr;
};

}  // namespace stagecoach
