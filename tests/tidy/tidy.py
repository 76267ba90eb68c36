"""The style checks of the tree, as functions: each takes the tree's root and returns its findings, one line each.

Run by tidy_test.py on this tree and by self_test.py on small trees that break one rule each.
What the compiler or clang-format already tells is left to them.
"""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

CODE = (".hpp", ".cpp")

# -- the tree ----------------------------------------------------------------------------------------------------------


def files(root: Path, *suffixes: str) -> list[Path]:
    """Every file that is, or is about to be, under version control; by suffix, all without one."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True, text=True).stdout.split("\0")
        found = [root / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):  # an archive without .git
        found = [path for path in root.rglob("*") if not {"build", "data", "__pycache__", ".git"} & set(path.relative_to(root).parts)]
    return sorted(path for path in found if path.is_file() and (not suffixes or path.suffix in suffixes))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def lines_of(path: Path):
    return enumerate(text_of(path).splitlines(), start=1)


def at(root: Path, path: Path, line: int = 0) -> str:
    name = str(path.relative_to(root))
    return f"{name}:{line}" if line else name


# -- layering ----------------------------------------------------------------------------------------------------------

# Who may include whom: docs/architecture.md. A folder always may include itself.
ARROWS = {
    "engine": set(),
    "database": set(),
    "wal": {"engine", "database"},
    "snapshot": {"engine", "database"},
    "personal": {"engine", "database"},
    "actors": {"engine", "wal", "snapshot", "personal"},
    "net": {"engine", "wal", "snapshot", "personal", "actors"},
    "bench": {"engine", "wal", "snapshot", "personal", "actors", "net"},
    "tests": {"engine", "wal", "snapshot", "personal", "actors", "net", "bench"},
}
# The thin mains stand in net/ but put everything together: `tally bench` is bench's.
MAIN_MAY_ALSO = {"bench"}

SYSTEM = ("unistd.h", "fcntl.h", "poll.h", "errno.h", "pthread.h", "sched.h", "signal.h", "netdb.h", "immintrin.h", "nmmintrin.h",
          "wmmintrin.h", "sys/", "linux/", "netinet/", "arpa/")
# Other people's headers, by the beginning of their path. bench and tests may use anything.
THIRD_PARTY = {
    "engine": (),
    "database": ("rocksdb/",),
    "wal": SYSTEM + ("rocksdb/", "flatbuffers/", "openssl/", "xxhash.h"),
    "snapshot": SYSTEM + ("rocksdb/", "flatbuffers/", "openssl/"),
    "personal": SYSTEM + ("rocksdb/", "openssl/"),
    "actors": SYSTEM + ("caf/", "absl/time/"),
    "net": SYSTEM + ("asio.hpp", "asio/", "flatbuffers/", "openssl/", "CLI/", "nlohmann/", "spdlog/"),
}
THIRD_PARTY_IN_ONE_FILE = {"engine/rules_toml.cpp": ("toml++/",), "net/cli_audit_images.cpp": ("absl/container/",)}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layering(root: Path) -> list[str]:
    findings = []
    for path in files(root, *CODE):
        name = path.relative_to(root).as_posix()
        folder = name.split("/")[0]
        if folder not in ARROWS:
            continue
        for number, line in lines_of(path):
            include = INCLUDE.match(line)
            if include:
                problem = include_problem(folder, name, include[1] == '"', include[2])
                if problem:
                    findings.append(f"{at(root, path, number)}: {problem}")
    return findings


def include_problem(folder: str, name: str, quoted: bool, included: str) -> str | None:
    if quoted:
        target = included.split("/")[0]
        if target not in ARROWS or "/" not in included or ".." in included:
            return f'"{included}" is not a path from the root of the tree'
        allowed = ARROWS[folder] | {folder} | (MAIN_MAY_ALSO if name.endswith("_main.cpp") else set())
        return None if target in allowed else f"{folder} may not use {target} ({included})"
    if folder in ("bench", "tests") or re.fullmatch(r"[a-z0-9_]+", included):  # <vector> and its like are everybody's
        return None
    if included.startswith(THIRD_PARTY[folder] + THIRD_PARTY_IN_ONE_FILE.get(name, ())):
        return None
    return f"{folder} may not use <{included}>"


# -- headers -----------------------------------------------------------------------------------------------------------


def pragma_once(root: Path) -> list[str]:
    return [f"{at(root, path)}: no #pragma once" for path in files(root, ".hpp")
            if not any(line.strip() == "#pragma once" for _, line in lines_of(path))]


def own_header_first(root: Path) -> list[str]:
    """x.cpp begins with "x.hpp": so the compiler proves that the header stands alone."""
    findings = []
    for path in files(root, ".cpp"):
        header = path.with_suffix(".hpp")
        if not header.is_file():
            continue
        own = header.relative_to(root).as_posix()
        first = next((match[2] for _, line in lines_of(path) if (match := INCLUDE.match(line))), None)
        if first != own:
            findings.append(f'{at(root, path)}: its first #include must be "{own}"')
    return findings


def headers_alone(root: Path, build: Path) -> list[str]:
    """Headers without a .cpp of their own are compiled alone, with the flags of a neighbour."""
    commands = json.loads((build / "compile_commands.json").read_text())
    findings = []
    for header in files(root, ".hpp"):
        if header.with_suffix(".cpp").is_file():
            continue
        folder = header.relative_to(root).as_posix().split("/")[0]
        neighbour = next((c for c in commands if c["file"].startswith(str(root / folder) + "/")), None)
        if neighbour is None:
            continue  # a folder nothing is built of yet
        failed = compile_alone(header, neighbour)
        if failed:
            findings.append(f"{at(root, header)}: does not compile alone: {failed}")
    return findings


def compile_alone(header: Path, neighbour: dict) -> str | None:
    words = shlex.split(neighbour["command"])
    if Path(words[0]).name == "ccache":
        words = words[1:]
    flags = [word for word in words[1:] if word.startswith(("-I", "-D", "-std", "-m"))]
    for flag in ("-isystem",):
        flags += [part for i, word in enumerate(words) if word == flag for part in (flag, words[i + 1])]
    done = subprocess.run([words[0], *flags, "-fsyntax-only", "-x", "c++", "-"], input=f'#include "{header}"\n',
                          cwd=neighbour["directory"], capture_output=True, text=True)
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    return (errors or [done.stderr.strip() or "no reason given"])[0] if done.returncode else None


# -- tests that run ----------------------------------------------------------------------------------------------------


def every_test_runs(root: Path, build: Path) -> list[str]:
    """Each *_test.cpp is compiled into something, each *_test.py and each program of tests is known to ctest."""
    compiled = {str(Path(c["file"]).resolve()) for c in json.loads((build / "compile_commands.json").read_text())}
    shown = subprocess.run(["ctest", "--test-dir", str(build), "--show-only=json-v1"], capture_output=True, text=True, check=True)
    words = {word for test in json.loads(shown.stdout)["tests"] for word in test.get("command", [])}
    findings = [f"{at(root, path)}: in no target, so it never runs" for path in files(root, ".cpp")
                if path.stem.endswith(("_test", "_fuzz")) and str(path.resolve()) not in compiled]
    findings += [f"{at(root, path)}: ctest does not know it" for path in files(root, ".py")
                 if path.stem.endswith("_test") and str(path) not in words]
    return findings


# -- text --------------------------------------------------------------------------------------------------------------

# Written so that this file does not contain what it looks for.
BANNED = (
    (re.compile(r"(?<![\w.])/(?:home|Users|root|work|farm|mnt)/\w"), "a path of somebody's machine"),
    (re.compile(r"\bFIX" r"ME\b|\bX" r"XX\b"), "mend it or describe it in an issue"),
    (re.compile(r"^\s*using\s+namespace\s+std\s*;"), "names of std are spelled out"),
    (re.compile(r"^(?:<{7}|>{7}) "), "a merge that was not finished"),
)


def banned_tokens(root: Path) -> list[str]:
    findings = []
    for path in files(root):
        if path.suffix not in (".hpp", ".cpp", ".py", ".md", ".txt", ".cmake", ".toml", ".json", ".fbs", ".sh", "") or path.name == "LICENSE":
            continue
        for number, line in lines_of(path):
            findings += [f"{at(root, path, number)}: {why}: {line.strip()[:80]}" for pattern, why in BANNED if pattern.search(line)]
    return findings


INSTALLS = re.compile(r"\bapt(?:-get)?\s+(?:-\S+\s+)*install\b|\bdpkg\s+-i\b|\bpip3?\s+install\b")
PACKAGE = re.compile(r"\blib[a-z0-9+.-]+-dev\b")


def packages_in_one_place(root: Path) -> list[str]:
    """Nothing but scripts/bootstrap installs packages, and no other script, CMake or CI file lists them."""
    findings = []
    for path in files(root):
        name = path.relative_to(root).as_posix()
        if name == "scripts/bootstrap" or name.startswith("tests/tidy/"):
            continue
        is_script = name.startswith(("scripts/", ".ci/", ".github/")) or path.name in ("CMakeLists.txt", "Dockerfile")
        if not is_script and path.suffix not in (".md", ".cmake", ".py", ".sh"):
            continue
        for number, line in lines_of(path):
            if INSTALLS.search(line) or (is_script and PACKAGE.search(line)):
                findings.append(f"{at(root, path, number)}: packages are named in scripts/bootstrap only: {line.strip()[:80]}")
    return findings


LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def doc_links(root: Path) -> list[str]:
    """Relative links of *.md lead to a file that is there, and to a heading of it where they name one."""
    findings = []
    for path in files(root, ".md"):
        fenced = False
        for number, line in lines_of(path):
            fenced ^= line.lstrip().startswith("```")
            if fenced:
                continue
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                problem = link_problem(root, path, target)
                if problem:
                    findings.append(f"{at(root, path, number)}: {problem}")
    return findings


def link_problem(root: Path, page: Path, target: str) -> str | None:
    name, _, anchor = target.partition("#")
    there = Path(os.path.normpath(page.parent / name)) if name else page
    if root not in there.parents and there != root:
        return f"{target} leads out of the tree"
    if not there.exists():
        return f"{target} leads nowhere"
    if anchor and there.suffix == ".md" and anchor not in {slug(line) for _, line in lines_of(there) if line.startswith("#")}:
        return f"{target}: no such heading"
    return None


def slug(heading: str) -> str:
    words = re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower().replace("`", ""))
    return words.replace(" ", "-")


def changelog(root: Path) -> list[str]:
    """CHANGELOG.md has an Unreleased section with something in it."""
    path = root / "CHANGELOG.md"
    if not path.is_file():
        return ["CHANGELOG.md: missing"]
    section = re.search(r"^## \[?Unreleased\]?[^\n]*\n(.*?)(?=^## |\Z)", text_of(path), re.M | re.S)
    if section is None:
        return ["CHANGELOG.md: no section Unreleased"]
    return [] if re.search(r"^- \S", section[1], re.M) else ["CHANGELOG.md: Unreleased says nothing"]


# Every check, and whether it needs a configured build.
CHECKS = (layering, pragma_once, own_header_first, banned_tokens, packages_in_one_place, doc_links, changelog)
BUILD_CHECKS = (headers_alone, every_test_runs)
