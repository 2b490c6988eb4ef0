// SPDX-License-Identifier: Apache-2.0
#include "sim/config/options.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <limits>
#include <map>

#include "models/base/error.h"
#include "sim/config/errors.h"
#include "sim/config/option_table.h"

namespace stagecoach {
namespace {

namespace po = boost::program_options;

constexpr std::int64_t kMaxCount = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxThreads = 1024;
constexpr double kMaxMinutes = 1e6;

using Values = std::map<std::string, std::vector<std::string>>;

std::string label(const std::string& name) { return "--" + name; }

bool may_lack_value(const OptionRow& row) { return row.argument[0] == '['; }

/// An option that may lack its value takes the next word if that is none of the options, which the
/// parser would do for one that needs it only: joins the two.
std::vector<std::string> with_joined_values(std::vector<std::string> arguments) {
  for (const OptionRow& row : option_rows()) {
    if (!may_lack_value(row)) continue;
    const auto at = std::find(arguments.begin(), arguments.end(), label(row.name));
    if (at == arguments.end() || at + 1 == arguments.end() || (at + 1)->rfind("-", 0) == 0 ||
        (at + 1)->empty())
      continue;
    *at += "=" + *(at + 1);
    arguments.erase(at + 1);
  }
  return arguments;
}

po::options_description description() {
  po::options_description all;
  for (const OptionRow& row : option_rows()) {
    if (may_lack_value(row)) {
      all.add_options()(row.name, po::value<std::vector<std::string>>()->implicit_value({""}, ""));
    } else if (*row.argument) {
      all.add_options()(row.name, po::value<std::vector<std::string>>());
    } else {
      all.add_options()(row.name, "");
    }
  }
  return all;
}

/// Splits the command line into options and their values.
Values tokenize(const std::vector<std::string>& arguments, Issues& issues) {
  namespace style = po::command_line_style;
  const po::options_description all = description();
  Values values;
  po::command_line_parser parser(with_joined_values(arguments));
  parser.options(all).allow_unregistered().style(style::allow_long | style::long_allow_adjacent |
                                                 style::long_allow_next);
  try {
    for (const auto& option : parser.run().options) {
      const std::string token = option.original_tokens.empty() ? "" : option.original_tokens[0];
      if (option.unregistered || option.string_key.empty()) {
        const std::string name = token.substr(0, token.find('='));
        issues.add(printable(name),
                   (option.unregistered ? "unknown option" : "unexpected argument") +
                       did_you_mean(name, option_names()));
        continue;
      }
      auto& found = values[option.string_key];
      if (!option.value.empty() && option.value[0].compare(0, 2, "--") == 0) {
        // An option whose value is missing, as an empty variable of a shell leaves it.
        issues.add(label(option.string_key),
                   "found \"" + printable(option.value[0]) +
                       "\", which begins as an option does; allowed: a value (./" +
                       printable(option.value[0]) + " for a file of that name)");
      }
      if (option.value.empty()) {
        found.emplace_back();
      } else {
        found.insert(found.end(), option.value.begin(), option.value.end());
      }
    }
  } catch (const po::error& error) {
    // A value for a switch, or none where one is needed.
    issues.add("command line", error.what());
  }
  for (const auto& entry : values) {
    if (entry.second.size() > 1 && entry.first != "set") {
      issues.add(label(entry.first),
                 "given " + std::to_string(entry.second.size()) + " times; allowed: once");
    }
  }
  return values;
}

/// Reads the tokenised values into Options.
class Reader {
 public:
  Reader(const Values& values, Issues& issues) : values_(values), issues_(issues) {}

  bool has(const char* name) const { return values_.count(name) > 0; }

  /// As it was given; the option must be there.
  const std::string& value(const char* name) const { return values_.at(name).front(); }

  void text(const char* name, std::string& out) const {
    if (!has(name)) return;
    out = values_.at(name).front();
    if (out.empty()) issues_.add(label(name), "found nothing; allowed: a path");
  }

