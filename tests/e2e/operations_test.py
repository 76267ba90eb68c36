"""The examples of docs/: pairs of lines in ```json blocks, a request and its answer, run in order against a fresh ledger per page.

Answers must be equal as JSON; a text `...` inside an expected value stands for anything. Every operation and every key of the rules must
have an example.
"""

import json
import re
import tomllib
import unittest

from tally_process import ROOT, fenced_blocks, tally_test, wildcard


def pairs_of(page: str):
    """(line number, request, answer)."""
    for first, block in fenced_blocks(page, "json"):
        lines = [(number, line) for number, line in enumerate(block, start=first) if line.strip()]
        if not lines or not lines[0][1].startswith('{"op"'):
            continue
        if len(lines) % 2:
            raise AssertionError(f"line {first}: a request without an answer")
        for (number, request), (_, answer) in zip(lines[::2], lines[1::2]):
            yield number, request, answer


def same(expected, found) -> bool:
    if isinstance(expected, str) and "..." in expected:
        return expected == "..." or (isinstance(found, str) and wildcard(expected).match(found) is not None)
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    return type(expected) is type(found) and expected == found


def keyed(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key


def keys_of(rules: dict) -> set[str]:
    """`name`, `earn.points`, `bonus.skus` of a rules document."""
    keys = set()
    for name, value in rules.items():
        tables = [value] if isinstance(value, dict) else value if isinstance(value, list) else None
        keys |= {name} if tables is None else {keyed(name, key) for table in tables for key in table}
    return keys


class examples(tally_test):
    def run_page(self, page):
        pairs = list(pairs_of(page.read_text()))
        if not pairs:
            return 0
        self.data = self.folder / page.stem
        started = self.start()
        out = self.tally("exec", text="".join(request + "\n" for _, request, _ in pairs), status=None).stdout.splitlines()
        started.stop()
        self.assertEqual(len(out), len(pairs), page)
        for (number, request, answer), found in zip(pairs, out):
            with self.subTest(page=page.name, line=number):
                self.assertTrue(same(json.loads(answer), json.loads(found)), f"{page.name}:{number}\n{request}\nis answered\n{found}\nnot\n{answer}")
        return len(pairs)

    def test_every_page(self):
        counts = {page.name: self.run_page(page) for page in sorted(ROOT.glob("docs/*.md"))}
        self.assertGreater(counts["operations.md"], 10)
        self.assertGreater(counts["rules.md"], 10)

    def test_every_operation_has_an_example(self):
        names = re.search(r"enum class op .*?\{(.*?)\};", (ROOT / "engine/names.hpp").read_text(), re.DOTALL)[1]
        operations = {name.rstrip("_") for name in re.findall(r"(\w+) = \d+", names)} - {"none"}
        self.assertGreater(len(operations), 30)
        shown = {}
        for _, request, answer in pairs_of((ROOT / "docs/operations.md").read_text()):
            shown.setdefault(json.loads(request)["op"], []).append(json.loads(answer)["status"])
        # a tail never ends: it runs in tail_test.py
        self.assertEqual(operations - shown.keys(), {"tail"})
        done = {kind for kind, statuses in shown.items() if "ok" in statuses}
        self.assertEqual(operations - done, {"tail"}, "an example of a refusal shows little")

    def test_every_key_of_the_rules_has_an_example(self):
        page = (ROOT / "docs/rules.md").read_text()
        table, described = "", set()
        for line in page.splitlines():
            if line.startswith("### "):
                table = next(iter(re.findall(r"\[+(\w+)\]+", line)), "")
            if line.startswith("| `") and line.count("|") == 5:
                cell = line.split("|")[1]
                other, own = re.match(r" (?:`\[\[(\w+)\]\]` )?(.*)", cell).groups()
                described |= {keyed(other or table, key) for key in re.findall(r"`(\w+)`", own)}
        complete = next(tomllib.loads("\n".join(block)) for _, block in fenced_blocks(page, "toml") if "merchant =" in "\n".join(block))
        self.assertEqual(described, keys_of(complete), "the complete example has every key, and every key is described")
        applied = set()
        for _, request, answer in pairs_of(page):
            if '"put_program"' in request and json.loads(answer)["status"] == "ok":
                applied |= keys_of(tomllib.loads(json.loads(request)["toml"]))
        self.assertEqual(described - applied, set())

    def test_the_comparison_can_fail(self):
        self.assertTrue(same({"a": [1, "..."], "b": "x...z"}, {"a": [1, {"c": 2}], "b": "xyz"}))
        self.assertFalse(same({"a": 1}, {"a": 1, "b": 2}))
        self.assertFalse(same({"a": 1}, {"a": True}))
        self.assertFalse(same({"a": "x...z"}, {"a": "xyy"}))
        self.assertFalse(same([1], [1, 2]))


if __name__ == "__main__":
    unittest.main()
