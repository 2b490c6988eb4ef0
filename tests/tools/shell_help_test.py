# SPDX-License-Identifier: Apache-2.0
"""Do the tools that build and install explain themselves without doing anything?

    shell_help_test.py
"""

import pathlib
import subprocess
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


class ShellHelpTest(unittest.TestCase):
    def test_help_is_the_head_of_the_tool_and_nothing_is_done(self):
        for name, said in (("quickstart", "further arguments go to the program"),
                           ("check", "arguments go to ctest"), ("build", "Arguments\nare targets"),
                           ("install_packages", "that are missing only")):
            for option in ("--help", "-h"):
                with self.subTest(tool=name, option=option):
                    told = subprocess.run([TOOLS / name, option], capture_output=True, text=True,
                                          check=True, timeout=20)
                    self.assertIn(said, told.stdout)
                    self.assertNotIn("==", told.stdout)  # the heading of a step
                    self.assertNotIn("SPDX", told.stdout)


if __name__ == "__main__":
    unittest.main()
