// SPDX-License-Identifier: Apache-2.0
// Codecs: how one value goes from JSON into a C++ value and back, with what is allowed.
//
//   integer(1, 4096, "rows")                 int, int64_t, uint64_t
//   number(above(0), "MHz")                  double
//   boolean(), text()
//   words<Dataflow>({{"weight_stationary", Dataflow::weight_stationary, "sentence"}, ...})
//   word_or(words<double>({{"unlimited", 0.0, ""}}), number(above(0)))
//   list_of<int>(integer(1, 10), 1, 100)     std::vector<int>
//   one_of<M>({...})                         by JSON type
//   table.codec()                            an object (param_table.h)
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/errors.h"
#include "sim/config/json_document.h"
#include "sim/config/type_info.h"

namespace stagecoach {

/// A place in a document that is being read, and where errors go.
class Place {
 public:
  /// `whole`: the type of the document's root, to tell where a misplaced field would belong.
  Place(const Document& document, Issues& issues, std::string pointer = "", TypePtr whole = nullptr)
      : document_(&document),
        issues_(&issues),
        pointer_(std::move(pointer)),
        whole_(std::move(whole)) {}

  Place child(const std::string& key) const {
    return {*document_, *issues_, pointer_ + "/" + pointer_token(key), whole_};
  }
  Place item(std::size_t index) const { return child(std::to_string(index)); }

  void report(std::string message) const {
    issues_->add(issues_->full() ? "" : document_->where(pointer_), std::move(message));
  }
  /// "found X; allowed: Y", with the near misses of a word.
  void report_value(const Json& found, const TypeInfo& type) const;

  const Document& document() const { return *document_; }
  Issues& issues() const { return *issues_; }
  const std::string& pointer() const { return pointer_; }
  /// Where the document may have a field of this name: "/training/mitigation/staleness", or "".
  std::string elsewhere(const std::string& key) const {
    return whole_ ? pointer_to_field(*whole_, key) : "";
  }

 private:
  const Document* document_;
  Issues* issues_;
  std::string pointer_;
  TypePtr whole_;
};

template <class M>
struct Codec {
  TypePtr info;
  /// Reads a value, or reports what is wrong with it and returns false.
  std::function<bool(const Json&, const Place&, M&)> read;
  std::function<OrderedJson(const M&)> write;
  /// Only inside one_of: whether this choice can express the value when writing. Null: always.
  std::function<bool(const M&)> expresses;
};

/// True if a value of this JSON type is what the codec wants (its content may still be wrong).
bool type_matches(const Json& value, const TypeInfo& type);

/// Checked conversion of a JSON number without a fraction; reports and returns false otherwise.
bool read_integer(const Json& value, const Place& at, const TypeInfo& type, std::int64_t& out);
bool read_number(const Json& value, const Place& at, const TypeInfo& type, double& out);

/// Integers; converts to the codec of the member's type, whose own limits apply as well.
struct IntegerType {
  std::int64_t minimum;
  std::int64_t maximum;
  std::string unit;

