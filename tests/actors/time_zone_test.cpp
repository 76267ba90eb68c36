// The system's time zones: summer time, the hours that come twice or never, names that are none.
#include "actors/time_zone.hpp"

#include "engine/rfc3339.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tally::actors {
namespace {

constexpr std::int64_t hour_us = 60 * us_per_minute;

std::optional<std::int64_t> offset(std::string_view zone, std::string_view wall_clock_as_utc) {
  return system_time_zones()(zone, parse_rfc3339(wall_clock_as_utc).value().us);
}

TEST(time_zone, knows_summer_and_winter) {
  EXPECT_EQ(offset("UTC", "2026-07-01T00:00:00Z"), 0);
  EXPECT_EQ(offset("Europe/Berlin", "2026-01-01T00:00:00Z"), hour_us);
  EXPECT_EQ(offset("Europe/Berlin", "2026-07-01T00:00:00Z"), 2 * hour_us);
  EXPECT_EQ(offset("America/New_York", "2026-01-01T00:00:00Z"), -5 * hour_us);
  EXPECT_EQ(offset("Asia/Kolkata", "2026-01-01T00:00:00Z"), 5 * hour_us + hour_us / 2);
  EXPECT_EQ(offset("Etc/GMT+3", "2026-01-01T00:00:00Z"), -3 * hour_us);
}

TEST(time_zone, where_clocks_change_the_offset_before_counts) {
  // 02:00-03:00 does not exist on 2026-03-29 in Berlin, and comes twice on 2026-10-25
  EXPECT_EQ(offset("Europe/Berlin", "2026-03-29T01:59:59Z"), hour_us);
  EXPECT_EQ(offset("Europe/Berlin", "2026-03-29T02:30:00Z"), hour_us);
  EXPECT_EQ(offset("Europe/Berlin", "2026-03-29T03:00:00Z"), 2 * hour_us);
  EXPECT_EQ(offset("Europe/Berlin", "2026-10-25T01:59:59Z"), 2 * hour_us);
  EXPECT_EQ(offset("Europe/Berlin", "2026-10-25T02:30:00Z"), 2 * hour_us);
  EXPECT_EQ(offset("Europe/Berlin", "2026-10-25T03:00:00Z"), hour_us);
  // midnight itself does not exist on 2026-04-24 in Cairo: the day begins an hour later, at the same instant
  EXPECT_EQ(offset("Africa/Cairo", "2026-04-24T00:00:00Z"), 2 * hour_us);
}

TEST(time_zone, knows_nothing_else) {
  for (const std::string_view zone :
       {"", "Europe/Atlantis", "Europe", "CEST?", "/etc/localtime", "localtime", "../zoneinfo/UTC", "right/UTC", "Fixed/UTC+01:00:00",
        "libc:localtime", "file:/etc/localtime", "tzdata.zi", "zone.tab", "posixrules"})
    EXPECT_EQ(offset(zone, "2026-01-01T00:00:00Z"), std::nullopt) << zone;
}

TEST(time_zone, the_ends_of_time_are_no_trouble) {
  EXPECT_TRUE(system_time_zones()("Europe/Berlin", std::numeric_limits<std::int64_t>::max()));
  EXPECT_TRUE(system_time_zones()("Europe/Berlin", std::numeric_limits<std::int64_t>::min()));
}

TEST(time_zone, answers_many_threads) {
  const auto zones = system_time_zones();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (const std::string_view zone : {"Europe/Paris", "Asia/Tokyo", "Australia/Lord_Howe", "America/Sao_Paulo", "nowhere"})
        for (int turn = 0; turn < 200; ++turn)
          EXPECT_EQ(zones(zone, 0).has_value(), zone != "nowhere");
    });
  for (auto& thread : threads)
    thread.join();
}

} // namespace
} // namespace tally::actors
