// Times and dates: strict in, shortest out.
#include "engine/rfc3339.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace tally {
namespace {

constexpr instant new_year_2026{1'767'225'600'000'000};

TEST(rfc3339, reads_any_offset_and_up_to_six_decimals) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), instant{0});
  EXPECT_EQ(parse_rfc3339("2026-01-01T00:00:00Z"), new_year_2026);
  EXPECT_EQ(parse_rfc3339("2026-01-01t00:00:00z"), new_year_2026);
  EXPECT_EQ(parse_rfc3339("2026-01-01T01:00:00+01:00"), new_year_2026);
  EXPECT_EQ(parse_rfc3339("2025-12-31T18:30:00-05:30"), new_year_2026);
  EXPECT_EQ(parse_rfc3339("2026-01-01T00:00:00-00:00"), new_year_2026);
  EXPECT_EQ(parse_rfc3339("2026-01-01T00:00:00.5Z"), new_year_2026.plus_us(500'000));
  EXPECT_EQ(parse_rfc3339("2026-01-01T00:00:00.000001Z"), new_year_2026.plus_us(1));
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59.999999Z"), instant{-1});
  EXPECT_TRUE(parse_rfc3339("2024-02-29T12:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("2000-02-29T12:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("0000-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("9999-12-31T23:59:59.999999-23:59"));
}

TEST(rfc3339, refuses_everything_else) {
  for (const std::string_view text : {"",
                                      "2026",
                                      "2026-01-01",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01 00:00:00Z",
                                      "2026-01-01T00:00Z",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-01-01T00:00:00.1234567Z",
                                      "2026-01-01T00:00:00+0100",
                                      "2026-01-01T00:00:00+01",
                                      "2026-01-01T00:00:00+24:00",
                                      "2026-01-01T00:00:00+01:60",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:60:00Z",
                                      "2026-12-31T23:59:60Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-01-00T00:00:00Z",
                                      "2026-01-32T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "2026-04-31T00:00:00Z",
                                      "26-01-01T00:00:00Z",
                                      "+2026-01-01T00:00:00Z",
                                      "-001-01-01T00:00:00Z",
                                      "2026-1-1T00:00:00Z",
                                      " 2026-01-01T00:00:00Z",
                                      "2026-01-01T00:00:00Z ",
                                      "2026-01-01T00:00:00ZZ",
                                      "2026-01-01T00:00:00,5Z",
                                      "2026-01-01T00:00:00 +01:00"})
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
}

TEST(rfc3339, shows_z_and_only_the_decimals_there_are) {
  EXPECT_EQ(format_rfc3339(new_year_2026), "2026-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(new_year_2026.plus_us(500'000)), "2026-01-01T00:00:00.5Z");
  EXPECT_EQ(format_rfc3339(new_year_2026.plus_us(10)), "2026-01-01T00:00:00.00001Z");
  EXPECT_EQ(format_rfc3339(new_year_2026.plus_us(-1)), "2025-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_rfc3339({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339({-1}), "1969-12-31T23:59:59.999999Z");
  // the ends of what an instant can hold: no text to read back, and no undefined behaviour either
  EXPECT_EQ(format_rfc3339(instant::end_of_time()), "294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(format_rfc3339({std::numeric_limits<std::int64_t>::min()}), "-290308-12-21T19:59:05.224192Z");
}

TEST(rfc3339, whatever_is_shown_reads_back_the_same) {
  std::mt19937_64 random(2);
  std::uniform_int_distribution<std::int64_t> years_0_to_9999(-62'167'219'200'000'000, 253'402'300'799'999'999);
  for (int turn = 0; turn < 20'000; ++turn) {
    const instant at{years_0_to_9999(random)};
    ASSERT_EQ(parse_rfc3339(format_rfc3339(at)), at) << at.us;
  }
}

TEST(rfc3339, dates_agree_with_the_standard_library) {
  using namespace std::chrono;
  for (auto day = sys_days{year{0} / 1 / 1}; day < sys_days{year{2400} / 1 / 1}; day += days{1}) {
    const year_month_day date{day};
    ASSERT_EQ(days_from_civil(int{date.year()}, unsigned{date.month()}, unsigned{date.day()}), day.time_since_epoch().count());
  }
}

TEST(rfc3339, dates) {
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("2026-03-01"), 20'513);
  EXPECT_EQ(parse_date("2024-02-29"), 19'782);
  for (const std::string_view text : {"", "2026-3-1", "2026-02-30", "2026-13-01", "20260301", "2026-03-01T", "2026/03/01", "2026-03-011"})
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
}

} // namespace
} // namespace tally