  template <class M>
  operator Codec<M>() const {
    static_assert(std::is_constructible<M, std::int64_t>::value, "integer() fills an integer");
    auto info = std::make_shared<TypeInfo>();
    info->kind = TypeKind::integer;
    info->unit = unit;
    info->minimum = minimum;
    info->maximum = maximum;
    if (sizeof(M) < 8) {
      const auto limit = static_cast<std::int64_t>(std::numeric_limits<M>::max());
      info->maximum = std::min(maximum, limit);
    }
    Codec<M> codec;
    codec.info = info;
    codec.read = [info](const Json& value, const Place& at, M& out) {
      std::int64_t wide = 0;
      if (!read_integer(value, at, *info, wide)) return false;
      out = static_cast<M>(wide);
      return true;
    };
    codec.write = [](const M& value) { return OrderedJson(value); };
    return codec;
  }
};

/// Both bounds belong to the range. Fractions are errors; 60000.0 and 6e4 are integers.
IntegerType integer(std::int64_t minimum, std::int64_t maximum, std::string unit = "");
/// From `minimum` upwards, as far as the member's type goes.
IntegerType count(std::int64_t minimum = 1, std::string unit = "");

Codec<double> number(Range range, std::string unit = "");
Codec<bool> boolean();
Codec<std::string> text();

template <class M>
struct Word {
  std::string word;
  M value;
  std::string sentence;
};

/// A closed set of words; M is usually an enum.
template <class M>
Codec<M> words(std::vector<Word<M>> all) {
  auto info = std::make_shared<TypeInfo>();
  info->kind = TypeKind::word;
  for (const auto& w : all) info->words.push_back({w.word, w.sentence});
  Codec<M> codec;
  codec.info = info;
  codec.read = [info, all](const Json& value, const Place& at, M& out) {
    if (value.is_string()) {
      for (const auto& w : all) {
        if (w.word == value.get_ref<const std::string&>()) {
          out = w.value;
          return true;
        }
      }
    }
    at.report_value(value, *info);
    return false;
  };
  codec.write = [all](const M& value) {
    for (const auto& w : all) {
      if (w.value == value) return OrderedJson(w.word);
    }
    return OrderedJson();
  };
  codec.expresses = [all](const M& value) {
    for (const auto& w : all) {
      if (w.value == value) return true;
    }
    return false;
  };
  return codec;
}

template <class M>
Codec<std::vector<M>> list_of(Codec<M> item, int min_items = 0,
                              int max_items = std::numeric_limits<int>::max()) {
  auto info = std::make_shared<TypeInfo>();
  info->kind = TypeKind::list;
  info->item = item.info;
  info->min_items = min_items;
  info->max_items = max_items;
  Codec<std::vector<M>> codec;
  codec.info = info;
  codec.read = [info, item](const Json& value, const Place& at, std::vector<M>& out) {
    if (!value.is_array() || value.size() < static_cast<std::size_t>(info->min_items) ||
        value.size() > static_cast<std::size_t>(info->max_items)) {
      at.report_value(value, *info);
      return false;
    }
    std::vector<M> all(value.size());
    bool good = true;
    for (std::size_t i = 0; i < all.size(); ++i) good &= item.read(value[i], at.item(i), all[i]);
    if (good) out = std::move(all);
    return good;
  };
  codec.write = [item](const std::vector<M>& all) {
    OrderedJson out = OrderedJson::array();
    for (const M& one : all) out.push_back(item.write(one));
    return out;
  };
  return codec;
}

/// The first choice whose JSON type fits reads the value; the first that can express it writes it.
template <class M>
Codec<M> one_of(std::vector<Codec<M>> choices) {
  auto info = std::make_shared<TypeInfo>();
  info->kind = TypeKind::one_of;
  for (const auto& choice : choices) info->choices.push_back(choice.info);
  Codec<M> codec;
  codec.info = info;
  codec.read = [info, choices](const Json& value, const Place& at, M& out) {
    const Codec<M>* only = nullptr;
    for (const auto& choice : choices) {
      if (!type_matches(value, *choice.info)) continue;
      // Two choices may share a JSON type (a word, or free text): a quiet trial decides.
      Issues quiet;
      M trial = out;
      if (choice.read(value, Place(at.document(), quiet, at.pointer()), trial)) {
        out = std::move(trial);
        return true;
      }
      only = only ? only : &choice;
    }
    if (only && !value.is_string() && !value.is_number()) return only->read(value, at, out);
    at.report_value(value, *info);
    return false;
  };
  codec.write = [choices](const M& value) {
    for (const auto& choice : choices) {
      if (!choice.expresses || choice.expresses(value)) return choice.write(value);
    }
    return OrderedJson();
  };
  return codec;
}

/// A word that stands for a value, or the value itself: "unlimited" or a number.
template <class M>
Codec<M> word_or(Codec<M> word, Codec<M> other) {
  return one_of<M>({std::move(word), std::move(other)});
}

/// A codec of M by way of N.
template <class M, class N>
Codec<M> converted(Codec<N> inner, std::function<M(const N&)> from, std::function<N(const M&)> to,
                   std::function<bool(const M&)> expresses = {}) {
  Codec<M> codec;
  codec.info = inner.info;
  codec.read = [inner, from](const Json& value, const Place& at, M& out) {
    N raw{};
    if (!inner.read(value, at, raw)) return false;
    out = from(raw);
    return true;
  };
  codec.write = [inner, to](const M& value) { return inner.write(to(value)); };
  codec.expresses = std::move(expresses);
  return codec;
}

}  // namespace stagecoach
