"""The examples of docs/: pairs of lines in ```json blocks, a request and its answer, run in order against a fresh ledger per page.

Answers must be equal as JSON; a text `...` inside an expected value stands for anything.
"""

import json
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

    def test_the_comparison_can_fail(self):
        self.assertTrue(same({"a": [1, "..."], "b": "x...z"}, {"a": [1, {"c": 2}], "b": "xyz"}))
        self.assertFalse(same({"a": 1}, {"a": 1, "b": 2}))
        self.assertFalse(same({"a": 1}, {"a": True}))
        self.assertFalse(same({"a": "x...z"}, {"a": "xyy"}))
        self.assertFalse(same([1], [1, 2]))


if __name__ == "__main__":
    unittest.main()
