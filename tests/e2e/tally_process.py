"""What the end-to-end tests share: a real tallyd on a temporary folder, and the real tally talking to it."""

import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("TALLY_SOURCE_DIR") or Path(__file__).parents[2]).resolve()
BIN = Path(os.environ.get("TALLY_BIN_DIR") or ROOT / "build/release/bin").resolve()
TALLY, TALLYD = BIN / "tally", BIN / "tallyd"
MIDNIGHT = "2026-01-01T00:00:00Z"  # where test clocks start
PATIENCE_S = 120  # the machine may be busy

# SPEC section 9's session with a hold, an expiry and a reward; nothing here depends on the real time.
RULES = """\
merchant = "beanhouse"
name = "Bean House Rewards"
[enroll]
opening_points = 50
[earn]
points = "1"
per = "1.00"
hold_days = 3
expire_days = 365
[[bonus]]
name = "Beans count double"
categories = ["beans"]
multiplier = "2"
[[bonus]]
name = "Bag of beans"
skus = ["BEAN-1KG"]
points_per_unit = 6
[[reward]]
name = "Free coffee"
points = 100
[redeem]
points = 100
value = "1.00"
max_discount = "50.00"
"""


class server:
    """A tallyd; `address` is where it listens. Ends with its test, whatever happens."""

    def __init__(self, data: Path, *flags: str, clock: str | None = MIDNIGHT, listen: str = "127.0.0.1:0"):
        command = [TALLYD, "--data", data, "--listen", listen, *flags]
        if clock:
            command += ["--test-clock", clock]
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"(\S+:\d+)\s*$", line)
        if not found:
            self.process.wait(PATIENCE_S)
            raise AssertionError(f"tallyd did not start: {line!r} {self.error_text()}")
        self.address = found[1]

    def error_text(self) -> str:
        self.errors.seek(0)
        return self.errors.read()

    def stop(self, how=signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process.stdout.close()
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class tally_test(unittest.TestCase):
    """A test with a temporary folder and, where it asks for one, a server."""

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tally-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.data = self.folder / "data"
        self.address = "127.0.0.1:1"  # nobody listens there

    def start(self, *flags: str, clock: str | None = MIDNIGHT, listen: str = "127.0.0.1:0") -> server:
        started = server(self.data, *flags, clock=clock, listen=listen)
        self.addCleanup(started.kill)
        self.address = started.address
        return started

    def environment(self, **more: str) -> dict:
        return {"PATH": f"{BIN}:{os.environ['PATH']}", "TALLY_SERVER": self.address, "TALLY_MERCHANT": "beanhouse",
                "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **more}

    def tally(self, *arguments, text: str = "", status: int | None = 0, env: dict | None = None) -> subprocess.CompletedProcess:
        done = subprocess.run([TALLY, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=PATIENCE_S,
                              env=self.environment() if env is None else env)
        if status is not None:
            self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def ask(self, *arguments, status: int = 0) -> dict:
        """One subcommand with --json."""
        return json.loads(self.tally(*arguments, "--json", status=status).stdout)

    def execute(self, *operations, status: int | None = 0) -> list[dict]:
        """Operations through one `tally exec`."""
        lines = "".join((o if isinstance(o, str) else json.dumps(o)) + "\n" for o in operations)
        done = self.tally("exec", text=lines, status=status)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def apply_rules(self, rules: str = RULES):
        self.assertEqual(self.execute({"op": "put_program", "toml": rules})[0]["status"], "ok")

    def open_exec(self, *flags: str) -> "exec_process":
        opened = exec_process(self.environment(), *flags)
        self.addCleanup(opened.close)
        return opened


class exec_process:
    """A `tally exec` that is fed line by line."""

    def __init__(self, env: dict, *flags: str):
        self.process = subprocess.Popen([TALLY, "exec", *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=env, bufsize=0)
        self.unread = b""

    def send(self, operation):
        line = operation if isinstance(operation, str) else json.dumps(operation)
        self.process.stdin.write(line.encode() + b"\n")

    def receive(self, within_s: float = PATIENCE_S) -> dict:
        until = time.monotonic() + within_s
        while b"\n" not in self.unread:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise AssertionError("no outcome in time")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise AssertionError("exec ended: " + self.process.stderr.read().decode())
            self.unread += more
        line, self.unread = self.unread.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass


def wildcard(pattern: str) -> re.Pattern:
    """A line of documentation as a pattern: `...` stands for anything."""
    return re.compile(".*?".join(re.escape(part) for part in pattern.split("...")) + r"\Z", re.DOTALL)


def fenced_blocks(text: str, language: str):
    """The contents of ```language blocks, each with the number of its first line."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines):
        if start is None and line.strip() == f"```{language}":
            start = number + 1
        elif start is not None and line.strip() == "```":
            yield start + 1, lines[start:number]
            start = None
