# SPDX-License-Identifier: Apache-2.0
"""What the tests of tools/report share: results of real runs, and a reader of pages."""

import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = sys.argv.pop(1)
VOID = {"meta", "br", "link", "img", "input"}

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))


class Reader(html.parser.HTMLParser):
    """Collects text, figures and addresses; fails on a tag that closes another one."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.specs, self.text, self.title = [], [], [], [], ""
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.links += [value for key, value in attrs if key in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)
        self.json = tag == "script" and ("type", "application/json") in attrs

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            if self.json:
                self.specs.append(json.loads(data))
        elif self.open and self.open[-1] == "title":
            self.title += data
        elif self.open and self.open[-1] != "style":
            self.text.append(data)

    def words(self):
        return " ".join(" ".join(self.text).split())

    def charts(self, kind):
        return [spec for spec in self.specs if spec["kind"] == kind]


def run(out, *arguments, samples="60", status=0):
    done = subprocess.run(
        [PROGRAM, "--hw", ROOT / "hw/small_mesh.json", "--workload",
         ROOT / "workloads/lenet5-glyphs.json", "--out", out, "--samples", samples, *arguments],
        capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return out


def report(*arguments):
    return subprocess.run([sys.executable, ROOT / "tools/report", *arguments, "--program", PROGRAM],
                          capture_output=True, text=True, check=False)


class Pages(unittest.TestCase):
    """Each test has a folder of its own; `timed` and `trained` are made once for a class."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.shared.name)
        cls.timed = run(root / "timed", "--timing-only", "--trace", samples="120")
        cls.trained = run(root / "trained", "--epochs", "2", "--set",
                          "workload/training/target_accuracy=0")

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def copy(self, folder, change=None, name="run"):
        """A copy of a result; change: what is done to its summary."""
        copied = self.root / name
        shutil.copytree(folder, copied)
        if change:
            summary = json.loads((copied / "summary.json").read_text(encoding="utf-8"))
            change(summary)
            (copied / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        return copied

    def page(self, *arguments):
        made = report(*arguments)
        self.assertEqual(made.returncode, 0, made.stderr)
        text = pathlib.Path(made.stdout.strip()).read_text(encoding="utf-8")
        read = Reader(text)
        for link in read.links:
            self.assertNotRegex(link, r"^(https?:)?//", "the page must stand alone")
        self.assertIsNone(re.search(r"url\(|@import", text[:text.index("</style>")]))
        return read
