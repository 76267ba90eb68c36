// The normal form of a phone number (SPEC section 11, "JSON"): what is compared, kept and shown. Whose number it is, personal/
// knows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tally {

inline constexpr std::size_t phone_digits_min = 5, phone_digits_max = 15;

// A number in its normal form: digits, a "+" before them where it was given as an international one.
class phone_number {
public:
  std::string_view view() const { return {text_.data(), size_}; }
  bool operator==(const phone_number&) const = default;

private:
  friend std::optional<phone_number> normal_phone(std::string_view text);

  std::array<char, phone_digits_max + 1> text_{};
  std::uint8_t size_ = 0;
};

// Spaces, "-", "(", ")" and "." are dropped, "00" at the beginning becomes "+". nullopt: anything else is in it, or it has not 5 to
// 15 digits then.
std::optional<phone_number> normal_phone(std::string_view text);

} // namespace tally
