"""Runs every check of tidy.py on this tree; fails with one line per finding."""

import os
import sys
from pathlib import Path

import tidy


def main() -> int:
    root = Path(os.environ.get("TALLY_SOURCE_DIR") or Path(__file__).parents[2]).resolve()
    build = os.environ.get("TALLY_BUILD_DIR")
    findings = 0
    for check in tidy.CHECKS + (tidy.BUILD_CHECKS if build else ()):
        found = check(root, Path(build).resolve()) if check in tidy.BUILD_CHECKS else check(root)
        print(f"{check.__name__}: {len(found) or 'fine'}")
        for line in found:
            print(f"  {line}")
        findings += len(found)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
