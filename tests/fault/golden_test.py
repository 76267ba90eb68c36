"""Data folders of released versions, as those versions left them (tests/fault/golden): the programs of today open a copy, give the same answers
and audit it without a finding. Where a later version is to refuse one, its expected.json says so: {"refused": "words of the message"}."""

import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
from tally_process import tally_test  # noqa: E402

GOLDEN = Path(__file__).parent / "golden"
FOLDERS = sorted(folder for folder in GOLDEN.iterdir() if folder.is_dir())


def of_then(shown, expected):
    """The answer without keys that a later version added."""
    if isinstance(expected, dict) and isinstance(shown, dict):
        return {key: of_then(value, expected[key]) for key, value in shown.items() if key in expected}
    if isinstance(expected, list) and isinstance(shown, list) and len(expected) == len(shown):
        return [of_then(one, was) for one, was in zip(shown, expected)]
    return shown


class golden_folders(tally_test):
    def test_there_are_some(self):
        self.assertIn("0.1.0", [folder.name for folder in FOLDERS])

    def test_each_of_them(self):
        for folder in FOLDERS:
            with self.subTest(folder.name):
                self.data = self.folder / folder.name
                shutil.copytree(folder / "data", self.data)
                self.open_and_compare(json.loads((folder / "expected.json").read_text()))

    def open_and_compare(self, expected):
        if "refused" in expected:
            done = self.tally("audit", "verify", self.data, status=1)
            self.assertIn(expected["refused"], done.stdout + done.stderr)
            return
        self.audit(expected)
        clock = next(read["answer"] for read in expected["reads"] if read["ask"]["op"] == "digest")
        running = self.start()
        for read in expected["reads"]:
            answer = self.execute({"merchant": "beanhouse", **read["ask"]}, status=None)[0]
            self.assertEqual(of_then(answer, read["answer"]), read["answer"], read["ask"])
        # it goes on from there, and still is one journal
        self.assertEqual(self.execute({"op": "enroll", "account": "m-new"})[0]["status"], "ok")
        self.assertEqual(running.stop(), 0)
        sealed = self.folder / "sealed"
        sealed.write_text(json.dumps({"sealed_digest": 1, "newest": clock["seq"], "hash": clock["hash"], "points": [[clock["seq"], clock["hash"]]]}))
        self.tally("audit", "verify", self.data, "--sealed", sealed)

    def audit(self, expected):
        done = self.tally("audit", "verify", self.data, "--json")
        self.assertEqual(of_then(json.loads(done.stdout), expected["audit"]), expected["audit"])
        replayed = [json.loads(line) for line in self.tally("audit", "replay", self.data, "--json").stdout.splitlines()]
        balances = {(one["merchant"], one["account"]): one for one in replayed}
        for read in expected["reads"]:
            ask, answer = read["ask"], read["answer"]
            if ask["op"] != "account" or "account" not in ask:
                continue
            replay = balances[ask["merchant"], ask["account"]]
            self.assertEqual([replay[name] for name in ("available", "pending", "reserved", "lifetime")],
                             [answer[name] for name in ("available", "pending", "reserved", "lifetime")], ask)


if __name__ == "__main__":
    unittest.main()
