# SPDX-License-Identifier: Apache-2.0
"""From folders to a file: reads what the paths name, makes the page, and writes it whole."""

import os
import pathlib
import tempfile

from . import comparison, result, sweep
from .run import page as run_page
from .sweep import page as sweep_page


def report(arguments):
    """Makes the page that a command line asks for. Returns its path. Raises OSError, ValueError."""
    paths = arguments.path
    sweeps = [path for path in paths if sweep.is_sweep(path)]
    if sweeps and len(paths) > 1:
        raise ValueError(f"{sweeps[0]}: a sweep; give one sweep alone, or folders of runs")
    if sweeps:
        output = arguments.out or paths[0] / "report.html"
        found = sweep.load(paths[0])
        if arguments.point_pages:
            for folder in found.finished_folders():
                point = result.load(folder)
                text = run_page.make(point, None, arguments.timeline_samples)
                put(folder / "report.html", text)
        return put(output, sweep_page.make(found, output))
    if arguments.point_pages:
        raise ValueError(f"--point-pages: {paths[0]} is no sweep")
    runs = [result.load(path) for path in paths]
    if len(runs) == 1:
        text = run_page.make(runs[0], arguments.program, arguments.timeline_samples)
        return put(arguments.out or paths[0] / "report.html", text)
    return put(arguments.out or paths[0].resolve().parent / "comparison.html",
               comparison.make(runs))


def put(path, text):
    """Whole or not at all: an earlier page stays until the new one is complete."""
    if not path.parent.is_dir():
        raise ValueError(f"{path}: no such folder to write to: {path.parent}")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".report-",
                                     delete=False) as file:
        temporary = pathlib.Path(file.name)
        try:
            file.write(text)
            file.close()
            os.chmod(temporary, 0o644)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    return path
