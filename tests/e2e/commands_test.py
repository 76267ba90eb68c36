"""The subcommands of `tally`: flags by field name, tables for people, --json for machines, help, completion, manual."""

import json
import re
import subprocess
import unittest

from tally_process import BIN, MIDNIGHT, ROOT, RULES, tally_test

SUPPORTED = """enroll earn preview redeem claim authorize capture void reverse adjust transfer suspend reactivate close account history entry count
    balance-at reviews approve reject program programs profile erase statement liability digest tail advance-clock exec bench audit repair
    backup restore archive completion""".split()


class commands(tally_test):
    def test_the_life_of_an_account(self):
        self.start()
        rules = self.folder / "rules.toml"
        rules.write_text(RULES)
        nobody = {k: v for k, v in self.environment().items() if k != "TALLY_MERCHANT"}
        applied = json.loads(self.tally("program", "apply", rules, "--json", env=nobody).stdout)  # the document names its merchant
        self.assertEqual(applied, {"status": "ok", "seq": 1, "version": 1})
        self.assertEqual(self.ask("program", "apply", rules)["status"], "duplicate")

        self.assertEqual(self.ask("enroll", "m-1")["points"], 50)
        earned = self.ask("earn", "m-1", "--order", "o-1", "--total", "42.50", "--line",
                          "sku=BEAN-1KG,category=beans,quantity=1,amount=30.00", "--terminal", "t-1", "--cashier", "Ada", "--note", "rain")
        self.assertEqual((earned["points"], earned["pending"], earned["rewards"]), (78, 78, ["Free coffee"]))
        self.assertEqual(self.ask("advance-clock", "2026-01-04T00:00:00Z"), {"status": "ok", "now": "2026-01-04T00:00:00Z", "fired": 1})
        self.assertEqual(self.ask("preview", "m-1", "--points", "100", "--total", "0.50")["discount"], "0.50")
        self.assertEqual(self.ask("redeem", "m-1", "--points", "100", "--order", "o-2")["discount"], "1.00")
        self.assertEqual(self.ask("redeem", "m-1", "--points=10", "--order", "o-3", "--total", "0.05", "--exact", status=1),
                         {"status": "rejected", "code": "over_cap"})
        self.assertEqual(self.ask("reverse", "m-1", "--order", "o-1", "--refund", "f-1", "--amount", "10")["points_taken"], 18)
        self.assertEqual(self.ask("reverse", "m-1", "--order", "o-2", "--refund", "f-2", "--restore")["points_restored"], 100)
        self.assertEqual(self.ask("adjust", "m-1", "--points", "-20", "--adjustment", "a-1", "--reason", "double scan")["points"], -20)
        self.assertEqual(self.ask("adjust", "m-1", "--points", "-1000", "--adjustment", "a-2", "--reason", "fraud", "--force")["available"], -910)
        self.assertEqual(self.ask("adjust", "m-1", "--points", "+1000", "--adjustment", "a-3", "--reason", "sorry", "--expire_days", "3")["available"],
                         90)
        self.assertEqual(self.ask("suspend", "m-1", "--reason", "card lost")["state"], "suspended")
        self.assertEqual(self.ask("earn", "m-1", "--order", "o-9", "--total", "1.00", status=1)["reason"], "account_suspended")
        self.assertEqual(self.ask("reactivate", "m-1", "--reason", "card found")["state"], "active")

        self.assertEqual(self.ask("account", "m-1")["available"], 90)
        history = self.ask("history", "m-1", "--kinds", "earn,redeem", "--limit", "5")
        self.assertEqual([e["kind"] for e in history["entries"]], ["redeem", "earn"])
        earlier = self.ask("history", "--account", "m-1", "--before-seq", "5", "--from", MIDNIGHT, "--until", "2026-01-02T00:00:00+00:00")
        self.assertEqual([e["kind"] for e in earlier["entries"]], ["earn", "enroll"])
        self.assertEqual(self.ask("entry", "3")["entry"]["note"], "rain")
        self.assertEqual(self.ask("entry", "--account", "m-1", "--order", "o-2", "--kind", "redeem")["entry"]["seq"], 5)
        self.assertEqual(self.ask("count", "m-1", "--kinds", "adjust")["count"], 3)
        self.assertEqual(self.ask("balance-at", "m-1", "--seq", "2")["available"], 50)
        self.assertEqual(self.ask("balance-at", "m-1", "--at", "2026-01-01T01:00:00+01:00")["pending"], 78)
        self.assertEqual(self.ask("program")["toml"], RULES)
        self.assertEqual(self.ask("program", "--version", "1")["version"], 1)
        self.assertEqual(len(self.ask("programs")["programs"]), 1)
        self.assertEqual(len(self.ask("digest")["hash"]) % 32, 0)
        self.assertEqual(self.ask("close", "m-1", "--reason", "moved away")["state"], "closed")

    def test_reservations_transfers_and_reviews(self):
        self.start()
        rules = self.folder / "rules.toml"
        rules.write_text(RULES + "[review]\nmax_points_per_order = 100\n")
        self.tally("program", "apply", rules)
        for account in ("m-1", "m-2"):
            self.tally("enroll", account)
        self.assertEqual(self.ask("adjust", "m-1", "--points", "300", "--adjustment", "a-1", "--reason", "moved")["available"], 350)
        self.assertEqual(self.ask("claim", "m-1", "--reward", "Free coffee", "--order", "o-1")["points_used"], 100)
        self.assertEqual(self.ask("authorize", "m-1", "--points", "100", "--reservation", "r-1", "--minutes", "5")["expires_at"], "2026-01-01T00:05:00Z")
        self.assertEqual(self.ask("capture", "m-1", "--reservation", "r-1", "--points", "60", "--order", "o-2")["points_returned"], 40)
        self.assertEqual(self.ask("authorize", "m-1", "--points", "10", "--reservation", "r-2")["reserved"], 10)
        self.assertEqual(self.ask("void", "m-1", "--reservation", "r-2")["reserved"], 0)
        moved = self.ask("transfer", "m-1", "--to", "m-2", "--points", "40", "--transfer", "t-1", "--note", "a gift")
        self.assertEqual((moved["available"], moved["to_seq"]), (150, moved["seq"] + 1))
        self.assertEqual(self.ask("transfer", "m-1", "--to", "m-1", "--points", "40", "--transfer", "t-2", status=1)["where"], "to")

        held = self.tally("earn", "m-2", "--order", "o-3", "--total", "500.00", "--at", "2026-01-01T00:00:00Z").stdout
        review = held.split("review")[1].split()[0]
        self.assertTrue(held.startswith("held\nseq "), held)
        self.assertRegex(self.tally("reviews").stdout, rf"(?m)^ +{review}  {MIDNIGHT}  m-2 +earn +o-3 ")
        self.assertEqual(self.ask("reviews", "m-1")["reviews"], [])
        self.assertEqual(self.ask("approve", review, "--reason", "a wedding")["points"], 500)
        self.assertEqual(self.tally("reject", review, "--reason", "no", status=1).stdout, "rejected: reference_conflict\n")
        self.tally("earn", "m-2", "--order", "o-4", "--total", "500.00")
        self.assertEqual(self.ask("reject", str(int(review) + 3), "--reason", "no")["account"], "m-2")
        header = self.tally("history", "m-1").stdout.splitlines()[0]
        self.assertEqual(header.split(), "seq at kind points pending reserved available pending after reference".split())

    def test_tables_for_people(self):
        self.start()
        rules = self.folder / "rules.toml"
        rules.write_text(RULES)
        self.assertEqual(self.tally("program", "apply", rules).stdout, "ok\nseq      1\nversion  1\n")
        self.tally("enroll", "Zoë")
        self.tally("earn", "Zoë", "--order", "café-1", "--total", "42.50")
        account = self.tally("account", "Zoë").stdout
        for line in (r"account +Zoë", r"available +50", r"pending +42", r"state +active", r"tier +-", r"rewards +-"):
            self.assertRegex(account, rf"(?m)^{line}$")
        history = self.tally("history", "Zoë").stdout.splitlines()
        self.assertEqual(len(history), 3)
        self.assertEqual(history[0].split(), "seq at kind points pending available pending after reference".split())
        self.assertEqual(history[1].split(), ["3", MIDNIGHT, "earn", "0", "42", "50", "42", "café-1"])
        self.assertEqual({line.index("20") for line in history[1:]}, {history[0].index("at")})
        self.assertEqual(self.tally("history", "Zoë", "--limit", "1").stdout.splitlines()[-1], "more with --before-seq 3")
        entry = self.tally("entry", "3").stdout
        self.assertRegex(entry, r"(?m)^from +issuance$")
        self.assertRegex(entry, r"(?m)^lots +lot 3, ")
        self.assertNotIn("refund", entry)  # what an entry does not have is not shown
        self.assertEqual(self.tally("program").stdout, f"# version 1, applied at {MIDNIGHT}\n{RULES}")
        self.tally("advance-clock", "2026-01-02T00:00:00Z")
        statement = self.tally("statement", "Zoë", "--from", MIDNIGHT, "--until", "2026-01-02T00:00:00Z").stdout.splitlines()
        self.assertEqual(statement[0], "Zoë")
        self.assertEqual([line.split() for line in statement[3:5]], [["opening", MIDNIGHT, "0", "0", "0", "0", "-"],
                                                                     ["closing", "2026-01-02T00:00:00Z", "50", "42", "0", "92", "-"]])
        self.assertEqual([line.split()[2] for line in statement[7:9]], ["enroll", "earn"])
        self.assertRegex(self.tally("liability").stdout, r"(?m)^value +0\.9200$[\s\S]+^2027-01 +92$")
        self.assertEqual(self.tally("programs").stdout.splitlines()[1].split(), ["1", MIDNIGHT, "1"])
        self.assertEqual(self.tally("redeem", "Zoë", "--points", "100", "--order", "o", status=1).stdout, "rejected: insufficient_points\n")
        self.assertEqual(self.tally("earn", "nobody", "--total", "1", "--order", "o", status=1).stdout, "skipped: no_member\n")

        rules.write_text('merchant = "beanhouse"\n[earn]\nper = "x"\nhold_dayz = 3\n')
        refused = self.tally("program", "apply", rules, status=1).stdout
        self.assertTrue(refused.startswith("invalid: "), refused)
        self.assertIn("\n  earn.per: ", refused)
        self.assertIn("\n  earn.hold_dayz: ", refused)

    def test_values_the_command_line_can_refuse_itself(self):
        for arguments, says in (
                (["earn", "m-1", "--order", "o", "--total", "1,50"], "total: '1,50' must be an amount"),
                (["earn", "m-1", "--order", "o", "--total", "1", "--line", "BEAN"], "line: 'BEAN' must be sku="),
                (["redeem", "m-1", "--order", "o", "--points", "many"], "points: 'many' must be a whole number"),
                (["history", "m-1", "--kinds", "earn,sale"], "kinds: 'earn,sale' is not a kind of entry"),
                (["history", "m-1", "--limit", "-1"], "limit: '-1' must be a whole number from 0"),
                (["balance-at", "m-1", "--at", "noon"], "at: 'noon' must be a time"),
                (["authorize", "m-1", "--points", "5", "--reservation", "r", "--minutes", "5m"], "minutes: '5m' must be a whole number"),
                (["approve", "first", "--reason", "r"], "review: 'first' must be a whole number"),
                (["transfer", "m-1", "--points", "5", "--transfer", "t"], "--to is required"),
                (["account", ""], "account: '' must not be empty"),
                (["redeem", "m-1", "--order", "o"], "--points is required"),
                (["account", "m-1", "m-2"], "one too many: 'm-2'"),
                (["account", "m-1", "--loud"], "there is no option --loud"),
                (["fly"], "there is no command 'fly'"),
                (["--fly"], "there is no option --fly"),
                ([], "a command is missing"),
                (["account", "m-1", "--token-file", "t"], "--token-file: not supported yet"),
                (["account", "m-1", "--server", "host:port"], "--server: not an address"),
                (["program", "apply", "/nope.toml"], "cannot read /nope.toml"),
                (["repair", self.folder], "holds no journal")):
            done = self.tally(*arguments, status=2)
            self.assertTrue(done.stderr.startswith("tally: " + says) or says in done.stderr, f"{arguments}: {done.stderr}")
            self.assertLessEqual(len(done.stderr.splitlines()), 2, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_an_unreachable_server(self):
        done = self.tally("account", "m-1", status=3)
        self.assertEqual(done.stderr, "tally: cannot reach 127.0.0.1:1: Connection refused\n")

    def test_a_program_document_without_a_merchant(self):
        rules = self.folder / "rules.toml"
        rules.write_text("[earn]\n")
        env = {k: v for k, v in self.environment().items() if k != "TALLY_MERCHANT"}
        self.assertIn("names no merchant", self.tally("program", "apply", rules, status=2, env=env).stderr)


class documents(tally_test):
    def test_every_command_has_help_with_an_example(self):
        overview = self.tally("--help").stdout
        self.assertRegex(self.tally("--version").stdout, r"^tally \d+\.\d+\.\d+$")
        listed = re.findall(r"(?m)^  ([a-z-]+)  ", overview.split("Subcommands:")[1])
        self.assertEqual(sorted(listed), sorted(SUPPORTED))
        for name in listed:
            text = self.tally(name, "--help").stdout
            subs = re.findall(r"(?m)^  ([a-z]+)  ", text.split("Subcommands:")[1]) if "Subcommands:" in text else []
            for sub in subs:
                self.assertIn("tally " + name, self.tally(name, sub, "--help").stdout)
            if not subs:
                self.assertRegex(text, rf"(Example: |  )tally {name}")

    def test_completion(self):
        script = self.folder / "completion"
        script.write_text(self.tally("completion", "bash").stdout)
        subprocess.run(["bash", "-n", script], check=True)

        def complete(*words: str) -> list[str]:
            quoted = " ".join(f"'{w}'" for w in words)
            done = subprocess.run(["bash", "-c", f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _tally; "
                                                 'printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True)
            return done.stdout.split()

        self.assertEqual(sorted(complete("tally", "")), sorted(SUPPORTED))
        self.assertEqual(sorted(complete("tally", "re")), ["reactivate", "redeem", "reject", "repair", "restore", "reverse", "reviews"])
        self.assertEqual(complete("tally", "program", "a"), ["apply"])
        self.assertEqual(complete("tally", "earn", "m-1", "--to"), ["--total", "--token-file"])
        self.assertEqual(complete("tally", "history", "m-1", "--kinds", "re"), ["release", "redeem", "reverse", "restore", "reactivate", "review_hold",
                                                                               "review_approve", "review_reject"])
        self.assertEqual(complete("tally", "exec", "d"), [])  # bash completes the file's name

    def test_the_manual_is_up_to_date(self):
        page = ROOT / "docs/man/tally.1"
        self.assertEqual(page.read_text(), self.tally("man").stdout,
                         "write it again: tally man > docs/man/tally.1")

    def test_the_servers_manual_knows_its_flags(self):
        page = (ROOT / "docs/man/tallyd.1").read_text().replace("\\-", "-")
        shown = subprocess.run([BIN / "tallyd", "--help"], capture_output=True, text=True, check=True).stdout
        flags = set(re.findall(r"(--[a-z-]+)", shown))
        self.assertEqual(flags, set(re.findall(r"(?m)^\.B\S* .*?(--[a-z-]+)", page)))


if __name__ == "__main__":
    unittest.main()
