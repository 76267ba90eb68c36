"""`tally tail`, and a tail as the last operation of `tally exec`: JSON lines as they become durable, until Ctrl-C."""

import json
import os
import select
import signal
import subprocess
import time
import unittest

from tally_process import PATIENCE_S, TALLY, tally_test

ENROLL = {"op": "enroll", "account": "m-1"}


def earn(order):
    return {"op": "earn", "account": "m-1", "order": order, "total": "10.00"}


class follower:
    """A `tally` that prints until it is ended."""

    def __init__(self, env: dict, *arguments: str, text: str | None = None):
        self.process = subprocess.Popen([TALLY, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=env, bufsize=0)
        if text is not None:
            self.process.stdin.write(text.encode())
        self.unread = b""

    def lines(self, count: int, within_s: float = PATIENCE_S) -> list[dict]:
        until = time.monotonic() + within_s
        while self.unread.count(b"\n") < count:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise AssertionError(f"only {self.unread!r}")
            self.unread += more
        *whole, self.unread = self.unread.split(b"\n", count)
        return [json.loads(line) for line in whole]

    def end(self, how=signal.SIGINT) -> int:
        self.process.send_signal(how)
        self.process.wait(PATIENCE_S)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


class tail(tally_test):
    def follow(self, *arguments: str, text: str | None = None) -> follower:
        started = follower(self.environment(), *arguments, text=text)
        self.addCleanup(started.close)
        return started

    def seqs(self, lines: list[dict]) -> list[int]:
        for line in lines:
            self.assertEqual(line["status"], "ok")
        return [line["entry"]["seq"] for line in lines]

    def test_entries_as_they_come_until_ctrl_c(self):
        self.start()
        self.apply_rules()
        self.execute(ENROLL, earn("o-1"))
        live = self.follow("tail")
        self.assertEqual(self.seqs(live.lines(3)), [1, 2, 3])
        self.execute(earn("o-2"))
        last = live.lines(1)
        self.assertEqual(last[0]["entry"], self.execute({"op": "entry", "seq": 4})[0]["entry"])
        self.assertEqual(live.end(), 0)
        self.assertEqual(live.process.stderr.read(), b"")
        again = self.follow("tail", "--from", "4", "--kinds", "earn,redeem")
        self.execute({"op": "adjust", "account": "m-1", "points": 1, "adjustment": "a", "reason": "r"}, earn("o-3"))
        self.assertEqual(self.seqs(again.lines(2)), [4, 6])
        self.assertEqual(again.end(signal.SIGTERM), 0)

    def test_it_waits_for_a_merchant_that_has_nothing_yet(self):
        self.start()
        live = self.follow("tail", "--from-seq", "0", "--json")
        time.sleep(0.3)
        self.execute(ENROLL)
        self.assertEqual(self.seqs(live.lines(1)), [1])

    def test_it_goes_on_after_a_restart_of_the_server(self):
        started = self.start()
        self.execute(ENROLL)
        live = self.follow("tail")
        self.assertEqual(self.seqs(live.lines(1)), [1])
        self.assertEqual(started.stop(), 0)
        self.start(listen=self.address)
        self.execute({"op": "enroll", "account": "m-2"})
        self.assertEqual(self.seqs(live.lines(1)), [2])

    def test_a_closed_output_and_a_server_that_is_gone(self):
        started = self.start()
        self.execute(ENROLL)
        live = self.follow("tail")
        live.lines(1)
        live.process.stdout.close()
        self.execute({"op": "enroll", "account": "m-2"})
        live.process.wait(PATIENCE_S)
        self.assertEqual(live.process.returncode, 0)
        waiting = self.follow("exec", "--reconnect-for", "0", text='{"op":"tail"}\n')
        waiting.lines(2)
        started.kill()
        waiting.process.wait(PATIENCE_S)
        self.assertEqual(waiting.process.returncode, 3)

    def test_as_the_last_operation_of_exec(self):
        self.start()
        self.apply_rules()
        live = self.follow("exec", text="".join(json.dumps(o) + "\n" for o in (ENROLL, earn("o-1"), {"op": "tail", "from_seq": 2})))
        lines = live.lines(4)
        self.assertEqual([line["seq"] for line in lines[:2]], [2, 3])
        self.assertEqual(self.seqs(lines[2:]), [2, 3])
        self.execute(earn("o-2"))
        self.assertEqual(self.seqs(live.lines(1)), [4])
        live.process.stdin.write(b"\n")  # an empty line is none
        self.execute(earn("o-3"))
        self.assertEqual(self.seqs(live.lines(1)), [5])
        live.process.stdin.close()  # nor is the end of the input
        self.execute(earn("o-4"))
        self.assertEqual(self.seqs(live.lines(1)), [6])
        self.assertEqual(live.end(), 0)

    def test_anything_behind_it_in_exec_is_refused(self):
        self.start()
        first, second = self.execute({"op": "tail"}, ENROLL, status=1)
        self.assertEqual(first, {"status": "invalid", "what": "a tail must be the last operation", "where": "op"})
        self.assertEqual(second["status"], "ok")
        live = self.follow("exec", text='{"op":"tail"}\n')
        live.lines(1)
        live.process.stdin.write(json.dumps(earn("o-1")).encode() + b"\n")
        live.process.wait(PATIENCE_S)
        self.assertEqual(live.process.returncode, 2)
        self.assertIn(b"must be the last operation", live.process.stderr.read())
        self.assertEqual(self.execute({"op": "digest"})[0]["seq"], 1, "it was not sent")

    def test_what_is_no_tail(self):
        self.start()
        self.assertIn("is not a kind of entry", self.tally("tail", "--kinds", "sale", status=2).stderr)
        self.tally("tail", "--from", "yesterday", status=2)
        self.assertIn("--from", self.tally("tail", "--help").stdout)
        self.tally("tail", env={k: v for k, v in self.environment().items() if k != "TALLY_MERCHANT"}, status=2)


if __name__ == "__main__":
    unittest.main()
