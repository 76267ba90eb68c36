// The earning formula and the discounts: the contract's examples, every rule of stacking and windows, and random sales
// against a slow reference that works on paper-and-pencil decimal numbers.
#include "engine/earning.hpp"

#include "engine/decimal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace tally {
namespace {

constexpr auto int64_max = std::numeric_limits<std::int64_t>::max();
constexpr auto int64_min = std::numeric_limits<std::int64_t>::min();
constexpr instant noon{1'000'000};

ruleset earning(std::string_view points, std::string_view per, ruleset::rounding round = ruleset::rounding::floor) {
  ruleset rules;
  auto& earn = rules.earn.emplace();
  earn.points = parse_rate(points).value();
  earn.per = parse_money(per).value();
  earn.round = round;
  return rules;
}

ruleset::bonus order_bonus(std::string_view multiplier, time_window window = {}) {
  ruleset::bonus bonus;
  bonus.multiplier = parse_rate(multiplier).value();
  bonus.window = window;
  return bonus;
}

ruleset::bonus category_bonus(std::string category, std::string_view multiplier) {
  auto bonus = order_bonus(multiplier);
  bonus.categories = {std::move(category)};
  return bonus;
}

ruleset::bonus sku_bonus(std::string sku, std::string_view multiplier) {
  auto bonus = order_bonus(multiplier);
  bonus.skus = {std::move(sku)};
  return bonus;
}

ruleset::bonus unit_bonus(std::string sku, std::int64_t points) {
  auto bonus = sku_bonus(std::move(sku), "1");
  bonus.points_per_unit = {points};
  return bonus;
}

sale_line line(std::string_view sku, std::string_view category, std::string_view amount, std::int64_t quantity = 1) {
  return {sku, category, quantity, parse_money(amount).value()};
}

// The points, or -1 where they leave 64 bits. (A test that expects fewer says so itself.)
std::int64_t points(const ruleset& rules, std::string_view total, const std::vector<sale_line>& lines = {},
                    rate_t tier_multiplier = rate_t::one(), instant at = noon) {
  return points_for_sale(rules, parse_money(total).value(), lines, at, tier_multiplier).value_or(points_t{-1}).value;
}

TEST(earning, examples_of_the_contract) {
  auto beans = earning("1", "1.00");
  beans.bonuses = {category_bonus("beans", "2")};
  EXPECT_EQ(points(beans, "42.50", {line("BEAN-1KG", "beans", "30.00")}), 72);
  EXPECT_EQ(points(earning("1", "1000"), "999.9999"), 0);
  EXPECT_EQ(points(earning("10", "1.00", ruleset::rounding::whole_units), "42.99"), 420);

  // the session of section 9: 42.50 with 30.00 of beans, double, and 6 points a bag
  beans.bonuses.push_back(unit_bonus("BEAN-1KG", 6));
  EXPECT_EQ(points(beans, "42.50", {line("BEAN-1KG", "beans", "30.00")}), 78);
}

TEST(earning, is_floored_once_at_the_end) {
  EXPECT_EQ(points(earning("1", "1.00"), "0.9999"), 0);
  EXPECT_EQ(points(earning("1", "1000"), "1000"), 1);
  EXPECT_EQ(points(earning("0.333333", "1.00"), "3.00"), 0);
  EXPECT_EQ(points(earning("0.333334", "1.00"), "3.00"), 1);
  EXPECT_EQ(points(earning("1", "3.00"), "9.00", {}, rate_t{1'333'333}), 3);
  EXPECT_EQ(points(earning("1", "3.00"), "10.00", {}, rate_t{1'200'000}), 4) << "10 / 3 is not 3.333333";
  EXPECT_EQ(points(earning("1", "1.00"), "1.50", {}, rate_t{2'000'000}), 3) << "not floored before the multiplier";
  EXPECT_EQ(points(earning("1", "1.00", ruleset::rounding::whole_units), "1.50", {}, rate_t{2'000'000}), 2) << "floored before it";
  EXPECT_EQ(points(earning("1.5", "1.00", ruleset::rounding::whole_units), "1.99"), 1);
}

TEST(earning, whole_units_count_line_by_line) {
  auto rules = earning("1", "1.00", ruleset::rounding::whole_units);
  rules.bonuses = {category_bonus("beans", "3")};
  EXPECT_EQ(points(rules, "5.50", {line("a", "beans", "1.99"), line("b", "beans", "1.99")}), 5 + 2 * (1 + 1));
}

TEST(earning, multipliers_multiply_or_the_highest_counts) {
  auto rules = earning("1", "1.00");
  rules.bonuses = {category_bonus("beans", "2"), sku_bonus("A", "3"), order_bonus("2"), order_bonus("1.5")};
  const std::vector<sale_line> lines = {line("A", "beans", "10.00")};
  EXPECT_EQ(points(rules, "10.00", lines), 10 * 2 * 3 * 3);
  rules.earn->stack = ruleset::stacking::highest;
  EXPECT_EQ(points(rules, "10.00", lines), 10 * 3 * 3) << "of the line; whole-order multipliers always multiply";
  EXPECT_EQ(points(rules, "10.00", lines, rate_t{1'250'000}), 112);
}

TEST(earning, a_bonus_matches_by_sku_or_category) {
  auto rules = earning("1", "1.00");
  rules.bonuses = {category_bonus("beans", "2")};
  rules.bonuses[0].skus = {"A", "B"};
  EXPECT_EQ(points(rules, "10.00", {line("A", "", "1.00")}), 11);
  EXPECT_EQ(points(rules, "10.00", {line("B", "tea", "1.00")}), 11);
  EXPECT_EQ(points(rules, "10.00", {line("C", "beans", "1.00")}), 11);
  EXPECT_EQ(points(rules, "10.00", {line("A", "beans", "1.00")}), 11) << "once, not twice";
  EXPECT_EQ(points(rules, "10.00", {line("C", "tea", "1.00")}), 10);
  EXPECT_EQ(points(rules, "10.00", {line("a", "Beans", "1.00")}), 10) << "bytes are compared as they are";
  EXPECT_EQ(points(rules, "10.00", {line("beans", "A", "1.00")}), 10);
}

TEST(earning, a_multiplier_below_one_takes_out) {
  auto rules = earning("1", "1.00");
  rules.bonuses = {category_bonus("gift-cards", "0"), category_bonus("sale", "0.5")};
  EXPECT_EQ(points(rules, "100.00", {line("g", "gift-cards", "40.00"), line("s", "sale", "20.00")}), 50);
  rules.earn->stack = ruleset::stacking::highest;
  EXPECT_EQ(points(rules, "100.00", {line("g", "gift-cards", "40.00")}), 60);
  rules.bonuses.push_back(unit_bonus("g", 5));
  EXPECT_EQ(points(rules, "100.00", {line("g", "gift-cards", "40.00")}), 65) << "points per unit are no multiplier of 1";
  rules.bonuses.push_back(sku_bonus("g", "1"));
  EXPECT_EQ(points(rules, "100.00", {line("g", "gift-cards", "40.00")}), 105) << "a multiplier of 1 is one";

  auto nothing = earning("1", "1.00");
  nothing.bonuses = {order_bonus("0"), unit_bonus("A", 7)};
  EXPECT_EQ(points(nothing, "50.00", {line("A", "", "50.00", 2)}), 14) << "flat points are added after the multiplication";
}

TEST(earning, points_per_unit_are_not_multiplied) {
  auto rules = earning("1", "1.00");
  rules.bonuses = {unit_bonus("A", 6), order_bonus("2")};
  EXPECT_EQ(points(rules, "10.00", {line("A", "", "5.00", 3), line("A", "", "5.00", 1)}, rate_t{3'000'000}), 10 * 2 * 3 + 24);
  rules.bonuses[0].multiplier = {2'000'000};
  EXPECT_EQ(points(rules, "10.00", {line("A", "", "5.00", 3)}), 15 * 2 + 18);
}

TEST(earning, windows_hold_from_and_not_until) {
  auto rules = earning("1", "1.00");
  rules.bonuses = {order_bonus("2", {instant{100}, instant{200}}), unit_bonus("A", 7), sku_bonus("A", "3")};
  rules.bonuses[1].window = {instant{100}, std::nullopt};
  rules.bonuses[2].window = {std::nullopt, instant{200}};
  const std::vector<sale_line> lines = {line("A", "", "10.00")};
  EXPECT_EQ(points(rules, "10.00", lines, rate_t::one(), instant{99}), 30);
  EXPECT_EQ(points(rules, "10.00", lines, rate_t::one(), instant{100}), 67);
  EXPECT_EQ(points(rules, "10.00", lines, rate_t::one(), instant{199}), 67);
  EXPECT_EQ(points(rules, "10.00", lines, rate_t::one(), instant{200}), 17);
  EXPECT_EQ(points(rules, "10.00", {}, rate_t::one(), instant{99}), 10);
  EXPECT_EQ(points(rules, "10.00", {}, rate_t::one(), instant{100}), 20);
}

TEST(earning, a_rate_that_is_not_positive_earns_nothing_flat_points_too) {
  auto rules = earning("-1", "1.00");
  rules.bonuses = {unit_bonus("A", 6)};
  EXPECT_EQ(points(rules, "10.00", {line("A", "", "10.00")}), 0);
  rules.earn->points = rate_t{0};
  EXPECT_EQ(points(rules, "10.00", {line("A", "", "10.00")}), 0);
  rules.earn->points = rate_t::one();
  rules.earn->per = money_t{0};
  EXPECT_EQ(points(rules, "10.00", {line("A", "", "10.00")}), 0);
  rules.earn->per = money_t{-1};
  EXPECT_EQ(points(rules, "10.00", {line("A", "", "10.00")}), 0);
}

TEST(earning, a_negative_part_is_floored_toward_minus_infinity) {
  auto rules = earning("1", "1.00");
  rules.bonuses = {category_bonus("returns", "0"), unit_bonus("A", 1)};
  // 1.00 in all, of which 3.50 count zero times: -2.5, so -3
  EXPECT_EQ(points_for_sale(rules, money_t{10'000}, std::vector{line("B", "returns", "3.50")}, noon, rate_t::one()), points_t{-3});
  EXPECT_EQ(points_for_sale(rules, money_t{10'000}, std::vector{line("A", "returns", "3.50", 5)}, noon, rate_t::one()), points_t{2});
}

TEST(earning, only_a_result_that_leaves_64_bits_is_none) {
  auto rules = earning("9223372036854.775807", "0.0001");
  EXPECT_EQ(points_for_sale(rules, money_t{int64_max}, {}, noon, rate_t::one()), std::nullopt);
  rules.bonuses = {order_bonus("0.000001"), order_bonus("0.000001"), order_bonus("0.000001")};
  // (2^63-1)^2 * 10^-6 * 10^-18
  EXPECT_EQ(points_for_sale(rules, money_t{int64_max}, {}, noon, rate_t::one()), points_t{85'070'591'730'234});

  auto exact = earning("1", "0.0001");
  EXPECT_EQ(points_for_sale(exact, money_t{int64_max}, {}, noon, rate_t::one()), points_t{int64_max});
  EXPECT_EQ(points_for_sale(exact, money_t{int64_max}, {}, noon, rate_t{1'000'001}), std::nullopt);
  exact.bonuses = {unit_bonus("A", 1)};
  EXPECT_EQ(points_for_sale(exact, money_t{int64_max}, std::vector{line("A", "", "1")}, noon, rate_t::one()), std::nullopt);

  auto balanced = earning("1", "0.0001");
  balanced.bonuses = {category_bonus("c", "0"), unit_bonus("A", int64_max)};
  const std::vector<sale_line> lines = {{"A", "", int64_max, {}}, {"B", "c", 1, {int64_max}}};
  EXPECT_EQ(points_for_sale(balanced, {}, lines, noon, rate_t::one()), std::nullopt);
  EXPECT_EQ(points_for_sale(balanced, {}, std::span(lines).subspan(1), noon, rate_t::one()), points_t{-int64_max});
}

TEST(earning, shows_the_rates_it_used) {
  auto rules = earning("1.5", "2.00", ruleset::rounding::whole_units);
  rules.bonuses = {category_bonus("beans", "2"), sku_bonus("A", "1.25"), order_bonus("2"), order_bonus("1.5"), unit_bonus("A", 3)};
  const std::vector<sale_line> lines = {line("A", "beans", "1.00"), line("B", "beans", "1.00"), line("C", "", "1.00")};
  const auto rates = rates_for_sale(rules, lines, noon, rate_t{1'100'000});
  EXPECT_EQ(rates.points, rate_t{1'500'000});
  EXPECT_EQ(rates.per, money_t{20'000});
  EXPECT_EQ(rates.round, ruleset::rounding::whole_units);
  EXPECT_EQ(rates.order_multiplier, rate_t{3'000'000});
  EXPECT_EQ(rates.tier_multiplier, rate_t{1'100'000});
  EXPECT_EQ(rates.line_multipliers, (std::vector<rate_t>{{2'500'000}, {2'000'000}, {1'000'000}}));
  EXPECT_TRUE(rates_for_sale(rules, {}, noon, rate_t::one()).line_multipliers.empty());

  rules.bonuses = {order_bonus("0.001"), order_bonus("0.0015")};
  EXPECT_EQ(rates_for_sale(rules, {}, noon, rate_t::one()).order_multiplier, rate_t{1}) << "cut to six places";
  rules.bonuses.assign(100, order_bonus("1000000"));
  EXPECT_EQ(rates_for_sale(rules, {}, noon, rate_t::one()).order_multiplier, rate_t{int64_max}) << "as much as can be shown";
}

ruleset redeeming(std::int64_t points_each, std::string_view value, std::int32_t digits = 2) {
  ruleset rules;
  rules.currency_digits = digits;
  auto& redeem = rules.redeem.emplace();
  redeem.points = {points_each};
  redeem.value = parse_money(value).value();
  return rules;
}

TEST(discounts, are_floored_at_the_currencys_digits) {
  EXPECT_EQ(discount_for_points(redeeming(100, "1.00"), {250}), money_t{25'000});
  EXPECT_EQ(discount_for_points(redeeming(3, "1.00"), {1}), money_t{3'300});
  EXPECT_EQ(discount_for_points(redeeming(3, "1.00", 0), {5}), money_t{10'000});
  EXPECT_EQ(discount_for_points(redeeming(3, "1.00", 4), {1}), money_t{3'333});
  EXPECT_EQ(discount_for_points(redeeming(1000, "1.00"), {9}), money_t{0});
  EXPECT_EQ(discount_for_points(redeeming(100, "1.00"), {0}), money_t{0});
  EXPECT_EQ(discount_for_points(redeeming(1, "0.0001", 4), {int64_max}), money_t{int64_max});
  EXPECT_EQ(discount_for_points(redeeming(1, "0.0002", 4), {int64_max}), std::nullopt);
}

TEST(discounts, take_the_fewest_points) {
  EXPECT_EQ(points_for_discount(redeeming(100, "1.00"), {25'000}), points_t{250});
  EXPECT_EQ(points_for_discount(redeeming(3, "1.00"), {3'300}), points_t{1});
  EXPECT_EQ(points_for_discount(redeeming(3, "1.00"), {3'400}), points_t{2});
  EXPECT_EQ(points_for_discount(redeeming(100, "1.00"), {1}), points_t{1}) << "the next discount that can be given is 0.01";
  EXPECT_EQ(points_for_discount(redeeming(100, "1.00"), {0}), points_t{0});
  EXPECT_EQ(points_for_discount(redeeming(int64_max, "0.0001", 4), {int64_max}), points_t{int64_max}) << "more than there can be";
}

TEST(discounts, one_point_less_is_never_enough) {
  std::mt19937_64 random(3);
  for (int turn = 0; turn < 50'000; ++turn) {
    const auto rules =
        redeeming(1 + static_cast<std::int64_t>(random() % 10'000), format_money({1 + static_cast<std::int64_t>(random() % 1'000'000)}),
                  static_cast<std::int32_t>(random() % 5));
    const money_t wanted{static_cast<std::int64_t>(random() % 100'000'000)};
    const points_t fewest = points_for_discount(rules, wanted);
    ASSERT_GE(discount_for_points(rules, fewest)->units, wanted.units);
    if (fewest.value > 0) {
      ASSERT_LT(discount_for_points(rules, points_t{fewest.value - 1})->units, wanted.units);
    }
  }
}

// -- the reference: numbers as on paper, one decimal digit after the other, lowest first; fractions never shortened --

struct digits {
  std::vector<int> d; // empty: zero

  static digits of(int128 value) {
    digits made;
    for (uint128 left = static_cast<uint128>(value); left != 0; left /= 10)
      made.d.push_back(static_cast<int>(left % 10));
    return made;
  }
  digits trimmed() const {
    digits t = *this;
    while (!t.d.empty() && t.d.back() == 0)
      t.d.pop_back();
    return t;
  }
};

int compare(const digits& a, const digits& b) {
  if (a.d.size() != b.d.size())
    return a.d.size() < b.d.size() ? -1 : 1;
  for (std::size_t i = a.d.size(); i-- > 0;)
    if (a.d[i] != b.d[i])
      return a.d[i] < b.d[i] ? -1 : 1;
  return 0;
}

digits add(const digits& a, const digits& b) {
  digits sum;
  int carry = 0;
  for (std::size_t i = 0; i < std::max(a.d.size(), b.d.size()) || carry != 0; ++i) {
    carry += (i < a.d.size() ? a.d[i] : 0) + (i < b.d.size() ? b.d[i] : 0);
    sum.d.push_back(carry % 10);
    carry /= 10;
  }
  return sum;
}

digits subtract(const digits& a, const digits& b) { // a >= b
  digits rest = a;
  for (std::size_t i = 0; i < rest.d.size(); ++i) {
    rest.d[i] -= i < b.d.size() ? b.d[i] : 0;
    if (rest.d[i] < 0) {
      rest.d[i] += 10;
      --rest.d[i + 1];
    }
  }
  return rest.trimmed();
}

digits multiply(const digits& a, const digits& b) {
  digits result;
  result.d.assign(a.d.size() + b.d.size() + 1, 0);
  for (std::size_t i = 0; i < a.d.size(); ++i) {
    int carry = 0;
    for (std::size_t j = 0; j < b.d.size() || carry != 0; ++j) {
      carry += result.d[i + j] + a.d[i] * (j < b.d.size() ? b.d[j] : 0);
      result.d[i + j] = carry % 10;
      carry /= 10;
    }
  }
  return result.trimmed();
}

struct division {
  digits quotient, rest;
};

division divide(const digits& a, const digits& b) {
  division result;
  result.quotient.d.assign(a.d.size(), 0);
  for (std::size_t i = a.d.size(); i-- > 0;) {
    result.rest.d.insert(result.rest.d.begin(), a.d[i]);
    result.rest = result.rest.trimmed();
    for (; compare(result.rest, b) >= 0; ++result.quotient.d[i])
      result.rest = subtract(result.rest, b);
  }
  result.quotient = result.quotient.trimmed();
  return result;
}

struct fraction {
  bool negative = false;
  digits above, below = digits::of(1);

  static fraction of(std::int64_t value, std::int64_t scale = 1) {
    return {value < 0, digits::of(value < 0 ? -int128{value} : int128{value}), digits::of(scale)};
  }
};

fraction operator*(const fraction& a, const fraction& b) {
  return {a.negative != b.negative, multiply(a.above, b.above), multiply(a.below, b.below)};
}

fraction operator+(const fraction& a, const fraction& b) {
  const digits left = multiply(a.above, b.below), right = multiply(b.above, a.below), below = multiply(a.below, b.below);
  if (a.negative == b.negative)
    return {a.negative, add(left, right), below};
  return compare(left, right) >= 0 ? fraction{a.negative, subtract(left, right), below}
                                   : fraction{b.negative, subtract(right, left), below};
}

fraction floor(const fraction& value) {
  auto [quotient, rest] = divide(value.above, value.below);
  if (value.negative && !rest.d.empty())
    quotient = add(quotient, digits::of(1));
  return {value.negative, quotient, digits::of(1)};
}

std::optional<points_t> to_points(const fraction& whole) {
  const bool negative = whole.negative && !whole.above.d.empty();
  if (compare(whole.above, digits::of(int128{int64_max} + (negative ? 1 : 0))) > 0)
    return std::nullopt;
  int128 value = 0;
  for (std::size_t i = whole.above.d.size(); i-- > 0;)
    value = value * 10 + whole.above.d[i];
  return points_t{static_cast<std::int64_t>(negative ? -value : value)};
}

// The contract's formula word by word.
std::optional<points_t> reference(const ruleset& rules, money_t total, const std::vector<sale_line>& lines, instant at, rate_t tier) {
  const auto& earn = *rules.earn;
  if (earn.points.micros <= 0 || earn.per.units <= 0)
    return points_t{0};
  const auto u = [&](money_t x) {
    fraction units = fraction::of(x.units, 1) * fraction{false, digits::of(1), digits::of(earn.per.units)};
    return earn.round == ruleset::rounding::whole_units ? floor(units) : units;
  };
  const auto rate = [](rate_t r) { return fraction::of(r.micros, 1'000'000); };

  fraction spend = u(total), flat = fraction::of(0), order = rate(tier);
  for (const auto& bonus : rules.bonuses)
    if (bonus.categories.empty() && bonus.skus.empty() && bonus.window.contains(at))
      order = order * rate(bonus.multiplier);
  for (const auto& l : lines) {
    std::vector<rate_t> multipliers;
    for (const auto& bonus : rules.bonuses) {
      const bool by_sku = std::count(bonus.skus.begin(), bonus.skus.end(), l.sku) > 0;
      const bool by_category = std::count(bonus.categories.begin(), bonus.categories.end(), l.category) > 0;
      if (!(by_sku || by_category) || !bonus.window.contains(at))
        continue;
      if (bonus.points_per_unit.value == 0 || bonus.multiplier != rate_t::one())
        multipliers.push_back(bonus.multiplier);
      flat = flat + fraction::of(l.quantity) * fraction::of(bonus.points_per_unit.value);
    }
    fraction m = fraction::of(1);
    if (earn.stack == ruleset::stacking::highest && !multipliers.empty())
      m = rate(*std::max_element(multipliers.begin(), multipliers.end()));
    else
      for (const rate_t multiplier : multipliers)
        m = m * rate(multiplier);
    spend = spend + u(l.amount) * (m + fraction::of(-1));
  }
  return to_points(floor(rate(earn.points) * spend * order) + flat);
}

TEST(earning, agrees_with_paper_and_pencil) {
  const char* wanted = std::getenv("TALLY_SEED");
  const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("TALLY_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t bound) { return static_cast<std::int64_t>(random() % bound); };
  // of any size: a small number as often as a large one
  const auto any_size = [&](int bits_max) {
    return static_cast<std::int64_t>(random() >> (64 - bits_max + below(static_cast<std::uint64_t>(bits_max))));
  };
  const std::string names[] = {"a", "b", "c", ""};

  int decided = 0, too_large = 0, negative = 0;
  for (int turn = 0; turn < 6'000; ++turn) {
    const bool huge = below(3) == 0;
    ruleset rules = earning("1", "1");
    rules.earn->points.micros = huge ? any_size(63) : below(5) == 0 ? 1 + below(20'000'000) : 1'000'000;
    rules.earn->per.units = huge ? 1 + any_size(62) : 1 + below(3) * 9'999 + below(2) * 990'000;
    rules.earn->round = below(2) == 0 ? ruleset::rounding::floor : ruleset::rounding::whole_units;
    rules.earn->stack = below(2) == 0 ? ruleset::stacking::multiply : ruleset::stacking::highest;
    for (std::int64_t count = below(huge ? 12 : 6); count > 0; --count) {
      ruleset::bonus bonus;
      bonus.multiplier.micros = huge && below(2) == 0 ? any_size(63) : below(13) * 250'000;
      if (below(4) == 0)
        bonus.window.from = instant{below(10)};
      if (below(4) == 0)
        bonus.window.until = instant{below(10)};
      for (std::int64_t i = below(3); i > 0; --i)
        bonus.skus.push_back(names[below(3)]);
      for (std::int64_t i = below(2); i > 0; --i)
        bonus.categories.push_back(names[below(3)]);
      if (!bonus.whole_order() && below(3) == 0)
        bonus.points_per_unit.value = huge ? any_size(63) : below(20);
      if (below(6) == 0)
        bonus.multiplier = rate_t::one();
      rules.bonuses.push_back(std::move(bonus));
    }
    std::vector<sale_line> lines;
    for (std::int64_t count = below(6); count > 0; --count)
      lines.push_back({names[below(3)], names[below(4)], huge ? 1 + any_size(62) : 1 + below(9), {huge ? any_size(63) : below(1'000'000)}});
    const money_t total{huge ? any_size(63) : below(5'000'000)};
    const rate_t tier = below(2) == 0 ? rate_t::one() : rate_t{huge ? any_size(63) : 1'250'000};
    const instant at{below(10)};

    const auto expected = reference(rules, total, lines, at, tier);
    ASSERT_EQ(points_for_sale(rules, total, lines, at, tier), expected) << "turn " << turn;
    ++(expected ? decided : too_large);
    negative += expected && expected->value < 0 ? 1 : 0;
  }
  // else the test would not look at what it is for
  EXPECT_GT(decided, 3'000);
  EXPECT_GT(too_large, 300);
  EXPECT_GT(negative, 20);
}

TEST(earning, agrees_with_paper_and_pencil_on_hundreds_of_bonuses) {
  std::mt19937_64 random(4);
  ruleset rules = earning("3.141592", "2.7182");
  for (int i = 0; i < 300; ++i)
    rules.bonuses.push_back(i % 2 == 0 ? sku_bonus("A", format_rate({static_cast<std::int64_t>(900'000 + random() % 200'000)}))
                                       : order_bonus(format_rate({static_cast<std::int64_t>(900'000 + random() % 200'000)})));
  const std::vector<sale_line> lines = {line("A", "", "123456.7891"), line("B", "", "1.00"), line("A", "", "0.0001")};
  const money_t total{9'876'543'210'987};
  const auto expected = reference(rules, total, lines, noon, rate_t{1'234'567});
  ASSERT_TRUE(expected);
  EXPECT_EQ(points_for_sale(rules, total, lines, noon, rate_t{1'234'567}), expected);
}

} // namespace
} // namespace tally
