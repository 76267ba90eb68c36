#!/usr/bin/env python3
"""Runs `tally bench` several times and prints the median of each figure, with the lowest and the highest.

    bench/medians.py [--runs 5] [--pause S] [--bin build/release/bin] [--under "chrt -r 5"] -- --profile flood ...
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

FIGURES = {  # what is printed: where it is in the object
    "operations/s": ("ops_per_s",),
    "p50 us": ("p50_us",),
    "p99 us": ("p99_us",),
    "p99.9 us": ("p999_us",),
    "max us": ("max_us",),
    "longest silence us": ("longest_silence_us",),
    "generator's share": ("setup", "generator_share"),
    "server user s": ("server", "user_s"),
    "server system s": ("server", "system_s"),
    "disk kept, bytes/op": ("server", "data_bytes_per_op"),
    "disk written, bytes/op": ("server", "written_bytes_per_op"),
    "4 KiB append p50 us": ("disk_append", "p50_us"),
    "earn p50 / append p50": ("disk_append_ratio",),
    "enrolled accounts/s": ("enrolled_per_s",),
    "ceiling operations/s": ("ceiling_ops_per_s",),
}


def figure(result, path):
    for key in path:
        result = result.get(key) if isinstance(result, dict) else None
    return result


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--pause", type=float, default=2, help="seconds between two runs")
    arguments.add_argument("--bin", default="build/release/bin")
    arguments.add_argument("--under", default="", help="a command to run it under")
    arguments.add_argument("bench", nargs="*", help="arguments of tally bench, after --")
    given = arguments.parse_args()

    results = []
    for run in range(given.runs):
        if run > 0:
            time.sleep(given.pause)
        command = [*shlex.split(given.under), os.path.join(given.bin, "tally"), "bench", *given.bench, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            sys.exit(f"run {run + 1} ended with {done.returncode}: {done.stdout}")
        results.append(json.loads(done.stdout.strip().splitlines()[-1]))

    print(f"{'median of ' + str(len(results)):24} {'':>12} {'lowest':>12} {'highest':>12}   {' '.join(given.bench)}")
    for name, path in FIGURES.items():
        values = [figure(one, path) for one in results]
        if None not in values:
            print(f"{name:24} {statistics.median(values):12,.6g} {min(values):12,.6g} {max(values):12,.6g}")
    print("verified, without errors:", all(one["verified"] and one["errors"] == 0 for one in results))
    print("setup:", json.dumps(results[0]["setup"]))


if __name__ == "__main__":
    main()
