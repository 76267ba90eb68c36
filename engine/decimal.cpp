// Decimal text to exact integers and back. No floating point, no locale; nothing but the format_ functions allocates.
#include "engine/decimal.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tally {

namespace {

constexpr int money_places = 4;
constexpr int rate_places = 6;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// digits[.1-`places` digits] as a count of 10^-places, at most `most`.
std::optional<std::uint64_t> parse_scaled(std::string_view text, int places, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto append = [&](unsigned digit) {
    if (value > (most - digit) / 10)
      return false;
    value = value * 10 + digit;
    return true;
  };

  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at)
    if (!append(static_cast<unsigned>(text[at] - '0')))
      return std::nullopt;
  if (at == 0)
    return std::nullopt;

  int places_left = places;
  if (at < text.size()) {
    if (text[at] != '.' || at + 1 == text.size())
      return std::nullopt;
    for (++at; at < text.size(); ++at, --places_left)
      if (!is_digit(text[at]) || places_left == 0 || !append(static_cast<unsigned>(text[at] - '0')))
        return std::nullopt;
  }
  for (; places_left > 0; --places_left)
    if (!append(0))
      return std::nullopt;
  return value;
}

constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();

// Also right for the smallest 64-bit number, whose magnitude has no positive twin.
constexpr std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

// A count of 10^-places with all its places.
std::string format_scaled(std::int64_t value, int places) {
  std::array<char, 32> text; // 19 digits, point, sign
  std::size_t at = text.size();
  std::uint64_t left = magnitude(value);
  for (int digit = 0; digit <= places || left != 0; ++digit, left /= 10) {
    if (digit == places && places > 0)
      text[--at] = '.';
    text[--at] = static_cast<char>('0' + left % 10);
  }
  if (value < 0)
    text[--at] = '-';
  return std::string(text.data() + at, text.size() - at);
}

} // namespace

std::optional<money_t> parse_money(std::string_view text) {
  const auto units = parse_scaled(text, money_places, largest);
  if (!units)
    return std::nullopt;
  return money_t{static_cast<std::int64_t>(*units)};
}

std::optional<rate_t> parse_rate(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto micros = parse_scaled(negative ? text.substr(1) : text, rate_places, negative ? largest + 1 : largest);
  if (!micros)
    return std::nullopt;
  return rate_t{static_cast<std::int64_t>(negative ? 0 - *micros : *micros)};
}

std::string format_money(money_t amount, int places) {
  TALLY_ASSERT(places >= 0 && places <= money_places, places);
  std::int64_t cut = 1;
  for (int place = places; place < money_places; ++place)
    cut *= 10;
  return format_scaled(static_cast<std::int64_t>(floor_div(amount.units, cut)), places);
}

std::string format_rate(rate_t value) {
  std::string text = format_scaled(value.micros, rate_places);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.')
    text.pop_back();
  return text;
}

} // namespace tally
