#!/usr/bin/env python3
"""A tiny run of the micro benchmarks: each one runs and reports a time."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

BIN = os.environ.get("TALLY_BIN_DIR", "build/release/bin")
MICROBENCH = os.path.join(os.path.abspath(BIN), "tally_microbench")
WANTED = ("decide_and_apply_earn", "decide_and_apply_redeem", "encode_entry", "decode_entry", "build_block", "commit_to_journal",
          "verify_and_decode_request", "append_reply", "find_in_directory", "bare_hash_table_earn", "generate_frame")


class Microbench(unittest.TestCase):
    def test_each_benchmark_runs(self):
        with tempfile.TemporaryDirectory() as cwd:
            run = subprocess.run([MICROBENCH, "--benchmark_min_time=0.001", "--benchmark_format=json"], cwd=cwd,
                                 capture_output=True, text=True, timeout=300)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(os.listdir(cwd), [])
        seen = json.loads(run.stdout)["benchmarks"]
        for one in seen:
            self.assertNotIn("error_occurred", one, one.get("error_message"))
            self.assertGreater(one["s/op"], 0, one["name"])
        for name in WANTED:
            self.assertTrue(any(one["name"].startswith(name) for one in seen), name)


if __name__ == "__main__":
    if not os.access(MICROBENCH, os.X_OK):
        sys.exit(77)
    unittest.main()
