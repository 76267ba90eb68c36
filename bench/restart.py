#!/usr/bin/env python3
"""How long a killed server takes to serve again, with many members on file and many entries behind the recovery point.

    bench/restart.py [--accounts 10000000] [--entries 1000000] [--bin build/release/bin] [--data data/restart] [--keep]

Makes the folder with `tally bench` (enrolments, images written by a clean stop), starts it again, writes the entries behind the recovery
point at accounts spread evenly, kills it with SIGKILL, and starts it a last time: from the exec of the process to its line that it is
ready, to the first answer about an account, and until the entries are applied to all of their accounts. At the end the balances of some accounts
are compared with what was acknowledged. Needs about 1 KB of disk an account and, while they are enrolled, of memory.
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

RULES_MERCHANT = "bench"


def account_id(number):
    return f"m-{number:07d}"  # as tally bench spells it


class Server:
    def __init__(self, given, *flags):
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [os.path.join(given.bin, "tallyd"), "--data", given.data, "--listen", "127.0.0.1:0", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        self.ready_s = time.monotonic() - self.begun
        if "ready on " not in line:
            sys.exit(f"tallyd did not come up: {line}")
        self.address = line.split("ready on ")[1].strip()

    def stop(self, how):
        self.process.send_signal(how)
        self.process.wait()

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        return 0


def execute(given, server, lines):
    """Outcomes of the operations, in their order."""
    run = subprocess.Popen([os.path.join(given.bin, "tally"), "exec", "--server", server.address],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid = os.fork()
    if pid == 0:  # writes while this process reads
        run.stdout.close()
        for line in lines:
            run.stdin.write(line)
        run.stdin.close()
        os._exit(0)
    run.stdin.close()
    outcomes = [json.loads(line) for line in run.stdout]
    os.waitpid(pid, 0)
    run.wait()
    return outcomes


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--accounts", type=int, default=10_000_000)
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--bin", default="build/release/bin")
    arguments.add_argument("--data", default="data/restart")
    arguments.add_argument("--keep", action="store_true", help="leave the folder")
    given = arguments.parse_args()
    if os.path.exists(given.data):
        sys.exit(f"{given.data} exists")

    server = Server(given)
    made = subprocess.run([os.path.join(given.bin, "tally"), "bench", "--server", server.address, "--accounts", str(given.accounts),
                           "--duration", "1", "--warmup", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if made.returncode != 0:
        sys.exit(f"tally bench ended with {made.returncode}: {made.stdout}")
    enrolled_mb = server.resident_mb()
    begun = time.monotonic()
    server.stop(signal.SIGTERM)
    print(f"{given.accounts} accounts enrolled, {enrolled_mb:.0f} MB resident; a clean stop took {time.monotonic() - begun:.1f} s", flush=True)

    server = Server(given, "--snapshot-every", "1h")
    print(f"start after a clean stop: ready in {server.ready_s:.2f} s, {server.resident_mb():.0f} MB resident", flush=True)
    stride = max(given.accounts // given.entries, 1)

    def earns():
        for i in range(given.entries):
            account = account_id(i * stride % given.accounts)
            yield f'{{"op":"earn","merchant":"{RULES_MERCHANT}","account":"{account}","order":"restart-{i}","total":"3.00"}}\n'

    begun = time.monotonic()
    outcomes = execute(given, server, earns())
    refused = [each for each in outcomes if each["status"] != "ok"]
    if refused or len(outcomes) != given.entries:
        sys.exit(f"{len(outcomes)} answers, {len(refused)} of them refused: {refused[:1]}")
    print(f"{given.entries} entries behind the recovery point, {given.entries / (time.monotonic() - begun):.0f} a second, every account "
          f"brought back from disk first", flush=True)
    server.stop(signal.SIGKILL)

    server = Server(given, "--snapshot-every", "1h")
    asked = time.monotonic()
    sample = random.sample(range(given.entries), min(given.entries, 1000))
    reads = [f'{{"op":"account","merchant":"{RULES_MERCHANT}","account":"{account_id(i * stride % given.accounts)}"}}\n' for i in sample]
    first = execute(given, server, reads[:1])
    first_s = time.monotonic() - server.begun
    shown = first + execute(given, server, reads[1:])
    # the newest earn of an account is what its balance was acknowledged with
    newest = {i * stride % given.accounts: outcome for i, outcome in enumerate(outcomes)}
    wrong = [each for i, each in zip(sample, shown) if each["available"] != newest[i * stride % given.accounts]["available"]]
    if wrong:
        sys.exit(f"{len(wrong)} balances are not those that were acknowledged: {wrong[0]}")
    print(f"start after SIGKILL: ready in {server.ready_s:.2f} s, the first account answered after {first_s:.2f} s (the client's start "
          f"included), {len(shown)} balances as acknowledged after {time.monotonic() - asked + server.ready_s:.2f} s, "
          f"{server.resident_mb():.0f} MB resident", flush=True)
    server.stop(signal.SIGKILL)
    if not given.keep:
        shutil.rmtree(given.data)


if __name__ == "__main__":
    main()