  /// Digits only: no sign, no blank, no fraction.
  bool count(const char* name, std::int64_t low, std::int64_t high, std::int64_t& out) const {
    if (!has(name)) return false;
    const std::string& given = values_.at(name).front();
    const bool digits =
        !given.empty() && given.find_first_not_of("0123456789") == std::string::npos;
    const unsigned long long value = digits ? std::strtoull(given.c_str(), nullptr, 10) : 0;
    if (!digits || value < static_cast<unsigned long long>(low) ||
        value > static_cast<unsigned long long>(high)) {
      issues_.add(label(name), "found \"" + printable(given) + "\"; allowed: an integer from " +
                                   std::to_string(low) + " to " + std::to_string(high));
      return false;
    }
    out = static_cast<std::int64_t>(value);
    return true;
  }

  /// A decimal number above 0; no exponent, no sign.
  void positive(const char* name, double most, std::optional<double>& out) const {
    if (!has(name)) return;
    const std::string& given = values_.at(name).front();
    const bool decimal = !given.empty() &&
                         given.find_first_not_of("0123456789.") == std::string::npos &&
                         std::count(given.begin(), given.end(), '.') <= 1;
    const double value = decimal ? std::strtod(given.c_str(), nullptr) : 0;
    if (value > 0 && value <= most) {
      out = value;
    } else {
      issues_.add(label(name),
                  "found \"" + printable(given) + "\"; allowed: a number above 0, at most " +
                      std::to_string(static_cast<std::int64_t>(most)) + ", in digits such as 0.5");
    }
  }

  void count(const char* name, std::int64_t low, std::int64_t high,
             std::optional<std::int64_t>& out) const {
    std::int64_t value = 0;
    if (count(name, low, high, value)) out = value;
  }

  /// Index of the word given, -1 if the option is absent or wrong.
  int word(const char* name, const std::vector<std::string>& words) const {
    if (!has(name)) return -1;
    const std::string& given = values_.at(name).front();
    const auto found = std::find(words.begin(), words.end(), given);
    if (found != words.end()) return static_cast<int>(found - words.begin());
    issues_.add(label(name), "found \"" + printable(given) + "\"; allowed: one of " +
                                 quoted_list(words) + did_you_mean(given, words));
    return -1;
  }

  void exclude(const char* one, const char* other, const char* why) const {
    if (has(one) && has(other)) {
      issues_.add(label(one), "cannot be combined with " + label(other) + ": " + why);
    }
  }

  void need(const char* one, const char* other) const {
    if (has(one) && !has(other)) issues_.add(label(one), "changes nothing without " + label(other));
  }

