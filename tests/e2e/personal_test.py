"""Phones and names as a till, a manager and whoever finds the disk see them: enrolment and sales by phone, profile, erase."""

import signal
import subprocess
import unittest

from tally_process import PATIENCE_S, RULES, TALLYD, tally_test

BY_PHONE_RULES = "allow_inline_enrollment = true\n" + RULES
ADA = {"phone": "+493012345678", "name": "Ada Lovelace-Byron"}
BOB = {"phone": "+442079460000", "name": "Bob Cratchit-Dickens"}


def digits(phone: str) -> bytes:
    return phone.removeprefix("+").encode()


class personal_test(tally_test):
    def files_with(self, text: bytes) -> list[str]:
        """Every file of the data folder that holds these bytes, or is named after them. One that goes while it is looked for is gone."""
        found = []
        for path in sorted(self.data.rglob("*")):
            try:
                if path.is_file() and (text in path.read_bytes() or text.decode() in path.name):
                    found.append(str(path.relative_to(self.data)))
            except FileNotFoundError:
                pass
        return found

    def op(self, kind: str, **fields) -> dict:
        return self.execute({"op": kind, "merchant": "beanhouse", **fields}, status=None)[0]

    def test_a_members_life_by_phone(self):
        self.start()
        self.apply_rules(BY_PHONE_RULES)
        made = self.op("enroll", phone="0049 30 123-456-78", name=ADA["name"])
        self.assertEqual((made["status"], made["account"], made["points"]), ("ok", "i-2", 50))
        earned = self.op("earn", phone="+49 (30) 12345678", order="o-1", total="42.50")
        self.assertEqual((earned["status"], earned["account"], earned["points"]), ("ok", "i-2", 42))
        again = self.op("earn", phone=ADA["phone"], order="o-1", total="42.50")
        self.assertEqual((again["status"], again["account"], again["seq"]), ("duplicate", "i-2", earned["seq"]))
        by_account = self.op("earn", account="i-2", order="o-1", total="42.50")
        self.assertEqual(by_account["status"], "duplicate")
        self.assertNotIn("account", by_account, "the request had one")
        self.assertEqual(self.op("earn", phone=ADA["phone"], order="o-2", total="0.10"),
                         {"status": "skipped", "reason": "zero_points", "account": "i-2"})
        self.assertEqual(self.op("earn", phone=BOB["phone"], order="o-2", total="5.00"),
                         {"status": "skipped", "reason": "no_member"})
        self.assertEqual(self.op("account", phone=ADA["phone"])["account"], "i-2")
        self.assertEqual(self.op("account", phone=BOB["phone"]), {"status": "rejected", "code": "unknown_account"})
        self.assertEqual(self.op("account", phone=ADA["phone"], account="i-2")["where"], "phone")
        self.assertEqual(self.op("account", phone="12 34")["where"], "phone")

        known = self.op("enroll", phone=ADA["phone"])
        self.assertEqual((known["status"], known["first"], known["account"], known["seq"]), ("duplicate", "ok", "i-2", 2))
        self.assertEqual(self.op("enroll", account="m-1", **BOB)["account"], "m-1")
        self.assertEqual(self.op("enroll", account="m-1", phone=ADA["phone"]), {"status": "rejected", "code": "account_exists"})
        self.assertEqual(self.op("profile", account="m-1"), {"status": "ok", "account": "m-1", **BOB})
        self.assertEqual(self.op("profile", account="m-1", name="Robert"), {"status": "ok", "account": "m-1", "phone": BOB["phone"], "name": "Robert"})
        self.op("enroll", account="m-2")
        self.assertEqual(self.op("profile", account="m-2"), {"status": "ok", "account": "m-2", "phone": None, "name": None})
        self.assertEqual(self.op("profile", account="m-2", phone=BOB["phone"]), {"status": "rejected", "code": "account_exists"})

        self.apply_rules(RULES)
        refused = self.op("enroll", phone="030 999 999")
        self.assertEqual(refused["status"], "forbidden")

    def test_subcommands(self):
        self.start()
        self.apply_rules(BY_PHONE_RULES)
        made = self.ask("enroll", "--phone", ADA["phone"], "--name", ADA["name"])
        self.assertEqual(made["account"], "i-2")
        self.assertEqual(self.ask("account", "--phone", ADA["phone"])["account"], "i-2")
        self.assertEqual(self.ask("profile", "i-2"), {"status": "ok", "account": "i-2", **ADA})
        self.assertIn(ADA["name"], self.tally("profile", "i-2").stdout)
        self.assertEqual(self.ask("erase", "i-2"), {"status": "ok", "seq": 3})
        self.assertEqual(self.ask("erase", "i-2"), {"status": "duplicate", "first": "ok", "seq": 3})
        self.assertEqual(self.ask("profile", "i-2"), {"status": "ok", "account": "i-2", "phone": None, "name": None})

    def test_nothing_is_left_of_what_was_erased(self):
        started = self.start()
        self.apply_rules(BY_PHONE_RULES)
        self.op("enroll", account="m-1", phone="+15550001111", name="Augusta Byron")
        self.op("profile", account="m-1", **ADA)
        self.op("enroll", account="m-2", **BOB)
        # logs and tables of several ages
        started.stop()
        started = self.start()
        self.op("earn", phone=ADA["phone"], order="o-1", total="42.50")
        self.op("enroll", account="m-1", phone="+15550009999", name="Mallory Impostor")
        hers = [ADA["name"].encode(), digits(ADA["phone"]), b"5550001111", b"Augusta Byron"]
        for text in [*hers[:2], BOB["name"].encode(), digits(BOB["phone"])]:
            self.assertNotEqual(self.files_with(text), [], "the search finds what is there")
            self.assertEqual([name for name in self.files_with(text) if not name.startswith("personal/")], [], "the journal holds nothing personal")

        self.assertEqual(self.op("erase", account="m-1")["status"], "ok")
        for text in [*hers, b"5550009999", b"Mallory"]:
            self.assertEqual(self.files_with(text), [], f"{text} while the server runs")
        self.assertEqual(self.op("earn", phone=ADA["phone"], order="o-2", total="5.00")["reason"], "no_member")
        self.assertEqual(self.op("account", phone=BOB["phone"])["account"], "m-2")
        started.stop()
        for text in [*hers, b"5550009999", b"Mallory"]:
            self.assertEqual(self.files_with(text), [], f"{text} after the server")
        self.assertNotEqual(self.files_with(digits(BOB["phone"])), [])

        # the entries are all there, and the journal is what it was
        self.tally("audit", "verify", self.data)
        self.start()
        kinds = [entry["kind"] for entry in self.op("history", account="m-1")["entries"]]
        self.assertEqual(kinds, ["erase", "earn", "enroll"])
        self.assertEqual(self.op("account", account="m-1")["pending"], 42)
        self.assertEqual(self.op("enroll", phone=ADA["phone"])["status"], "ok")

    def test_a_killed_server_has_what_it_acknowledged(self):
        for erased in (False, True):
            with self.subTest(erased=erased):
                self.data = self.folder / f"killed-{erased}"
                started = self.start()
                self.apply_rules(BY_PHONE_RULES)
                account = self.op("enroll", **ADA)["account"]
                if erased:
                    self.op("erase", account=account)
                started.stop(signal.SIGKILL)
                self.start()
                self.assertEqual(self.op("profile", account=account)["name"], None if erased else ADA["name"])
                found = self.op("account", phone=ADA["phone"])
                self.assertEqual(found.get("code"), "unknown_account" if erased else None)
                self.assertEqual(self.files_with(digits(ADA["phone"])) == [], erased)

    def test_a_data_folder_is_opened_whose_personal_data_is_missing_and_refused_where_it_is_damaged(self):
        started = self.start()
        self.apply_rules(BY_PHONE_RULES)
        self.op("enroll", **ADA)
        started.stop()
        (self.data / "personal" / "CURRENT").unlink()
        refused = subprocess.run([TALLYD, "--data", self.data, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertNotEqual(refused.returncode, 0)
        self.assertRegex(refused.stderr, "personal data .*CURRENT is missing")
        for path in (self.data / "personal").iterdir():
            path.unlink()
        self.start()
        self.assertEqual(self.op("account", account="i-2")["status"], "ok")
        self.assertEqual(self.op("profile", account="i-2")["name"], None)


if __name__ == "__main__":
    unittest.main()
