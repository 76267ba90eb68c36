"""`tally backup`, `restore` and `archive` on what a real server wrote and goes on writing; and the examples of docs/backup.md."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from readme_test import commands_of, matches
from tally_process import PATIENCE_S, ROOT, RULES, TALLY, tally_test

VERIFY = ROOT / "scripts/verify_export"


class backups(tally_test):
    def setUp(self):
        super().setUp()
        self.dest = self.folder / "dest"
        self.new = self.folder / "new"

    def start(self, *flags, **more):
        self.running = super().start(*flags, **more)
        return self.running

    def stop(self):
        self.assertEqual(self.running.stop(), 0)

    def begin(self, **more):
        self.start(**more)
        self.apply_rules("allow_inline_enrollment = true\n" + RULES)

    def load(self, seconds: int) -> subprocess.Popen:
        """Traffic as `tally bench` makes it; its own check at the end says whether anything acknowledged is missing."""
        made = subprocess.Popen([TALLY, "bench", "--server", self.address, "--accounts", "2000", "--connections", "4", "--in-flight", "64",
                                 "--warmup", "0", "--duration", str(seconds), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: made.poll() is None and made.kill())
        self.addCleanup(made.stdout.close)
        self.addCleanup(made.stderr.close)
        return made

    def backup(self, *flags, status=0):
        done = self.tally("backup", self.data, self.dest, "--json", *flags, status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def restore(self, to, *flags, status=0):
        done = self.tally("restore", self.dest, to, "--json", *flags, status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def archive(self, *flags, status=0):
        done = self.tally("archive", self.data, "--json", *flags, status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def digest_of(self, folder) -> tuple[int, str]:
        last = self.tally("audit", "verify", folder).stdout.splitlines()[-1].split()
        return int(last[1]), last[2]

    def test_under_load(self):
        self.begin(clock=None)
        made = self.load(8)
        runs = []
        while made.poll() is None and len(runs) < 6:
            runs.append(self.backup())
        printed, errors = made.communicate(timeout=PATIENCE_S)
        self.assertEqual(made.returncode, 0, printed + errors)
        self.assertGreater(len(runs), 2)
        self.assertEqual(sum(run["added"] for run in runs), runs[-1]["seq"])
        self.assertEqual(sorted(run["seq"] for run in runs), [run["seq"] for run in runs])
        self.assertLess(runs[0]["seq"], runs[-1]["seq"])
        last = self.backup()
        self.stop()
        self.assertEqual(self.digest_of(self.data), (last["seq"], last["hash"]))
        restored = self.restore(self.new)
        self.assertEqual((restored["seq"], restored["hash"], restored["prefix"]), (last["seq"], last["hash"], False))
        self.assertEqual(self.digest_of(self.new), (last["seq"], last["hash"]))
        middle = self.restore(self.folder / "part", "--until", str(runs[0]["seq"]))
        self.assertEqual(middle["hash"], runs[0]["hash"], "what ends where a backup was sealed has its digest")
        self.assertEqual(self.digest_of(self.folder / "part"), (runs[0]["seq"], runs[0]["hash"]))

    def test_a_restored_folder_answers_as_the_first_one(self):
        self.begin()
        sales = [{"op": "earn", "account": f"m-{i % 5}", "order": f"o-{i}", "total": f"{i}.50"} for i in range(1, 60)]
        self.execute(*({"op": "enroll", "account": f"m-{i}"} for i in range(5)))
        first = self.execute(*sales)
        self.execute({"op": "advance_clock", "to": "2026-01-05T00:00:00Z"})
        ask = [{"op": op, "account": f"m-{i}"} for i in range(5) for op in ("account", "history")]
        before = self.execute(*ask)
        self.backup()
        self.stop()
        self.restore(self.new)
        shutil.rmtree(self.data)
        self.data = self.new
        self.start(clock="2026-01-05T00:00:00Z")
        self.assertEqual(self.execute(*ask), before)
        for again, once in zip(self.execute(*sales), first):
            self.assertEqual(again, {**once, "status": "duplicate", "first": "ok"})
        self.assertEqual(self.execute({"op": "earn", "account": "m-1", "order": "o-1", "total": "9.00"}, status=None)[0]["code"], "reference_conflict")
        self.assertEqual(self.execute({"op": "earn", "account": "m-1", "order": "o-new", "total": "9.00"})[0]["status"], "ok")
        self.stop()
        self.digest_of(self.new)

    def test_personal_data(self):
        self.begin()
        ada = {"phone": "+493012345678", "name": "Ada Lovelace"}
        bob = {"phone": "+442079460000", "name": "Bob Cratchit"}
        self.execute({"op": "enroll", "account": "ada", **ada}, {"op": "enroll", "account": "bob", **bob})
        middle = self.backup()
        self.execute({"op": "enroll", "phone": "+15550100123", "name": "Eve Later"})
        self.backup()
        self.assertTrue(self.find(self.dest, b"Ada Lovelace"))
        self.execute({"op": "erase", "account": "ada"})
        self.backup()
        self.assertFalse(self.find(self.dest, b"Ada Lovelace"), "the backup has the newest copy only")
        self.assertFalse(self.find(self.dest, b"493012345678"))
        self.assertEqual([path.name for path in self.dest.iterdir() if path.name.startswith("personal")], ["personal-3"])
        self.assertEqual((self.dest / "personal-3").stat().st_mode & 0o777, 0o600)
        self.stop()

        self.restore(self.new)
        part = self.folder / "part"
        self.restore(part, "--until", str(middle["seq"]))
        self.assertFalse(self.find(part, b"Eve Later"), "she is no member there")
        for folder, eve in ((self.new, "ok"), (part, "rejected")):
            self.data = folder
            self.start()
            self.assertEqual(self.execute({"op": "account", "phone": bob["phone"]})[0]["account"], "bob")
            self.assertEqual(self.execute({"op": "profile", "account": "bob"})[0]["name"], bob["name"])
            self.assertEqual(self.execute({"op": "account", "phone": ada["phone"]}, status=None)[0]["code"], "unknown_account")
            self.assertEqual(self.execute({"op": "account", "phone": "+15550100123"}, status=None)[0]["status"], eve)
            self.stop()

    @staticmethod
    def find(folder, text: bytes) -> list:
        return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]

    def test_an_archive_is_read_where_it_is_needed(self):
        self.begin()
        self.execute(*({"op": "enroll", "account": f"m-{i}"} for i in range(3)))
        sales = [{"op": "earn", "account": f"m-{i % 3}", "order": f"o-{i}", "total": f"{i}.50"} for i in range(1, 400)]
        for k in range(0, len(sales), 40):
            first = self.execute(*sales[k:k + 40])
        self.execute({"op": "redeem", "account": "m-1", "order": "o-r", "points": 100}, status=None)
        asks = [{"op": "history", "account": "m-1", "limit": 1000}, {"op": "count", "account": "m-1"}, {"op": "entry", "seq": 3},
                {"op": "entry", "account": "m-2", "order": "o-2"}, {"op": "balance_at", "account": "m-1", "seq": 50},
                {"op": "statement", "account": "m-1", "from": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
                {"op": "liability", "at": "2026-01-01T00:00:00Z"}]
        before = self.execute(*asks)
        self.stop()
        newest = self.digest_of(self.data)
        export = self.tally("audit", "export", self.data, "--format", "jsonl").stdout
        proof = self.tally("audit", "prove", self.data, "7").stdout
        elsewhere = self.folder / "slow disk"
        moved = self.archive("--before", "300", "--to", elsewhere)
        self.assertGreater(moved["archived"], 200)
        self.assertLess(moved["archived"], 300)
        self.assertEqual(moved["newest"], newest[0])
        self.assertEqual(moved["folder"], str(elsewhere))
        self.assertEqual(len(list(elsewhere.glob("*.segment"))), moved["segments"])
        self.assertEqual(self.digest_of(self.data), newest)
        self.assertEqual(self.tally("audit", "export", self.data, "--format", "jsonl").stdout, export)
        checked = subprocess.run([sys.executable, VERIFY, "--digest", newest[1]], input=export, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertEqual(self.tally("audit", "prove", self.data, "7").stdout, proof)
        self.assertIn(f"kept up to entry {newest[0]}", self.tally("repair", self.data).stdout)
        self.backup()
        self.assertEqual(self.restore(self.new)["hash"], newest[1])

        self.start()
        self.assertEqual(self.execute(*asks), before)
        self.assertEqual(self.execute(*sales[:2])[0]["status"], "duplicate")
        self.assertEqual(self.execute({"op": "earn", "account": "m-1", "order": "o-new", "total": "9.00"})[0]["status"], "ok")
        self.stop()

        lost = sorted(elsewhere.iterdir())[0]
        lost.rename(self.folder / "lost")
        findings = self.tally("audit", "verify", self.data, status=1).stdout
        self.assertIn(lost.name, findings)
        self.assertIn("tally archive DIR --to FOLDER", self.archive(status=1) + findings)
        elsewhere.rename(self.folder / "moved")
        (self.folder / "lost").rename(self.folder / "moved" / lost.name)
        self.archive("--to", self.folder / "moved")
        self.digest_of(self.data)

    def test_an_archive_beside_a_server(self):
        self.begin()
        self.execute(*({"op": "enroll", "account": f"m-{i}"} for i in range(5)))
        till = self.open_exec()
        history, sold = {"op": "history", "account": "m-1", "limit": 1000}, 0

        def sell(count: int):
            nonlocal sold
            for number in range(sold, sold + count):
                till.send({"op": "earn", "account": f"m-{number % 5}", "order": f"o-{number}", "total": f"{number % 90 + 1}.50"})
            for _ in range(count):
                self.assertEqual(till.receive()["status"], "ok")
            sold += count

        sell(200)
        elsewhere = self.folder / "slow disk"
        archived = 0
        for _ in range(4):
            before = self.ask("digest")["seq"]
            archive = subprocess.Popen([TALLY, "archive", self.data, "--before", str(before), "--to", elsewhere, "--json"], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            while archive.poll() is None:
                sell(20)
                shown = self.execute(history)[0]["entries"]
                self.assertEqual([entry["order"] for entry in shown if entry["kind"] == "earn"], [f"o-{i}" for i in reversed(range(sold)) if i % 5 == 1][:1000])
            printed, errors = archive.communicate(timeout=PATIENCE_S)
            self.assertEqual(archive.returncode, 0, errors)
            moved = json.loads(printed)
            self.assertGreater(moved["archived"], archived)
            self.assertLess(moved["archived"], before)
            archived = moved["archived"]
            # beside the server, and each other
            self.assertEqual(self.tally("audit", "verify", self.data).returncode, 0)
            self.assertGreaterEqual(self.backup()["seq"], before)
        self.assertEqual(self.execute({"op": "earn", "account": "m-1", "order": "o-1", "total": "2.50"})[0]["status"], "duplicate")
        self.stop()
        self.digest_of(self.data)
        self.start()
        self.assertEqual(self.execute({"op": "count", "account": "m-1"})[0]["count"], len([i for i in range(sold) if i % 5 == 1]) + 1)
        self.stop()

    def test_an_archive_waits_for_readers_and_may_be_left(self):
        self.begin()
        self.execute(*({"op": "enroll", "account": f"m-{i}"} for i in range(400)))
        before = self.ask("digest")["seq"] // 2
        lock = os.open(self.data / "journal/blocks", os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)  # as every reader holds it
        request = self.data / "journal/archive/handover"
        archive = subprocess.Popen([TALLY, "archive", self.data, "--before", str(before)], stdout=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE_S
        while not request.exists():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        self.assertIn("another `tally archive` is at work", self.archive(status=1))
        time.sleep(1.5)
        self.assertIsNone(archive.poll())
        archive.send_signal(signal.SIGINT)
        archive.wait(PATIENCE_S)
        self.assertTrue(request.exists())
        os.close(lock)
        while request.exists():  # the server goes on by itself
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        self.assertEqual(self.archive("--before", str(before))["moved"], 0)
        self.stop()
        self.digest_of(self.data)

    def test_wrong_arguments(self):
        self.begin()
        self.execute({"op": "enroll", "account": "m-1"})
        self.backup()
        nothing, file = self.folder / "nothing", self.folder / "file"
        nothing.mkdir()
        file.write_text("x")
        for status, says, *arguments in (
                (2, "is not a data folder", "backup", nothing, self.folder / "d"), (2, "DEST is required", "backup", self.data),
                (2, "is not empty and holds no backup", "backup", self.data, self.folder), (2, "is not a folder", "backup", self.data, file),
                (2, "there is no", "restore", nothing, self.new), (2, "NEWDIR is required", "restore", self.dest),
                (2, "is not empty", "restore", self.dest, self.folder), (2, "neither a seq nor", "restore", self.dest, self.new, "--until", "noon"),
                (2, "ends with entry 2, before 99", "restore", self.dest, self.new, "--until", "99"),
                (2, "nothing before that point", "restore", self.dest, self.new, "--until", "2025-01-01T00:00:00Z"),
                (2, "--verify makes no folder", "restore", self.dest, self.new, "--verify"),
                (2, "is not a data folder", "archive", nothing), (2, "neither a seq nor", "archive", self.data, "--before", "noon"),
                (2, "--rate", "backup", self.data, self.dest, "--rate", "-1")):
            done = self.tally(*arguments, status=status)
            self.assertIn(says, done.stderr, arguments)
            self.assertEqual(done.stdout, "")
            self.assertFalse(self.new.exists(), arguments)
        self.assertFalse((self.folder / "d").exists())
        self.assertIn("segments", self.tally("restore", self.dest, "--verify").stdout)
        self.stop()

    def test_the_page(self):
        """Types the examples of docs/backup.md, on the ledger it speaks of."""
        self.start()
        self.apply_rules()
        self.execute({"op": "enroll", "account": "m-1"}, {"op": "earn", "account": "m-1", "order": "o-1", "total": "42.50"},
                     {"op": "enroll", "account": "m-2"}, {"op": "redeem", "account": "m-1", "order": "o-2", "points": 30})
        for number, command, expected in commands_of((ROOT / "docs/backup.md").read_text()):
            done = subprocess.run(["bash", "--norc", "-c", command], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S,
                                  env=self.environment())
            printed = (done.stdout + done.stderr).splitlines()
            self.assertIn(done.returncode, (0, 1), f"backup.md:{number}: {command}\n{printed}")
            if expected:
                self.assertTrue(matches(expected, printed), f"backup.md:{number}: {command}\nprints\n" + "\n".join(printed))


if __name__ == "__main__":
    unittest.main()
