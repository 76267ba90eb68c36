"""Reads what ctest left behind and says it in a few lines; the last one is `N passed, N failed[, N skipped]`.

usage: summary.py LOG_FOLDER CTEST_STATUS
The exit status is 0 only if ctest's was, and nothing failed, and something passed.
"""

import sys
import xml.etree.ElementTree as xml


def main(logs: str, ctest_status: int) -> int:
    try:
        cases = xml.parse(f"{logs}/junit.xml").getroot().findall("testcase")
    except (OSError, xml.ParseError):
        cases = []
    failed = [case for case in cases if case.get("status") == "fail"]
    skipped = [case for case in cases if case.get("status") in ("notrun", "disabled")]
    passed = len(cases) - len(failed) - len(skipped)

    for case in failed:
        print(f"\n--- failed: {case.get('name')}")
        print((case.findtext("system-out") or "").strip()[-6000:])
    slowest = sorted(cases, key=lambda case: -float(case.get("time") or 0))[:5]
    if slowest and not failed:
        print("slowest: " + ", ".join(f"{case.get('name')} {float(case.get('time') or 0):.0f} s" for case in slowest))
    if not cases:
        # ctest itself failed: its own words are all there is.
        with open(f"{logs}/ctest.log", encoding="utf-8", errors="replace") as log:
            print(log.read()[-6000:])

    ok = ctest_status == 0 and not failed and passed > 0
    print(f"logs: {logs}")
    # A run that failed without a failed case (ctest could not start, say) must not read as a success.
    count = len(failed) if failed or ok else 1
    print(f"{passed} passed, {count} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
