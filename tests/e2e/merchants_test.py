"""Programs of several merchants side by side: nothing of one is ever seen, counted or touched through another.

One merchant's day is played alone, and again between the steps of another merchant that uses the same account ids, orders and references
for other amounts. Every answer must be the same, but for the numbers of entries.
"""

import json
import unittest

from tally_process import tally_test
from tail_test import follower

RULES = """\
merchant = "{merchant}"
[enroll]
opening_points = 50
[earn]
points = "{rate}"
per = "1.00"
hold_days = 3
expire_days = 30
[[reward]]
name = "Free coffee"
points = 40
[redeem]
points = 100
value = "1.00"
[tiers]
[[tier]]
name = "silver"
threshold = 100
[review]
max_points_per_order = 500
[limits]
redemptions_per_day = 8
"""
EVERY_OP = """enroll earn preview redeem claim authorize capture void reverse adjust transfer suspend reactivate close account history entry
    count balance_at reviews approve reject program programs put_program profile erase statement liability tail""".split()
SEQS = {"seq", "to_seq", "review", "group", "prev_seq", "lot", "last_seq", "next_before_seq", "next_after"}
PERIOD = {"from": "2026-01-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}


def held(number):
    """The review of the number-th outcome that was held."""
    return lambda outcomes: [o for o in outcomes if o["status"] == "held"][number]["review"]


# What one merchant does, but for its name; a string moves the clock.
DAY = [
    {"op": "put_program"},
    *({"op": "enroll", "account": a} for a in ("m-1", "m-2", "m-3", "m-1")),
    {"op": "earn", "account": "m-1", "order": "o-1", "total": "120.00"},
    {"op": "earn", "account": "m-2", "order": "o-1", "total": "30.00"},
    {"op": "earn", "account": "m-1", "order": "o-1", "total": "120.00"},
    {"op": "earn", "account": "nobody", "order": "o-1", "total": "1.00"},
    {"op": "earn", "account": "m-3", "order": "o-2", "total": "900.00"},
    {"op": "earn", "account": "m-3", "order": "o-3", "total": "901.00"},
    {"op": "reviews"}, {"op": "reviews", "account": "m-3", "limit": 1},
    {"op": "approve", "review": held(0), "reason": "known"},
    {"op": "reject", "review": held(1), "reason": "unknown"},
    {"op": "approve", "review": held(1), "reason": "after all"},
    "2026-01-05T00:00:00Z",
    {"op": "preview", "account": "m-1", "points": 60},
    {"op": "redeem", "account": "m-1", "points": 60, "order": "o-1", "total": "5.00"},
    {"op": "claim", "account": "m-1", "reward": "Free coffee", "order": "o-1"},
    {"op": "authorize", "account": "m-1", "points": 20, "reservation": "r-1"},
    {"op": "authorize", "account": "m-1", "points": 10, "reservation": "r-2"},
    {"op": "authorize", "account": "m-2", "points": 10, "reservation": "r-1"},
    {"op": "capture", "account": "m-1", "reservation": "r-1", "points": 5},
    {"op": "void", "account": "m-1", "reservation": "r-2"},
    {"op": "transfer", "account": "m-1", "to": "m-2", "points": 7, "transfer": "t-1"},
    {"op": "adjust", "account": "m-2", "points": 9, "adjustment": "a-1", "reason": "r"},
    {"op": "reverse", "account": "m-1", "order": "o-1", "refund": "f-1", "amount": "12.00"},
    {"op": "suspend", "account": "m-1", "reason": "lost"},
    {"op": "redeem", "account": "m-1", "points": 1, "order": "o-9"},
    {"op": "reactivate", "account": "m-1", "reason": "found"},
    {"op": "put_program", "more": "# again\n"},
    {"op": "earn", "account": "m-1", "order": "o-4", "total": "10.00"},
    {"op": "close", "account": "m-3", "reason": "moved"},
    {"op": "profile", "account": "m-2", "name": "Ada"},
    {"op": "erase", "account": "m-2"},
    "2026-02-10T00:00:00Z",
    *({"op": "account", "account": a} for a in ("m-1", "m-2", "m-3")),
    *({"op": "history", "account": a, "limit": 1000} for a in ("m-1", "m-2", "m-3")),
    {"op": "history", "account": "m-1", "limit": 2, "kinds": ["earn", "redeem"]},
    {"op": "entry", "account": "m-1", "order": "o-1"}, {"op": "entry", "account": "m-1", "order": "o-1", "kind": "reverse"},
    {"op": "count", "account": "m-1"}, {"op": "count", "account": "m-1", "kinds": ["earn"]},
    {"op": "balance_at", "account": "m-1", "at": "2026-01-04T12:00:00Z"},
    {"op": "statement", "account": "m-1", **PERIOD}, {"op": "statement", "account": "m-2", **PERIOD},
    {"op": "liability"}, {"op": "liability", "at": "2026-01-01T12:00:00Z"},
    {"op": "program"}, {"op": "program", "version": 1}, {"op": "programs"}, {"op": "reviews"},
]


class side_by_side(tally_test):
    def call(self, live, asked: dict) -> dict:
        live.send(asked)
        return live.receive()

    def step(self, live, merchant: str, step: dict, outcomes: list[dict], factor: int = 1):
        asked = {key: value(outcomes) if callable(value) else value for key, value in step.items()}
        if asked["op"] == "put_program":
            asked["toml"] = RULES.format(merchant=merchant, rate=factor) + asked.pop("more", "")
        for key in ("total", "amount"):
            if key in asked:
                asked[key] = f"{float(asked[key]) * 0.6:.2f}" if factor != 1 else asked[key]
        if "points" in asked:
            asked["points"] += factor - 1
        outcomes.append(self.call(live, {**asked, "merchant": merchant}))

    def tail_of(self, merchant: str, count: int) -> list[dict]:
        live = follower(self.environment(), "tail", "--merchant", merchant)
        self.addCleanup(live.close)
        lines = live.lines(count)
        self.assertEqual(live.end(), 0)
        return [line["entry"] for line in lines]

    def numbered(self, value, own: list[int], key=""):
        """The merchant's own entries counted 1, 2, 3 ..., as they are where nobody else is."""
        if isinstance(value, dict):
            return {k: self.numbered(v, own, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.numbered(each, own) for each in value]
        return sum(seq <= value for seq in own) if key in SEQS and isinstance(value, int) else value

    def play(self, live, *merchants: tuple[str, int]) -> list[list[dict]]:
        outcomes = [[] for _ in merchants]
        for step in DAY:
            if isinstance(step, str):
                self.call(live, {"op": "advance_clock", "to": step})
                continue
            for (merchant, factor), answers in zip(merchants, outcomes):
                self.step(live, merchant, step, answers, factor)
        return outcomes

    def test_a_day_is_the_same_beside_another_merchant(self):
        self.assertEqual({s["op"] for s in DAY if isinstance(s, dict)} | {"tail"}, set(EVERY_OP))
        alone = self.start("--shards", "2")
        live = self.open_exec()
        expected, = self.play(live, ("beanhouse", 1))
        count = self.call(live, {"op": "digest"})["seq"]
        entries = self.tail_of("beanhouse", count)
        self.assertEqual([e["seq"] for e in entries], list(range(1, count + 1)))
        statuses = {o["status"] for o in expected}
        self.assertLessEqual({"ok", "duplicate", "held", "rejected", "skipped"}, statuses)
        alone.kill()

        self.data = self.folder / "both"
        self.start("--shards", "2")
        live = self.open_exec()
        found, others = self.play(live, ("beanhouse", 1), ("teahouse", 2))
        beside = self.tail_of("beanhouse", count)
        own = [entry["seq"] for entry in beside]
        self.assertGreater(own[-1], count)
        self.assertEqual(self.numbered(beside, own), entries)
        steps = [s for s in DAY if isinstance(s, dict)]
        for asked, then, now in zip(steps, expected, found, strict=True):
            self.assertEqual(self.numbered(now, own), then, asked)
        self.foreign(live, own, found, others)

    def foreign(self, live, own: list[int], found: list[dict], others: list[dict]):
        """What is beanhouse's, asked for through teahouse."""
        self.call(live, {"op": "enroll", "merchant": "beanhouse", "account": "only-beans"})
        before = [self.call(live, {"op": op, "merchant": "beanhouse", **more})
                  for op, more in (("account", {"account": "only-beans"}), ("reviews", {}), ("liability", {}))]
        parked = self.call(live, {"op": "earn", "merchant": "beanhouse", "account": "m-2", "order": "o-5", "total": "900.00"})
        self.assertEqual(parked["status"], "held")

        def ask(op, **fields):
            return self.call(live, {"op": op, "merchant": "teahouse", **fields})

        for seq in own:
            for asked in ({"op": "entry"}, {"op": "balance_at", "account": "m-1"}):
                answer = ask(**asked, seq=seq)
                self.assertEqual((answer["status"], answer["where"]), ("invalid", "seq"), seq)
        for op in ("approve", "reject"):
            self.assertEqual(ask(op, review=parked["review"], reason="r"), {"status": "rejected", "code": "unknown_review"})
        self.assertEqual(ask("reviews")["reviews"], [])
        unknown = {"status": "rejected", "code": "unknown_account"}
        at = {"account": "only-beans"}
        for op, fields in {"preview": {"points": 1}, "redeem": {"points": 1, "order": "x"}, "claim": {"reward": "Free coffee", "order": "x"},
                           "authorize": {"points": 1, "reservation": "x"}, "capture": {"reservation": "x"}, "void": {"reservation": "x"},
                           "reverse": {"order": "x", "refund": "x"}, "adjust": {"points": 1, "adjustment": "x", "reason": "r"},
                           "transfer": {"to": "m-1", "points": 1, "transfer": "x"}, "suspend": {"reason": "r"}, "reactivate": {"reason": "r"},
                           "close": {"reason": "r"}, "account": {}, "history": {}, "entry": {"order": "x"}, "count": {},
                           "balance_at": {"at": "2026-01-01T00:00:00Z"}, "statement": PERIOD}.items():
            self.assertEqual(ask(op, **at, **fields), unknown, op)
        self.assertEqual(ask("earn", **at, order="x", total="1.00"), {"status": "skipped", "reason": "no_member"})
        self.assertEqual(ask("transfer", account="m-1", to="only-beans", points=1, transfer="x"), unknown)
        self.assertEqual(ask("put_program", toml=RULES.format(merchant="beanhouse", rate=9))["status"], "invalid")
        self.assertEqual(self.call(live, {"op": "reject", "merchant": "beanhouse", "review": parked["review"], "reason": "r"})["status"], "ok")
        after = [self.call(live, {"op": op, "merchant": "beanhouse", **more})
                 for op, more in (("account", {"account": "only-beans"}), ("reviews", {}), ("liability", {}))]
        for then, now in zip(before, after):
            self.assertEqual({**then, "seq": 0}, {**now, "seq": 0})
        own_too = {entry["seq"] for entry in self.tail_of("teahouse", 40)}
        self.assertFalse(own_too & set(own), "no entry is in two merchants' tails")


if __name__ == "__main__":
    unittest.main()
