"""The README as it stands: its ```console blocks are typed, line by line, into one shell with the built programs.

Lines that begin with `$ ` are commands; what stands below one is what it prints. `...` alone on a line stands for any number of
lines, inside a line for anything. Without a line below, what is printed is not compared.
A command may end with 0 or 1 (a no is an answer), never with bad usage or an unreachable server.
"""

import signal
import subprocess
import unittest

from tally_process import ROOT, fenced_blocks, tally_test, wildcard

MARK = "--end-of-command--"


def matches(expected: list[str], printed: list[str]) -> bool:
    if not expected:
        return not printed
    if expected[0].strip() == "...":
        return any(matches(expected[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and wildcard(expected[0].rstrip()).match(printed[0].rstrip()) is not None and matches(expected[1:], printed[1:])


def commands_of(page: str):
    """(line number, command, expected lines)."""
    for first, block in fenced_blocks(page, "console"):
        command = None
        for number, line in enumerate(block, start=first):
            if line.startswith("$ "):
                if command:
                    yield command
                command = (number, line[2:], [])
            elif command:
                command[2].append(line)
            else:
                raise AssertionError(f"line {number}: a console block begins with `$ `")
        if command:
            yield command


class readme(tally_test):
    def test_the_console_blocks(self):
        commands = list(commands_of((ROOT / "README.md").read_text()))
        self.assertGreater(len(commands), 5)
        checkout = self.folder / "checkout"  # the tree as it stands, with a data folder of its own
        checkout.mkdir()
        for entry in ROOT.iterdir():
            if entry.name != "data":
                (checkout / entry.name).symlink_to(entry)
        self.data = checkout / "data/tour"
        started = self.start(clock=None)
        shell = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 cwd=checkout, env=self.environment())
        self.addCleanup(shell.wait)
        self.addCleanup(shell.stdout.close)
        self.addCleanup(shell.stdin.close)
        for number, command, expected in commands:
            if command.startswith("tally audit"):  # "stop the server with Ctrl-C", says the page
                self.assertEqual(started.stop(signal.SIGINT), 0)
            shell.stdin.write(f"{command}\nprintf '\\n{MARK} %s\\n' $?\n")
            shell.stdin.flush()
            printed = []
            while True:
                line = shell.stdout.readline()
                self.assertTrue(line, f"README.md:{number}: the shell ended")
                if line.startswith(MARK):
                    status = int(line.split()[1])
                    break
                printed.append(line.rstrip("\n"))
            printed = printed[:-1] if printed and printed[-1] == "" else printed  # the mark's own line break
            text = "\n".join(printed)
            self.assertIn(status, (0, 1), f"README.md:{number}: {command}\n{text}")
            if expected:
                self.assertTrue(matches(expected, printed), f"README.md:{number}: {command}\nprints\n{text}\nnot\n" + "\n".join(expected))

    def test_the_comparison_can_fail(self):
        self.assertTrue(matches(["a", "...", "c ... d"], ["a", "x", "y", "c 1 d"]))
        self.assertTrue(matches(["...", "c"], ["c"]))
        self.assertFalse(matches(["a"], ["a", "b"]))
        self.assertFalse(matches(["a", "b"], ["a"]))
        self.assertFalse(matches(["c ... d"], ["c 1 e"]))


if __name__ == "__main__":
    unittest.main()
