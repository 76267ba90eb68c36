"""scripts/torture: its arguments, what it counts, how a failure and Ctrl-C end it. The long tests themselves are run by it, not here."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from tally_process import PATIENCE_S

TORTURE = Path(os.environ["TALLY_SOURCE_DIR"]) / "scripts" / "torture"


def torture(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, TORTURE, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE_S)


class torture_test(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="tally-torture-")
        self.addCleanup(self._folder.cleanup)
        self.bin = Path(self._folder.name) / "bin"
        self.bin.mkdir()

    def program(self, name: str, *lines: str):
        path = self.bin / name
        path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
        path.chmod(0o755)

    def test_bad_usage_names_what_is_wrong(self):
        for words, said in ((["--minutes", "0"], "--minutes"), (["--minutes", "nan"], "--minutes"), (["--minutes", "x"], "--minutes"),
                            ([], "--minutes"), (["--minutes", "1", "--only", "crash,flood"], "flood"), (["--minutes", "1", "--only", ""], "empty part"),
                            (["--minutes", "1", "--bin", self.bin / "nowhere"], "nowhere")):
            done = torture(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(said, done.stderr, words)

    def test_totals_are_added_up_over_rounds(self):
        self.program("crash_tests", 'echo "$@" >>"$0.calls"', "sleep 0.1",
                     'echo "25 kills (1 while starting, 2 while stopping, 1 of them in its last '
                     'images; 0 stops in peace; 2 torn logs repaired): 1000 answers, 900 ok"')
        done = torture("--minutes", 0.04, "--only", "crash", "--bin", self.bin)
        self.assertEqual(done.returncode, 0, done.stdout)
        calls = (self.bin / "crash_tests.calls").read_text().splitlines()
        self.assertGreater(len(calls), 1)
        self.assertRegex(done.stdout, rf"(?m)^ +{25 * len(calls)}  kills$")
        self.assertRegex(done.stdout, rf"(?m)^ +{2 * len(calls)}  torn logs")
        self.assertRegex(done.stdout, rf"(?m)^ +{1000 * len(calls):,}  operations acknowledged")
        for call in calls:
            seed = re.search(r"--kills 25 --seed (\d+)", call)[1]
            self.assertRegex(done.stdout, rf"seeds of crash:.* {seed}\b", "it can be repeated")

    def test_a_failure_is_shown_and_the_others_run(self):
        self.program("crash_tests", 'echo "m-1: available 5, expected 7"', "exit 1")
        self.program("fault_tests", 'echo "$TALLY_FAULT_POINTS cut points, seed $TALLY_TEST_SEED"', 'echo "[  PASSED  ] 3 tests."', "sleep 1")
        done = torture("--minutes", 0.001, "--only", "crash,power,fault", "--bin", self.bin)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("m-1: available 5, expected 7", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^  FAILED crash: seed \d+, exit 1, .*crash.log$")
        self.assertRegex(done.stdout, r"(?m)^  skipped power: .*missing")
        self.assertRegex(done.stdout, r"(?m)^ +10,000  cut points$")
        self.assertTrue(done.stdout.endswith("torture: 1 failed\n"), done.stdout)

    def test_a_test_that_does_nothing_has_failed(self):
        self.program("model_tests", 'echo "[  PASSED  ] 0 tests."')
        done = torture("--minutes", 0.001, "--only", "model", "--bin", self.bin)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"(?m)^  FAILED model: seed \d+, it did nothing, ")

    def test_ctrl_c_ends_a_real_round_with_its_totals(self):
        started = subprocess.Popen([sys.executable, TORTURE, "--minutes", "5", "--only", "crash,model", "--bin", os.environ["TALLY_BIN_DIR"]],
                                   stdout=subprocess.PIPE, text=True)
        self.assertIn("crash: seed", started.stdout.readline())
        time.sleep(2.5)
        started.send_signal(signal.SIGINT)
        said, _ = started.communicate(timeout=PATIENCE_S)
        self.assertEqual(started.returncode, 130, said)
        self.assertRegex(said, r"torture: 1 rounds in \d+ s, interrupted")
        self.assertRegex(said, r"(?m)^ +[1-9]\d*  kills$")
        self.assertTrue(said.endswith("torture: nothing failed\n"), said)


if __name__ == "__main__":
    unittest.main()
