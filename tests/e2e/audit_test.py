"""`tally audit export`, `prove` and `check`, and scripts/verify_export, on what a real server wrote; and the examples of docs/audit.md."""

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from readme_test import commands_of, matches
from tally_process import PATIENCE_S, ROOT, RULES, TALLY, tally_test

VERIFY = ROOT / "scripts/verify_export"
OTHER_RULES = """\
merchant = "teahouse"
[earn]
points = "1"
per = "1.00"
[redeem]
points = 1
value = "0.01"
[review]
negative_reversal = "review"
"""


class auditing(tally_test):
    def play(self):
        """A ledger with every kind of entry, two merchants, odd texts and several blocks."""
        self.start()
        self.apply_rules()
        self.execute({"op": "put_program", "merchant": "teahouse", "toml": OTHER_RULES})
        odd = 'a "quoted", note; größer\\kleiner'
        self.outcomes = self.execute(
            {"op": "enroll", "account": "m-1"}, {"op": "enroll", "account": "m-2"}, {"op": "enroll", "merchant": "teahouse", "account": "m-1"},
            {"op": "earn", "account": "m-1", "order": "o-1", "total": "420.50", "note": odd, "terminal": "t-1", "cashier": "Ada",
             "lines": [{"sku": "BEAN-1KG", "category": "beans", "quantity": 2, "amount": "30.00"}]},
            {"op": "earn", "merchant": "teahouse", "account": "m-1", "order": "o-1", "total": "30"},
            {"op": "redeem", "merchant": "teahouse", "account": "m-1", "order": "o-2", "points": 20},
            {"op": "reverse", "merchant": "teahouse", "account": "m-1", "order": "o-1", "refund": "f-1"},
            {"op": "advance_clock", "to": "2026-01-05T00:00:00Z"},
            {"op": "redeem", "account": "m-1", "order": "o-2", "points": 100, "total": "9.99"},
            {"op": "claim", "account": "m-1", "order": "o-3", "reward": "Free coffee"},
            {"op": "reverse", "account": "m-1", "order": "o-2", "refund": "f-2"},
            {"op": "authorize", "account": "m-1", "reservation": "v-1", "points": 50},
            {"op": "capture", "account": "m-1", "reservation": "v-1", "points": 20, "order": "o-4"},
            {"op": "authorize", "account": "m-1", "reservation": "v-2", "points": 10}, {"op": "void", "account": "m-1", "reservation": "v-2"},
            {"op": "transfer", "account": "m-1", "to": "m-2", "points": 30, "transfer": "t-1"},
            {"op": "adjust", "account": "m-2", "points": -200, "adjustment": "a-1", "reason": "fraud", "force": True},
            {"op": "adjust", "account": "m-2", "points": 20, "adjustment": "a-2", "reason": odd, "expire_days": 3},
            {"op": "suspend", "account": "m-1", "reason": "lost"}, {"op": "reactivate", "account": "m-1", "reason": "found"},
            {"op": "advance_clock", "to": "2027-02-01T00:00:00Z"},
            {"op": "close", "account": "m-2", "reason": "moved"}, status=None)
        self.review = next(o["review"] for o in self.outcomes if o["status"] == "held")
        self.execute({"op": "approve", "merchant": "teahouse", "review": self.review, "reason": "right"})
        self.digest = self.ask("digest")
        self.server_stop()

    def start(self, *flags, **more):
        self.running = super().start(*flags, **more)
        return self.running

    def server_stop(self):
        self.assertEqual(self.running.stop(), 0)

    def export(self, *flags, status=0):
        return self.tally("audit", "export", self.data, *flags, status=status).stdout

    def verify(self, text, *flags, status):
        done = subprocess.run([sys.executable, VERIFY, *flags], input=text, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, status, f"{done.stdout[-2000:]}{done.stderr}")
        return done.stdout

    def test_a_whole_export_verifies(self):
        self.play()
        text = self.export("--format", "jsonl")
        lines = [json.loads(line) for line in text.splitlines()]
        entries = [line for line in lines if "seq" in line]
        self.assertEqual([entry["seq"] for entry in entries], list(range(1, self.digest["seq"] + 1)))
        self.assertGreater(sum("block" in line for line in lines), 3)
        self.assertEqual(lines[-1], {"end": {"entries": len(entries), "seq": self.digest["seq"], "hash": self.digest["hash"]}})
        summary = self.verify(text, "--digest", self.digest["hash"], status=0)
        audited = self.tally("audit", "verify", self.data).stdout
        self.assertEqual([line for line in summary.splitlines() if "digest" in line or "house:" in line],
                         [line for line in audited.splitlines() if "digest" in line or "house:" in line])

        # every entry is as the server shows it
        self.start()
        for entry in entries:
            if entry["kind"] == "program":
                continue
            shown = self.execute({"op": "entry", "merchant": entry["merchant"], "seq": entry["seq"]})[0]["entry"]
            self.assertEqual({key: value for key, value in entry.items() if key != "record"}, shown)
        self.server_stop()
        kinds = {entry["kind"] for entry in entries}
        self.assertLessEqual({"enroll", "earn", "release", "redeem", "claim", "authorize", "capture", "void", "reverse", "restore", "expire", "adjust",
                              "transfer_out", "transfer_in", "suspend", "reactivate", "close", "review_hold", "review_approve", "program"}, kinds)

    def test_a_part_of_the_journal(self):
        self.play()
        text = self.export("--format", "jsonl", "--account", "m-1", "--merchant", "beanhouse")
        entries = [json.loads(line) for line in text.splitlines()]
        self.assertEqual({(e["merchant"], e["account"]) for e in entries if "seq" in e}, {("beanhouse", "m-1")})
        self.assertIn("a part of the journal", self.verify(text, status=0))
        self.verify(text, "--digest", self.digest["hash"], status=1)
        merchants = {json.loads(line).get("merchant") for line in self.export("--format", "jsonl", "--merchant", "teahouse").splitlines()}
        self.assertEqual(merchants, {None, "teahouse"})
        self.assertIn("no entry", self.tally("audit", "export", self.data, "--format", "csv", "--account", "m-9", status=1).stderr)

        for until, count in (("5", 5), ("2026-01-01T00:00:00Z", None), ("1", 1)):
            text = self.export("--format", "jsonl", "--until", until)
            seqs = [json.loads(line)["seq"] for line in text.splitlines() if line.startswith('{"seq"')]
            self.assertEqual(seqs, list(range(1, (count or len(seqs)) + 1)))
            self.assertLess(len(seqs), self.digest["seq"])
            self.verify(text, status=0)
        self.assertEqual(self.tally("audit", "export", self.data, "--format", "csv", "--until", "noon", status=2).stdout, "")
        self.tally("audit", "export", self.data, "--format", "xml", status=2)
        self.tally("audit", "export", self.folder / "nowhere", "--format", "csv", status=2)

    def test_csv(self):
        self.play()
        text = subprocess.run([TALLY, "audit", "export", self.data, "--format", "csv"], capture_output=True, check=True).stdout.decode()
        self.assertTrue(text.endswith("\r\n"))
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        entries = [json.loads(line) for line in self.export("--format", "jsonl").splitlines() if line.startswith('{"seq"')]
        self.assertEqual(len(rows), len(entries))
        for row, entry in zip(rows, entries):
            entry.pop("record")
            self.assertEqual(list(row), list(entry))
            for name, value in entry.items():
                found = json.loads(row[name]) if isinstance(value, (list, dict)) else row[name]
                self.assertEqual(found, "" if value is None else value if isinstance(value, (str, list, dict)) else str(value), name)
        self.tally("audit", "export", self.data, self.folder / "all.csv", "--format", "csv")
        self.assertEqual((self.folder / "all.csv").read_bytes().decode(), text)

    def test_a_changed_export_is_found(self):
        self.play()
        lines = self.export("--format", "jsonl").splitlines()
        at = next(i for i, line in enumerate(lines) if '"kind":"earn"' in line)
        earn = json.loads(lines[at])

        def changed(**fields):
            return [*lines[:at], json.dumps(earn | fields), *lines[at + 1:]]

        def findings(*of):
            return self.verify("".join(line + "\n" for line in of), status=1)

        for name, value in (("points", 1), ("pending", earn["pending"] + 1), ("order", "o-9"), ("at", "2026-01-01T00:00:01Z"), ("lots", []),
                            ("total", "420.51"), ("cashier", None), ("prev_seq", None), ("merchant", "teahouse"), ("from", "adjustment")):
            self.assertIn(f"entry {earn['seq']}: its JSON and its bytes differ in {name}", findings(*changed(**{name: value})))
        self.assertIn("hash does not match", findings(*changed(record=earn["record"].replace(b"o-1".hex(), b"o-8".hex()))))
        self.assertIn("should come next", findings(*lines[:at], *lines[at + 1:]))
        self.assertIn("it was cut off", findings(*lines[:-1]))
        self.assertIn("not a JSON object", findings(*lines[:at], lines[at][:-1], *lines[at + 1:]))
        blocks = [i for i, line in enumerate(lines) if line.startswith('{"block"')]
        self.assertIn("hash of the block before", findings(*lines[:blocks[1]], lines[blocks[1]].replace(
            json.loads(lines[blocks[1]])["block"]["prev_hash"], "0" * 64), *lines[blocks[1] + 1:]))
        self.assertIn("should come next", findings(*lines[:blocks[1]], *lines[blocks[2]:]))  # a whole block
        self.assertIn("its end says", findings(*lines[:-1], lines[-1].replace(self.digest["hash"][:8], "00000000")))
        self.verify("\n".join(lines), "--digest", "0" * 64, status=1)

        seed = int(os.environ.get("TALLY_TEST_SEED") or random.randrange(1 << 32))
        print("seed", seed)
        dice = random.Random(seed)
        with_records = [i for i, line in enumerate(lines) if '"record"' in line]
        for _ in range(25):  # any bit of any record
            which = dice.choice(with_records)
            entry = json.loads(lines[which])
            record = bytearray.fromhex(entry["record"])
            record[dice.randrange(len(record))] ^= 1 << dice.randrange(8)
            findings(*lines[:which], json.dumps(entry | {"record": record.hex()}), *lines[which + 1:])

    def test_proofs(self):
        self.play()
        proof = self.folder / "proof.json"
        for seq in (1, 7, self.digest["seq"]):
            proof.write_text(self.tally("audit", "prove", self.data, seq).stdout)
            shown = json.loads(self.tally("audit", "check", proof, "--digest", self.digest["hash"], "--json").stdout)
            self.assertEqual((shown["proven"], shown["seq"], shown["newest"]), (True, seq, self.digest["seq"]))
            self.assertEqual(shown["entry"]["seq"], seq)
        self.assertIn("there is no entry", self.tally("audit", "prove", self.data, self.digest["seq"] + 1, status=1).stderr)
        self.assertIn("not a digest", self.tally("audit", "check", proof, "--digest", "12", status=2).stderr)
        self.assertIn("cannot read", self.tally("audit", "check", "/nope.json", "--digest", self.digest["hash"], status=2).stderr)

        # the journal goes on: what was noted is a part of what is
        self.start(clock=None)
        self.execute({"op": "enroll", "account": "m-7"})
        later = self.ask("digest")
        self.server_stop()
        self.tally("audit", "check", proof, "--digest", later["hash"], status=1)
        for seq, against in ((7, self.digest), (7, later)):
            proof.write_text(self.tally("audit", "prove", self.data, seq, "--digest", against["hash"]).stdout)
            self.tally("audit", "check", proof, "--digest", against["hash"])
        proof.write_text(self.tally("audit", "prove", self.data, self.digest["seq"]).stdout)
        checked = self.tally("audit", "check", "-", "--digest", later["hash"], "--earlier", self.digest["hash"], text=proof.read_text()).stdout
        self.assertIn(f"the earlier digest stood at entry {self.digest['seq']} and is part of it", checked)
        self.assertIn("does not pass", self.tally("audit", "check", proof, "--digest", later["hash"], "--earlier", "ab" * 32, status=1).stderr)

    def test_sealed_digests(self):
        self.play()
        sealed = self.folder / "sealed"
        sealed.write_text(self.tally("audit", "digest", self.data).stdout)
        shown = json.loads(sealed.read_text())
        self.assertEqual(list(shown), ["sealed_digest", "newest", "hash", "points"])
        self.assertEqual((shown["sealed_digest"], shown["newest"], shown["hash"]), (1, self.digest["seq"], self.digest["hash"]))
        self.assertEqual(shown["points"][-1], [self.digest["seq"], self.digest["hash"]])
        blocks = [json.loads(line)["block"] for line in self.export("--format", "jsonl").splitlines() if line.startswith('{"block"')]
        self.assertEqual(shown["points"], [[block["first"] + block["count"] - 1, block["hash"]] for block in blocks])

        # the journal goes on: what was sealed is what it begins with
        self.start(clock=None)
        self.execute({"op": "enroll", "account": "m-7"})
        self.server_stop()
        self.assertIn(f"begins with what was sealed at entry {self.digest['seq']}", self.tally("audit", "digest", self.data, "--sealed", sealed).stdout)
        self.assertIn(f"begins with what was sealed at entry {self.digest['seq']}", self.tally("audit", "verify", self.data, "--sealed", sealed).stdout)
        self.assertEqual(json.loads(self.tally("audit", "verify", self.data, "--sealed", sealed, "--json").stdout)["sealed"], self.digest["seq"])

        # the journal of somebody who began anew
        other = self.folder / "other"
        other.write_text(json.dumps(shown | {"points": [shown["points"][0], [shown["points"][1][0], "ab" * 32], *shown["points"][2:]]}))
        parted = f"up to entry {shown['points'][0][0]}, and another from an entry of {shown['points'][0][0] + 1} to {shown['points'][1][0]} on"
        self.assertIn(parted, self.tally("audit", "digest", self.data, "--sealed", other, status=1).stdout)
        verified = self.tally("audit", "verify", self.data, "--sealed", other, status=1).stdout
        self.assertIn(f"entry {shown['points'][0][0] + 1}: the journal is not the one that was sealed", verified)
        self.assertNotIn("begins with", verified)

        for odd, words in (("", "is not a sealed digest"), ("[]", "is not a sealed digest"), ('{"sealed_digest":2}', "of format 2"),
                           (json.dumps(shown | {"hash": "ab" * 32}), "does not end with the digest"),
                           (json.dumps(shown | {"points": shown["points"][::-1]}), "a seq after the one before it")):
            other.write_text(odd)
            self.assertIn(words, self.tally("audit", "digest", self.data, "--sealed", other, status=2).stderr)
        self.assertIn("cannot read", self.tally("audit", "verify", self.data, "--sealed", self.folder / "none", status=2).stderr)
        self.tally("audit", "digest", self.folder / "nowhere", status=2)

    def test_threads_make_no_difference(self):
        self.play()
        one = self.tally("audit", "verify", self.data, "--threads", "1", "--json").stdout
        many = self.tally("audit", "verify", self.data, "--threads", "5", "--json").stdout
        timeless = [{k: v for k, v in json.loads(text).items() if k not in ("seconds", "entries_per_s")} for text in (one, many)]
        self.assertEqual(timeless[0], timeless[1])
        self.assertEqual(timeless[0]["hash"], self.digest["hash"])
        self.tally("audit", "verify", self.data, "--threads", "0", status=2)

    def test_beside_a_running_server(self):
        self.start()
        self.apply_rules()
        for number in range(20):
            self.execute({"op": "enroll", "account": f"m-{number}"}, {"op": "earn", "account": f"m-{number}", "order": "o", "total": "5.00"})
            if number % 5 == 0:
                verified = json.loads(self.tally("audit", "verify", self.data, "--json").stdout)
                self.assertEqual((verified["findings"], verified["newest"], verified["accounts"]), (0, self.ask("digest")["seq"], number + 1))
        self.server_stop()

    def test_a_changed_proof_is_refused(self):
        self.play()
        proof = self.folder / "proof.json"
        whole = self.tally("audit", "prove", self.data, 4).stdout.encode()
        seed = int(os.environ.get("TALLY_TEST_SEED") or random.randrange(1 << 32))
        print("seed", seed)
        dice = random.Random(seed)
        for place in [*range(0, 40), *(dice.randrange(len(whole)) for _ in range(160))]:
            changed = bytearray(whole)
            changed[place] ^= 1 << dice.randrange(8)
            proof.write_bytes(changed)
            done = self.tally("audit", "check", proof, "--digest", self.digest["hash"], status=None, env=os.environ | {"LC_ALL": "C.UTF-8"})
            self.assertEqual((done.returncode, done.stdout), (1, ""), f"place {place}: {bytes(changed[max(place - 20, 0):place + 20])}")
            self.assertRegex(done.stderr, r"\Atally: (not a proof|nothing is proven): .")
        for changed in (b"", b"{}", whole[:-20], whole * 2, whole.replace(b'"seq":4', b'"seq":5'), whole.replace(b"{", b'{"more":1,', 1)):
            proof.write_bytes(changed)
            self.tally("audit", "check", proof, "--digest", self.digest["hash"], status=1)

    def test_it_ends_cleanly(self):
        self.play()
        done = subprocess.run(f"{TALLY} audit export {self.data} --format jsonl | head -n 1", shell=True, capture_output=True, text=True,
                              timeout=PATIENCE_S)
        self.assertEqual((len(done.stdout.splitlines()), done.stderr), (1, ""))
        full = self.tally("audit", "export", self.data, "/dev/full", "--format", "csv", status=1)
        self.assertIn("cannot write /dev/full: No space left", full.stderr)
        # nobody reads: it stands still in a write until it is interrupted
        self.start(clock=None)
        self.execute(*({"op": "enroll", "account": f"x-{i}"} for i in range(3000)))
        self.server_stop()
        stuck = subprocess.Popen([TALLY, "audit", "export", self.data, "--format", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stuck.stdout.read(1)
        stuck.send_signal(signal.SIGINT)
        _, errors = stuck.communicate(timeout=PATIENCE_S)
        self.assertEqual(stuck.returncode, 130, errors)
        self.assertIn(b"the export is not whole", errors)

    def test_the_page(self):
        """docs/audit.md as it stands, on its own ledger."""
        self.start()
        self.apply_rules()
        self.execute({"op": "enroll", "account": "m-1"}, {"op": "earn", "account": "m-1", "order": "o-1", "total": "42.50"},
                     {"op": "enroll", "account": "m-2"})
        (self.folder / "noted").write_text(self.ask("digest")["hash"])
        self.execute({"op": "advance_clock", "to": "2026-01-05T00:00:00Z"}, {"op": "redeem", "account": "m-1", "order": "o-2", "points": 30})
        self.server_stop()
        work = self.folder / "work"
        work.mkdir()
        (work / "data").symlink_to(self.data)
        (work / "scripts").symlink_to(ROOT / "scripts")
        noted = (self.folder / "noted").read_text()
        commands = list(commands_of((ROOT / "docs/audit.md").read_text()))
        self.assertGreater(len(commands), 5)
        for number, command, expected in commands:
            done = subprocess.run(["bash", "-c", command], cwd=work, capture_output=True, text=True, timeout=PATIENCE_S,
                                  env=self.environment(TODAY=self.today(), NOTED=noted))
            printed = (done.stdout + done.stderr).splitlines()
            self.assertIn(done.returncode, (0, 1), f"audit.md:{number}: {command}\n{printed}")
            if expected:
                self.assertTrue(matches(expected, printed), f"audit.md:{number}: {command}\nprints\n" + "\n".join(printed))

    def today(self):
        return self.tally("audit", "verify", self.data).stdout.split()[-1]


if __name__ == "__main__":
    unittest.main()
