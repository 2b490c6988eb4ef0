# SPDX-License-Identifier: Apache-2.0
"""The shape of the parts of summary.json that a page shows."""

from .shape import Map

SCHEMA = "stagecoach.summary/1"
CAUSES = ("forward", "backward", "update", "stall_input", "stall_output", "stall_memory",
          "stall_interconnect", "idle")
EPOCH = {"epoch?": "number", "samples": "number", "train_loss": "number?",
         "train_accuracy": "number?", "test_loss": "number?", "test_accuracy": "number?", "cycles": "number?", "simulated_seconds": "number?",
         "joules": "number?"}
STAGE = {
    "index": "number", "name": "text", "core": "text?", "layers": ["text"],
    "cycles": {cause: "number?" for cause in CAUSES},
    "utilization": "number?", "mac_utilization": "number?", "joules": "number?",
    "energy_parts": Map("number?"),
    "datapaths?": {"forward": "number?", "input_gradient": "number?", "weight_gradient": "number?",
                   "first_weight_write": "number?", "activation_sets": "number?"},
    "staleness": {"closed_form": "number?", "min": "number?", "mean": "number?", "max": "number?",
                  "backward_mean": "number?", "histogram": "any"},
    "memory": {"weights_bytes": "number?", "optimizer_bytes": "number?",
               "stashed_weights_bytes": "number?", "activations_peak_bytes": "number?",
               "gradients_peak_bytes": "number?", "peak_bytes": "number?",
               "capacity_bytes": "number?", "spilled_bytes": "number?"},
}
PASS = {"macs": "number?", "cycles": "number?"}
SUMMARY = {
    "provenance": {"version": "text", "hardware": "text", "workload": "text",
                   "hardware_sha256": "text", "workload_sha256": "text", "seed": "number?",
                   "command": "text"},
    "training": {"samples": "number?", "updates": "number?", "epochs": [EPOCH],
                 "diverged": "flag?", "complete?": "flag?", "interrupted?": "flag?",
                 "target_accuracy?": "number?", "to_target?": "any", "diverged_at?": "any"},
    "timing": {"cycles": "number?", "clock_mhz": "number?", "simulated_seconds": "number?",
               "samples_per_simulated_second": "number?", "steady_cycles_per_sample": "number?",
               "forward_only?": "flag?", "first_micro_batch_cycles?": "number?",
               "steady_samples_per_second?": "number?",
               "limited_by?": "text?", "limit_cycles_per_micro_batch?": "number?"},
    "stages": [STAGE],
    "layers": [{"name": "text", "type": "text", "stage": "number", "parameters": "number",
                "passes": {"forward": PASS, "input_gradient": PASS, "weight_gradient": PASS,
                           "update": PASS}}],
    "utilization": {"mean": "number?", "steady_mean": "number?", "mac_mean": "number?"},
    "memory": {"peak_bytes": "number?", "weights_bytes": "number?",
               "activations_peak_bytes": "number?", "dram_channel?": "any"},
    "interconnect": {"bytes": "number?", "links": "any"},
    "energy": {"total_joules": "number?", "total_joules_low?": "number?",
               "total_joules_high?": "number?", "per_sample_joules": "number?",
               "shared_joules": "number?", "shared_parts": Map("number?"),
               "parts": Map("number?")},
    "area?": {"total_mm2": "number?", "total_mm2_low?": "number?", "total_mm2_high?": "number?",
              "parts?": Map("number?")},
    "host": {"wall_seconds": "number?", "samples_per_second": "number?", "threads": "number?"},
}
# Parts that are null in some runs and have a shape in the others.
HISTOGRAM = Map("number")
LINKS = [{"name": "text", "bytes": "number", "busy_cycles": "number", "wait_cycles": "number",
          "utilization": "number?", "joules": "number?"}]
DRAM_CHANNEL = {"bytes": "number", "busy_cycles": "number", "wait_cycles": "number",
                "utilization": "number?"}
TO_TARGET = {"epoch": "number", "simulated_seconds": "number?", "joules": "number?"}
DIVERGED_AT = {"epoch": "number", "sample": "number?"}
