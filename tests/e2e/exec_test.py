"""`tally exec` against a real server: JSON lines in, outcomes out, in order, at once, whatever happens on the way."""

import json
import signal
import time
import unittest

from tally_process import MIDNIGHT, PATIENCE_S, RULES, tally_test

ENROLL = {"op": "enroll", "account": "m-1"}
EARN = {"op": "earn", "merchant": "beanhouse", "account": "m-1", "order": "o-1", "total": "42.50",
        "lines": [{"sku": "BEAN-1KG", "category": "beans", "quantity": 1, "amount": "30.00"}]}


def balances(available, pending, lifetime):
    return {"available": available, "pending": pending, "reserved": 0, "lifetime": lifetime, "tier": None}


class exec_session(tally_test):
    def test_the_session_of_the_contract(self):
        self.start()
        rules, enrolled, earned, again, changed = self.execute(
            {"op": "put_program", "toml": RULES}, ENROLL, EARN, {**EARN, "note": "sent twice"}, {**EARN, "total": "42.51"})
        self.assertEqual(rules, {"status": "ok", "seq": 1, "version": 1})
        self.assertEqual(enrolled, {"status": "ok", "seq": 2, "account": "m-1", "points": 50, "version": 1, **balances(50, 0, 50)})
        self.assertEqual(earned, {"status": "ok", "seq": 3, "points": 78, "rewards": ["Free coffee"], "version": 1,
                                  **balances(50, 78, 128)})
        self.assertEqual(again, {**earned, "status": "duplicate", "first": "ok"})
        self.assertEqual(changed, {"status": "rejected", "code": "reference_conflict"})

    def test_every_supported_operation(self):
        self.start()
        self.apply_rules()
        out = iter(self.execute(
            ENROLL, EARN,
            {"op": "advance_clock", "to": "2026-01-04T00:00:00Z"},
            {"op": "preview", "account": "m-1", "points": 100, "total": "12.00"},
            {"op": "redeem", "account": "m-1", "points": 100, "order": "o-2", "total": "12.00", "terminal": "t-1", "cashier": "Ada"},
            {"op": "redeem", "account": "m-1", "points": 100, "order": "o-3"},
            {"op": "reverse", "account": "m-1", "order": "o-1", "refund": "f-1", "amount": "10.00"},
            {"op": "reverse", "account": "m-1", "order": "o-2", "refund": "f-2"},
            {"op": "adjust", "account": "m-1", "points": 25, "adjustment": "a-1", "reason": "the till was down", "expire_days": 0},
            {"op": "adjust", "account": "m-1", "points": -1000, "adjustment": "a-2", "reason": "no"},
            {"op": "suspend", "account": "m-1", "reason": "card lost"},
            {"op": "earn", "account": "m-1", "order": "o-4", "total": "5.00"},
            {"op": "reactivate", "account": "m-1", "reason": "card found"},
            {"op": "account", "account": "m-1"},
            {"op": "history", "account": "m-1", "limit": 1, "kinds": ["redeem", "earn"]},
            {"op": "entry", "account": "m-1", "order": "o-1"},
            {"op": "count", "account": "m-1"},
            {"op": "balance_at", "account": "m-1", "at": "2026-01-01T00:00:00Z"},
            {"op": "balance_at", "account": "m-1", "seq": 2},
            {"op": "program"}, {"op": "programs"}, {"op": "digest"},
            {"op": "close", "account": "m-1", "reason": "moved away"}))

        def ok(**fields):
            self.assertEqual(next(out), {"status": "ok", **fields})

        ok(seq=2, account="m-1", points=50, version=1, **balances(50, 0, 50))
        ok(seq=3, points=78, rewards=["Free coffee"], version=1, **balances(50, 78, 128))
        ok(now="2026-01-04T00:00:00Z", fired=1)
        ok(points_used=100, discount="1.00", version=1, **balances(128, 0, 128))
        ok(seq=5, points_used=100, discount="1.00", version=1, **balances(28, 0, 128))
        self.assertEqual(next(out), {"status": "rejected", "code": "insufficient_points"})
        # floor(78 * 10.00 / 42.50) = 18 of o-1 are taken back
        ok(seq=6, points_taken=18, points_restored=0, points_expired=0, refunded="10.0000", version=1, **balances(10, 0, 128))
        ok(seq=7, points_taken=0, points_restored=100, points_expired=0, refunded="12.0000", version=1, **balances(110, 0, 128))
        adjusted = next(out)
        self.assertEqual({**adjusted, "seq": 0}, {"status": "ok", "seq": 0, "points": 25, "version": 1, **balances(135, 0, 128)})
        self.assertEqual(next(out), {"status": "rejected", "code": "insufficient_points"})
        seq = adjusted["seq"]
        ok(seq=seq + 1, state="suspended", points_forfeited=0, version=1, **balances(135, 0, 128))
        self.assertEqual(next(out), {"status": "skipped", "reason": "account_suspended"})
        ok(seq=seq + 2, state="active", points_forfeited=0, version=1, **balances(135, 0, 128))
        # lots by expiry: the opening's 50 (2027-01-01), then what is left of the sale
        account = next(out)
        self.assertEqual(set(account), {"status", "account", "available", "pending", "reserved", "lifetime", "tier", "tier_points", "next_tier",
                                        "points_to_next_tier", "expiring_30d", "next_expiry_at", "next_expiry_points", "state", "rewards",
                                        "last_seq", "version"})
        self.assertEqual((account["state"], account["available"], account["rewards"], account["last_seq"], account["next_expiry_at"]),
                         ("active", 135, ["Free coffee"], seq + 2, "2027-01-01T00:00:00Z"))

        history = next(out)
        self.assertEqual([(e["kind"], e["seq"]) for e in history["entries"]], [("redeem", 5)])
        self.assertEqual(history["next_before_seq"], 5)
        redeem = history["entries"][0]
        self.assertEqual(set(redeem), set("""seq at due occurred_at group merchant account kind points pending reserved debt available_after
            pending_after reserved_after from to order refund reservation transfer adjustment review reward peer reason amount total discount
            lots version rates token terminal cashier note prev_seq""".split()))
        self.assertEqual((redeem["points"], redeem["from"], redeem["to"], redeem["order"], redeem["discount"], redeem["total"],
                          redeem["terminal"], redeem["cashier"], redeem["at"], redeem["merchant"]),
                         (-100, "member", "redemption", "o-2", "1.00", "12.0000", "t-1", "Ada", "2026-01-04T00:00:00Z", "beanhouse"))
        entry = next(out)["entry"]
        self.assertEqual((entry["seq"], entry["kind"], entry["from"], entry["to"], entry["pending"], entry["at"]),
                         (3, "earn", "issuance", "pending", 78, MIDNIGHT))
        self.assertEqual(entry["lots"], [{"lot": 3, "available": 0, "pending": 78, "reserved": 0, "available_at": "2026-01-04T00:00:00Z",
                                          "expires_at": "2027-01-01T00:00:00Z"}])
        # enroll, earn, release, redeem, reverse, restore + reverse, adjust, suspend, reactivate
        ok(count=seq + 1)
        ok(account="m-1", at=MIDNIGHT, seq=3, **balances(50, 78, 128))
        by_seq = next(out)
        self.assertEqual((by_seq["seq"], by_seq["available"], by_seq["pending"]), (2, 50, 0))
        program = next(out)
        self.assertEqual(program, {"status": "ok", "version": 1, "applied_at": MIDNIGHT, "toml": RULES})
        ok(programs=[{"version": 1, "applied_at": MIDNIGHT, "seq": 1}])
        digest = next(out)
        self.assertEqual(digest["seq"], seq + 2)
        self.assertRegex(digest["hash"], r"^[0-9a-f]{32,}$")
        closed = next(out)
        self.assertEqual((closed["status"], closed["state"], closed["points_forfeited"]), ("ok", "closed", 135))
        self.assertEqual(list(out), [])

    def test_rewards_and_reservations(self):
        self.start()
        self.apply_rules(RULES + "[limits]\nredemptions_per_day = 3\n")
        out = iter(self.execute(
            ENROLL, {"op": "adjust", "account": "m-1", "points": 450, "adjustment": "a-1", "reason": "moved"},
            {"op": "claim", "account": "m-1", "reward": "Free coffee", "order": "o-1"},
            {"op": "claim", "account": "m-1", "reward": "Free tea", "order": "o-2"},
            {"op": "authorize", "account": "m-1", "points": 150, "reservation": "r-1"},
            {"op": "authorize", "account": "m-1", "points": 150, "reservation": "r-1", "minutes": 5},
            {"op": "close", "account": "m-1", "reason": "too early"},
            {"op": "capture", "account": "m-1", "reservation": "r-1", "points": 151},
            {"op": "capture", "account": "m-1", "reservation": "r-1", "points": 120, "order": "o-3", "terminal": "t-1"},
            {"op": "capture", "account": "m-1", "reservation": "r-1", "points": 120, "order": "o-3"},
            {"op": "void", "account": "m-1", "reservation": "r-1"},
            {"op": "void", "account": "m-1", "reservation": "r-9"},
            {"op": "authorize", "account": "m-1", "points": 100, "reservation": "r-2", "minutes": 10080},
            {"op": "redeem", "account": "m-1", "points": 1, "order": "o-4"},
            {"op": "void", "account": "m-1", "reservation": "r-2"},
            {"op": "history", "account": "m-1", "limit": 3, "kinds": ["authorize", "capture", "void"]},
            {"op": "authorize", "account": "m-1", "points": 1, "reservation": "r-3", "minutes": 10081}, status=1))

        def spent(available, reserved, **fields):
            self.assertEqual(next(out), {"status": "ok", "version": 1, **balances(available, 0, 50), "reserved": reserved, **fields})

        def rejected(code):
            self.assertEqual(next(out), {"status": "rejected", "code": code})

        next(out), next(out)
        spent(400, 0, seq=4, reward="Free coffee", points_used=100)
        rejected("unknown_reward")
        spent(250, 150, seq=5, reservation="r-1", points_used=150, expires_at="2026-01-01T00:15:00Z")
        rejected("reference_conflict")
        rejected("points_reserved")
        rejected("insufficient_points")
        capture = {"seq": 6, "reservation": "r-1", "points_used": 120, "points_returned": 30, "discount": "1.20"}
        spent(280, 0, **capture)
        spent(280, 0, **capture, status="duplicate", first="ok")
        rejected("reservation_closed")
        rejected("unknown_reservation")
        spent(180, 100, seq=8, reservation="r-2", points_used=100, expires_at="2026-01-08T00:00:00Z")
        rejected("over_limit")
        spent(280, 0, seq=9, reservation="r-2", points_returned=100)
        entries = next(out)["entries"]
        self.assertEqual([(e["kind"], e["seq"], e["group"], e["reservation"], e["points"], e["reserved"], e["from"], e["to"]) for e in entries],
                         [("void", 9, 9, "r-2", 100, -100, "reserved", "member"), ("authorize", 8, 8, "r-2", -100, 100, "member", "reserved"),
                          ("void", 7, 6, "r-1", 30, -30, "reserved", "member")])
        self.assertEqual([e["rates"] is None for e in entries], [True, False, True])
        self.assertEqual(next(out), {"status": "invalid", "what": "must be 1 to 10080", "where": "minutes"})

    def test_a_reservation_times_out_by_itself(self):
        self.start()
        self.apply_rules()
        out = self.execute(ENROLL, {"op": "authorize", "account": "m-1", "points": 40, "reservation": "r-1", "minutes": 1},
                           {"op": "advance_clock", "to": "2026-01-01T00:00:59.999999Z"}, {"op": "advance_clock", "to": "2026-01-01T00:01:00Z"},
                           {"op": "capture", "account": "m-1", "reservation": "r-1"}, {"op": "entry", "seq": 4})
        self.assertEqual([o["fired"] for o in out[2:4]], [0, 1])
        self.assertEqual(out[4], {"status": "rejected", "code": "reservation_closed"})
        entry = out[5]["entry"]
        self.assertEqual((entry["kind"], entry["due"], entry["reservation"], entry["points"]), ("void", "2026-01-01T00:01:00Z", "r-1", 40))

    def test_transfers(self):
        self.start("--shards", "2")
        self.apply_rules()
        receivers = [f"m-{i}" for i in range(2, 8)]  # some live on the sender's shard, some on the other
        self.execute(ENROLL, *({"op": "enroll", "account": r} for r in receivers))
        out = self.execute(*({"op": "transfer", "account": "m-1", "to": r, "points": 5, "transfer": "t-" + r} for r in receivers),
                           {"op": "transfer", "account": "m-1", "to": "m-2", "points": 5, "transfer": "t-m-2"},
                           {"op": "transfer", "account": "m-1", "to": "m-3", "points": 5, "transfer": "t-m-2"},
                           {"op": "transfer", "account": "m-1", "to": "m-2", "points": 500, "transfer": "t-9"})
        for i, one in enumerate(out[:6]):
            self.assertEqual(one, {"status": "ok", "seq": one["seq"], "to_seq": one["seq"] + 1, "points": 5, "version": 1, **balances(45 - 5 * i, 0, 50)})
        self.assertEqual(out[6], {**out[0], "status": "duplicate", "first": "ok"})
        self.assertEqual([o["code"] for o in out[7:]], ["reference_conflict", "insufficient_points"])
        pair = self.execute({"op": "entry", "seq": out[0]["seq"]}, {"op": "entry", "seq": out[0]["to_seq"]})
        shown = [[p["entry"][k] for k in ("kind", "account", "peer", "points", "transfer", "group", "from", "to")] for p in pair]
        self.assertEqual(shown, [["transfer_out", "m-1", "m-2", -5, "t-m-2", out[0]["seq"], "member", "transfer"],
                                 ["transfer_in", "m-2", "m-1", 5, "t-m-2", out[0]["seq"], "transfer", "member"]])
        self.assertEqual(pair[0]["entry"]["lots"][0]["lot"], pair[1]["entry"]["lots"][0]["lot"])

    def test_reviews(self):
        self.start("--shards", "2")
        self.apply_rules(RULES + '[review]\nmax_points_per_order = 100\nnegative_reversal = "review"\n[[tier]]\nname = "silver"\nthreshold = 100\n'
                                 '[tiers]\nbasis = "lifetime"\n')
        big = {"op": "earn", "account": "m-1", "order": "o-1", "total": "200.00", "cashier": "Ada"}
        held, again, other = self.execute(ENROLL, big, big, {**big, "order": "o-2", "total": "150.00"})[1:]
        review = held["seq"]
        self.assertEqual(held, {"status": "held", "seq": review, "review": review, "reasons": ["max_points_per_order"], "points": 200, "version": 1})
        self.assertEqual(again, {**held, "status": "duplicate", "first": "held"})
        listed = {"review": review, "account": "m-1", "op": "earn", "order": "o-1", "refund": None, "reasons": ["max_points_per_order"],
                  "points": 200, "total": "200.0000", "at": MIDNIGHT}
        out = iter(self.execute(
            {"op": "reviews", "limit": 1}, {"op": "reviews", "after": review, "account": "m-1"},
            {"op": "approve", "review": review, "reason": "known"}, {"op": "approve", "review": review, "reason": "known"},
            {"op": "reject", "review": review, "reason": "no"}, {"op": "reject", "review": other["review"], "reason": "no"},
            {"op": "reject", "review": other["review"], "reason": "no"}, {"op": "reject", "review": 1, "reason": "no"}, {"op": "reviews"}, big,
            {"op": "entry", "account": "m-1", "order": "o-1", "kind": "earn"}))
        self.assertEqual(next(out), {"status": "ok", "reviews": [listed], "next_after": review})
        self.assertEqual([r["review"] for r in next(out)["reviews"]], [other["review"]])
        approved = next(out)
        self.assertEqual(approved, {"status": "ok", "seq": approved["seq"], "points": 200, "version": 1, "rewards": ["Free coffee"], "review": review,
                                    **balances(50, 200, 250), "account": "m-1", "tier": "silver", "tier_changed": True})
        self.assertEqual(next(out), {**approved, "status": "duplicate", "first": "ok"})
        self.assertEqual(next(out), {"status": "rejected", "code": "reference_conflict"})
        rejected = next(out)
        self.assertEqual(rejected, {"status": "ok", "seq": rejected["seq"], "review": other["review"], "account": "m-1"})
        self.assertEqual(next(out), {**rejected, "status": "duplicate", "first": "ok"})
        self.assertEqual(next(out), {"status": "rejected", "code": "unknown_review"})
        self.assertEqual(next(out), {"status": "ok", "reviews": [], "next_after": None})
        self.assertEqual(next(out), again)
        entry = next(out)["entry"]
        self.assertEqual((entry["seq"], entry["group"], entry["review"], entry["cashier"]), (approved["seq"] + 1, approved["seq"], review, "Ada"))

        # a reversal that would end below zero, approved
        out = self.execute({"op": "advance_clock", "to": "2026-01-04T00:00:00Z"}, {"op": "redeem", "account": "m-1", "points": 240, "order": "o-3"},
                           {"op": "reverse", "account": "m-1", "order": "o-1", "refund": "f-1"})
        self.assertEqual((out[2]["status"], out[2]["reasons"], out[2]["points"]), ("held", ["negative_reversal"], 200))
        taken = self.execute({"op": "approve", "review": out[2]["review"], "reason": "he knows"})[0]
        self.assertEqual(taken, {"status": "ok", "seq": taken["seq"], "points_taken": 200, "points_restored": 0, "points_expired": 0,
                                 "refunded": "200.0000", "version": 1, "review": out[2]["review"], "account": "m-1", **balances(-190, 0, 250),
                                 "tier": "silver"})

    def test_late_receipts(self):
        self.start()
        self.apply_rules()
        late = {**EARN, "at": "2026-01-02T00:00:00+00:00"}
        out = self.execute(ENROLL, {"op": "advance_clock", "to": "2026-02-03T00:00:00Z"}, late, {**late, "at": "2026-01-10T01:30:00+01:00"},
                           {**late, "at": MIDNIGHT}, {**late, "at": "2026-02-03T00:00:00.000001Z", "order": "o-2"},
                           {"op": "entry", "account": "m-1", "order": "o-1"}, status=1)
        self.assertEqual(out[2], {"status": "rejected", "code": "too_late"})
        self.assertEqual((out[3]["points"], out[3]["available"], out[3]["pending"]), (78, 128, 0))  # its hold is over
        self.assertEqual(out[4], {**out[3], "status": "duplicate", "first": "ok"})  # `at` makes no conflict
        self.assertEqual((out[5]["status"], out[5]["where"]), ("invalid", "at"))
        entry = out[6]["entry"]
        self.assertEqual((entry["occurred_at"], entry["at"], entry["to"]), ("2026-01-10T00:30:00Z", "2026-02-03T00:00:00Z", "member"))

    def test_bad_lines_are_answered_in_their_place(self):
        self.start()
        self.apply_rules()
        out = self.execute(
            "{nonsense", ENROLL, '{"op":"earn","op":"earn"}', "[1]", "", "   ", '{"op":"fly"}',
            {"op": "earn", "account": "m-1", "order": "o-1", "total": 42.5}, EARN,
            {"op": "earn", "account": "m-1", "order": "o-2", "total": "1", "lines": [{"sku": "a", "quantity": 1, "amount": 1}]},
            {"op": "redeem", "account": "m-1", "points": 1.5, "order": "o-3"}, {"op": "account", "account": "m-1", "tall": True}, status=1)
        self.assertEqual([(o["status"], o.get("where")) for o in out],
                         [("invalid", None), ("ok", None), ("invalid", "op"), ("invalid", None), ("invalid", "op"), ("invalid", "total"),
                          ("ok", None), ("invalid", "lines[0].amount"), ("invalid", "points"), ("invalid", "tall")])
        self.assertTrue(all(o["what"] for o in out if o["status"] == "invalid"))

    def test_what_the_server_finds_invalid(self):
        self.start()
        out = self.execute({"op": "earn", "account": "m-1", "total": "1"}, {"op": "enroll", "account": "m\u0007"},
                           {"op": "capture", "account": "m-1", "reservation": "r", "points": 0},
                           {"op": "transfer", "account": "m-1", "to": "m-1", "points": 1, "transfer": "t"},
                           {"op": "put_program", "toml": "merchant = \"beanhouse\"\n[earn]\nper = \"much\"\n"}, {"op": "history", "account": "m-1", "limit": 1001}, status=1)
        self.assertEqual([(o["status"], o["where"]) for o in out[:4]],
                         [("invalid", "order"), ("invalid", "account"), ("invalid", "points"), ("invalid", "to")])
        self.assertIn("earn.per", [p["key"] for p in out[4]["problems"]])
        self.assertEqual(out[5]["where"], "limit")

    def test_advance_clock_needs_a_test_clock(self):
        self.start(clock=None)
        out = self.execute({"op": "advance_clock", "to": "2036-01-01T00:00:00Z"}, status=1)
        self.assertEqual(out[0]["status"], "forbidden")

    def test_skipped_and_rejected_are_ordinary_business(self):
        self.start()
        out = self.execute({"op": "earn", "account": "m-1", "order": "o", "total": "1"}, {"op": "account", "account": "m-1"})
        self.assertEqual(out, [{"status": "skipped", "reason": "no_member"}, {"status": "rejected", "code": "unknown_account"}])

    def test_outcomes_keep_the_order_of_the_input(self):
        self.start()
        self.apply_rules()
        members, sales = 50, 100
        operations, kinds = [], []
        for m in range(members):
            operations.append({"op": "enroll", "account": f"m-{m}"})
            kinds.append("enroll")
        for i in range(sales):
            for m in range(members):
                if (i + m) % 17 == 0:
                    operations.append("not JSON")
                    kinds.append("bad")
                if (i + m) % 29 == 0:
                    operations.append({"op": "account", "account": f"m-{m}"})
                    kinds.append(m)
                operations.append({"op": "earn", "account": f"m-{m}", "order": f"o-{i}", "total": f"{m}.00"})
                kinds.append((m, i))
        out = self.execute(*operations, status=1)
        self.assertEqual(len(out), len(operations))
        lifetime = [50] * members
        for kind, o in zip(kinds, out):
            if kind == "bad":
                self.assertEqual(o["status"], "invalid")
            elif isinstance(kind, int):  # a read sees exactly what came before it
                self.assertEqual((o["account"], o["lifetime"]), (f"m-{kind}", lifetime[kind]))
            elif kind != "enroll":
                member, _ = kind
                lifetime[member] += member
                self.assertEqual(o["status"], "ok" if member else "skipped")
                if member:
                    self.assertEqual((o["points"], o["lifetime"]), (member, lifetime[member]))

    def test_reads_a_file_and_a_pipe_alike(self):
        self.start()
        self.apply_rules()
        file = self.folder / "day.jsonl"
        file.write_text(json.dumps(ENROLL) + "\r\n" + json.dumps(EARN))  # no line end at the end
        out = [json.loads(line) for line in self.tally("exec", file).stdout.splitlines()]
        self.assertEqual([o["status"] for o in out], ["ok", "ok"])
        out = [json.loads(line) for line in self.tally("exec", "-", text=file.read_text()).stdout.splitlines()]
        self.assertEqual([o["status"] for o in out], ["duplicate", "duplicate"])
        self.assertEqual(self.tally("exec", text="").stdout, "")
        self.assertIn("cannot open", self.tally("exec", self.folder / "nope", status=2).stderr)

    def test_a_line_that_is_too_long_is_refused_and_the_rest_goes_on(self):
        self.start()
        self.apply_rules()
        out = self.execute('{"op":"put_program","toml":"' + "x" * (5 << 20) + '"}', ENROLL, status=1)
        self.assertEqual([o["status"] for o in out], ["invalid", "ok"])

    def test_more_than_a_frame_holds(self):
        self.start()
        lines = [{"sku": "s" * 64, "category": "c" * 64, "quantity": 1, "amount": "1.00"}] * 1000
        self.apply_rules()
        sale = {**EARN, "lines": lines, "total": "1000.00"}
        out = self.execute(ENROLL, *({**sale, "order": f"o-{i}"} for i in range(30)))
        self.assertEqual([o["status"] for o in out], ["ok"] * 31)
        out = self.execute({**sale, "order": "x", "lines": lines + lines[:1]}, status=1)
        self.assertEqual((out[0]["status"], out[0]["where"]), ("invalid", "lines"))


