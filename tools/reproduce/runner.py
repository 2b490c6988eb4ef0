# SPDX-License-Identifier: Apache-2.0
"""Runs of the program that survive: what is recorded or done is not made again, a training that was
stopped goes on from its checkpoint, and no result is taken for another's.

Three digests decide whether two trainings are the same. `id`: both files' fields, what else they
name, settings and arguments. `data`: the files of the data set. `fingerprint`: what the program makes
of the first samples, in cycles, joules and loss; another build, or another version, that computes
the same has the same."""

import dataclasses
import functools
import gzip
import hashlib
import json
import pathlib
import struct
import sys
import tempfile

from stagecoach import errors, files
from stagecoach.identity import NamedFiles
from stagecoach.interrupts import Stopped
from stagecoach.local import LocalExecutor
from stagecoach.points import Task, read_status, read_summary
from stagecoach.program import value_of, without, words_of
from stagecoach.progress import Progress, duration
from stagecoach.runs import call

import records

MORE_SAMPLES = 1024  # for an estimate of the time
FIRST_SAMPLES = 64  # of the fingerprint, or three mini-batches
RESUME, OF_ANOTHER_RUN = "--resume", "belongs to another run"  # what the program says of a checkpoint
BYTES_OF_AN_IMAGE = 3073  # of CIFAR-10, with its label


@dataclasses.dataclass
class Point:
    """A run, ready to be asked for. `number`: its place among the runs of one call."""
    run: object
    hardware: pathlib.Path
    workload: pathlib.Path
    identity: str
    data: str

    @functools.cached_property
    def content(self):
        return json.loads(self.workload.read_text(encoding="utf-8"))

    @property
    def training(self):
        return self.content.get("training", {})

    @property
    def epochs(self):
        return int(value_of(self.run.arguments, "--epochs") or self.training.get("epochs", 1))

    @property
    def kind(self):
        """Runs of a kind take about as long for an epoch."""
        dataset = self.content["dataset"]
        return json.dumps([self.content["network"], dataset.get("train_samples"),
                           value_of(self.run.arguments, "--samples"),
                           self.training.get("micro_batch_size")])


def trains(run):
    return not {"--timing-only", "--forward-only"} & set(run.arguments)


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def fields(value):
    """Without comments and sources, which decide nothing."""
    if isinstance(value, dict):
        return {k: fields(v) for k, v in value.items() if not k.startswith("$")}
    return [fields(v) for v in value] if isinstance(value, list) else value


