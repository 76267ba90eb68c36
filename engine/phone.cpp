#include "engine/phone.hpp"

namespace tally {

namespace {

bool is_dropped(char c) { return c == ' ' || c == '-' || c == '(' || c == ')' || c == '.'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

} // namespace

std::optional<phone_number> normal_phone(std::string_view text) {
  std::array<char, 2 + phone_digits_max> kept; // "00" and the digits
  std::size_t size = 0;
  for (const char c : text) {
    if (is_dropped(c))
      continue;
    const bool is_part = is_digit(c) || (c == '+' && size == 0);
    if (!is_part || size == kept.size())
      return std::nullopt;
    kept[size++] = c;
  }
  std::string_view digits(kept.data(), size);
  const bool by_zeros = digits.starts_with("00"), by_plus = digits.starts_with('+');
  digits.remove_prefix(by_zeros ? 2 : by_plus ? 1 : 0);
  if (digits.size() < phone_digits_min || digits.size() > phone_digits_max)
    return std::nullopt;
  phone_number normal;
  if (by_zeros || by_plus)
    normal.text_[normal.size_++] = '+';
  for (const char digit : digits)
    normal.text_[normal.size_++] = digit;
  return normal;
}

} // namespace tally
