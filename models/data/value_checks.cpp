// SPDX-License-Identifier: Apache-2.0
#include "models/data/value_checks.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#include "models/base/error.h"
#include "models/data/memory_dataset.h"

namespace stagecoach {
namespace {

/// "nan", "2.5", "1e+39": a number as short as it can be told.
template <class E>
std::string text_of(E value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

[[noreturn]] void fail(const ValueSource& source, std::int64_t sample, const std::string& what) {
  throw UserError(source.role + ": " + source.path + ": sample " + std::to_string(sample) + " " +
                  what);
}

std::string label_list(const RawArray& targets) {
  constexpr std::int64_t kMost = 12;
  const std::int64_t count = targets.item_elements();
  std::string text = "[";
  with_element_type(targets.type, [&](auto element) {
    using E = decltype(element);
    for (std::int64_t i = 0; i < std::min(count, kMost); ++i) {
      text += (i ? ", " : "") + text_of(load_element<E>(targets.bytes.data() + i * sizeof(E)));
    }
  });
  return text + (count > kMost ? ", ...]" : "]");
}

/// True if no value of an integer type can be what check_images() refuses.
template <class E>
bool all_within(const Normalizer<float>& value, int channels) {
  if (!std::numeric_limits<E>::is_integer) return false;
  bool within = true;
  for (int c = 0; c < channels; ++c)
    for (const E end : {std::numeric_limits<E>::lowest(), std::numeric_limits<E>::max()})
      within = within && std::isfinite(value(end, static_cast<std::size_t>(c)));
  return within;
}

}  // namespace

void check_images(const RawArray& images, const Shape& shape, const DatasetSpec& spec,
                  const ValueSource& source) {
  const Normalizer<float> value(spec.normalize ? spec.mean : std::vector<double>{}, spec.std);
  const std::int64_t pixels = shape.pixels(), count = images.item_elements();
  with_element_type(images.type, [&](auto element) {
    using E = decltype(element);
    if (all_within<E>(value, shape.channels)) return;
    for (std::int64_t n = 0; n < images.items(); ++n) {
      const unsigned char* item = images.item(n);
      for (std::int64_t i = 0; i < count; ++i) {
        const E x = load_element<E>(item + i * sizeof(E));
        if (std::isfinite(value(x, static_cast<std::size_t>(i / pixels)))) continue;
        const bool finite = std::isfinite(static_cast<double>(x));
        fail(source, n,
             "holds " + text_of(x) + " (element " + std::to_string(i) + ")" +
                 (finite && spec.normalize ? ", which dataset.normalize takes beyond fp32" : "") +
                 "; allowed: numbers that fp32 holds");
      }
    }
  });
}

void check_bytes(const Shape& shape, const DatasetSpec& spec) {
  if (!spec.normalize) return;
  const Normalizer<float> value(spec.mean, spec.std);
  for (std::size_t c = 0; c < static_cast<std::size_t>(shape.channels); ++c)
    for (const std::uint8_t end : {0, 255}) {
      if (std::isfinite(value(end, c))) continue;
      const std::size_t at = std::min(c, spec.std.size() - 1);
      throw UserError("dataset.normalize: mean " + text_of(spec.mean[at]) + " and std " +
                      text_of(spec.std[at]) + " take the value " + text_of(end / 255) +
                      " of a pixel beyond fp32; allowed: numbers that fp32 holds");
    }
}

void check_targets(const RawArray& targets, const ValueSource& source) {
  const std::int64_t count = targets.item_elements();
  with_element_type(targets.type, [&](auto element) {
    using E = decltype(element);
    for (std::int64_t i = 0; i < targets.items() * count; ++i) {
      const E x = load_element<E>(targets.bytes.data() + i * sizeof(E));
      if (std::isfinite(static_cast<float>(x))) continue;
      fail(source, i / count, "has target " + text_of(x) + "; allowed: numbers that fp32 holds");
    }
  });
}

LabelFacts label_facts(const RawArray& targets, const ValueSource& source) {
  LabelFacts facts{0, source.role, source.path, 0, ""};
  if (targets.dims.size() > 1) {
    facts.label = label_list(targets);
    return facts;
  }
  double most = -1;
  with_element_type(targets.type, [&](auto element) {
    using E = decltype(element);
    for (std::int64_t i = 0; i < targets.items(); ++i) {
      const E x = load_element<E>(targets.item(i));
      const double label = static_cast<double>(x);
      const bool usable =
          label >= 0 && label < std::numeric_limits<int>::max() && label == std::floor(label);
      if (usable && label <= most) continue;
      most = usable ? label : -1;
      facts.sample = i;
      facts.label = text_of(x);
      if (!usable) return;
    }
  });
  facts.classes = static_cast<int>(most) + 1;
  return facts;
}

}  // namespace stagecoach
