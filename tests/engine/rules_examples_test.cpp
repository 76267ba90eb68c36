// The rules documents of examples/ and docs/: every one is read, and those of examples/rules reckon as they say they do.
#include "engine/decimal.hpp"
#include "engine/earning.hpp"
#include "engine/rfc3339.hpp"
#include "engine/rules_toml.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace tally {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(std::filesystem::path(TALLY_SOURCE_DIR) / path);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Every zone is two hours east of UTC here: which zones there are is tests/actors/time_zone_test.cpp's.
ruleset rules_of(const std::string& toml) {
  auto read = read_rules(toml, [](std::string_view, std::int64_t) { return std::optional<std::int64_t>(120 * us_per_minute); });
  if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read)) {
    for (const auto& problem : *problems)
      ADD_FAILURE() << problem.line << ": " << problem.key << ": " << problem.what;
    return {};
  }
  return std::get<ruleset>(std::move(read));
}

std::int64_t points(const ruleset& rules, std::string_view total, std::string_view at = "2026-01-15T12:00:00Z",
                    rate_t tier = rate_t::one()) {
  return points_for_sale(rules, parse_money(total).value(), {}, parse_rfc3339(at).value(), tier)->value;
}

TEST(rules_examples, rate_with_window) {
  const ruleset rules = rules_of(text_of("examples/rules/rate-with-window.toml"));
  EXPECT_EQ(points(rules, "10.00"), 15);
  EXPECT_EQ(points(rules, "0.66"), 0);
  EXPECT_EQ(points(rules, "0.67"), 1);
  EXPECT_EQ(points(rules, "33.33"), 49);
  EXPECT_EQ(points(rules, "33.33", "2026-05-31T21:59:59.999999Z"), 49);
  EXPECT_EQ(points(rules, "33.33", "2026-05-31T22:00:00Z"), 99) << "floor(33.33 x 1.5 x 2), June in the shop's time";
  EXPECT_EQ(points(rules, "33.33", "2026-06-30T21:59:59.999999Z"), 99);
  EXPECT_EQ(points(rules, "33.33", "2026-06-30T22:00:00Z"), 49);
  EXPECT_EQ(discount_for_points(rules, {99}), money_t{4'900});
}

TEST(rules_examples, conversion_rate) {
  const ruleset rules = rules_of(text_of("examples/rules/conversion-rate.toml"));
  EXPECT_EQ(points(rules, "999"), 0);
  EXPECT_EQ(points(rules, "999.9999"), 0);
  EXPECT_EQ(points(rules, "1000"), 1);
  EXPECT_EQ(points(rules, "1999"), 1);
  EXPECT_EQ(points(rules, "123456"), 123);
  EXPECT_EQ(discount_for_points(rules, {123}), money_t{12'300'000});

  const ruleset other = rules_of("merchant = \"m\"\n[earn]\nper = \"250\"");
  EXPECT_EQ(points(other, "999"), 3);
}

TEST(rules_examples, whole_units) {
  const ruleset rules = rules_of(text_of("examples/rules/whole-units.toml"));
  EXPECT_EQ(points(rules, "42.99"), 420);
  EXPECT_EQ(points(rules, "0.99"), 0);
  EXPECT_EQ(points(rules, "1.00"), 10);
  EXPECT_EQ(points(rules, "42.99", "2026-01-15T12:00:00Z", rules.tiers->tiers[0].multiplier), 525);
  EXPECT_EQ(rules.earn->hold_days, 14);
  EXPECT_EQ(rules.earn->expire_days, 365);
  ASSERT_EQ(rules.tiers->tiers.size(), 2u);
  EXPECT_EQ(rules.tiers->tiers[0].threshold, points_t{5'000});
  EXPECT_EQ(rules.tiers->tiers[1].threshold, points_t{25'000});

  std::mt19937_64 random(5);
  for (int turn = 0; turn < 10'000; ++turn) {
    const auto cents = static_cast<std::int64_t>(random() % 10'000'000);
    ASSERT_EQ(points(rules, format_money({cents * 100}, 2)), cents / 100 * 10) << cents;
  }
}

TEST(rules_examples, the_bean_house) { EXPECT_EQ(rules_of(text_of("examples/beanhouse/rules.toml")).merchant, "beanhouse"); }

TEST(rules_examples, the_documents_of_the_documentation) {
  const std::string page = text_of("docs/rules.md");
  constexpr std::string_view fence = "```toml\n";
  int documents = 0;
  for (std::size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at)) {
    at += fence.size();
    const std::string block = page.substr(at, page.find("```", at) - at);
    if (block.find("merchant =") == std::string::npos)
      continue; // a fragment
    rules_of(block);
    ++documents;
  }
  EXPECT_EQ(documents, 1);
}

} // namespace
} // namespace tally
