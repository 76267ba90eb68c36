// Rules documents: everything they may say, and every way to get it wrong, named by key and line.
#include "engine/rules_toml.hpp"

#include "engine/rfc3339.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace tally {
namespace {

// A zone two hours east of UTC until 2026-03-29, three from then on; and no other.
std::optional<std::int64_t> summer_time(std::string_view zone, std::int64_t local_us) {
  if (zone != "Europe/Athens")
    return std::nullopt;
  return (local_us < *parse_date("2026-03-29") * us_per_day ? 2 : 3) * 60 * us_per_minute;
}

std::variant<ruleset, std::vector<rules_problem>> read(std::string_view toml) { return read_rules(toml, summer_time); }

ruleset good(std::string_view toml) {
  auto read_back = read(toml);
  if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read_back)) {
    for (const auto& problem : *problems)
      ADD_FAILURE() << problem.line << ": " << problem.key << ": " << problem.what;
    return {};
  }
  return std::get<ruleset>(std::move(read_back));
}

// "line key: what" of each problem.
std::vector<std::string> problems_of(std::string_view toml) {
  std::vector<std::string> shown;
  const auto read_back = read(toml);
  if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read_back))
    for (const auto& problem : *problems)
      shown.push_back(std::to_string(problem.line) + " " + problem.key + ": " + problem.what);
  return shown;
}

// The smallest valid document, two lines, with more after it.
std::string with(std::string_view more) { return "merchant = \"m\"\nearn = {}\n" + std::string(more); }

// The only problem of such a document, without its line.
std::string problem_with(std::string_view more) {
  const auto problems = problems_of(with(more));
  if (problems.size() != 1)
    return std::to_string(problems.size()) + " problems" + (problems.empty() ? "" : ": " + testing::PrintToString(problems));
  return problems[0].substr(problems[0].find(' ') + 1);
}

instant at(std::string_view time) { return parse_rfc3339(time).value(); }

constexpr std::string_view everything = R"(
merchant = "beanhouse"
name = "Bean House Rewards"
active = false
currency_digits = 3
timezone = "Europe/Athens"
allow_inline_enrollment = true
[enroll]
opening_points = 50
[earn]
points = "1.5"
per = "2.00"
rounding = "whole_units"
hold_days = 3
expire_days = 365
late_days = 7
stacking = "highest"
[[bonus]]
name = "Beans count double"
categories = ["beans", "gift-cards"]
skus = ["A"]
multiplier = "2"
[[bonus]]
name = "Bag of beans"
skus = ["BEAN-1KG"]
points_per_unit = 6
from = "2026-03-01"
until = "2026-04-01"
[[bonus]]
multiplier = "0.5"
from = 2026-03-01
until = 2026-04-01T08:00:00.5-01:00
[[reward]]
name = "Free coffee"
points = 100
[[reward]]
name = "Easter bun"
points = 80
from = "2026-04-01T00:00:00Z"
[redeem]
points = 100
value = "1.00"
min_points = 10
min_balance = 20
max_discount = "50.00"
reservation_minutes = 30
restore_grace_days = 14
[tiers]
basis = "rolling_12_months"
net_of_reversals = true
[[tier]]
name = "silver"
threshold = 5000
multiplier = "1.25"
[[tier]]
name = "gold"
threshold = 25000
[review]
max_points_per_order = 5000
max_order_ratio = "10"
min_orders = 5
negative_reversal = "review"
[limits]
earn_points_per_day = 20000
redeem_points_per_day = 10000
redemptions_per_day = 6
[lapse]
days = 60
)";

