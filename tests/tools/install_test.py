#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs the build into a folder and runs the program there, from another folder, with presets by
their bare names; then looks at the manual page and the completion.

  install_test.py BUILD_FOLDER"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile


def run(command, folder, status=0):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != status:
        sys.exit(f"{command}: exit status {done.returncode}, not {status}\n{done.stderr}")
    return done.stdout + done.stderr


def check(condition, what):
    if not condition:
        sys.exit(f"install_test: {what}")


def check_completion(prefix):
    """Completes as a shell would."""
    def complete(*words):
        line = " ".join(f"'{word}'" for word in words)
        script = prefix / "share/bash-completion/completions/stagecoach"
        return run(["bash", "-c", f"PATH={prefix}/bin:$PATH; source {script}; "
                    f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _stagecoach; "
                    "echo ${COMPREPLY[@]}"], prefix)
    check(complete("stagecoach", "--hw", "small_").strip() == "small_mesh", "no preset's name")
    check("--checkpoint-every" in complete("stagecoach", "--check"), "options are not completed")
    check(complete("stagecoach", "--precision", "f3").strip() == "f32", "words are not completed")


def check_engines(build, prefix, folder):
    """The installed program finds its engine libraries and has those of the build."""
    for name in ("baseline", "avx2", "avx512"):
        statuses = [subprocess.run([program, "--hw", "small_mesh", "--workload", "lenet5-glyphs",
                                    "--check", "--instruction-set", name], cwd=folder,
                                   capture_output=True, check=False).returncode
                    for program in (build / "stagecoach", prefix / "bin/stagecoach")]
        check(statuses in ([0, 0], [2, 2]), f"--instruction-set {name}: built and installed program "
              f"end with {statuses}")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        prefix, elsewhere = pathlib.Path(folder, "usr"), pathlib.Path(folder, "elsewhere")
        elsewhere.mkdir()
        run(["cmake", "--install", str(build), "--prefix", str(prefix)], folder)
        program = str(prefix / "bin/stagecoach")
        run([program, "--hw", "small_mesh", "--workload", "lenet5-glyphs", "--samples", "200",
             "--epochs", "1", "--quiet", "--out", "out"], elsewhere)
        summary = json.loads((elsewhere / "out/summary.json").read_text(encoding="utf-8"))
        check_engines(build, prefix, elsewhere)
        check(summary["provenance"]["hardware"] == "small_mesh", "another preset was taken")
        check("--hw small_mesh" in summary["provenance"]["command"], "the command is another")
        run([program, "--hw", "mesh_of_16", "--workload", "lenet5-glyphs", "--samples", "20",
             "--epochs", "1", "--timing-only", "--quiet", "--out", "mesh"], elsewhere)
        meshed = json.loads((elsewhere / "mesh/summary.json").read_text(encoding="utf-8"))
        check(meshed["energy"]["total_joules"] > 0, "no technology table was found")
        wrong = run([program, "--hw", "smal_mesh", "--workload", "lenet5-glyphs", "--check"],
                    elsewhere, status=2)
        check('did you mean "small_mesh"' in wrong and '"ideal"' in wrong, f"no help in: {wrong}")
        (elsewhere / "small_mesh").write_text("{}", encoding="utf-8")
        mine = run([program, "--hw", "small_mesh", "--workload", "lenet5-glyphs", "--check"],
                   elsewhere, status=2)
        check("small_mesh: /" in mine and "share" not in mine, "a file here does not go first")
        manual = (prefix / "share/man/man1/stagecoach.1").read_text(encoding="utf-8")
        check(r".B \-\-checkpoint\-every" in manual, "the manual lacks an option")
        if shutil.which("man"):
            shown = run(["man", "-l", "-P", "cat", str(prefix / "share/man/man1/stagecoach.1")],
                        folder)
            check("--resume" in shown, "man does not show the manual")
        check_completion(prefix)
        check((prefix / "share/doc/stagecoach/copyright").exists(), "the licence is missing")
    print("installed, run by name, documented")


if __name__ == "__main__":
    main()
