"""The Bean House example: its day is what its generator makes, playing it works, and the player sees what is wrong."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("TALLY_SOURCE_DIR") or Path(__file__).parents[2]).resolve()
BIN = Path(os.environ.get("TALLY_BIN_DIR") or ROOT / "build/release/bin").resolve()
EXAMPLE = ROOT / "examples/beanhouse"


def generate(folder: Path, *options: str):
    subprocess.run([sys.executable, EXAMPLE / "generate", "--out", folder, *options], check=True)


def play_command(folder: Path, day: Path, *options: str) -> list:
    return [sys.executable, "-u", EXAMPLE / "play", "--bin", BIN, "--data", folder / "data", "--day", day, *options]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


class beanhouse(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.small = self.folder / "day"

    def make_small_day(self):
        generate(self.small, "--seed", "5", "--members", "300", "--receipts", "1500")

    def play(self, day: Path) -> subprocess.CompletedProcess:
        return subprocess.run(play_command(self.folder, day, "--once"), capture_output=True, text=True, timeout=500)

    def test_the_committed_day_is_what_the_generator_makes(self):
        generate(self.small)
        names = sorted(path.name for path in self.small.iterdir())
        self.assertEqual(names, sorted(path.name for path in (EXAMPLE / "day").iterdir()))
        for name in names:
            self.assertEqual((self.small / name).read_bytes(), (EXAMPLE / "day" / name).read_bytes(), name)

    def test_the_day_is_as_large_as_promised(self):
        expected = json.loads((EXAMPLE / "day/expected.json").read_text())
        self.assertGreaterEqual(expected["receipts"], 20000)
        self.assertGreaterEqual(expected["members"], 2000)
        self.assertGreaterEqual(expected["races"], 50)

    def test_the_whole_day(self):
        done = self.play(EXAMPLE / "day")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        expected = json.loads((EXAMPLE / "day/expected.json").read_text())
        for said in (f"{expected['points_earned']:,}", f"{expected['outstanding']:,}", "one winner each", "Checked:", "Audit"):
            self.assertIn(said, done.stdout)

    def test_a_wrong_balance_is_seen(self):
        self.make_small_day()
        expected = json.loads((self.small / "expected.json").read_text())
        expected["balances"]["m-0001"] += 1
        (self.small / "expected.json").write_text(json.dumps(expected))
        done = self.play(self.small)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("m-0001", done.stderr)

    def test_it_serves_on_until_it_is_interrupted(self):
        self.make_small_day()
        player = subprocess.Popen(play_command(self.folder, self.small), stdout=subprocess.PIPE, text=True)
        self.addCleanup(player.stdout.close)
        try:
            said = ""
            for line in player.stdout:
                said += line
                if "Ctrl-C" in line:
                    break
            self.assertIn("Three commands to try", said)
            server = int((self.folder / "data/tallyd.pid").read_text())
            self.assertTrue(is_alive(server), said)
            for command in [line.strip() for line in said.splitlines() if line.startswith("  ") and "tally " in line][-3:]:
                done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, command + "\n" + done.stdout + done.stderr)
            player.send_signal(signal.SIGINT)
            self.assertEqual(player.wait(60), 0)
            self.assertFalse(is_alive(server))
        finally:
            if player.poll() is None:
                player.send_signal(signal.SIGTERM)
                player.wait(60)


if __name__ == "__main__":
    unittest.main()
