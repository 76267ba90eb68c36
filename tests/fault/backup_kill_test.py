"""SIGKILL at random moments of a backup, a restore and an archive, and of the server beside it, again and again: what is left is whole, and
the next run ends it.

TALLY_TEST_SEED repeats a run; TALLY_TEST_KILLS says how many of each (default 8).
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
from tally_process import PATIENCE_S, RULES, TALLY, TALLYD, tally_test  # noqa: E402

KILLS = int(os.environ.get("TALLY_TEST_KILLS") or 8)
SEED = int(os.environ.get("TALLY_TEST_SEED") or random.randrange(1 << 32))
UNFINISHED = "a restore was not finished"


class killed(tally_test):
    @classmethod
    def setUpClass(cls):
        print(f"seed {SEED}", flush=True)

    def setUp(self):
        super().setUp()
        self.random = random.Random(f"{SEED} {self.id()}")
        self.dest = self.folder / "dest"
        self.ended = self.cut = 0

    def tearDown(self):
        print(f"{self._testMethodName}: {self.cut} killed, {self.ended} had ended before", flush=True)

    def load(self, seconds: float, rate: int = 0) -> subprocess.Popen:
        made = subprocess.Popen([TALLY, "bench", "--server", self.address, "--accounts", "5000", "--connections", "4", "--in-flight", "128",
                                 "--warmup", "0", "--duration", str(seconds), "--rate", str(rate)], stdout=subprocess.DEVNULL)
        self.addCleanup(lambda: made.poll() is None and made.kill())
        return made

    def fill(self, seconds: float):
        running = self.start(clock=None)
        self.apply_rules()
        self.assertEqual(self.load(seconds).wait(PATIENCE_S), 0)
        self.assertEqual(running.stop(), 0)

    def kill_within(self, seconds: float, *arguments) -> bool:
        """Whether the command was killed before it ended."""
        made = subprocess.Popen([TALLY, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.environment())
        try:
            made.wait(self.random.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            made.kill()
        errors = made.stderr.read()
        made.stderr.close()
        was_killed = made.wait() == -9
        self.assertTrue(was_killed or made.returncode == 0, errors)
        self.cut += was_killed
        self.ended += not was_killed
        return was_killed

    def digest_of(self, folder) -> tuple[int, str]:
        last = self.tally("audit", "verify", folder).stdout.splitlines()[-1].split()
        return int(last[1]), last[2]

    def verified(self) -> tuple[int, str] | None:
        """What the backup holds, all of it read; None: it is none yet."""
        done = self.tally("restore", self.dest, "--verify", "--json", status=None)
        if done.returncode == 2:
            self.assertIn("there is no", done.stderr)
            return None
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        return found["seq"], found["hash"]

    def test_a_backup(self):
        running = self.start(clock=None)
        self.apply_rules()
        load = self.load(600, rate=20_000)
        time.sleep(2)
        held, seen = None, set()
        for _ in range(KILLS):
            was_killed = self.kill_within(1.0, "backup", self.data, self.dest, "--rate", 8)
            now = self.verified()
            if held is not None:
                self.assertIsNotNone(now, "a backup does not go away")
                self.assertGreaterEqual(now[0], held[0])
            if not was_killed:
                self.assertIsNotNone(now)
            held = now
            seen.add(held)
        load.kill()
        load.wait()
        self.settle()
        last = json.loads(self.tally("backup", self.data, self.dest, "--json").stdout)
        self.assertEqual(running.stop(), 0)
        self.assertEqual(self.verified(), (last["seq"], last["hash"]))
        self.assertEqual(self.digest_of(self.data), (last["seq"], last["hash"]))
        names = {path.name for path in self.dest.iterdir()}
        manifest = (self.dest / "manifest").read_text()
        listed = {f"{int(first):020}-{int(last):020}.segment" for first, last in re.findall(r"^segment (\d+) (\d+)", manifest, re.M)}
        self.assertEqual(names, {"manifest", re.search(r"^personal (\S+)", manifest, re.M)[1]} | listed, "nothing is left behind")
        new = self.folder / "new"
        self.tally("restore", self.dest, new)
        self.assertEqual(self.digest_of(new), (last["seq"], last["hash"]))
        for held in seen - {None}:  # what each killed run left was a part of this journal
            part = self.folder / "part"
            self.assertEqual(json.loads(self.tally("restore", self.dest, part, "--until", held[0], "--json").stdout)["hash"], held[1])
            shutil.rmtree(part)

    def test_a_restore(self):
        self.fill(2)
        sealed = json.loads(self.tally("backup", self.data, self.dest, "--rate", "0", "--json").stdout)
        digest = (sealed["seq"], sealed["hash"])
        begun = time.monotonic()
        self.tally("restore", self.dest, self.folder / "whole")
        needed = time.monotonic() - begun
        new = self.folder / "new"
        for _ in range(KILLS):
            self.kill_within(needed, "restore", self.dest, new)
            self.assertEqual(self.verified(), digest)
            journal = self.tally("audit", "verify", new, status=None)
            if journal.returncode == 0:
                self.assertEqual(tuple(journal.stdout.splitlines()[-1].split()[1:]), (str(digest[0]), digest[1]))
                shutil.rmtree(new)
                continue
            server = subprocess.run([TALLYD, "--data", new, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=PATIENCE_S) \
                if (new / "restoring").exists() else None
            if server is not None:
                self.assertNotEqual(server.returncode, 0)
                self.assertIn(UNFINISHED, server.stderr)
        if new.exists() and self.tally("audit", "verify", new, status=None).returncode == 0:
            shutil.rmtree(new)
        self.tally("restore", self.dest, new)
        self.assertEqual(self.digest_of(new), digest)

    def test_an_archive(self):
        self.fill(3)
        digest = self.digest_of(self.data)
        archived = 0
        for turn in range(1, KILLS + 1):
            before = digest[0] * turn // (KILLS + 1)
            self.kill_within(1.2, "archive", self.data, "--before", before, "--rate", 16)
            self.assertEqual(self.digest_of(self.data), digest)
            if turn % 3 == 0:
                moved = json.loads(self.tally("archive", self.data, "--before", before, "--json").stdout)
                self.assertGreaterEqual(moved["archived"], archived)
                self.assertLess(moved["archived"], before)
                archived = moved["archived"]
                self.assertFalse((self.data / "journal/archive/segment.new").exists())
        moved = json.loads(self.tally("archive", self.data, "--before", digest[0], "--json").stdout)
        self.assertGreater(moved["archived"], archived)
        self.assertEqual(self.digest_of(self.data), digest)
        running = self.start(clock=None)
        self.assertEqual(self.ask("digest"), {"status": "ok", "seq": digest[0], "hash": digest[1]})
        self.assertEqual(self.load(1).wait(PATIENCE_S), 0)
        self.assertEqual(running.stop(), 0)
        self.assertGreater(self.digest_of(self.data)[0], digest[0])

    def settle(self):
        """The server has decided what a load that was killed had sent."""
        newest = None
        while newest != (newest := self.newest()):
            time.sleep(0.5)

    def start_again(self):
        """After a kill, which may have cut a write in two."""
        try:
            return self.start(clock=None)
        except AssertionError as refused:
            self.assertIn("tally repair", str(refused))
            self.assertNotIn(" 0 bytes dropped", self.tally("repair", self.data).stdout)
            return self.start(clock=None)

    def newest(self) -> int:
        return self.ask("digest")["seq"]

    def beside(self, *arguments) -> subprocess.Popen:
        made = subprocess.Popen([TALLY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment())
        self.addCleanup(lambda: made.poll() is None and made.kill())
        self.addCleanup(made.stdout.close)
        self.addCleanup(made.stderr.close)
        return made

    def test_an_archive_beside_a_server(self):
        running = self.start(clock=None)
        self.apply_rules()
        elsewhere = self.folder / "old-entries"
        sealed = []
        for turn in range(KILLS):
            load = self.load(600, rate=5_000)
            time.sleep(self.random.uniform(0.1, 0.6))
            before = self.newest() * 9 // 10
            if turn % 2 == 0:
                self.kill_within(1.5, "archive", self.data, "--before", before, "--to", elsewhere, "--rate", 64)
            else:
                archive = self.beside("archive", self.data, "--before", before, "--to", elsewhere, "--rate", 64)
                time.sleep(self.random.uniform(0, 1.0))
                running.stop(signal.SIGKILL)
                self.cut += 1
                if self.random.random() < 0.5:
                    archive.kill()  # and nobody is left but the request
                    archive.wait()
                running = self.start_again()
                said = archive.communicate(timeout=PATIENCE_S)
                self.assertTrue(archive.returncode in (0, -9) or "tally repair" in said[1], said)
            load.kill()
            load.wait()
            # whatever is begun or half done, whoever reads beside the server reads everything
            reads = [self.beside("audit", "verify", self.data), self.beside("backup", self.data, self.dest, "--rate", 0, "--json"),
                     self.beside("audit", "export", self.data, "--format", "jsonl")]
            outputs = [read.communicate(timeout=PATIENCE_S) for read in reads]
            self.assertEqual([read.returncode for read in reads], [0, 0, 0], [output[1] for output in outputs])
            sealed.append(json.loads(outputs[1][0]))
        self.settle()
        newest = self.newest()
        moved = json.loads(self.tally("archive", self.data, "--before", newest, "--json").stdout)
        self.assertGreater(moved["archived"], newest * 8 // 10)
        self.assertFalse((self.data / "journal/archive/handover").exists())
        digest = self.ask("digest")
        self.assertEqual(self.ask("entry", "--seq", "1")["entry"]["seq"], 1)
        self.assertEqual(running.stop(), 0)
        self.assertEqual(self.digest_of(self.data), (digest["seq"], digest["hash"]))
        for one in sealed[::3]:
            part = self.folder / "part"
            self.assertEqual(json.loads(self.tally("restore", self.dest, part, "--until", one["seq"], "--json").stdout)["hash"], one["hash"])
            shutil.rmtree(part)


if __name__ == "__main__":
    unittest.main()
