"""Proves that each check of tidy.py can fail: small trees that break one rule each, and one that breaks none."""

import json
import tempfile
import unittest
from pathlib import Path

import tidy

GOOD = {
    "engine/money.hpp": "// Money.\n#pragma once\n#include <cstdint>\nusing money = std::int64_t;\n",
    "engine/money.cpp": '#include "engine/money.hpp"\n#include <vector>\n',
    "engine/rules_toml.cpp": "#include <toml++/toml.h>\n",
    "wal/log.cpp": '#include "engine/money.hpp"\n#include <rocksdb/db.h>\n#include <sys/stat.h>\n',
    "net/tally_main.cpp": '#include "bench/load.hpp"\n',
    "tests/engine/money_test.cpp": '#include "engine/money.hpp"\n#include <gtest/gtest.h>\n',
    "scripts/bootstrap": "apt-get install libssl-dev\n",
    "README.md": "# A\n\n## Next Step\n\nSee [docs](docs/a.md), [below](#next-step) and [that](docs/a.md#one-two).\n",
    "docs/a.md": "# One two\n",
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- Something.\n",
}


class broken_trees(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name).resolve()
        for name, text in GOOD.items():
            self.write(name, text)

    def write(self, name: str, text: str):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def expect(self, check, name: str, text: str, said: str):
        """With this one file in it, the tree fails this check, which names the file and says so."""
        self.write(name, text)
        found = check(self.root)
        self.assertEqual(len(found), 1, found)
        self.assertIn(name, found[0])
        self.assertIn(said, found[0])

    def test_a_tidy_tree_has_no_findings(self):
        for check in tidy.CHECKS:
            self.assertEqual(check(self.root), [], check.__name__)

    def test_an_arrow_upwards(self):
        self.expect(tidy.layering, "engine/bad.hpp", '#pragma once\n#include "wal/log.hpp"\n', "engine may not use wal")

    def test_wal_and_snapshot_do_not_know_each_other(self):
        self.expect(tidy.layering, "wal/bad.cpp", '#include "snapshot/image.hpp"\n', "wal may not use snapshot")

    def test_nobody_uses_tests(self):
        self.expect(tidy.layering, "bench/bad.cpp", '#include "tests/model/slow.hpp"\n', "bench may not use tests")

    def test_only_mains_of_net_use_bench(self):
        self.expect(tidy.layering, "net/bad.cpp", '#include "bench/load.hpp"\n', "net may not use bench")

    def test_third_party_in_the_engine(self):
        self.expect(tidy.layering, "engine/bad.cpp", "#  include <openssl/evp.h>\n", "engine may not use <openssl/evp.h>")

    def test_system_headers_in_the_engine(self):
        self.expect(tidy.layering, "engine/bad.cpp", "#include <unistd.h>\n", "engine may not use <unistd.h>")

    def test_toml_in_another_file(self):
        self.expect(tidy.layering, "engine/bad.cpp", "#include <toml++/toml.h>\n", "engine may not use <toml++/toml.h>")

    def test_includes_that_are_not_from_the_root(self):
        self.expect(tidy.layering, "engine/bad.cpp", '#include "money.hpp"\n', "not a path from the root")

    def test_pragma_once(self):
        self.expect(tidy.pragma_once, "engine/bad.hpp", "// pragma once\n", "no #pragma once")

    def test_own_header_first(self):
        self.expect(tidy.own_header_first, "engine/money.cpp", '#include <vector>\n#include "engine/money.hpp"\n', "first #include")

    def test_banned_tokens(self):
        for line, said in (("// /ho" "me/ana/file", "somebody's machine"), ("// FIX" "ME later", "mend it"),
                           ("using namespace std;", "spelled out"), ("<<<<<<" "< HEAD", "not finished")):
            self.expect(tidy.banned_tokens, "engine/bad.cpp", line + "\n", said)

    def test_packages_elsewhere(self):
        self.expect(tidy.packages_in_one_place, ".ci/run", "sudo apt-get -y inst" "all cmake\n", "scripts/bootstrap only")
        (self.root / ".ci/run").unlink()
        self.expect(tidy.packages_in_one_place, "scripts/test", "check libssl-d" "ev\n", "scripts/bootstrap only")

    def test_doc_links(self):
        for link, said in (("b.md", "leads nowhere"), ("../../x.md", "out of the tree"), ("a.md#three", "no such heading")):
            self.expect(tidy.doc_links, "docs/b.txt.md", f"[x]({link})\n", said)

    def test_changelog(self):
        self.expect(tidy.changelog, "CHANGELOG.md", "# Changelog\n\n## 0.1.0\n\n- Something.\n", "no section Unreleased")
        self.expect(tidy.changelog, "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n- Something.\n", "says nothing")

    # The checks that look at a build get one that knows only what is written here.

    def build_of(self, *sources: str) -> Path:
        build = self.root / "build"
        commands = [{"directory": str(self.root), "command": f"c++ -std=c++20 -I{self.root} -c {self.root / s}",
                     "file": str(self.root / s)} for s in sources]
        self.write("build/compile_commands.json", json.dumps(commands))
        self.write("build/CTestTestfile.cmake", "")
        return build

    def test_a_header_that_does_not_stand_alone(self):
        build = self.build_of("engine/money.cpp")
        self.assertEqual(tidy.headers_alone(self.root, build), [])
        self.write("engine/bad.hpp", "#pragma once\nstd::string name;\n")
        found = tidy.headers_alone(self.root, build)
        self.assertEqual(len(found), 1, found)
        self.assertIn("engine/bad.hpp: does not compile alone", found[0])

    def test_tests_that_never_run(self):
        build = self.build_of("tests/engine/money_test.cpp")
        self.assertEqual(tidy.every_test_runs(self.root, build), [])
        self.write("tests/lost/lost_test.cpp", "")
        self.write("tests/lost/lost_fuzz.cpp", "")
        self.write("tests/lost/lost_test.py", "")
        found = tidy.every_test_runs(self.root, build)
        self.assertEqual([line.split(":")[0] for line in found],
                         ["tests/lost/lost_fuzz.cpp", "tests/lost/lost_test.cpp", "tests/lost/lost_test.py"])

    def test_a_registered_script_is_known(self):
        build = self.build_of()
        (self.root / "tests/engine/money_test.cpp").unlink()
        self.write("tests/e2e/till_test.py", "")
        self.write("build/CTestTestfile.cmake", f'add_test(till "python3" "{self.root}/tests/e2e/till_test.py")\n')
        self.assertEqual(tidy.every_test_runs(self.root, build), [])


if __name__ == "__main__":
    unittest.main()
