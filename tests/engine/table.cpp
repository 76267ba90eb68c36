#include "tests/engine/table.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace tally {

namespace {

// What the tables call their rules.
const std::map<std::string, std::string> rules_by_name = {
    {"plain", R"(
[enroll]
opening_points = 50
[earn]
points = "1"
per = "1.00"
[[bonus]]
name = "Beans count double"
categories = ["beans"]
multiplier = "2"
[[reward]]
name = "coffee"
points = 100
[[reward]]
name = "cake"
points = 150
[redeem]
points = 100
value = "1.00"
min_points = 10
min_balance = 20
max_discount = "5.00"
)"},
    {"expiring", R"(
[earn]
points = "1"
per = "1.00"
hold_days = 3
expire_days = 30
[redeem]
points = 100
value = "1.00"
)"},
    {"graced", R"(
[earn]
points = "1"
per = "1.00"
expire_days = 30
[redeem]
points = 100
value = "1.00"
restore_grace_days = 7
)"},
    {"brief", R"(
[earn]
points = "1"
per = "1.00"
expire_days = 30
[redeem]
points = 100
value = "1.00"
)"},
    {"expires in hold", R"(
[earn]
points = "1"
per = "1.00"
hold_days = 10
expire_days = 5
)"},
    {"both at once", R"(
[earn]
points = "1"
per = "1.00"
hold_days = 5
expire_days = 5
)"},
    {"timed", R"(
[enroll]
opening_points = 100
[earn]
points = "1"
per = "1.00"
expire_days = 10
[[reward]]
name = "coffee"
points = 60
[[reward]]
name = "summer"
points = 10
from = "2026-06-01"
[redeem]
points = 100
value = "1.00"
max_discount = "0.80"
reservation_minutes = 15
)"},
    {"cheaper", R"(
[enroll]
opening_points = 100
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "2.00"
)"},
    {"rewards only",
     "[enroll]\nopening_points = 100\n[earn]\npoints = \"1\"\nper = \"1.00\"\n[[reward]]\nname = \"coffee\"\npoints = 60\n"},
    {"floor of 90", R"(
[enroll]
opening_points = 100
[earn]
points = "1"
per = "1.00"
[[reward]]
name = "coffee"
points = 60
[redeem]
points = 100
value = "1.00"
min_points = 70
min_balance = 90
)"},
    {"reviewed", R"(
[earn]
points = "1"
per = "1.00"
[[reward]]
name = "coffee"
points = 100
[redeem]
points = 100
value = "1.00"
[review]
max_points_per_order = 500
max_order_ratio = "10"
min_orders = 2
negative_reversal = "review"
)"},
    {"limited", R"(
[enroll]
opening_points = 1000
[earn]
points = "1"
per = "1.00"
[[reward]]
name = "coffee"
points = 60
[redeem]
points = 100
value = "1.00"
[limits]
earn_points_per_day = 100
redeem_points_per_day = 200
redemptions_per_day = 3
)"},
    {"tiered", R"(
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "1.00"
[tiers]
basis = "lifetime"
net_of_reversals = true
[[tier]]
name = "silver"
threshold = 100
multiplier = "1.5"
[[tier]]
name = "gold"
threshold = 250
multiplier = "2"
)"},
    {"yearly", R"(
[earn]
points = "1"
per = "1.00"
late_days = 400
[tiers]
basis = "calendar_year"
[[tier]]
name = "silver"
threshold = 100
)"},
    {"rolling", R"(
[earn]
points = "1"
per = "1.00"
[tiers]
basis = "rolling_12_months"
[[tier]]
name = "silver"
threshold = 100
)"},
    {"late", R"(
[earn]
points = "1"
per = "1.00"
hold_days = 2
expire_days = 5
late_days = 10
)"},
    {"late double", R"(
[earn]
points = "2"
per = "1.00"
late_days = 10
)"},
    {"inactive",
     "active = false\n[enroll]\nopening_points = 7\n[earn]\npoints = \"1\"\nper = \"1.00\"\n[redeem]\npoints = 1\nvalue = \"1\"\n"},
    {"no redeem", "[earn]\npoints = \"1\"\nper = \"1.00\"\n"},
    {"rate zero", "[earn]\npoints = \"0\"\nper = \"1.00\"\n"},
    {"a thousand", "[earn]\npoints = \"1\"\n"},
    {"tens", "[earn]\npoints = \"10\"\nper = \"1.00\"\nrounding = \"whole_units\"\n"},
    {"worthless", "[enroll]\nopening_points = 500\n[earn]\npoints = \"1\"\n[redeem]\npoints = 1000\nvalue = \"1.00\"\nmin_points = 1\n"},
    {"whole coins",
     "currency_digits = 0\n[enroll]\nopening_points = 500\n[earn]\npoints = \"1\"\n[redeem]\npoints = 100\nvalue = \"1.00\"\n"},
    {"huge", "[earn]\npoints = \"1000000\"\nper = \"0.0001\"\n"},
};

// A name of the list above, or the path of a document in the source tree.
std::string toml_of(const std::string& name) {
  if (name.ends_with(".toml")) {
    std::ifstream file(std::filesystem::path(TALLY_SOURCE_DIR) / name);
    EXPECT_TRUE(file.is_open()) << name;
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string text = rules_by_name.at(name);
  return "merchant = \"beanhouse\"\nname = \"" + name + "\"\n" + text;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

} // namespace

void play(const char* table) {
  test_ledger ledger;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    if (trimmed(line).empty() || trimmed(line)[0] == '#')
      continue;
    SCOPED_TRACE(line);
    if (trimmed(line).rfind("rules ", 0) == 0) {
      ledger.put_program(toml_of(trimmed(trimmed(line).substr(6))));
      continue;
    }
    const std::size_t arrow = line.find("=>");
    const std::string expected = arrow == std::string::npos ? "" : trimmed(line.substr(arrow + 2));
    const std::string actual = ledger.run(trimmed(line.substr(0, arrow)));
    if (std::getenv("TALLY_SHOW_TABLES") != nullptr)
      std::cout << trimmed(line.substr(0, arrow)) << " => " << actual << "\n";
    EXPECT_EQ(expected, actual);
  }
  for (const auto& [name, state] : ledger.accounts)
    EXPECT_EQ(fingerprint(state), fingerprint(ledger.replayed(name))) << name;
}

} // namespace tally