 private:
  const Values& values_;
  Issues& issues_;
};

void read_ask(const Reader& reader, Options& options, Issues& issues) {
  const std::vector<std::pair<const char*, Ask>> asks = {
      {"check", Ask::check},
      {"print-config", Ask::print_config},
      {"list-stats", Ask::list_stats},
      {"print-fields", Ask::print_fields},
      {"print-schema", Ask::print_schema},
      {"help", Ask::help},
      {"version", Ask::version},
  };
  const char* first = nullptr;
  for (const auto& entry : asks) {
    if (!reader.has(entry.first)) continue;
    if (first) {
      issues.add(label(entry.first),
                 "cannot be combined with " + label(first) + ": one question at a time");
    } else {
      first = entry.first;
      options.ask = entry.second;
    }
  }
  if (options.ask == Ask::list_stats) options.search_word = reader.value("list-stats");
  for (const char* name : {"print-fields", "print-schema"}) {
    const int subject = reader.word(name, {"hw", "workload"});
    if (subject >= 0) options.subject = subject == 0 ? Subject::hardware : Subject::workload;
  }
}

void read_values(const Reader& reader, const Values& values, Options& options) {
  reader.text("hw", options.hardware_file);
  reader.text("workload", options.workload_file);
  reader.text("data", options.data_dir);
  if (reader.has("set")) options.sets = values.at("set");
  reader.count("samples", 1, kMaxCount, options.samples);
  reader.count("epochs", 1, kMaxCount, options.epochs);
  reader.count("seed", 0, std::numeric_limits<std::int64_t>::max(), options.seed);
  std::int64_t threads = 0;
  if (reader.count("threads", 1, kMaxThreads, threads)) options.threads = static_cast<int>(threads);
  options.forward_only = reader.has("forward-only");
  options.timing_only = reader.has("timing-only") || options.forward_only;
  options.functional_only = reader.has("functional-only");
  if (reader.word("precision", {"f32", "f64"}) == 1) options.precision = Precision::f64;
  const bool definition = reader.word("kernels", {"fast", "eigen"}) == 1;
  if (definition || options.precision == Precision::f64) options.kernels = Kernels::eigen;
  const std::vector<std::string> sets = {"auto", "avx512", "avx2", "baseline"};
  const int set = reader.word("instruction-set", sets);
  if (set >= 0) options.instruction_set = sets[static_cast<std::size_t>(set)];
  reader.text("init-weights", options.init_weights_file);
  reader.text("save-weights", options.save_weights_file);
  reader.positive("checkpoint-every", kMaxMinutes, options.checkpoint_minutes);
  options.resume = reader.has("resume");
  reader.text("record-schedule", options.record_file);
  reader.text("replay", options.replay_file);
  reader.text("out", options.out_dir);
  options.force = reader.has("force");
  options.trace = reader.has("trace");
  options.perfetto = reader.word("trace-format", {"chrome", "perfetto"}) == 1;
  options.vcd = reader.has("vcd");
  reader.count("trace-from", 0, std::numeric_limits<std::int64_t>::max(), options.trace_from);
  reader.count("trace-samples", 1, kMaxCount, options.trace_samples);
  options.quiet = reader.has("quiet");
  options.json = reader.has("json");
}

void check_combinations(const Reader& reader, const Options& options, Issues& issues) {
  const char* no_numbers = "no numbers are computed";
  const char* no_clock = "there is no clock";
  reader.exclude("functional-only", "timing-only", "nothing would be left to do");
  for (const char* numeric : {"precision", "kernels", "instruction-set", "init-weights",
                              "save-weights", "checkpoint-every", "resume"}) {
    reader.exclude(numeric, "timing-only", no_numbers);
    reader.exclude(numeric, "forward-only", no_numbers);
  }
  reader.exclude("forward-only", "functional-only", no_clock);
  reader.exclude("epochs", "forward-only", "every sample is seen once; --samples says how many");
  for (const char* order : {"record-schedule", "replay"}) {
    reader.exclude(order, "forward-only", "only a training's order of operations is kept");
  }
  if (options.precision == Precision::f64) {
    reader.exclude("kernels", "precision", "f64 is always computed by its definition");
  }
  reader.exclude("trace", "functional-only", no_clock);
  reader.exclude("vcd", "functional-only", no_clock);
  for (const char* bound : {"trace-from", "trace-samples"}) {
    if (!reader.has("vcd")) reader.need(bound, "trace");
  }
  reader.need("json", "check");
  reader.need("trace-format", "trace");
  reader.exclude("record-schedule", "functional-only", no_clock);
  reader.exclude("replay", "timing-only", "nothing would be left to do");
  for (const char* other : {"functional-only", "trace", "vcd", "record-schedule"}) {
    reader.exclude("replay", other, "the order comes from the file, without a clock");
  }
  const bool reads_files =
      options.ask == Ask::run || options.ask == Ask::check || options.ask == Ask::print_config;
  if (!reads_files) return;
  for (const char* name : {"hw", "workload"}) {
    if (!reader.has(name)) issues.add(label(name), "is missing; allowed: a JSON file");
  }
}

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  std::replace(arguments.begin(), arguments.end(), std::string("-h"), std::string("--help"));
  Issues issues;
  Options options;
  const Values values = tokenize(arguments, issues);
  const Reader reader(values, issues);
  read_ask(reader, options, issues);
  read_values(reader, values, options);
  if (issues.empty()) check_combinations(reader, options, issues);
  if (!issues.empty()) throw UserError(issues.text() + "\ntry --help");
  return options;
}

void apply_overrides(const Options& options, Document& hardware, Document& workload,
                     Issues& issues) {
  for (const std::string& set : options.sets) {
    Override override;
    const std::string root = parse_override(set, override, issues);
    if (root.empty()) continue;
    Document& document = root == "hw" ? hardware : workload;
    if (document.ok()) document.apply(override, issues);
  }
  const auto put = [&](const char* name, const std::optional<std::int64_t>& value,
                       std::vector<std::string> tokens) {
    if (!value || !workload.ok()) return;
    workload.apply({label(name), false, std::move(tokens), Json(*value)}, issues);
  };
  put("samples", options.samples, {"dataset", "train_samples"});
  put("epochs", options.epochs, {"training", "epochs"});
  put("seed", options.seed, {"training", "seed"});
}

}  // namespace stagecoach
