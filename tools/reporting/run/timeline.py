# SPDX-License-Identifier: Apache-2.0
"""The timeline of traced operations: how the pipeline fills, and a few samples of what follows."""

from .. import charts
from ..words import count, section

CLASSES = (("forward", "forward"), ("backward", "backward"), ("update", "update"))
OTHER = ("another operation", "memory")
MOST_SLICES = 1500  # of one timeline: a page must stay light
NOTED = (("version_read", "reads weights"), ("version_written", "writes weights"),
         ("backward_staleness", "updates since its forward"), ("staleness", "staleness"))


def timeline(result, samples):
    """`samples`: how many the first timeline shows at least, and how many the second begins."""
    slices = sorted((e for e in result.trace if e["ph"] == "X"), key=lambda e: e["ts"])
    if not slices:
        return ""
    first = _fill(slices, samples)
    later = _later(slices, samples, first)
    figures = [_figure(result, slices, span, "The first traced samples" if number == 0 else
                       "The steady state, late in the trace")
               for number, span in enumerate((first, later)) if span]
    return section(
        "Timeline", "What the core of each stage did, every operation of the cycles that are named "
        "above each chart. The numbers are samples. A line follows a sample from stage to stage; "
        "trace.json.gz opens in Perfetto with all that was traced.", *figures)


def _fill(slices, samples):
    """From the first operation until the first `samples` samples are through: (begin, end)."""
    ids = sorted({e["args"]["sample"] for e in slices})[:samples]
    end = max(e["ts"] + e["dur"] for e in slices if e["args"]["sample"] in set(ids))
    return _bounded(slices, slices[0]["ts"], end)


def _later(slices, samples, fill):
    """A span late in the trace in which everything that happened was traced, or None.

    Operations of samples behind the last traced one are missing, so the span ends where the first
    stage begins with the last traced sample."""
    entry = min(e["args"]["stage"] for e in slices)
    begins = [e["ts"] for e in slices if e["args"]["stage"] == entry
              and e["args"]["pass"] == "forward"]
    if len(begins) < samples + 2 or begins[-1 - samples] < fill[1]:
        return None
    return _bounded(slices, begins[-1 - samples], begins[-1])


def _bounded(slices, begin, end):
    inside = [e for e in slices if e["ts"] < end and e["ts"] + e["dur"] > begin]
    if len(inside) > MOST_SLICES:
        end = inside[MOST_SLICES]["ts"]
    return begin, end


def _figure(result, slices, span, words):
    begin, end = span
    inside = [e for e in slices if e["ts"] < end and e["ts"] + e["dur"] > begin]
    tracks = sorted({e["tid"] for e in slices})
    row = {tid: i for i, tid in enumerate(tracks)}
    named = {e["tid"]: e["args"]["name"] for e in result.trace
             if e["ph"] == "M" and e.get("name") == "thread_name"}
    stage_of = {e["tid"]: e["args"]["stage"] for e in slices}
    shared = {e["tid"] for e in slices if e["args"]["stage"] != stage_of[e["tid"]]}
    kinds = [kind for kind, _ in CLASSES]
    drawn = []
    for e in inside:
        a = e["args"]
        noted = "; ".join(f"{text} {a[key]}" for key, text in NOTED if key in a)
        drawn.append([row[e["tid"]], max(e["ts"], begin), min(e["ts"] + e["dur"], end),
                      kinds.index(a["pass"]) if a["pass"] in kinds else len(kinds), a["sample"],
                      f'{a["pass"]} of sample {a["sample"]} at {a["stage_name"]}, cycles '
                      f'{count(e["ts"])} to {count(e["ts"] + e["dur"])}'
                      + (f": {noted}" if noted else "")])
    samples = sorted({e["args"]["sample"] for e in inside})
    # A core that several stages share has no stage of its own.
    names = [named.get(tid, str(tid)) if tid in shared else result.stage_name(stage_of[tid])
             for tid in tracks]
    title = (f"{words}: cycles {count(begin)} to {count(end)}, samples {count(samples[0])} to "
             f"{count(samples[-1])}")
    classes = CLASSES + ((OTHER,) if any(d[3] == len(kinds) for d in drawn) else ())
    return charts.timeline(title, names, [None if tid in shared else stage_of[tid]
                                          for tid in tracks],
                           classes, drawn, _flows(result.trace, row, span))


def _flows(trace, row, span):
    """The way of each sample whose points all lie in the span."""
    ways = {}
    for e in trace:
        if e["ph"] in ("s", "t", "f") and e["tid"] in row:
            ways.setdefault(e["id"], []).append((row[e["tid"]], e["ts"]))
    return [way for way in ways.values()
            if all(span[0] <= x <= span[1] for _, x in way)]