class exec_alive(tally_test):
    def test_an_outcome_appears_without_more_input(self):
        self.start()
        live = self.open_exec()
        live.send({"op": "put_program", "toml": RULES})
        self.assertEqual(live.receive()["status"], "ok")
        for i in range(5):
            live.send({"op": "enroll", "account": f"m-{i}"})
            self.assertEqual(live.receive()["account"], f"m-{i}")
        live.send("bad")
        self.assertEqual(live.receive()["status"], "invalid")
        live.process.stdin.close()
        self.assertEqual(live.process.wait(PATIENCE_S), 1)

    def test_ctrl_c_ends_it_in_order(self):
        self.start()
        for how in (signal.SIGINT, signal.SIGTERM):
            live = self.open_exec()
            live.send(ENROLL)
            live.receive()
            live.process.send_signal(how)
            self.assertEqual(live.process.wait(PATIENCE_S), 130)
            self.assertIn(b"interrupted; 1 of 1 operations sent were answered", live.process.stderr.read())

    def test_a_reader_that_leaves(self):
        self.start()
        live = self.open_exec()
        live.process.stdout.close()
        live.send(ENROLL)
        self.assertEqual(live.process.wait(PATIENCE_S), 1)
        self.assertIn(b"the output was closed", live.process.stderr.read())

    def test_an_unreachable_server(self):
        done = self.tally("exec", text=json.dumps(ENROLL), status=3)
        self.assertEqual(done.stdout, "")
        self.assertIn("cannot reach 127.0.0.1:1", done.stderr)

    def test_a_server_that_goes_away(self):
        started = self.start()
        live = self.open_exec("--reconnect-for", "0")
        live.send(ENROLL)
        self.assertEqual(live.receive()["status"], "ok")
        started.kill()
        live.send({"op": "account", "account": "m-1"})
        self.assertEqual(live.process.wait(PATIENCE_S), 3)
        self.assertRegex(live.process.stderr.read().decode(), r"1 of 2 operations sent were answered")

    def test_a_server_that_comes_back(self):
        started = self.start()
        port = self.address.rsplit(":", 1)[1]
        live = self.open_exec("--reconnect-for", "60")
        live.send({"op": "put_program", "toml": RULES})
        live.send(ENROLL)
        self.assertEqual([live.receive()["status"] for _ in range(2)], ["ok", "ok"])
        started.kill()
        live.send({**EARN, "order": "o-1"})
        time.sleep(0.3)
        self.start(listen=f"127.0.0.1:{port}")
        self.assertEqual(live.receive()["status"], "ok")
        live.process.stdin.close()
        self.assertEqual(live.process.wait(PATIENCE_S), 0)

    def test_a_default_merchant_and_bad_usage(self):
        self.start()
        bare = self.environment()
        del bare["TALLY_MERCHANT"]
        out = self.tally("exec", text=json.dumps(ENROLL), status=1, env=bare).stdout
        self.assertEqual(json.loads(out)["where"], "merchant")
        out = self.tally("exec", "--merchant", "beanhouse", text=json.dumps(ENROLL), env=bare).stdout
        self.assertEqual(json.loads(out)["status"], "ok")
        for arguments in (["--server", "nowhere:x"], ["--in-flight", "0"], ["--token-file", "t"], ["--loud"], ["a", "b"]):
            done = self.tally("exec", *arguments, status=2)
            self.assertTrue(done.stderr.startswith("tally: "), done.stderr)


if __name__ == "__main__":
    unittest.main()
