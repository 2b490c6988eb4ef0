// SPDX-License-Identifier: Apache-2.0
// The table of the pipeline: partition, schedule, pacing; and the table of a whole workload.
#include <limits>

#include "sim/config/workload_file.h"

namespace stagecoach {
namespace {

constexpr int kMaxInt = std::numeric_limits<int>::max();

/// {"cuts": [...]} or {"balanced": K}.
struct PartitionObject {
  std::optional<std::vector<std::string>> cuts;
  std::optional<int> balanced;
};

Codec<PartitionObject> partition_object() {
  using O = PartitionObject;
  Table<O> t("partition", "A placement vector, or the number of stages.");
  t.may_have(
      "cuts", &O::cuts, list_of<std::string>(text()),
      "Names of the layers that a pipeline register follows, in order. An empty list: one stage. A "
      "register after the last layer makes the loss a stage of its own, at no cost.",
      "one of the two is required");
  t.may_have("balanced", &O::balanced, integer(1, kMaxInt, "stages"),
             "Number of stages. The cuts make the slowest stage as fast as possible on the "
             "hardware; `--check` prints them.",
             "one of the two is required");
  t.check([](const O& o, const Place& at) {
    if (o.cuts.has_value() == o.balanced.has_value()) {
      at.report(std::string("takes either cuts or balanced; found ") +
                (o.cuts ? "both" : "neither"));
    }
  });
  return t.codec();
}

/// A word, or an object.
Codec<PartitionFile> partition_codec() {
  Codec<PartitionFile> word = converted<PartitionFile, PartitionKind>(
      words<PartitionKind>(
          {{"per_layer", PartitionKind::per_layer,
            "a stage for every layer with a weight matrix or kernel, with what follows it"},
           {"per_module", PartitionKind::per_module, "a stage for every layer, and for the loss"}}),
      [](const PartitionKind& kind) {
        PartitionFile file;
        file.spec.kind = kind;
        return file;
      },
      [](const PartitionFile& file) { return file.spec.kind; },
      [](const PartitionFile& file) {
        return file.balanced_stages == 0 && file.spec.kind != PartitionKind::cuts;
      });
  Codec<PartitionFile> object = converted<PartitionFile, PartitionObject>(
      partition_object(),
      [](const PartitionObject& given) {
        PartitionFile file;
        file.spec.kind = given.cuts ? PartitionKind::cuts : PartitionKind::per_layer;
        file.spec.cuts = given.cuts.value_or(std::vector<std::string>{});
        file.balanced_stages = given.balanced.value_or(0);
        return file;
      },
      [](const PartitionFile& file) {
        PartitionObject object;
        if (file.balanced_stages > 0) {
          object.balanced = file.balanced_stages;
        } else {
          object.cuts = file.spec.cuts;
        }
        return object;
      });
  return one_of<PartitionFile>({std::move(word), std::move(object)});
}

/// "none", "all", or names of stages.
Codec<RecomputeSpec> recompute_codec() {
  Codec<RecomputeSpec> word = converted<RecomputeSpec, RecomputeKind>(
      words<RecomputeKind>({{"none", RecomputeKind::none, "a stage keeps what its backward needs"},
                            {"all", RecomputeKind::all, "every stage keeps only its inputs"}}),
      [](const RecomputeKind& kind) {
        return RecomputeSpec{kind, {}};
      },
      [](const RecomputeSpec& spec) { return spec.kind; },
      [](const RecomputeSpec& spec) { return spec.kind != RecomputeKind::stages; });
  Codec<RecomputeSpec> named = converted<RecomputeSpec, std::vector<std::string>>(
      list_of<std::string>(text(), 1),
      [](const std::vector<std::string>& stages) {
        return RecomputeSpec{RecomputeKind::stages, stages};
      },
      [](const RecomputeSpec& spec) { return spec.stages; });
  return one_of<RecomputeSpec>({std::move(word), std::move(named)});
}

/// One number for all stages, or one for each.
Codec<std::vector<int>> per_stage(IntegerType item) {
  using Counts = std::vector<int>;
  Codec<Counts> single = converted<Counts, int>(
      Codec<int>(item), [](const int& n) { return Counts{n}; },
      [](const Counts& all) { return all.front(); },
      [](const Counts& all) { return all.size() == 1; });
  return one_of<Counts>({std::move(single), list_of<int>(item, 1)});
}

std::vector<Variant<PipelineFile, ScheduleKind>> schedules() {
  using P = PipelineFile;
  const Table<P> plain;
  Table<P> hybrid, one_f_one_b, interleaved;
  interleaved.optional("chunks_per_core", &P::chunks_per_core, integer(2, kMaxInt, "stages"),
                       "Stages that each core takes. With C of them and S stages there are P = S/C "
                       "cores, and core r serves the stages r, P+r, 2P+r, ...");
  one_f_one_b.optional("vertical_sync", &P::vertical_sync, boolean(),
                       "Every stage uses the version that stage 0 had when the sample entered.");
  hybrid.may_have("switch_epoch", &P::switch_epoch, number(at_least(0), "epochs"),
                  "Epochs before the switch; fractions count. Rounded up to a whole mini-batch.",
                  "one of the two is required");
  hybrid.may_have("switch_share", &P::switch_share, number(between(0, 1)),
                  "The same as a share of the run.", "one of the two is required");
  hybrid.check([](const P& p, const Place& at) {
    if (p.switch_epoch.has_value() == p.switch_share.has_value()) {
      at.report(
          std::string("schedule \"hybrid\" takes either switch_epoch or switch_share; found ") +
          (p.switch_epoch ? "both" : "neither"));
    }
  });
  return {
      {"sequential", ScheduleKind::sequential, "One mini-batch at a time; delay 0.", plain},
      {"fill_drain", ScheduleKind::fill_drain,
       "Fills, drains, then one update per mini-batch; delay 0.", plain},
      {"gpipe", ScheduleKind::gpipe, "All forwards, all backwards, one update; delay 0.", plain},
      {"one_f_one_b_flush", ScheduleKind::one_f_one_b_flush,
       "As `gpipe`, with early backwards (DAPPLE, PipeDream-Flush); delay 0.", plain},
      {"zero_bubble", ScheduleKind::zero_bubble,
       "As `one_f_one_b_flush`, but separate weight gradients fill idle time (ZB-H1; with "
       "max_in_flight 2S-1 ZB-H2); delay 0.",
       plain},
      {"interleaved_one_f_one_b", ScheduleKind::interleaved_one_f_one_b,
       "As `one_f_one_b_flush`, with several chunks of the network on each core, which fill the "
       "pipeline faster (Megatron's interleaved schedule); delay 0.",
       interleaved},
      {"zero_bubble_v", ScheduleKind::zero_bubble_v,
       "As `zero_bubble`, with two chunks on each core in the shape of a V: stages k and S-1-k "
       "share one (ZB-V); delay 0.",
       plain},
      {"pipelined", ScheduleKind::pipelined,
       "Pipelined backpropagation: updates at once; delay 2(S-1-k).", plain},
      {"one_f_one_b", ScheduleKind::one_f_one_b,
       "PipeDream: weight stashing by default; delay S-1-k.", one_f_one_b},
      {"two_buffered_weights", ScheduleKind::two_buffered_weights, "PipeDream-2BW; delay 1.",
       plain},
      {"hybrid", ScheduleKind::hybrid,
       "First `pipelined`; then the pipeline drains, and `sequential` follows.", hybrid},
  };
}

}  // namespace

Table<PipelineFile> pipeline_table() {
  using P = PipelineFile;
  Table<P> t("pipeline", "How the network is cut into stages, and in which order they work.");
  t.optional("partition", &P::partition, partition_codec(), "How layers become stages.");
  t.tagged_or_default<ScheduleKind>("schedule", &P::kind,
                                    "The order of operations. S stages, k from 0.", schedules());
  t.optional("pacing", &P::pacing,
             words<Pacing>({{"elastic", Pacing::elastic, "operations start when they can"},
                            {"lockstep", Pacing::lockstep, "ticks as long as the longest stage"}}),
             "When operations start.");
  t.optional("turnaround", &P::turnaround, integer(0, 1, "registers"),
             "A register between the last stage's forward and its backward. Both then work at the "
             "same time, on two micro-batches, and every delay is one micro-batch longer. For "
             "`pipelined`, `hybrid` and `fill_drain`; in the other schedules the last backward is "
             "a tick later anyway.");
  t.optional("recompute", &P::recompute, recompute_codec(),
             "Stages that keep only the inputs of a sample. They compute its forward again before "
             "its backward, with the weights that the backward reads. A list has the names of the "
             "stages, as `--check` prints them.");
  t.optional("max_in_flight", &P::max_in_flight, per_stage(integer(1, kMaxInt)),
             "Largest number of micro-batches in flight at a stage (between the start of their "
             "forward and the end of their backward): one number for every stage, or a list.",
             "the schedule's own");
  return t;
}

Table<WorkloadFile> workload_table() {
  using W = WorkloadFile;
  Table<W> t("workload", "What to train: data, network, pipeline, training.");
  t.optional("name", &W::name, text(), "Heads the results.", "the file's name");
  t.required("dataset", &W::dataset, dataset_table().codec(), "The samples.");
  t.required("network", &W::network, network_codec(),
             "The layers, or the name of a JSON file that holds such an object (relative to this "
             "file).");
  t.optional("pipeline", &W::pipeline, pipeline_table().codec(), "Stages and their order.");
  t.required("training", &W::training, training_table().codec(), "Loss, optimizer, length.");
  return t;
}

}  // namespace stagecoach
