// Every outcome, every code and every kind of entry there is must be in some table of tests/engine: plays all of them in a process of
// its own, reads what they answered, and says what is missing.
#include "tests/engine/outcomes_of_the_ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <sstream>

namespace tally {
namespace {

struct shown_by_tables {
  std::set<std::string> outcomes; // "rejected over_cap", "ok"
  std::set<std::string> ok_of;    // operations
  std::set<std::string> entries;
  int lines = 0;
};

// A line is `DAY OP fields => STATUS [CODE] ... | entry, entry`, and of what was refused nothing follows the code.
void read(const std::string& line, shown_by_tables& all) {
  const std::size_t arrow = line.find(" => ");
  if (arrow == std::string::npos)
    return;
  ++all.lines;
  std::istringstream asked(line.substr(0, arrow)), answered(line.substr(arrow + 4));
  std::string day, operation, status, code;
  asked >> day >> operation;
  answered >> status;
  if (status == "rejected" || status == "skipped")
    answered >> code;
  all.outcomes.insert(code.empty() ? status : status + " " + code);
  if (status == "ok")
    all.ok_of.insert(operation);
  const std::size_t bar = line.find(" | ", arrow);
  std::istringstream entries(bar == std::string::npos ? "" : line.substr(bar + 3));
  for (std::string entry; std::getline(entries, entry, ',');) {
    const std::size_t begin = entry.find_first_not_of(' ');
    all.entries.insert(entry.substr(begin, entry.find(' ', begin) - begin));
  }
}

shown_by_tables play_all_tables() {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string command = "TALLY_SHOW_TABLES=1 '" + self + "' --gtest_filter='*_table.*:traps.*'";
  std::FILE* output = ::popen(command.c_str(), "r");
  shown_by_tables all;
  std::string line;
  for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    read(line, all);
    line.clear();
  }
  EXPECT_EQ(::pclose(output), 0);
  return all;
}

bool is_of_the_ledger(outcome_status status) { return std::ranges::count(statuses_of_the_ledger, status) != 0; }
bool is_of_the_ledger(outcome_code code) { return std::ranges::count(codes_of_the_ledger, code) != 0; }

TEST(complete_tables, show_every_outcome_every_code_and_every_entry) {
  const shown_by_tables all = play_all_tables();
  ASSERT_GT(all.lines, 100) << "tables were played";
  int names = 0;
  for (int number = 1; number < 256; ++number) {
    if (const auto status = static_cast<outcome_status>(number); !name_of(status).empty()) {
      const bool has_code = status == outcome_status::skipped || status == outcome_status::rejected;
      EXPECT_TRUE(has_code || is_of_the_ledger(status) || all.outcomes.contains(std::string(name_of(status)))) << name_of(status);
      ++names;
    }
    if (const auto code = static_cast<outcome_code>(number); !name_of(code).empty()) {
      const std::string outcome = (number < 32 ? "skipped " : "rejected ") + std::string(name_of(code));
      EXPECT_NE(is_of_the_ledger(code), all.outcomes.contains(outcome)) << outcome;
      ++names;
    }
    const auto kind = static_cast<entry_kind>(number);
    if (number < entry_kind_count && kind != entry_kind::program) { // the rules are the ledger's own to write
      EXPECT_TRUE(all.entries.contains(std::string(name_of(kind)))) << name_of(kind);
    }
  }
  EXPECT_GT(names, 30);
  for (int number = static_cast<int>(op::enroll); number <= static_cast<int>(op::close); ++number)
    EXPECT_TRUE(all.ok_of.contains(std::string(name_of(static_cast<op>(number))))) << name_of(static_cast<op>(number));
  for (const op kind : {op::approve, op::reject, op::erase})
    EXPECT_TRUE(all.ok_of.contains(std::string(name_of(kind)))) << name_of(kind);
}

} // namespace
} // namespace tally