class Runner:
    """`program`: None where nothing may be run (from_results). `kept`: the Records of finished
    trainings."""

    def __init__(self, root, out, kept, program, data, jobs, from_results=False, quiet=False):
        self._root, self._out, self._program, self._data = root, out, program, data
        self._jobs, self._from_results, self._quiet = jobs, from_results, quiet
        self._records = kept
        self._digests = files.Digests(out / "digests.json")
        self._prints = out / "fingerprints.json"
        self.trainings, self.seconds = 0, 0.0  # that were asked for, and what they took

    def tell(self, text):
        print(text, file=sys.stderr, flush=True)

    def _file(self, kind, content):
        """Path of a hardware or workload file; a dict is written to one."""
        if not isinstance(content, dict):
            path = pathlib.Path(content)
            return path if path.is_absolute() else self._root / kind / content
        text = json.dumps(content, indent=1, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        path = self._out / "inputs" / f"{kind}-{name}.json"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            files.write_text(path, text + "\n")
        return path

    def point(self, run):
        hardware, workload = self._file("hw", run.hardware), self._file("workloads", run.workload)
        contents = [fields(files.read_json(path)) for path in (hardware, workload)]
        dataset = contents[1].get("dataset", {})
        rest = {k: v for k, v in contents[1].items() if k != "dataset"}
        named = NamedFiles({"hw": [hardware.parent, hardware.parent / "technologies"],
                            "workload": [workload.parent],
                            "data": [pathlib.Path(self._data or workload.parent)]}, self._digests)
        identity = digest([*contents, named.of("hw", contents[0]), named.of("workload", rest),
                           run.settings, run.arguments])
        found = named.of("data", dataset)
        self._digests.keep()
        return Point(run, hardware, workload, identity, digest(found) if found else "generated")

    def _command(self, point, arguments):
        command = [self._program, "--hw", str(point.hardware), "--workload", str(point.workload),
                   "--quiet"]
        if self._data:
            command += ["--data", self._data]
        return [*command, *words_of(point.run.settings), *arguments]

    @functools.cached_property
    def _program_digest(self):
        return self._digests.of(self._program)

    def _first_samples(self, point, more=0):
        """summary.json of a training's first samples."""
        samples = max(FIRST_SAMPLES, 3 * int(point.training.get("batch_size", 1))) + more
        arguments = without(without(point.run.arguments, "--samples"), "--epochs")
        with tempfile.TemporaryDirectory(prefix="stagecoach-") as scratch:
            command = [*self._command(point, arguments), "--samples", str(samples), "--epochs", "1",
                       "--set", "workload/dataset/test_samples=1", "--threads", "1",
                       "--out", f"{scratch}/out"]
            try:
                call(command)
            except errors.StagecoachError as error:
                raise SystemExit(f"{' '.join(command)}\nended: {error}") from error
            return files.read_json(f"{scratch}/out/summary.json")

    def _seconds_a_sample(self, point):
        """Of the training itself, from enough samples that the beginning does not count."""
        summary = self._first_samples(point, MORE_SAMPLES)
        return summary["host"]["functional_seconds"] / summary["training"]["samples"]

    def _fingerprint(self, point):
        """Of the program's figures for the first samples of a training; kept as long as program and
        training stay the same."""
        key = digest([self._program_digest, point.identity, point.data])
        known = files.read_json(self._prints) if self._prints.exists() else {}
        if key not in known:
            summary = self._first_samples(point)
            epochs = summary["training"]["epochs"]
            loss = epochs[-1]["train_loss"] if epochs else None
            known[key] = (f"{summary['timing']['cycles']} {summary['energy']['total_joules']:.6g} "
                          f"{'-' if loss is None else format(loss, '.4g')}")
            files.write_json(self._prints, known)
        return known[key]

    def _task(self, point):
        run = point.run
        decides = self._fingerprint(point) if run.recorded else self._program_digest
        folder = (self._out / "runs" /
                  f"{run.label}-{digest([point.identity, point.data, decides])}")
        resume = ["--checkpoint-every", "5", RESUME] if trains(run) else []
        command = [*self._command(point, run.arguments), "--out", str(folder), "--force", *resume]
        return Task(run.settings, run.arguments, folder, command)

    def recorded(self, point):
        """The summary that is recorded, or None. Where a program is at hand, it must be one that
        computes the same, from the same data."""
        about = self._records.about(point.identity) if point.run.recorded else None
        if about is None:
            return None
        if not self._from_results:
            for what, own in (("data", point.data), ("fingerprint", self._fingerprint(point))):
                if about[what] != own:
                    self.tell(f"{point.run.label}: recorded with another {what} "
                              f"({about[what]}; here {own}); made again")
                    return None
        return self._records.summary(point.identity)

    def run_all(self, runs):
        """Summaries in the order of `runs`; None for one that is not there and may not be run."""
        points = [self.point(run) for run in runs]
        found = {p.identity: self.recorded(p) for p in points}
        todo = {p.identity: p for p in points if found[p.identity] is None}
        if todo and not self._from_results:
            found.update(self._make(todo))
        used = {p.identity for p in points if p.run.recorded and trains(p.run)
                and found[p.identity] is not None}
        self.trainings += len(used)
        self.seconds += sum(self._records.about(identity)["seconds"] for identity in used)
        return [found[p.identity] for p in points]

    def _make(self, todo):
        """Runs points (identity -> Point); returns identity -> summary. Programs that a killed call
        left are ending: they hold the folder's lock and are waited for."""
        self._out.mkdir(parents=True, exist_ok=True)
        try:
            with files.FolderLock(self._out) as lock:
                return self._make_alone(todo, lock)
        except errors.InputError as error:
            raise SystemExit(str(error)) from error

    def _make_alone(self, todo, lock):
        tasks, done, failed = {}, {}, []
        for identity, point in todo.items():
            task = self._task(point)
            status = read_status(task.folder, self.tell)
            if status is not None and status.done:
                done[identity] = self._finish(point, task, status)
            else:
                tasks[str(task.folder)] = (identity, task)
        recorded = any(p.run.recorded and trains(p.run) for p in todo.values())
        progress = Progress(None if self._quiet or not recorded else sys.stderr, len(tasks))
        try:
            for _, task in tasks.values():
                _count_earlier(task.folder)
            executor = LocalExecutor(self._jobs, (lock.descriptor,), threads=1)
            for task, status in self._ended(executor, [t for _, t in tasks.values()], progress):
                identity = tasks[str(task.folder)][0]
                progress.point({"run": todo[identity].run.label}, status)
                if status.done:
                    done[identity] = self._finish(todo[identity], task, status)
                else:
                    failed.append(f"{' '.join(task.command)}\nended: exit status "
                                  f"{status.exit_status}: {status.message}")
        except Stopped as stop:
            self.tell("stopped; the same call goes on")
            sys.exit(128 + stop.signal)
        finally:
            progress.end()
        if failed:
            raise SystemExit("\n".join(failed))
        return done

    def _ended(self, executor, tasks, progress):
        """Yields what became of each task. A training whose checkpoint the program refuses, as one
        with other fields does, begins again."""
        again = []
        for task, status in executor.run(tasks, progress.draw):
            if OF_ANOTHER_RUN in status.message and RESUME in task.command:
                self.tell(f"{task.folder.name}: begins again: {status.message}")
                again.append(dataclasses.replace(
                    task, command=[word for word in task.command if word != RESUME]))
            else:
                yield task, status
        yield from executor.run(again, progress.draw)

    def _finish(self, point, task, status):
        """The summary of a run that is done; of a training, written down first."""
        summary = read_summary(task.folder)
        if not point.run.recorded:
            return summary
        summary, whole = records.condensed(summary), summary
        self._records.add({
            "run": point.run.label, "id": point.identity, "data": point.data,
            "fingerprint": self._fingerprint(point), "version": whole["provenance"]["version"],
            "instruction_set": whole["host"].get("instruction_set", ""),
            "seconds": round((status.wall_seconds or 0) + _earlier(task.folder)["seconds"])},
            summary)
        return summary

    def describe(self, runs):
        """Prints a line a training: done, begun or to do, with an estimate for what is left."""
        points = [self.point(run) for run in runs]
        states, pace = [], {}  # pace: kind -> seconds an epoch
        for point in points:
            if self.recorded(point) is not None:
                states.append((point, point.epochs, True))
                seconds = self._records.about(point.identity)["seconds"]
            else:
                begun = any((self._out / "runs").glob(f"{point.run.label}-*"))
                epochs, seconds = _so_far(self._task(point).folder) if begun else (0, 0.0)
                states.append((point, epochs, False))
            if states[-1][1]:
                pace[point.kind] = seconds / states[-1][1]
        total = 0.0
        for point, epochs, done in states:
            if done:
                print(f"done   {point.run.label}")
                continue
            if point.kind not in pace:
                pace[point.kind] = self._seconds_a_sample(point) * samples_of(point, self._data)
            left = (point.epochs - epochs) * pace[point.kind]
            total += left
            print((f"begun  {point.run.label}: {epochs} of {point.epochs} epochs" if epochs else
                   f"to do  {point.run.label}") + f", about {duration(left)} left")
        left = sum(not done for _, _, done in states)
        print(f"{len(states)} trainings: {len(states) - left} done, {left} left"
              + (f", about {duration(total)} of one core" if left else ""))


def samples_of(point, data):
    """Of an epoch: as asked for, or as the files of the data set have them."""
    dataset = point.content["dataset"]
    asked = value_of(point.run.arguments, "--samples") or dataset.get("train_samples")
    if asked:
        return int(asked)
    images = dataset["train_images"]
    paths = [pathlib.Path(data, p) for p in (images if isinstance(images, list) else [images])]
    if dataset["format"] == "idx":
        with (gzip.open if paths[0].suffix == ".gz" else open)(paths[0], "rb") as file:
            return struct.unpack(">i", file.read(8)[4:])[0]
    return sum(path.stat().st_size for path in paths) // BYTES_OF_AN_IMAGE


def _so_far(folder):
    """Whole epochs and seconds of a training that was stopped, or runs."""
    try:
        summary = files.read_json(folder / "summary.json")
        epochs = [e for e in summary["training"]["epochs"] if e["test_loss"] is not None]
        seconds = summary["host"]["wall_seconds"] + _earlier(folder)["seconds"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0.0
    return len(epochs), seconds


def _earlier(folder):
    """Seconds of earlier sessions of a training, each as its last summary.json tells them."""
    try:
        return files.read_json(folder / "earlier.json")
    except (OSError, errors.InputError):
        return {"seconds": 0.0, "of": 0}


def _count_earlier(folder):
    """Before a training goes on: adds the session that ended, once."""
    try:
        path = folder / "summary.json"
        stamp, seconds = path.stat().st_mtime_ns, files.read_json(path)["host"]["wall_seconds"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    earlier = _earlier(folder)
    if earlier["of"] != stamp and seconds:
        files.write_json(folder / "earlier.json",
                         {"seconds": earlier["seconds"] + seconds, "of": stamp})
