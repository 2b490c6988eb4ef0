// SPDX-License-Identifier: Apache-2.0
// How a statistic of summary.json is declared: one row with path, unit, sentence and value. The
// rows write the summary, and `--list-stats` prints them; nothing about a statistic is said twice.
//
// To add one: a row in sim/stats/catalogue_*.cpp (and, for a new counter, a member in
// run_statistics.h that a module fills).
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/stats/run_result.h"

namespace stagecoach {

/// Keys stay in the order in which they were inserted: the same input gives the same bytes.
using OrderedJson = nlohmann::ordered_json;

/// What the rows of a section look at: the run, and which of its epochs, stages, layers, links.
struct RunView {
  const RunResult& run;
};
struct EpochView {
  const RunResult& run;
  std::size_t index;
};
struct StageView {
  const RunResult& run;
  std::size_t index;
};
struct LayerView {
  const RunResult& run;
  std::size_t index;
};
struct LinkView {
  const RunResult& run;
  std::size_t index;
};

template <class View>
struct Statistic {
  std::string path;     ///< inside its section, parts joined by '.'
  std::string unit;     ///< "cycles", "bytes", ...; "ratio" is 0..1; "text", "list", "object"
  std::string meaning;  ///< one sentence
  std::function<OrderedJson(const View&)> value;  ///< null where it does not apply
};

std::vector<Statistic<RunView>> run_catalogue();
std::vector<Statistic<EpochView>> epoch_catalogue();
std::vector<Statistic<StageView>> stage_catalogue();
std::vector<Statistic<LayerView>> layer_catalogue();
/// Of the loss, which is no layer: "loss.passes. ...".
std::vector<Statistic<RunView>> loss_catalogue();
std::vector<Statistic<LinkView>> link_catalogue();
/// "energy. ..." and "area. ...".
std::vector<Statistic<RunView>> energy_catalogue();
/// host.*
std::vector<Statistic<RunView>> host_catalogue();

/// numerator / denominator, null for 0/0 and whatever else is no finite number.
OrderedJson ratio_or_null(double numerator, double denominator);
template <class Numerator, class Denominator>
OrderedJson ratio_or_null(Numerator numerator, Denominator denominator) {
  return ratio_or_null(static_cast<double>(numerator), static_cast<double>(denominator));
}

/// The number, null if NaN or infinite (JSON has neither).
OrderedJson finite_or_null(double value);

/// {"<part>": value, ...}
OrderedJson parts_json(const BandedSum& sum);

/// The object of one view: every row's value at its path.
template <class View>
OrderedJson to_json(const std::vector<Statistic<View>>& rows, const View& view) {
  OrderedJson object = OrderedJson::object();
  for (const auto& row : rows) {
    OrderedJson* place = &object;
    std::size_t begin = 0;
    for (std::size_t dot = row.path.find('.'); dot != std::string::npos;
         dot = row.path.find('.', begin)) {
      place = &(*place)[row.path.substr(begin, dot - begin)];
      begin = dot + 1;
    }
    (*place)[row.path.substr(begin)] = row.value(view);
  }
  return object;
}

}  // namespace stagecoach
