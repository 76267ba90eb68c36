// A moment of time. The text form (RFC 3339) lives in engine/rfc3339.hpp; nothing in engine/ reads a clock.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace tally {

inline constexpr std::int64_t us_per_second = 1'000'000;
inline constexpr std::int64_t us_per_minute = 60 * us_per_second;
inline constexpr std::int64_t us_per_day = 86'400 * us_per_second; // a day of the ledger, whatever the calendar says

// UTC, microseconds since 1970-01-01T00:00:00Z. 0 stands for "never" / "not there" where a field says so.
struct instant {
  std::int64_t us = 0;

  static constexpr instant end_of_time() { return {std::numeric_limits<std::int64_t>::max()}; }
  constexpr auto operator<=>(const instant&) const = default;
  constexpr instant plus_us(std::int64_t delta_us) const { return {us + delta_us}; }
  constexpr instant plus_days(std::int64_t days) const { return {us + days * us_per_day}; }
};

// The UTC day a moment lies in, counted from the epoch; days before it are negative.
constexpr std::int64_t day_number(instant at) { return at.us / us_per_day - (at.us % us_per_day < 0 ? 1 : 0); }

} // namespace tally