TEST(rules_toml, reads_every_key) {
  const ruleset rules = good(everything);
  EXPECT_EQ(rules.merchant, "beanhouse");
  EXPECT_EQ(rules.name, "Bean House Rewards");
  EXPECT_FALSE(rules.active);
  EXPECT_EQ(rules.currency_digits, 3);
  EXPECT_EQ(rules.timezone, "Europe/Athens");
  EXPECT_TRUE(rules.allow_inline_enrollment);
  EXPECT_EQ(rules.enroll.opening_points, points_t{50});

  ASSERT_TRUE(rules.earn);
  EXPECT_EQ(rules.earn->points, rate_t{1'500'000});
  EXPECT_EQ(rules.earn->per, money_t{20'000});
  EXPECT_EQ(rules.earn->round, ruleset::rounding::whole_units);
  EXPECT_EQ(rules.earn->hold_days, 3);
  EXPECT_EQ(rules.earn->expire_days, 365);
  EXPECT_EQ(rules.earn->late_days, 7);
  EXPECT_EQ(rules.earn->stack, ruleset::stacking::highest);

  ASSERT_EQ(rules.bonuses.size(), 3u);
  EXPECT_EQ(rules.bonuses[0].name, "Beans count double");
  EXPECT_THAT(rules.bonuses[0].categories, testing::ElementsAre("beans", "gift-cards"));
  EXPECT_THAT(rules.bonuses[0].skus, testing::ElementsAre("A"));
  EXPECT_EQ(rules.bonuses[0].multiplier, rate_t{2'000'000});
  EXPECT_EQ(rules.bonuses[0].points_per_unit, points_t{0});
  EXPECT_FALSE(rules.bonuses[0].window.from || rules.bonuses[0].window.until);
  EXPECT_EQ(rules.bonuses[1].points_per_unit, points_t{6});
  EXPECT_EQ(rules.bonuses[1].multiplier, rate_t::one());
  EXPECT_EQ(rules.bonuses[1].window.from, at("2026-03-01T00:00:00+02:00"));
  EXPECT_EQ(rules.bonuses[1].window.until, at("2026-04-01T00:00:00+03:00"));
  EXPECT_TRUE(rules.bonuses[2].whole_order());
  EXPECT_EQ(rules.bonuses[2].window.from, at("2026-02-28T22:00:00Z"));
  EXPECT_EQ(rules.bonuses[2].window.until, at("2026-04-01T09:00:00.5Z"));

  ASSERT_EQ(rules.rewards.size(), 2u);
  EXPECT_EQ(rules.rewards[0].name, "Free coffee");
  EXPECT_EQ(rules.rewards[0].price, points_t{100});
  EXPECT_EQ(rules.rewards[1].window.from, at("2026-04-01T00:00:00Z"));
  EXPECT_FALSE(rules.rewards[1].window.until);

  ASSERT_TRUE(rules.redeem);
  EXPECT_EQ(rules.redeem->points, points_t{100});
  EXPECT_EQ(rules.redeem->value, money_t{10'000});
  EXPECT_EQ(rules.redeem->min_points, points_t{10});
  EXPECT_EQ(rules.redeem->min_balance, points_t{20});
  EXPECT_EQ(rules.redeem->max_discount, money_t{500'000});
  EXPECT_EQ(rules.redeem->reservation_minutes, 30);
  EXPECT_EQ(rules.redeem->restore_grace_days, 14);

  ASSERT_TRUE(rules.tiers);
  EXPECT_EQ(rules.tiers->basis, ruleset::tier_basis::rolling_12_months);
  EXPECT_TRUE(rules.tiers->net_of_reversals);
  ASSERT_EQ(rules.tiers->tiers.size(), 2u);
  EXPECT_EQ(rules.tiers->tiers[0].name, "silver");
  EXPECT_EQ(rules.tiers->tiers[0].threshold, points_t{5000});
  EXPECT_EQ(rules.tiers->tiers[0].multiplier, rate_t{1'250'000});
  EXPECT_EQ(rules.tiers->tiers[1].multiplier, rate_t::one());

  EXPECT_EQ(rules.review.max_points_per_order, points_t{5000});
  EXPECT_EQ(rules.review.max_order_ratio, rate_t{10'000'000});
  EXPECT_EQ(rules.review.min_orders, 5);
  EXPECT_TRUE(rules.review.negative_reversal_held);
  EXPECT_EQ(rules.limits.earn_points_per_day, points_t{20'000});
  EXPECT_EQ(rules.limits.redeem_points_per_day, points_t{10'000});
  EXPECT_EQ(rules.limits.redemptions_per_day, 6);
  EXPECT_EQ(rules.lapse_days, 60);
}

TEST(rules_toml, what_is_absent_is_off) {
  const ruleset rules = good("merchant = \"m\"\n[earn]\n");
  EXPECT_TRUE(rules.active);
  EXPECT_EQ(rules.currency_digits, 2);
  EXPECT_EQ(rules.timezone, "UTC");
  EXPECT_FALSE(rules.allow_inline_enrollment);
  EXPECT_EQ(rules.enroll.opening_points, points_t{0});
  EXPECT_EQ(rules.earn->points, rate_t::one());
  EXPECT_EQ(rules.earn->per, money_t{10'000'000}) << "1 point per 1000";
  EXPECT_EQ(rules.earn->round, ruleset::rounding::floor);
  EXPECT_EQ(rules.earn->hold_days, 0);
  EXPECT_EQ(rules.earn->expire_days, 0);
  EXPECT_EQ(rules.earn->late_days, 30);
  EXPECT_EQ(rules.earn->stack, ruleset::stacking::multiply);
  EXPECT_TRUE(rules.bonuses.empty() && rules.rewards.empty());
  EXPECT_FALSE(rules.redeem);
  EXPECT_FALSE(rules.tiers);
  EXPECT_EQ(rules.review.max_points_per_order, points_t{0});
  EXPECT_EQ(rules.review.max_order_ratio, rate_t{0});
  EXPECT_FALSE(rules.review.negative_reversal_held);
  EXPECT_EQ(rules.limits.earn_points_per_day, points_t{0});
  EXPECT_EQ(rules.lapse_days, 0);
  EXPECT_TRUE(rules.offsets_us.empty());

  const ruleset redeem = good(with("redeem = {points = 1, value = \"0.0001\"}\ntiers = {}"));
  EXPECT_EQ(redeem.redeem->min_points, points_t{1});
  EXPECT_EQ(redeem.redeem->min_balance, points_t{0});
  EXPECT_EQ(redeem.redeem->max_discount, std::nullopt);
  EXPECT_EQ(redeem.redeem->reservation_minutes, 15);
  EXPECT_EQ(redeem.redeem->restore_grace_days, 0);
  EXPECT_EQ(redeem.tiers->basis, ruleset::tier_basis::lifetime);
}

TEST(rules_toml, rates_of_zero_or_less_are_valid) {
  EXPECT_EQ(good("merchant = \"m\"\nearn = {points = \"0\"}").earn->points, rate_t{0});
  EXPECT_EQ(good("merchant = \"m\"\nearn = {points = \"-1.5\"}").earn->points, rate_t{-1'500'000});
  EXPECT_EQ(good("merchant = \"m\"\nearn = {per = \"0\"}").earn->per, money_t{0});
  EXPECT_EQ(good("merchant = \"m\"\nearn = {per = \"-1000\"}").earn->per, money_t{-10'000'000});
  EXPECT_EQ(good(with("bonus = [{multiplier = \"0\"}]")).bonuses[0].multiplier, rate_t{0});
}

TEST(rules_toml, offsets_are_kept_and_replace_the_zone) {
  const ruleset rules = good(everything);
  constexpr std::int64_t hour_us = 60 * us_per_minute;
  EXPECT_THAT(rules.offsets_us, testing::ElementsAre(2 * hour_us, 2 * hour_us, 3 * hour_us, 2 * hour_us));

  const auto replayed = read_rules(everything, std::span(rules.offsets_us));
  ASSERT_TRUE(std::holds_alternative<ruleset>(replayed));
  for (std::size_t i = 0; i < rules.bonuses.size(); ++i) {
    EXPECT_EQ(std::get<ruleset>(replayed).bonuses[i].window.from, rules.bonuses[i].window.from);
    EXPECT_EQ(std::get<ruleset>(replayed).bonuses[i].window.until, rules.bonuses[i].window.until);
  }
  EXPECT_EQ(std::get<ruleset>(replayed).offsets_us, rules.offsets_us);

  auto wrong = rules.offsets_us;
  wrong.push_back(0);
  EXPECT_FALSE(std::holds_alternative<ruleset>(read_rules(everything, std::span(wrong)))) << "one too many";
  wrong.resize(3);
  EXPECT_FALSE(std::holds_alternative<ruleset>(read_rules(everything, std::span(wrong)))) << "one missing";
  EXPECT_FALSE(std::holds_alternative<ruleset>(read_rules(everything, std::span<const std::int64_t>{}))) << "none";
}

TEST(rules_toml, every_problem_is_named_with_key_and_line) {
  EXPECT_THAT(problems_of(R"(merchant = "bean house"
curency_digits = 2
currency_digits = 5
[earn]
points = 1
per = "1,00"
[[bonus]]
multiplier = "2"
[[bonus]]
categories = ["beans"]
multiplier = "-2"
[loyalty]
x = 1
)"),
              testing::ElementsAre("1 merchant: must be 1 to 64 of the characters A-Z a-z 0-9 . _ -", "2 curency_digits: is not a key here",
                                   "3 currency_digits: must be from 0 to 4",
                                   "5 earn.points: must be a string such as \"1.25\", not a whole number",
                                   "6 earn.per: must be an amount of at most 4 places, such as \"1.00\"",
                                   "11 bonus[1].multiplier: must not be negative", "12 loyalty: is not a table of a rules document"));
}

TEST(rules_toml, syntax_errors_have_a_line) {
  const auto unfinished = problems_of("merchant = \"m\"\n[earn\n");
  ASSERT_EQ(unfinished.size(), 1u);
  EXPECT_TRUE(unfinished[0].starts_with("2 toml: ") || unfinished[0].starts_with("3 toml: ")) << unfinished[0];
  const auto twice = problems_of("merchant = \"m\"\nearn = {}\nmerchant = \"n\"\n");
  ASSERT_EQ(twice.size(), 1u);
  EXPECT_TRUE(twice[0].starts_with("3 toml: ")) << twice[0];
  // what the parser takes for granted and must not (toml++ 3.3 aborts here by itself)
  for (const std::string_view header : {"[!]", "[[ ! ]]", "[=]", "[é]", "[.a]", "[[", "[", "[ #"}) {
    const auto problems = problems_of("merchant = \"m\"\n" + std::string(header));
    ASSERT_EQ(problems.size(), 1u) << header;
    EXPECT_TRUE(problems[0].starts_with("2 toml: ")) << problems[0];
  }
  EXPECT_EQ(problems_of("name = \"\xff\xfe\"").size(), 1u) << "not UTF-8";
  EXPECT_EQ(problems_of(std::string_view("merchant = \"m\0\"\nearn = {}", 24)).size(), 1u);
}

TEST(rules_toml, merchant_and_earn_must_be_there) {
  EXPECT_THAT(problems_of(""), testing::ElementsAre("0 merchant: is missing", "0 earn: is missing"));
  EXPECT_THAT(problems_of("earn = {}"), testing::ElementsAre("0 merchant: is missing"));
  EXPECT_THAT(problems_of("merchant = \"\"\nearn = {}"), testing::ElementsAre("1 merchant: must not be empty"));
  EXPECT_THAT(problems_of("merchant = \"" + std::string(65, 'm') + "\"\nearn = {}"),
              testing::ElementsAre("1 merchant: must be at most 64 bytes"));
  EXPECT_EQ(good("merchant = \"" + std::string(60, 'm') + "A.9-\"\nearn = {}").merchant.size(), 64u);
  EXPECT_EQ(problems_of("merchant = \"m/\"\nearn = {}").size(), 1u);
  EXPECT_EQ(problems_of("merchant = \"m\xc3\xa9\"\nearn = {}").size(), 1u);
}

TEST(rules_toml, each_mistake_has_its_problem) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"active = 1", "active: must be true or false, not a whole number"},
      {"active = \"yes\"", "active: must be true or false, not a string"},
      {"name = 1", "name: must be a string, not a whole number"},
      {"name = \"\"", "name: must not be empty"},
      {"name = \"" + std::string(257, 'n') + "\"", "name: must be at most 256 bytes"},
      {"name = \"a\\u0007\"", "name: must not contain control characters"},
      {"name = \"a\\u007f\"", "name: must not contain control characters"},
      {"currency_digits = -1", "currency_digits: must be from 0 to 4"},
      {"currency_digits = 2.0", "currency_digits: must be a whole number, not a number with a point"},
      {"timezone = \"Europe/Atlantis\"", "timezone: is not a known time zone; use a name such as \"Europe/Berlin\" or \"UTC\""},
      {"enroll = 1", "enroll: must be a table: [enroll], not a whole number"},
      {"enroll.opening_points = -1", "enroll.opening_points: must be 0 or more"},
      {"enroll.opening_points = \"50\"", "enroll.opening_points: must be a whole number, not a string"},
      {"enroll.points = 5", "enroll.points: is not a key here"},
      {"enroll.a.b = 5", "enroll.a: is not a table of a rules document"},
      {"[[enroll]]", "enroll: must be a table: [enroll], not a list"},
      {"bonus = {multiplier = \"2\"}", "bonus: must be written [[bonus]], not a table"},
      {"bonus = [1]", "bonus[0]: must be a table, not a whole number"},
      {"[[bonus]]\nname = \"x\"", "bonus[0]: needs a multiplier or points_per_unit"},
      {"[[bonus]]\npoints_per_unit = 6", "bonus[0].points_per_unit: needs categories or skus: an order has no quantity"},
      {"[[bonus]]\nskus = [\"a\"]\npoints_per_unit = 0", "bonus[0].points_per_unit: must be 1 or more"},
      {"[[bonus]]\nskus = []\nmultiplier = \"2\"", "bonus[0].skus: is empty; leave it out for the whole order"},
      {"[[bonus]]\nskus = \"a\"\nmultiplier = \"2\"", "bonus[0].skus: must be a list of strings, not a string"},
      {"[[bonus]]\nskus = [\"a\", 2]\nmultiplier = \"2\"", "bonus[0].skus[1]: must be a string, not a whole number"},
      {"[[bonus]]\nskus = [\"\"]\nmultiplier = \"2\"", "bonus[0].skus[0]: must not be empty"},
      {"[[bonus]]\ncategories = [\"" + std::string(65, 'c') + "\"]\nmultiplier = \"2\"",
       "bonus[0].categories[0]: must be at most 64 bytes"},
      {"[[bonus]]\nmultiplier = 2", "bonus[0].multiplier: must be a string such as \"1.25\", not a whole number"},
      {"[[bonus]]\nmultiplier = \"2.0000001\"", "bonus[0].multiplier: must be a decimal of at most 6 places, such as \"1.25\""},
      {"[[bonus]]\nmultiplier = \"9223372036855\"", "bonus[0].multiplier: must be a decimal of at most 6 places, such as \"1.25\""},
      {"[[bonus]]\nmultiplier = \"2\"\nfrom = \"2026-04-01\"\nuntil = \"2026-03-01\"", "bonus[0].until: must be after from"},
      {"[[bonus]]\nmultiplier = \"2\"\nfrom = 2026-03-01\nuntil = \"2026-03-01T00:00:00Z\"", "bonus[0].until: must be after from"},
      {"[[reward]]\npoints = 5", "reward[0].name: is missing"},
      {"[[reward]]\nname = \"a\"", "reward[0].points: is missing"},
      {"[[reward]]\nname = \"a\"\npoints = 0", "reward[0].points: must be 1 or more"},
      {"[[reward]]\nname = \"a\"\npoints = 1\n[[reward]]\nname = \"b\"\npoints = 1\n[[reward]]\nname = \"a\"\npoints = 2",
       "reward[2].name: is already the name of reward[0]"},
      {"[redeem]\nvalue = \"1\"", "redeem.points: is missing"},
      {"[redeem]\npoints = 1", "redeem.value: is missing"},
      {"[redeem]\npoints = 0\nvalue = \"1\"", "redeem.points: must be 1 or more"},
      {"[redeem]\npoints = 1\nvalue = \"0.00\"", "redeem.value: must be more than 0"},
      {"[redeem]\npoints = 1\nvalue = \"-1\"", "redeem.value: must be an amount of at most 4 places, such as \"1.00\""},
      {"[redeem]\npoints = 1\nvalue = \"1\"\nmin_points = -1", "redeem.min_points: must be 0 or more"},
      {"[redeem]\npoints = 1\nvalue = \"1\"\nmax_discount = \"0\"", "redeem.max_discount: must be more than 0; leave it out for no cap"},
      {"[redeem]\npoints = 1\nvalue = \"1\"\nreservation_minutes = 0", "redeem.reservation_minutes: must be from 1 to 10080"},
      {"[redeem]\npoints = 1\nvalue = \"1\"\nrestore_grace_days = 36501", "redeem.restore_grace_days: must be from 0 to 36500"},
      {"tiers.basis = \"weekly\"", "tiers.basis: must be \"lifetime\" or \"calendar_year\" or \"rolling_12_months\""},
      {"[[tier]]\nname = \"a\"\nthreshold = 1", "tier: needs a [tiers] table, which says what counts"},
      {"[tiers]\n[[tier]]\nthreshold = 1", "tier[0].name: is missing"},
      {"[tiers]\n[[tier]]\nname = \"a\"", "tier[0].threshold: is missing"},
      {"[tiers]\n[[tier]]\nname = \"a\"\nthreshold = 5\n[[tier]]\nname = \"b\"\nthreshold = 5",
       "tier[1].threshold: must be more than the threshold of the tier before"},
      {"[tiers]\n[[tier]]\nname = \"a\"\nthreshold = 5\n[[tier]]\nname = \"a\"\nthreshold = 6",
       "tier[1].name: is already the name of tier[0]"},
      {"review.max_points_per_order = -1", "review.max_points_per_order: must be 0 or more"},
      {"review.max_order_ratio = \"-1\"", "review.max_order_ratio: must not be negative"},
      {"review.min_orders = 3000000000", "review.min_orders: must be from 0 to 2147483647"},
      {"review.negative_reversal = \"deny\"", "review.negative_reversal: must be \"allow\" or \"review\""},
      {"limits.redemptions_per_day = -5", "limits.redemptions_per_day: must be from 0 to 10000"},
      {"limits.earn_points_per_day = true", "limits.earn_points_per_day: must be a whole number, not true or false"},
      {"lapse.days = 9223372036854775807", "lapse.days: must be from 0 to 36500"},
      {"lapse.weeks = 1", "lapse.weeks: is not a key here"},
      {"\"a b\\u001b\" = 1", "\"a b?\": is not a key here"},
  };
  for (const auto& [more, expected] : table)
    EXPECT_EQ(problem_with(more), expected) << more;
}

TEST(rules_toml, earn_has_its_ranges) {
  for (const std::string_view key : {"hold_days = -1", "expire_days = 36501", "late_days = -1", "rounding = \"ceil\"", "stacking = \"add\"",
                                     "points = \"\"", "per = \"1.00000\"", "per = \"--1\"", "pers = \"1\"", "hold_days = \"3\""}) {
    const auto problems = problems_of("merchant = \"m\"\n[earn]\n" + std::string(key));
    ASSERT_EQ(problems.size(), 1u) << key;
    EXPECT_TRUE(problems[0].starts_with("3 earn." + std::string(key.substr(0, key.find(' '))) + ": ")) << problems[0];
  }
}

TEST(rules_toml, windows_take_dates_and_times_with_offset_only) {
  for (const std::string_view time : {"\"2026-13-01\"", "\"2026-03-01T00:00:00\"", "\"tomorrow\"", "1", "\"\"", "2026-03-01T00:00:00",
                                      "10:00:00", "2026-03-01T00:00:00.0000001Z"})
    EXPECT_EQ(problem_with("[[bonus]]\nmultiplier = \"2\"\nfrom = " + std::string(time)),
              "bonus[0].from: must be a date such as \"2026-03-01\" or a time with its offset such as \"2026-03-01T08:00:00+01:00\"")
        << time;
  const auto bonus = good(with("[[bonus]]\nmultiplier = \"2\"\nuntil = \"2026-03-01T08:00:00+01:00\"")).bonuses[0];
  EXPECT_EQ(bonus.window.until, at("2026-03-01T07:00:00Z"));
  EXPECT_EQ(bonus.window.from, std::nullopt);
}

TEST(rules_toml, an_unknown_zone_hides_no_other_problem) {
  EXPECT_EQ(problems_of(with("timezone = \"X\"\n[[bonus]]\nmultiplier = \"2\"\nfrom = \"2026-03-01\"\nuntil = \"2026-02-01\"")).size(), 2u);
  EXPECT_FALSE(std::holds_alternative<ruleset>(read_rules(with("timezone = \"Europe/Athens\""), zone_offset_fn{})));
  EXPECT_TRUE(std::holds_alternative<ruleset>(read_rules(with("[[bonus]]\nmultiplier = \"2\"\nfrom = \"2026-03-01\""), zone_offset_fn{})))
      << "UTC needs no zones";
}

std::string repeated(std::size_t count, const std::string& text, bool numbered = false) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i)
    all += text + (numbered ? std::to_string(i) + "\"\n" : "");
  return all;
}

TEST(rules_toml, there_may_be_so_many_and_no_more) {
  EXPECT_EQ(good(with(repeated(1'000, "[[bonus]]\nmultiplier = \"2\"\n"))).bonuses.size(), 1'000u);
  EXPECT_EQ(problem_with(repeated(1'001, "[[bonus]]\nmultiplier = \"2\"\n")), "bonus: there may be at most 1000 of them, not 1001");
  EXPECT_EQ(good(with(repeated(64, "[[reward]]\npoints = 1\nname = \"", true))).rewards.size(), 64u);
  EXPECT_EQ(problem_with(repeated(65, "[[reward]]\npoints = 1\nname = \"", true)), "reward: there may be at most 64 of them, not 65");
}

TEST(rules_toml, no_document_is_too_hostile) {
  const std::string comment = "#" + std::string(rules_bytes_max, 'x');
  EXPECT_EQ(problem_with(comment), "toml: is larger than 64 KiB");
  good(with(comment.substr(0, rules_bytes_max - with("").size())));

  EXPECT_EQ(problem_with(repeated(30'000, "a.") + "a = 1"), "toml: has too many dotted keys");
  EXPECT_EQ(problem_with("[" + repeated(30'000, "a.") + "a]"), "toml: has too many dotted keys");
  EXPECT_EQ(problem_with("x = \"\"\"\"\"\"\"\"\n" + repeated(30'000, "a.") + "a = 1"), "toml: has too many dotted keys");
  EXPECT_EQ(problem_with("name = '''\n''''\n" + repeated(30'000, "a.") + "a = \"\""), "toml: has too many dotted keys");
  EXPECT_EQ(problems_of("x = " + std::string(60'000, '[')).size(), 1u);
  EXPECT_EQ(problems_of("x = " + repeated(12'000, "{a=")).size(), 1u);
  good(with("# " + std::string(5'000, '.') + "\n[[bonus]]\nmultiplier = \"2\"\ncategories = [\"a.b\\\"\", '..', \"\"\"..\"\"\", '''.''', " +
            repeated(2'000, "\"a.b\", ") + "]\n"));

  std::string unknown;
  for (int i = 0; i < 5'000; ++i)
    unknown += "k" + std::to_string(i) + "=1\n";
  const auto problems = problems_of(with(unknown));
  ASSERT_EQ(problems.size(), 1'001u);
  EXPECT_EQ(problems.back(), "0 toml: and 4000 more problems");
}

TEST(rules_toml, damaged_documents_are_read_or_refused) {
  const char* wanted = std::getenv("TALLY_SEED");
  const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
  std::printf("TALLY_SEED=%llu\n", static_cast<unsigned long long>(seed)); // before, because a crash says nothing after
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  const std::vector<std::string> pieces = {"\"",         "\'\'\'", "\"\"\"", "[[",      "]]", "a.",      "{", "}",
                                           "=",          "\n",     "#",      "inf",     "-1", "\\u0000", "[", "\u00e9",
                                           "2026-03-01", "0x1",    "\xff",   "[bonus]", "\\", "\u2028"};
  int valid = 0;
  for (int turn = 0; turn < 2'000; ++turn) {
    std::string toml(everything);
    for (std::uint64_t change = random() % 6; change < 6; ++change) {
      const std::size_t at = random() % toml.size();
      switch (random() % 4) {
      case 0:
        toml[at] = static_cast<char>(random());
        break;
      case 1:
        toml.erase(at, random() % 20);
        break;
      case 2:
        toml.insert(at, pieces[random() % pieces.size()]);
        break;
      default:
        toml.insert(at, toml.substr(random() % toml.size(), random() % 60));
      }
    }
    const auto read_back = read(toml);
    if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read_back)) {
      ASSERT_FALSE(problems->empty());
    } else {
      ASSERT_TRUE(std::get<ruleset>(read_back).earn && !std::get<ruleset>(read_back).merchant.empty());
      ++valid;
    }
  }
  EXPECT_GT(valid, 0);
  EXPECT_LT(valid, 1'000);
}

} // namespace
} // namespace tally
