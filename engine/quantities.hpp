// The numbers of the ledger as types that cannot be mixed up: points, money, rates and seqs.
// Text forms live in engine/decimal.hpp.
#pragma once

#include "engine/assert.hpp"

#include <compare>
#include <cstdint>
#include <limits>

namespace tally {

__extension__ using int128 = __int128;
__extension__ using uint128 = unsigned __int128;

// Whole points, signed 64 bit. A sum that leaves 64 bits is a bug: whoever decides checks with int128 before.
struct points_t {
  std::int64_t value = 0;

  constexpr auto operator<=>(const points_t&) const = default;
  constexpr points_t operator-() const { return points_t{} - *this; }

  friend constexpr points_t operator+(points_t a, points_t b) {
    points_t sum;
    const bool overflow = __builtin_add_overflow(a.value, b.value, &sum.value);
    TALLY_ASSERT(!overflow, a.value, b.value);
    return sum;
  }
  friend constexpr points_t operator-(points_t a, points_t b) {
    points_t difference;
    const bool overflow = __builtin_sub_overflow(a.value, b.value, &difference.value);
    TALLY_ASSERT(!overflow, a.value, b.value);
    return difference;
  }
  constexpr points_t& operator+=(points_t other) { return *this = *this + other; }
  constexpr points_t& operator-=(points_t other) { return *this = *this - other; }
};

// Money in units of 1/10000 of the currency (4 decimal places), signed 64 bit.
struct money_t {
  static constexpr std::int64_t units_per_one = 10'000;
  std::int64_t units = 0;

  constexpr auto operator<=>(const money_t&) const = default;
};

// A rate or multiplier in units of 1/1000000 (6 decimal places), signed 64 bit.
struct rate_t {
  static constexpr std::int64_t micros_per_one = 1'000'000;
  std::int64_t micros = 0;

  static constexpr rate_t one() { return {micros_per_one}; }
  constexpr auto operator<=>(const rate_t&) const = default;
};

// The number of an entry in the journal: 1, 2, 3 ...; 0 means none.
struct seq_t {
  std::uint64_t value = 0;

  constexpr auto operator<=>(const seq_t&) const = default;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr seq_t plus(std::uint64_t count) const { return {value + count}; }
};

constexpr bool fits_points(int128 value) {
  return value >= std::numeric_limits<std::int64_t>::min() && value <= std::numeric_limits<std::int64_t>::max();
}

// Division that rounds toward minus infinity; `divisor` > 0.
constexpr int128 floor_div(int128 dividend, int128 divisor) {
  const int128 quotient = dividend / divisor;
  return quotient - ((dividend % divisor != 0 && dividend < 0) ? 1 : 0);
}

} // namespace tally
