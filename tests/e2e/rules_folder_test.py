"""`tallyd --rules`: a folder of rules documents is in force when the server is ready, and stays so as its files change."""

import time
import unittest

from tally_process import tally_test

RULES = 'merchant = "{merchant}"\n[earn]\npoints = "{points}"\nper = "1.00"\n'


class rules_folder(tally_test):
    def setUp(self):
        super().setUp()
        self.rules = self.folder / "rules"
        self.rules.mkdir()

    def write(self, name: str, points: str = "1", merchant: str = "beanhouse"):
        (self.rules / name).write_text(RULES.format(merchant=merchant, points=points))

    def versions(self, merchant: str = "beanhouse") -> int:
        return len(self.execute({"op": "programs", "merchant": merchant})[0]["programs"])

    def wait_for(self, happened, what):
        until = time.monotonic() + 20
        while not happened():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.1)

    def test_edit_break_repair_and_remove(self):
        self.write("beanhouse.toml")
        self.write("tea.toml", merchant="tea")
        (self.rules / "notes.txt").write_text("not rules")
        started = self.start("--rules", self.rules)
        self.assertEqual((self.versions(), self.versions("tea")), (1, 1))  # before anybody was told that it is ready

        self.write("beanhouse.toml", points="2")
        self.wait_for(lambda: self.versions() == 2, "the edited file")

        (self.rules / "beanhouse.toml").write_text('merchant = "beanhouse"\n[earn]\npoints = "two"\nrate = 3\n')
        self.wait_for(lambda: "earn.rate" in started.error_text(), "the broken file")
        told = started.error_text()
        self.assertIn("beanhouse.toml:3: earn.points", told)
        self.assertIn("the version in force stays", told)
        time.sleep(1.5)
        self.assertEqual(started.error_text().count("earn.rate"), 1)  # once, not at every look
        self.assertEqual(self.versions(), 2)

        (self.rules / "new").write_text(RULES.format(merchant="beanhouse", points="3"))
        (self.rules / "new").rename(self.rules / "beanhouse.toml")  # as editors write
        self.wait_for(lambda: self.versions() == 3, "the repaired file")

        self.write("other.toml", points="4")  # the same merchant's again
        self.wait_for(lambda: "other.toml is refused" in started.error_text(), "the second file of a merchant")
        self.assertIn("beanhouse.toml", started.error_text())
        (self.rules / "tea.toml").unlink()
        time.sleep(1.5)
        self.assertEqual((self.versions(), self.versions("tea")), (3, 1))
        self.assertEqual(started.stop(), 0)

    def test_an_unchanged_folder_makes_no_new_versions(self):
        self.write("beanhouse.toml")
        self.start("--rules", self.rules).stop()
        self.start("--rules", self.rules)
        self.assertEqual(self.versions(), 1)

    def test_an_invalid_file_does_not_keep_the_server_from_serving(self):
        (self.rules / "bad.toml").write_text("merchant = ")
        started = self.start("--rules", self.rules)
        self.assertIn("bad.toml", started.error_text())
        self.assertEqual(self.execute({"op": "enroll", "merchant": "beanhouse", "account": "m-1"})[0]["status"], "ok")


if __name__ == "__main__":
    unittest.main()
