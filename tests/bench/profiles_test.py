#!/usr/bin/env python3
"""A tiny run of every profile of `tally bench`: it works, says everything it must, verifies, and leaves nothing behind."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

BIN = os.environ.get("TALLY_BIN_DIR", "build/release/bin")
TALLY = os.path.join(os.path.abspath(BIN), "tally")
TALLYD = os.path.join(os.path.abspath(BIN), "tallyd")
TINY = ["--accounts", "1000", "--duration", "0.3", "--warmup", "0.1"]
CASES = {
    "flood": [],
    "tills": [],
    "one": [],
    "steady": ["--rate", "2000"],
}


def bench(*arguments, cwd):
    return subprocess.run([TALLY, "bench", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)


class Profiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cwd = folder.name

    def object_of(self, run):
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return json.loads(run.stdout.strip().splitlines()[-1])

    def test_every_profile_ends_with_one_complete_object(self):
        for profile, more in CASES.items():
            with self.subTest(profile):
                seen = self.object_of(bench("--profile", profile, *TINY, *more, "--json", cwd=self.cwd))
                self.assertEqual(seen["profile"], profile)
                self.assertGreater(seen["ops_per_s"], 0)
                self.assertEqual(seen["errors"], 0)
                self.assertIs(seen["verified"], True)
                self.assertGreater(seen["accounts_read"], 0)
                self.assertLessEqual(seen["p50_us"], seen["p99_us"])
                self.assertLessEqual(seen["p99_us"], seen["p999_us"])
                self.assertLessEqual(seen["p999_us"], seen["max_us"])
                self.assertGreater(seen["ceiling_ops_per_s"], 0)
                for key in ("commit", "build_type", "cpu", "cores", "kernel", "file_system", "sync", "generator_share"):
                    self.assertIn(key, seen["setup"])
                self.assertEqual(seen["setup"]["sync"], "on")
                self.assertEqual(sum(seen["outcomes"].values()), seen["operations"])
                self.assertGreater(seen["server"]["resident_bytes_per_account"], 0)
                self.assertEqual("disk_append_ratio" in seen, profile == "one")
                self.assertEqual(os.listdir(self.cwd), [], "the data folder must be gone")

    def test_most_accounts_on_disk(self):
        seen = self.object_of(bench("--profile", "flood", *TINY, "--resident-accounts", "50", "--snapshot-every", "100ms", "--json", cwd=self.cwd))
        self.assertIs(seen["verified"], True)
        self.assertGreaterEqual(seen["server"]["resident_bytes_peak"], seen["server"]["resident_bytes_end"])

    def test_memory(self):
        seen = self.object_of(bench("--profile", "memory", "--accounts", "1000", "--json", cwd=self.cwd))
        self.assertEqual(seen["errors"], 0)
        self.assertEqual(len(seen["stages"]), 4)

    def test_people_get_a_table(self):
        run = bench("--profile", "flood", *TINY, cwd=self.cwd)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        for word in ("operations/s", "p99.9", "the generator took", "ceiling", "verified   yes"):
            self.assertIn(word, run.stdout)

    def test_a_running_server_is_used_again_and_again(self):
        data = os.path.join(self.cwd, "data")
        server = subprocess.Popen([TALLYD, "--data", data, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().split()[-1]
            for seed in ("1", "1", "2"):
                seen = self.object_of(bench("--server", address, *TINY, "--seed", seed, "--skew", "1", "--json", cwd=self.cwd))
                self.assertEqual(seen["errors"], 0)
                self.assertIs(seen["verified"], True)
                self.assertNotIn("server", seen)
        finally:
            server.terminate()
            self.assertEqual(server.wait(60), 0)
            server.stdout.close()

    def test_bad_usage_and_no_server(self):
        self.assertEqual(bench("--mix", "burn=1", cwd=self.cwd).returncode, 2)
        self.assertEqual(bench("--profile", "storm", cwd=self.cwd).returncode, 2)
        self.assertEqual(bench("--server", "127.0.0.1:1", *TINY, cwd=self.cwd).returncode, 3)


if __name__ == "__main__":
    if not os.access(TALLY, os.X_OK) or not os.access(TALLYD, os.X_OK):
        sys.exit(77)
    unittest.main()
