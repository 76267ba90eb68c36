"""A real tallyd as whoever runs it sees it: ready line, one server a folder, an orderly end, restarts, what a kill leaves."""

import json
import signal
import subprocess
import unittest

from tally_process import PATIENCE_S, RULES, TALLYD, tally_test

ENROLL = {"op": "enroll", "account": "m-1"}


def earn(order, **more):
    return {"op": "earn", "account": "m-1", "order": order, "total": "10.00", **more}


class running(tally_test):
    def refuse(self, *flags) -> subprocess.CompletedProcess:
        return subprocess.run([TALLYD, *map(str, flags)], capture_output=True, text=True, timeout=PATIENCE_S)

    def test_one_line_when_ready_and_the_port_it_got(self):
        started = self.start()
        self.assertRegex(self.address, r"^127\.0\.0\.1:[1-9]\d*$")
        self.assertEqual(self.execute(ENROLL)[0]["status"], "ok")
        self.assertEqual(started.stop(), 0)
        self.assertTrue(self.data.is_dir())

    def test_ctrl_c_ends_it_as_sigterm_does(self):
        self.assertEqual(self.start().stop(signal.SIGINT), 0)

    def test_a_second_server_on_the_same_folder_is_refused(self):
        self.start()
        done = self.refuse("--data", self.data, "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.strip())
        self.assertEqual(self.execute(ENROLL)[0]["status"], "ok")  # and the first one does not mind

    def test_no_create_takes_nothing_for_a_new_ledger(self):
        listen = ("--listen", "127.0.0.1:0", "--no-create")
        done = self.refuse("--data", self.data, *listen)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"there is no ledger with entries in {self.data}", done.stderr)
        self.assertFalse(self.data.exists())
        self.start().stop()
        self.assertEqual(self.refuse("--data", self.data, *listen).returncode, 1)  # nothing was ever written to it
        started = self.start()
        self.execute(ENROLL)
        started.stop()
        self.start("--no-create")
        self.assertEqual(self.execute(ENROLL)[0]["status"], "duplicate")

    def test_a_port_that_is_taken_is_refused(self):
        self.start()
        done = self.refuse("--data", self.folder / "other", "--listen", self.address)
        self.assertEqual(done.returncode, 1)
        self.assertIn(self.address.rsplit(":", 1)[1], done.stderr)

    def test_bad_usage(self):
        for flags in ([], ["--data"], ["--data", self.data, "--loud"], ["--data", self.data, "--test-clock", "noon"],
                      ["--data", self.data, "--listen", "x:y:z"], ["--data", self.data, "--rules", self.folder / "missing"]):
            done = self.refuse(*flags)
            self.assertEqual(done.returncode, 2, f"{flags}: {done.stderr}")
        self.assertFalse(self.data.exists())

    def test_the_repair_of_a_sound_journal(self):
        started = self.start()
        self.execute(ENROLL)
        self.assertIn("another server", self.tally("repair", self.data, status=1).stderr)
        started.kill()
        self.assertEqual(self.tally("repair", self.data).stdout,
                         "acknowledged up to entry 1, kept up to entry 1, 0 bytes dropped: nothing acknowledged is lost\n")
        self.assertIn("0 findings", self.tally("audit", "verify", self.data).stdout)

    def test_sigterm_answers_what_was_sent_before_it_ends(self):
        started = self.start()
        self.apply_rules()
        live = self.open_exec("--reconnect-for", "0")
        live.send(ENROLL)
        self.assertEqual(live.receive()["status"], "ok")
        for i in range(300):  # what comes back fits the pipe: nobody reads it yet
            live.send(earn(f"o-{i}"))
        first = live.receive()
        self.assertEqual(first["status"], "ok")
        self.assertEqual(started.stop(), 0)
        live.process.stdin.close()
        rest = (live.unread + live.process.stdout.read()).decode().splitlines()
        acknowledged = 1 + sum(json.loads(line)["status"] == "ok" for line in rest)
        self.start()
        account = self.execute({"op": "account", "account": "m-1"})[0]
        self.assertGreaterEqual(account["pending"], 10 * acknowledged)


class restarting(tally_test):
    def history(self):
        return self.execute({"op": "history", "account": "m-1", "limit": 1000})[0]

    def test_a_stop_and_a_kill_keep_everything(self):
        started = self.start()
        self.apply_rules()
        first = self.execute(ENROLL, *(earn(f"o-{i}") for i in range(20)), {"op": "adjust", "account": "m-1", "points": -5, "adjustment": "a",
                                                                          "reason": "r"})
        digest, history = self.execute({"op": "digest"}), self.history()
        for how in (signal.SIGTERM, signal.SIGKILL):
            started.stop(how)
            started = self.start()
            self.assertEqual(self.execute({"op": "digest"}), digest)
            self.assertEqual(self.history(), history)
            again = self.execute(ENROLL, *(earn(f"o-{i}") for i in range(20)),
                                 {"op": "adjust", "account": "m-1", "points": -5, "adjustment": "a", "reason": "another"})
            self.assertEqual(again, [{**o, "status": "duplicate", "first": "ok"} for o in first])
            self.assertEqual(self.execute(earn("o-3", total="9.00")), [{"status": "rejected", "code": "reference_conflict"}])
            self.assertEqual(self.execute({"op": "digest"}), digest)

    def test_duplicates_across_connections(self):
        self.start()
        self.apply_rules()
        left, right = self.open_exec(), self.open_exec()
        left.send(ENROLL)
        self.assertEqual(left.receive()["status"], "ok")
        for i in range(50):
            left.send(earn(f"o-{i}"))
            right.send(earn(f"o-{i}"))
        pairs = [(left.receive(), right.receive()) for _ in range(50)]
        for pair in pairs:
            self.assertEqual(sorted(o["status"] for o in pair), ["duplicate", "ok"])
            self.assertEqual(*({k: v for k, v in o.items() if k not in ("status", "first")} for o in pair))

    def test_two_tills_race_for_the_same_points(self):
        self.start()
        self.apply_rules(RULES.replace("opening_points = 50", "opening_points = 100"))
        left, right = self.open_exec(), self.open_exec()
        for i in range(30):
            self.execute({"op": "enroll", "account": f"r-{i}"})
            for live, order in ((left, "l"), (right, "r")):
                live.send({"op": "redeem", "account": f"r-{i}", "points": 100, "order": order})
            outcomes = sorted((o["status"], o.get("code")) for o in (left.receive(), right.receive()))
            self.assertEqual(outcomes, [("ok", None), ("rejected", "insufficient_points")])

    def test_a_restart_keeps_the_test_clocks_time_going_forward(self):
        started = self.start()
        self.apply_rules()
        self.execute(ENROLL, earn("o-1"), {"op": "advance_clock", "to": "2026-02-01T00:00:00Z"})
        started.stop()
        self.start(clock="2026-02-01T00:00:00Z")
        self.assertEqual(self.execute({"op": "account", "account": "m-1"})[0]["available"], 60)
        back = self.execute({"op": "advance_clock", "to": "2026-01-15T00:00:00Z"}, status=1)[0]
        self.assertEqual((back["status"], back["where"]), ("invalid", "to"))


if __name__ == "__main__":
    unittest.main()
