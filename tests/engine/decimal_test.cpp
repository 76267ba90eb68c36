// Money and rates: strict in, exact out, nothing wraps.
#include "engine/decimal.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace tally {
namespace {

constexpr auto most = std::numeric_limits<std::int64_t>::max();
constexpr auto least = std::numeric_limits<std::int64_t>::min();

TEST(decimal, money_reads_up_to_four_places) {
  EXPECT_EQ(parse_money("0"), money_t{0});
  EXPECT_EQ(parse_money("42.50"), money_t{425'000});
  EXPECT_EQ(parse_money("42.5"), money_t{425'000});
  EXPECT_EQ(parse_money("999.9999"), money_t{9'999'999});
  EXPECT_EQ(parse_money("0.0001"), money_t{1});
  EXPECT_EQ(parse_money("007"), money_t{70'000});
  EXPECT_EQ(parse_money(std::string(500, '0') + "1.5"), money_t{15'000});
  EXPECT_EQ(parse_money("922337203685477.5807"), money_t{most});
}

TEST(decimal, money_refuses_everything_else) {
  for (const std::string_view text : {"",
                                      ".",
                                      "1.",
                                      ".5",
                                      "-1",
                                      "-0",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1,5",
                                      "1.00000",
                                      "1.2.3",
                                      "1e3",
                                      "0x1",
                                      "1_000",
                                      "NaN",
                                      "١",
                                      "922337203685477.5808",
                                      "922337203685478",
                                      "9223372036854775807",
                                      "99999999999999999999999999"})
    EXPECT_EQ(parse_money(text), std::nullopt) << text;
  EXPECT_EQ(parse_money(std::string_view("1\0", 2)), std::nullopt);
  EXPECT_EQ(parse_money(std::string(100'000, '9')), std::nullopt);
}

TEST(decimal, rates_read_up_to_six_places_and_a_minus) {
  EXPECT_EQ(parse_rate("1"), rate_t::one());
  EXPECT_EQ(parse_rate("1.25"), rate_t{1'250'000});
  EXPECT_EQ(parse_rate("0.000001"), rate_t{1});
  EXPECT_EQ(parse_rate("-0.5"), rate_t{-500'000});
  EXPECT_EQ(parse_rate("-0"), rate_t{0});
  EXPECT_EQ(parse_rate("9223372036854.775807"), rate_t{most});
  EXPECT_EQ(parse_rate("-9223372036854.775808"), rate_t{least});
}

TEST(decimal, rates_refuse_everything_else) {
  for (const std::string_view text :
       {"", "-", "--1", "+1", "- 1", "1.", "-.5", "1.0000001", "9223372036854.775808", "-9223372036854.775809", "inf"})
    EXPECT_EQ(parse_rate(text), std::nullopt) << text;
}

TEST(decimal, money_shows_the_places_asked_for) {
  EXPECT_EQ(format_money({425'000}), "42.5000");
  EXPECT_EQ(format_money({425'000}, 2), "42.50");
  EXPECT_EQ(format_money({425'000}, 0), "42");
  EXPECT_EQ(format_money({0}, 2), "0.00");
  EXPECT_EQ(format_money({0}, 0), "0");
  EXPECT_EQ(format_money({1}), "0.0001");
  EXPECT_EQ(format_money({999}, 2), "0.09");
  EXPECT_EQ(format_money({most}), "922337203685477.5807");
}

TEST(decimal, money_is_cut_toward_minus_infinity) {
  EXPECT_EQ(format_money({-5'000}), "-0.5000");
  EXPECT_EQ(format_money({-1}, 2), "-0.01");
  EXPECT_EQ(format_money({-15'000}, 0), "-2");
  EXPECT_EQ(format_money({least}), "-922337203685477.5808");
  EXPECT_EQ(format_money({least}, 3), "-922337203685477.581");
}

TEST(decimal, rates_show_no_trailing_zeros) {
  EXPECT_EQ(format_rate({1'250'000}), "1.25");
  EXPECT_EQ(format_rate({2'000'000}), "2");
  EXPECT_EQ(format_rate({100'000'000}), "100");
  EXPECT_EQ(format_rate({0}), "0");
  EXPECT_EQ(format_rate({-500'000}), "-0.5");
  EXPECT_EQ(format_rate({least}), "-9223372036854.775808");
}

TEST(decimal, whatever_is_shown_reads_back_the_same) {
  std::mt19937_64 random(1);
  for (int turn = 0; turn < 20'000; ++turn) {
    const auto bits = static_cast<std::int64_t>(random()) >> (random() % 64);
    EXPECT_EQ(parse_rate(format_rate({bits})), rate_t{bits});
    const money_t amount{bits < 0 ? ~bits : bits};
    EXPECT_EQ(parse_money(format_money(amount)), amount);
  }
}

} // namespace
} // namespace tally
