# SPDX-License-Identifier: Apache-2.0
"""Tables over simulated time, made short enough for a page: neighbouring windows are joined."""

VALUES = 24000  # most values of one chart


def by_stage(rows, stages):
    """Rows of each stage, in their order."""
    found = [[] for _ in range(stages)]
    for row in rows:
        found[row["stage"]].append(row)
    return found


def _chunks(rows, most):
    step = max(1, -(-len(rows) // most))
    return [rows[i:i + step] for i in range(0, len(rows), step)]


def points_each(stages, values=1):
    """How many points each of the stages may have."""
    return max(30, min(400, VALUES // max(1, stages * values)))


def joined(rows, most, columns):
    """Windows (begin_cycle, end_cycle) joined to at most `most`; the columns are added up."""
    out = []
    for chunk in _chunks(rows, most):
        window = {"begin_cycle": chunk[0]["begin_cycle"], "end_cycle": chunk[-1]["end_cycle"]}
        window.update({c: sum(row[c] or 0 for row in chunk) for c in columns})
        out.append(window)
    return out


def staleness_mean(rows, most):
    """(middle of the window in cycles, mean delay of its micro-batches), of windows with any."""
    out = []
    for chunk in _chunks(rows, most):
        counted = sum(r["micro_batches"] for r in chunk if r["staleness_mean"] is not None)
        total = sum(r["micro_batches"] * r["staleness_mean"] for r in chunk
                    if r["staleness_mean"] is not None)
        if counted:
            out.append(((chunk[0]["begin_cycle"] + chunk[-1]["end_cycle"]) / 2, total / counted))
    return out


def fullest(rows, most):
    """The row with the largest total of each of at most `most` spans of time."""
    return [max(chunk, key=lambda row: row["total_bytes"]) for chunk in _chunks(rows, most)]


def thinned(items, most=1000):
    """Every n-th item, the last one kept."""
    step = max(1, -(-len(items) // most))
    kept = items[::step]
    return kept if not items or kept[-1] is items[-1] else kept + [items[-1]]
